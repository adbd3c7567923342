#!/bin/bash
# Runs as the verifier; its exit status is the score.
set -euo pipefail

ask() { # ask TOOL: its text, from the same server, as the verifier
	local answer
	answer=$(printf '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"%s"}}\n' "$1" |
		/usr/bin/mcp-server)
	[[ $answer == *'"isError":false'* ]]
	answer=${answer#*'"text":"'}
	printf '%s' "${answer%%'\n"'*}"
}

answer=/home/agent/workspace/answer.txt
[[ $(ask is_open) == yes ]]
# what the agent left is data, not a door: no link is followed
[[ -f $answer && ! -L $answer ]]
[[ $(head -c 1000 "$answer") == "$(ask passphrase)" ]]
