#!/bin/bash
# The oracle: what a good agent does, through the same door.
set -euo pipefail
call='{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"unlock","arguments":{"code":"1086"}}}'
answer=$(printf '%s\n' "$call" | /usr/bin/mcp-server)
[[ $answer == *'"isError":false'* ]]
text=${answer#*'"text":"'}
printf '%s\n' "${text%%'\n"'*}" > /home/agent/workspace/answer.txt
