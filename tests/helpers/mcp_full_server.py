# SPDX-License-Identifier: MIT
"""An MCP server over stdio that has everything, and asks its clients.

    python -I mcp_full_server.py [OPTION...]

Newline-delimited JSON, standard library only. Its tools do what a test tells
them: ask the client something, log, announce changes.
"""

import argparse
import itertools
import json
import os
import sys
import threading

TOOLS = "ask ask_later tell tell_later link embed wait received pid die cancelled_ask".split()
META = "io.modelcontextprotocol/"
lock = threading.Lock()


class Server:
    def __init__(self, options):
        self.o = options
        self.received = []
        self.answers = {}
        self.ids = itertools.count(1)
        self.tasks = {}

    # --- output ----------------------------------------------------------

    def write(self, m):
        text = json.dumps({"jsonrpc": "2.0", **m})
        with lock:
            sys.stdout.write(text + "\n")
            sys.stdout.flush()

    def result(self, m, result):
        self.write({"id": m["id"], "result": result})

    def error(self, m, code, message, **more):
        self.write(
            {"id": m["id"], "error": {"code": code, "message": message, **more}}
        )

    def text(self, m, text):
        self.result(m, {"content": [{"type": "text", "text": text}]})

    # --- protocol --------------------------------------------------------

    def initialize(self, m, p):
        o = self.o
        result = {
            "protocolVersion": p["protocolVersion"],
            "capabilities": {
                "tools": {"listChanged": True},
                "prompts": {},
                "resources": {} if o.no_subscribe else {"subscribe": True},
                "completions": {},
                "logging": {},
            },
            "serverInfo": {"name": o.name, "version": "1"},
        }
        if o.tasks:
            result["capabilities"]["tasks"] = {
                "cancel": {},
                "requests": {"tools": {"call": {}}},
            }
        if o.instructions:
            result["instructions"] = o.instructions
        self.result(m, result)

    def page(self, m, p, member, items):
        """Two items a page."""
        first = int(p.get("cursor", "0"))
        result = {member: items[first : first + 2]}
        if first + 2 < len(items):
            result["nextCursor"] = str(first + 2)
        self.result(m, result)

    def tools_list(self, m, p):
        self.page(
            m, p, "tools", [{"name": n, "inputSchema": {"type": "object"}} for n in TOOLS]
        )

    def prompts_list(self, m, p):
        names = self.o.prompts.split(",")
        self.page(m, p, "prompts", [{"name": n, "x": 1.50} for n in names])

    def resources_list(self, m, p):
        if self.o.mute:
            return
        uris = [u for u in self.o.resources.split(",") if u]
        self.page(m, p, "resources", [{"uri": u, "name": u} for u in uris])

    def templates_list(self, m, p):
        uris = [u for u in self.o.templates.split(",") if u]
        self.page(
            m,
            p,
            "resourceTemplates",
            [{"uriTemplate": u, "name": u} for u in uris],
        )

    def prompts_get(self, m, p):
        text = f"{self.o.name}: {p['name']} {json.dumps(p.get('arguments'))}"
        content = {"type": "text", "text": text}
        self.result(m, {"messages": [{"role": "user", "content": content}]})

    def resources_read(self, m, p):
        uri = p["uri"]
        if "missing" in uri or (self.o.only and self.o.only not in uri):
            self.error(m, -32002, "not here", data={"uri": uri})
            return
        self.result(m, {"contents": [{"uri": uri, "text": self.o.name}]})

    def complete(self, m, p):
        values = [self.o.name, json.dumps(p["ref"], sort_keys=True)]
        self.result(m, {"completion": {"values": values}})

    def done(self, m, p):
        self.result(m, {})

    def odd(self, m, p):
        self.result(m, {"odd": p})

    # --- tools -------------------------------------------------------------

    def call(self, m, p):
        if self.o.tasks and "task" in p:
            self.create_task(m, p)
            return
        getattr(self, "tool_" + p["name"])(m, p["arguments"])

    # --- tasks: done when their result is wanted -----------------------------

    def create_task(self, m, p):
        task = {"taskId": f"t{next(self.ids)}", "status": "working"}
        self.tasks[task["taskId"]] = (task, p)
        self.result(m, {"task": task})
        threading.Event().wait(0.1)
        self.write({"method": "notifications/tasks/status", "params": task})

    def task_get(self, m, p):
        if p["taskId"] in self.tasks:
            self.result(m, self.tasks[p["taskId"]][0])
        else:
            self.error(m, -32602, "no such task here")

    def task_cancel(self, m, p):
        self.tasks[p["taskId"]][0]["status"] = "cancelled"
        self.task_get(m, p)

    def task_result(self, m, p):
        """Who is asked, and the answer as it came."""
        meta = {META + "related-task": {"taskId": p["taskId"]}}
        id = self.request("roots/list", {"_meta": meta})
        event, _ = self.answers[id]
        event.wait()
        text = json.dumps([self.o.name, self.answers.pop(id)[1]])
        content = [{"type": "text", "text": text}]
        self.result(m, {"content": content, "_meta": meta})

    def request(self, method, params, id=None):
        id = f"q{next(self.ids)}" if id is None else id
        event = threading.Event()
        self.answers[id] = [event, None]
        q = {"id": id, "method": method}
        if params is not None:
            q["params"] = params
        self.write(q)
        return id

    def tool_ask(self, m, a):
        """Ask the client; its answer is the text."""
        id = self.request(a["method"], a.get("params"), a.get("id"))
        event, _ = self.answers[id]
        event.wait()
        answer = self.answers.pop(id)[1]
        answer.pop("jsonrpc")
        self.text(m, json.dumps(answer))

    def tool_cancelled_ask(self, m, a):
        """Ask, and take it back at once."""
        id = self.request("roots/list", None)
        self.write(
            {
                "method": "notifications/cancelled",
                "params": {"requestId": id, "reason": "never mind"},
            }
        )
        self.text(m, "asked and took it back")

    def tool_tell(self, m, a):
        """Send notifications, then answer."""
        for n in a["notes"]:
            self.write(n)
        self.text(m, "told")

    def tool_tell_later(self, m, a):
        """The same when this call is over."""
        self.text(m, "later")
        threading.Event().wait(0.1)
        for n in a["notes"]:
            self.write(n)

    def tool_link(self, m, a):
        self.result(
            m, {"content": [{"type": "resource_link", "uri": a["uri"]}]}
        )

    def tool_embed(self, m, a):
        inner = {"uri": a["uri"], "text": "x"}
        self.result(m, {"content": [{"type": "resource", "resource": inner}]})

    def tool_ask_later(self, m, a):
        """Ask when this call is over."""
        self.text(m, "later")
        threading.Event().wait(0.3)
        self.request("roots/list", None, a["id"])

    def tool_wait(self, m, a):
        self.write({"method": "notifications/message", "params": {}})
        threading.Event().wait(a["seconds"])
        self.text(m, "waited")

    def tool_received(self, m, a):
        self.text(m, json.dumps(self.received))

    def tool_pid(self, m, a):
        self.text(m, str(os.getpid()))

    def tool_die(self, m, a):
        os._exit(3)

    # --- loop --------------------------------------------------------------

    def take(self, m):
        methods = {
            "initialize": self.initialize,
            "tools/list": self.tools_list,
            "prompts/list": self.prompts_list,
            "resources/list": self.resources_list,
            "resources/templates/list": self.templates_list,
            "tools/call": self.call,
            "prompts/get": self.prompts_get,
            "resources/read": self.resources_read,
            "resources/subscribe": self.done,
            "resources/unsubscribe": self.done,
            "logging/setLevel": self.done,
            "completion/complete": self.complete,
            "odd/method": self.odd,
            "tasks/get": self.task_get,
            "tasks/cancel": self.task_cancel,
            "tasks/result": self.task_result,
        }
        fn = methods.get(m["method"])
        if fn:
            fn(m, m.get("params", {}))
        else:
            self.error(m, -32601, "no such method")

    def run(self):
        for line in sys.stdin:
            m = json.loads(line)
            self.received.append(m)
            if "method" not in m:
                if m["id"] in self.answers:
                    self.answers[m["id"]][1] = m
                    self.answers[m["id"]][0].set()
            elif "id" in m:
                threading.Thread(
                    target=self.take, args=(m,), daemon=True
                ).start()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--name", default="full")
    p.add_argument("--prompts", default="greet,write,review")
    p.add_argument("--resources", default="test://a,test://b,test://c")
    p.add_argument("--templates", default="test://item/{id}/data")
    p.add_argument("--instructions")
    p.add_argument("--no-subscribe", action="store_true")
    p.add_argument("--only", help="read only URIs that hold this")
    p.add_argument("--tasks", action="store_true", help="has tasks")
    p.add_argument("--mute", action="store_true", help="no resources/list")
    sys.stdin.reconfigure(encoding="utf-8")
    Server(p.parse_args()).run()
    os._exit(0)


if __name__ == "__main__":
    main()
