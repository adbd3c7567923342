# SPDX-License-Identifier: MIT
"""An MCP server over stdio that behaves, or misbehaves as its options say.

    python -I mcp_server.py [OPTION...]

Newline-delimited JSON, standard library only. Requests are answered in
threads, so that slow calls overlap.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time

# one tool's JSON is laid out oddly on purpose: its bytes must survive
ODD_TOOL = (
    '{ "description":"caf\\u00e9 \\/ \u00e9" ,"inputSchema" : {"type":"object",'
    '"properties":{"n":{"const":1.0e+2},"big":{"const":12345678901234567890},'
    '"a\\tb":{"enum":["1",""]}}},  "name":"odd","_meta":{"x":[ ]}}'
)
TOOLS = (
    "echo add sleep env pid cwd counter progress big never crash kill twice "
    "unknown_id text_id fail error raw received close_stdout grow stderr quit nasty"
).split()

write_lock = threading.Lock()


class Server:
    def __init__(self, options):
        self.o = options
        self.count = 0
        self.started = time.monotonic()
        self.tools = [
            json.dumps({"name": n, "inputSchema": {"type": "object"}})
            for n in (options.tools.split(",") if options.tools else TOOLS)
        ]
        if not options.tools:
            self.tools.append(ODD_TOOL)
        self.handlers = {
            "initialize": self.initialize,
            "tools/list": self.tools_list,
            "tools/call": self.tools_call,
            "ping": lambda m, line: self.result(m, {}),
        }

    # --- output ----------------------------------------------------------

    def write(self, text):
        with write_lock:
            if self.o.garbage:
                text = "this is no JSON\n{}\n[1,2\n\n" + text + "\r"
            sys.stdout.write(text + "\n")
            sys.stdout.flush()

    def result(self, m, result):
        self.write(
            json.dumps({"jsonrpc": "2.0", "id": m["id"], "result": result})
        )

    def error(self, m, message, code=-32000):
        self.write(
            json.dumps(
                {
                    "jsonrpc": "2.0",
                    "id": m["id"],
                    "error": {"code": code, "message": message},
                }
            )
        )

    def text(self, m, text, **more):
        self.result(m, {"content": [{"type": "text", "text": text}], **more})

    def notify(self, method, params=None):
        m = {"jsonrpc": "2.0", "method": method}
        if params is not None:
            m["params"] = params
        self.write(json.dumps(m))

    # --- protocol --------------------------------------------------------

    def initialize(self, m, line):
        capabilities = {} if self.o.no_capability else {"tools": {}}
        self.result(
            m,
            {
                "protocolVersion": self.o.protocol
                or m["params"]["protocolVersion"],
                "capabilities": capabilities,
                "serverInfo": {"name": "test", "version": "1"},
            },
        )

    def tools_list(self, m, line):
        tools = list(self.tools)
        if self.o.no_tools:
            tools = []
        if time.monotonic() - self.started < self.o.late:
            tools = []
        first = int(m.get("params", {}).get("cursor", "0"))
        if self.o.changes_at_start and len(self.tools) == len(tools):
            self.tools.append(json.dumps({"name": "early", "inputSchema": {}}))
            self.o.changes_at_start = False
            self.notify("notifications/tools/list_changed")
            time.sleep(0.05)
        page = self.o.pages or len(tools) or 1
        more = ""
        if first + page < len(tools):
            more = ',"nextCursor":"%d"' % (first + page)
        self.write(
            '{"jsonrpc":"2.0","id":%s,"result":{"tools":[%s]%s}}'
            % (
                json.dumps(m["id"]),
                ",".join(tools[first : first + page]),
                more,
            )
        )
        if self.o.unread:
            time.sleep(1000)

    def tools_call(self, m, line):
        name = m["params"]["name"]
        tool = getattr(self, "tool_" + name, None)
        if tool:
            tool(m, m["params"]["arguments"], line)
        else:
            self.text(m, "called " + name)

    # --- tools -------------------------------------------------------------

    def tool_echo(self, m, a, line):
        self.text(m, a.get("text", ""))

    def tool_add(self, m, a, line):
        self.text(m, str(a["a"] + a["b"]), structuredContent={"sum": 1})

    def tool_sleep(self, m, a, line):
        time.sleep(a["seconds"])
        self.text(m, "slept")

    def tool_env(self, m, a, line):
        self.text(m, json.dumps(dict(os.environ)))

    def tool_pid(self, m, a, line):
        self.text(m, str(os.getpid()))

    def tool_cwd(self, m, a, line):
        self.text(m, os.getcwd())

    def tool_counter(self, m, a, line):
        self.count += 1
        self.text(m, str(self.count))

    def tool_progress(self, m, a, line):
        token = m["params"].get("_meta", {}).get("progressToken")
        for i in range(a["steps"]):
            if token is not None:
                self.notify(
                    "notifications/progress",
                    {
                        "progressToken": token,
                        "progress": i + 1,
                        "total": a["steps"],
                    },
                )
            time.sleep(a.get("delay", 0))
        self.text(m, "done")

    def tool_big(self, m, a, line):
        self.text(m, "x" * a["bytes"])

    def tool_never(self, m, a, line):
        pass

    def tool_crash(self, m, a, line):
        sys.stderr.write(a.get("stderr", ""))
        sys.stderr.flush()
        os._exit(a["status"])

    def tool_kill(self, m, a, line):
        os.kill(os.getpid(), signal.SIGKILL)

    def tool_twice(self, m, a, line):
        self.text(m, "first")
        self.text(m, "second")

    def tool_unknown_id(self, m, a, line):
        for wrong in (999999999, "x", -1, None, 1.5, m["id"] + 1):
            self.text({"id": wrong}, "wrong")
        self.text(m, "right")

    def tool_text_id(self, m, a, line):
        self.text({"id": str(m["id"])}, "the id as text")

    def tool_fail(self, m, a, line):
        self.text(m, "this failed", isError=True)

    def tool_error(self, m, a, line):
        self.error(m, a.get("message", "no such thing"), a.get("code", -1))

    def tool_raw(self, m, a, line):
        self.write(
            '{"jsonrpc":"2.0","id":%s,"result":%s}'
            % (json.dumps(m["id"]), a["result"])
        )

    def tool_received(self, m, a, line):
        self.text(m, line.rstrip("\n"))

    def tool_close_stdout(self, m, a, line):
        sys.stdout.flush()
        os.close(1)
        time.sleep(1000)

    def tool_grow(self, m, a, line):
        self.tools.append(json.dumps({"name": a["name"], "inputSchema": {}}))
        self.notify("notifications/tools/list_changed")
        self.text(m, "grown")

    def tool_stderr(self, m, a, line):
        for i in range(a["lines"]):
            sys.stderr.write("%06d %s\n" % (i, "y" * a.get("width", 60)))
        sys.stderr.flush()
        self.text(m, "written")

    def tool_quit(self, m, a, line):
        self.text(m, "bye")
        os._exit(0)

    def tool_nasty(self, m, a, line):
        """Messages that no server should send, then the answer."""
        i = m["id"] + 1000
        self.write('{"jsonrpc":"2.0","id":%d,"id":%d,"result":{}}' % (i, i))
        self.write('{"jsonrpc":"1.0","id":%d,"result":{}}' % i)
        self.write('{"jsonrpc":"2.0","id":%d}' % i)
        self.write('{"jsonrpc":"2.0","id":%d,"result":{},"error":{}}' % i)
        self.write('{"jsonrpc":"2.0","id":[%d],"result":{}}' % i)
        self.write('[{"jsonrpc":"2.0","id":%d,"result":{}}]' % i)
        self.write("[" * 100000)
        self.write('"' + "z" * 1000000 + '"')
        self.write('{"jsonrpc":"2.0","method":"notifications/progress"}')
        self.write('{"jsonrpc":"2.0","method":"no/such","params":[]}')
        self.write('{"jsonrpc":"2.0","id":"q","method":"roots/list"}')
        self.write('{"jsonrpc":"2.0","id":7,"method":"ping"}')
        self.text(m, "survived")

    # --- loop --------------------------------------------------------------

    def take(self, m, line):
        method = m.get("method")
        if "id" not in m or method is None or method == self.o.silent:
            return
        if method == self.o.refuse:
            self.error(m, "refused")
        elif method in self.handlers:
            self.handlers[method](m, line)
        else:
            self.error(m, "Method not found", -32601)

    def run(self):
        for line in sys.stdin:
            if self.o.record:
                with open(self.o.record, "a") as f:
                    f.write(line)
            m = json.loads(line)
            if m.get("method") == "tools/call":
                threading.Thread(
                    target=self.take, args=(m, line), daemon=True
                ).start()
            else:
                self.take(m, line)


def read_options():
    p = argparse.ArgumentParser()
    p.add_argument("--tools", help="names of the tools, with commas")
    p.add_argument("--pages", type=int, help="so many tools a page")
    p.add_argument("--late", type=float, default=0, help="seconds no tools")
    p.add_argument("--no-tools", action="store_true")
    p.add_argument("--no-capability", action="store_true")
    p.add_argument("--changes-at-start", action="store_true")
    p.add_argument("--silent", help="a method that is never answered")
    p.add_argument("--refuse", help="a method that is answered by an error")
    p.add_argument("--protocol", help="version to negotiate")
    p.add_argument("--garbage", action="store_true", help="around messages")
    p.add_argument("--flood", type=int, default=0, help="lines to stderr")
    p.add_argument("--stderr", default="", help="text for stderr at start")
    p.add_argument("--exit", type=int, help="end at once with this status")
    p.add_argument("--exit-if", help="end at once while this file exists")
    p.add_argument("--stubborn", action="store_true", help="will not leave")
    p.add_argument("--grandchild", help="start one; its pid into this file")
    p.add_argument("--unread", action="store_true", help="stop reading stdin when listed")
    p.add_argument("--record", help="append what is received to this file")
    p.add_argument("--delay", type=float, default=0, help="before starting")
    return p.parse_args()


def main():
    o = read_options()
    sys.stdin.reconfigure(encoding="utf-8")
    sys.stdout.reconfigure(encoding="utf-8")
    if o.stderr:
        sys.stderr.write(o.stderr)
        sys.stderr.flush()
    if o.exit is not None:
        os._exit(o.exit)
    if o.exit_if and os.path.exists(o.exit_if):
        os._exit(9)
    if o.stubborn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if o.grandchild:
        child = subprocess.Popen(["sleep", "1000"])
        with open(o.grandchild, "w") as f:
            f.write(str(child.pid))
    for i in range(o.flood):
        sys.stderr.write("%08d %s\n" % (i, "flood" * 20))
    time.sleep(o.delay)
    Server(o).run()
    while o.stubborn:
        time.sleep(1000)
    # calls under way are dropped: their threads are daemons
    os._exit(0)


if __name__ == "__main__":
    main()
