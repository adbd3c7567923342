# SPDX-License-Identifier: MIT
"""An MCP server at a URL, in the test's own process: Streamable HTTP at /mcp,
HTTP+SSE at /sse. What it does wrong is told by its attributes.
"""

import http.server
import json
import queue
import threading


class RemoteServer:
    """with RemoteServer() as s: s.url, s.requests, s.kill_sessions() ..."""

    def __init__(self, tls=None, port=0):
        self.lock = threading.Lock()
        self.requests = []  # (method, path, headers, message or None)
        self.sessions = set()
        self.made = 0
        self.deleted = []
        self.calls = 0
        self.answer_as = "json"  # or "sse"
        self.refuse = None  # a status for every POST
        self.refuse_body = b"no"
        self.redirects = {}  # path -> (status, location)
        self.cut_after = None  # "priming": the stream of a call breaks
        self.no_listen = True
        self.speak = threading.Event()  # calls wait for it
        self.speak.set()
        self.listeners = []
        self.replay = {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_POST(self):
                outer.on_post(self)

            def do_GET(self):
                outer.on_get(self)

            def do_DELETE(self):
                outer.note(self, None)
                sid = self.headers.get("Mcp-Session-Id")
                outer.deleted.append(sid)
                outer.sessions.discard(sid)
                outer.reply(self, 200)

        self.http = http.server.ThreadingHTTPServer(
            ("127.0.0.1", port), Handler
        )
        self.http.daemon_threads = True
        if tls:
            self.http.socket = tls.wrap_socket(
                self.http.socket, server_side=True
            )
        scheme = "https" if tls else "http"
        self.base = f"{scheme}://127.0.0.1:{self.http.server_port}"
        self.url = self.base + "/mcp"
        self.thread = threading.Thread(
            target=self.http.serve_forever, args=(0.02,)
        )

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.speak.set()
        for q in list(self.listeners):
            q.put(None)
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    def config(self, **more):
        return {"transport": "http", "url": self.url, **more}

    def kill_sessions(self):
        self.sessions.clear()

    # --- HTTP ------------------------------------------------------------

    def note(self, h, message):
        with self.lock:
            self.requests.append((h.command, h.path, h.headers, message))

    def seen(self, method):
        """Headers and messages of the POSTs with this method."""
        with self.lock:
            return [
                (headers, m)
                for _, _, headers, m in self.requests
                if m and m.get("method") == method
            ]

    def reply(self, h, status, body=b"", kind="application/json", **fields):
        h.send_response(status)
        if body:
            h.send_header("Content-Type", kind)
        h.send_header("Content-Length", str(len(body)))
        for name, value in fields.items():
            h.send_header(name.replace("_", "-"), value)
        h.end_headers()
        h.wfile.write(body)

    def begin_stream(self, h, **fields):
        h.send_response(200)
        h.send_header("Content-Type", "text/event-stream")
        h.send_header("Connection", "close")
        for name, value in fields.items():
            h.send_header(name.replace("_", "-"), value)
        h.end_headers()
        h.close_connection = True

    def event(self, h, data, id=None, name="message", retry=None):
        text = f"event: {name}\n" if name else ""
        if id:
            text += f"id: {id}\n"
        if retry is not None:
            text += f"retry: {retry}\n"
        h.wfile.write(f"{text}data: {data}\n\n".encode())
        h.wfile.flush()

    def on_post(self, h):
        body = h.rfile.read(int(h.headers["Content-Length"]))
        m = json.loads(body)
        self.note(h, m)
        if h.path in self.redirects:
            status, location = self.redirects[h.path]
            return self.reply(h, status, Location=location)
        if self.refuse:
            return self.reply(h, self.refuse, self.refuse_body, "text/plain")
        if h.path.startswith("/messages"):
            return self.on_sse_message(h, m)
        return self.on_message(h, m)

    def on_message(self, h, m):
        sid = h.headers.get("Mcp-Session-Id")
        fields = {}
        if m.get("method") == "initialize":
            self.made += 1
            sid = f"session-{self.made}"
            self.sessions.add(sid)
            fields["Mcp_Session_Id"] = sid
        elif sid not in self.sessions:
            return self.reply(h, 404, b'{"detail":"Session not found"}')
        if "id" not in m or "method" not in m:
            return self.reply(h, 202)
        if m["method"] == "tools/call":
            self.speak.wait()
        if m["method"] == "tools/call" and self.cut_after:
            return self.cut(h, m)
        answer = json.dumps(self.result(m))
        if self.answer_as == "json":
            return self.reply(h, 200, answer.encode(), **fields)
        self.begin_stream(h, **fields)
        token = m.get("params", {}).get("_meta", {}).get("progressToken")
        if token is not None:
            self.event(
                h,
                json.dumps(
                    {
                        "jsonrpc": "2.0",
                        "method": "notifications/progress",
                        "params": {"progressToken": token, "progress": 1},
                    }
                ),
            )
        self.event(h, answer)
        return None

    def cut(self, h, m):
        """The stream breaks behind its first event; GET goes on with it."""
        self.begin_stream(h)
        event_id = f"e-{len(self.replay)}"
        self.replay[event_id] = json.dumps(self.result(m))
        if self.cut_after == "priming":
            self.event(h, "", id=event_id, name=None, retry=10)

    def on_get(self, h):
        self.note(h, None)
        if h.path == "/sse":
            return self.on_sse(h)
        last = h.headers.get("Last-Event-ID")
        if last in self.replay:
            self.begin_stream(h)
            self.event(h, self.replay.pop(last))
            return None
        if self.no_listen:
            return self.reply(h, 405)
        self.begin_stream(h)
        return self.pump(h)

    def pump(self, h):
        q = queue.Queue()
        self.listeners.append(q)
        while True:
            text = q.get()
            if text is None:
                return
            self.event(h, text)

    def push(self, message):
        for q in list(self.listeners):
            q.put(json.dumps(message))

    # --- HTTP+SSE ----------------------------------------------------------

    def on_sse(self, h):
        self.begin_stream(h)
        self.event(h, "/messages?session=1", name="endpoint")
        self.pump(h)

    def on_sse_message(self, h, m):
        self.reply(h, 202, b"Accepted", "text/plain")
        if "id" in m and "method" in m:
            self.push(self.result(m))

    # --- MCP ---------------------------------------------------------------

    def result(self, m):
        method, params = m["method"], m.get("params", {})
        if method == "initialize":
            result = {
                "protocolVersion": params["protocolVersion"],
                "capabilities": {"tools": {"listChanged": True}},
                "serverInfo": {"name": "remote", "version": "1"},
            }
        elif method == "tools/list":
            result = {
                "tools": [{"name": "echo", "inputSchema": {"type": "object"}}]
            }
        elif method == "tools/call":
            self.calls += 1
            text = params["arguments"].get("text", "")
            result = {"content": [{"type": "text", "text": text}]}
        else:
            result = {}
        return {"jsonrpc": "2.0", "id": m["id"], "result": result}
