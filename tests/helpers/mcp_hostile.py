# SPDX-License-Identifier: MIT
"""An MCP server over stdio that is out to harm its client.

    python -I mcp_hostile.py MODE
"""

import json
import sys


def say(m):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **m}) + "\n")
    sys.stdout.flush()


def note(i):
    say({"method": "notifications/message", "params": {"data": i}})


def tool(name, description=""):
    return {
        "name": name,
        "description": description,
        "inputSchema": {"type": "object"},
    }


def lists(mode, m):
    """The answer to tools/list."""
    if mode == "same-cursor":
        return {"tools": [tool("a")], "nextCursor": "again"}
    if mode == "endless-list":
        cursor = int(m.get("params", {}).get("cursor", "0"))
        return {"tools": [tool("a")], "nextCursor": str(cursor + 1)}
    if mode == "escapes":
        nasty = "red \x1b[31m bell \x07 right-to-left \u202e\nnext \x9b1m"
        return {"tools": [tool("esc\x1b]0;owned\x07", nasty)]}
    if mode == "odd-shapes":
        return {"tools": [1, None, {}, {"name": 7, "inputSchema": []}, "x"]}
    return {"tools": {"a": 1}}


def call(mode, m):
    if mode == "wrong-id":
        for id in (str(m["id"]), m["id"] + 1000, None, -1, 1.5, [1]):
            say({"id": id, "result": {"content": []}})
        return
    if mode == "endless-notes":
        i = 0
        while True:
            note(i)
            i += 1
    if mode == "oversize":
        while True:
            sys.stdout.write("x" * (1 << 20))
    if mode == "oversize-tail":
        sys.stdout.write('{"jsonrpc":"2.0","id":%d,"result":{"x":"' % m["id"])
        while True:
            sys.stdout.write("x" * (1 << 20))
    if mode == "endless-questions":
        i = 0
        while True:
            i += 1
            say({"id": i, "method": "roots/list"})
            sys.stdin.readline()
    if mode == "garbage":
        sys.stdout.write("\0\xff not json\n{]\n[[[[\n" + "[" * 5000 + "\n")
    if mode == "two-answers":
        say({"id": m["id"], "result": {"content": []}})
    if mode == "bad-base64":
        content = [{"type": "image", "data": "%%%", "mimeType": 7}]
        say({"id": m["id"], "result": {"content": content}})
        return
    if mode == "no-shape":
        say({"id": m["id"], "result": [[{}]]})
        return
    text = [{"type": "text", "text": "survived"}]
    say({"id": m["id"], "result": {"content": text}})


def main(mode):
    for line in sys.stdin:
        m = json.loads(line)
        method = m.get("method")
        if method == "initialize":
            version = "1999-01-01" if mode == "old" else "2025-11-25"
            info = {"name": mode, "version": "\x1b[2J"}
            result = {
                "protocolVersion": version,
                "capabilities": {"tools": {}},
                "serverInfo": info,
            }
            say({"id": m["id"], "result": result})
        elif method == "tools/list":
            say({"id": m["id"], "result": lists(mode, m)})
        elif method == "tools/call":
            call(mode, m)
        elif method == "resources/read":
            contents = [{"uri": "x", "blob": "%%%"}]
            say({"id": m["id"], "result": {"contents": contents}})
        elif "id" in m and method:
            error = {"code": -32601, "message": "\x1b[31mno " + method}
            say({"id": m["id"], "error": error})


main(sys.argv[1])
