# SPDX-License-Identifier: MIT
"""The gateway as a process, and an MCP client made of plain HTTP requests.

Nothing here is clever on purpose: what goes over the wire is what a test
writes down.
"""

import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
SERVER = HERE / "mcp_server.py"
# all that the official conformance suite asks of a server, in both eras
FIXTURE = HERE / "mcp_fixture.mjs"
# enough for the slowest machine; nothing here waits this long when all is well
PATIENCE_S = 30


def server(*options, **fields):
    """The configuration of one test server (helpers/mcp_server.py)."""
    return {
        "transport": "stdio",
        "command": sys.executable,
        "args": ["-I", "-S", str(SERVER), *(str(o) for o in options)],
        **fields,
    }


def full_server(*options, **fields):
    """The same of helpers/mcp_full_server.py."""
    entry = server(*options, **fields)
    entry["args"][2] = str(HERE / "mcp_full_server.py")
    return entry


def wait_for(condition, seconds=PATIENCE_S, what="condition"):
    """Poll until condition() is true; its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.01)


def alive(pid):
    """Is there such a process, and is it no zombie?"""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


class Response:
    def __init__(self, raw, body):
        self.status = raw.status
        self.headers = raw.headers
        self.body = body

    def json(self):
        return json.loads(self.body)

    def messages(self):
        """JSON-RPC messages of the body, whether JSON or event stream."""
        if not self.body:
            return []
        kind = self.headers.get("Content-Type", "")
        if kind.startswith("text/event-stream"):
            return [json.loads(d) for d in sse_data(self.body)]
        m = self.json()
        return m if isinstance(m, list) else [m]

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


def sse_data(body):
    """The data of each event of a complete event stream."""
    out = []
    for event in body.replace(b"\r\n", b"\n").split(b"\n\n"):
        data = [x[6:] for x in event.split(b"\n") if x.startswith(b"data: ")]
        # an event without data says where to resume, and nothing else
        if any(data):
            out.append(b"\n".join(data))
    return out


class Stream:
    """An answer that is read piece by piece; for event streams."""

    def __init__(self, connection):
        self.connection = connection
        self.last_id = None
        self.raw = connection.getresponse()
        self.status = self.raw.status
        self.headers = self.raw.headers

    def next(self):
        """The next message; None at the end of the stream."""
        kind = self.headers.get("Content-Type", "")
        if kind.startswith("application/json"):
            body = self.raw.read()
            return json.loads(body) if body else None
        while True:
            line = self.raw.readline()
            if not line:
                return None
            if line.startswith(b"id: "):
                self.last_id = line[4:].strip().decode()
            if line.startswith(b"data: ") and line[6:].strip():
                return json.loads(line[6:])

    def until(self, method):
        """The next notification of this method."""
        while True:
            m = self.next()
            assert m is not None, f"stream ended before {method}"
            if m.get("method") == method:
                return m

    def close(self):
        self.raw.close()
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


class Gateway:
    """`coracle gateway` on a port of its own."""

    def __init__(self, program, root, options=(), env=None, slow=False):
        self.root = pathlib.Path(root)
        self.slow = slow
        self.log_path = self.root.parent / (self.root.name + ".log")
        # children inherit HOME, so this tells whose they are
        self.home = str(self.root)
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": self.home,
            **(env or {}),
        }
        argv = [program, "gateway", "--port", "0", "--root", str(self.root)]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [*argv, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.env,
            )
        self.pid = self.process.pid
        found = wait_for(self._listening, what="the gateway listens")
        self.port = int(found[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def _listening(self):
        if self.process.poll() is not None:
            raise AssertionError(f"gateway ended: {self.log()}")
        return re.search(r"listening on http://\S*:(\d+)\b", self.log())

    def log(self):
        return self.log_path.read_text(errors="replace")

    def wait_log(self, pattern):
        return wait_for(
            lambda: re.search(pattern, self.log(), re.M),
            what=f"log matches {pattern}",
        )

    def connect(self, timeout=PATIENCE_S):
        return http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=timeout
        )

    def request(self, method, path, body=None, headers=None, **kw):
        c = self.connect(**kw)
        try:
            c.request(method, path, body=body, headers=headers or {})
            raw = c.getresponse()
            return Response(raw, raw.read())
        finally:
            c.close()

    def stream(self, method, path, body=None, headers=None, **kw):
        c = self.connect(**kw)
        c.request(method, path, body=body, headers=headers or {})
        return Stream(c)

    def post_json(self, path, value, headers=None, **kw):
        return self.request(
            "POST",
            path,
            json.dumps(value),
            {"Content-Type": "application/json", **(headers or {})},
            **kw,
        )

    def apps(self, servers, headers=None, **kw):
        """POST /apps with these servers: {name: configuration}."""
        return self.post_json("/apps", {"mcpServers": servers}, headers, **kw)

    def serve(self, **servers):
        """The same; it must succeed."""
        answer = self.apps(servers)
        assert answer.status == 200, answer
        return answer.json()

    def client(self, version="2025-11-25", **capabilities):
        """An initialized MCP session."""
        c = Client(self)
        c.initialize(version, capabilities)
        return c

    def children(self):
        """Pids of live processes that this gateway started, at any depth."""
        found = []
        mark = b"HOME=" + self.home.encode()
        for d in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                env = (d / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if mark in env and int(d.name) != self.pid and alive(d.name):
                found.append(int(d.name))
        return found

    def memory_kb(self):
        rollup = pathlib.Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        return int(re.search(r"Rss:\s+(\d+)", rollup)[1])

    def stop(self):
        """SIGTERM; (exit status, seconds it took)."""
        began = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("SIGTERM did not end the gateway") from None
        return status, time.monotonic() - began

    def finish(self):
        """What every test promises at its end: all is gone, in order."""
        status, seconds = self.stop()
        left = self.children()
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert status == 0, f"exit {status}: {self.log()[-4000:]}"
        assert seconds < (20 if self.slow else 5), f"stopped in {seconds} s"
        assert not left, f"processes left: {left}"


class Client:
    """One MCP session; every request is a connection of its own."""

    def __init__(self, gateway, path="/mcp"):
        self.gateway = gateway
        self.path = path
        self.session = None
        self.version = None
        self.last_id = 0

    def headers(self, **more):
        h = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
        }
        if self.session:
            h["Mcp-Session-Id"] = self.session
        if self.version:
            h["MCP-Protocol-Version"] = self.version
        for name, value in more.items():
            h[name.replace("_", "-")] = value
        return {k: v for k, v in h.items() if v is not None}

    def post(self, message, **more):
        """One POST; message is text, bytes, or what becomes JSON."""
        if not isinstance(message, (str, bytes)):
            message = json.dumps(message)
        if isinstance(message, str):
            message = message.encode()
        return self.gateway.request(
            "POST", self.path, message, self.headers(**more)
        )

    def stream_post(self, message):
        return self.gateway.stream(
            "POST", self.path, json.dumps(message), self.headers()
        )

    def listen(self, last=None):
        """The session's own event stream, or one that is resumed."""
        return self.gateway.stream(
            "GET", self.path, None, self.headers(Last_Event_ID=last)
        )

    def notify(self, method, params=None):
        m = {"jsonrpc": "2.0", "method": method}
        if params is not None:
            m["params"] = params
        assert self.post(m).status == 202

    def reply(self, request, **answer):
        """Answer a request of a server: result=... or error=..."""
        m = {"jsonrpc": "2.0", "id": request["id"], **answer}
        assert self.post(m).status == 202

    def begin(self, tool, **arguments):
        """A call whose answer is read as an event stream."""
        params = {"name": tool, "arguments": arguments}
        return self.stream_post(self.message("tools/call", params))

    def error(self, method, params=None):
        """A request; its error."""
        answer = self.post(self.message(method, params))
        assert answer.status == 200, answer
        return answer.messages()[-1]["error"]

    def delete(self):
        return self.gateway.request(
            "DELETE", self.path, None, self.headers()
        )

    def next_id(self):
        self.last_id += 1
        return self.last_id

    def initialize(self, version="2025-11-25", capabilities=None):
        answer = self.post(
            {
                "jsonrpc": "2.0",
                "id": self.next_id(),
                "method": "initialize",
                "params": {
                    "protocolVersion": version,
                    "capabilities": capabilities or {},
                    "clientInfo": {"name": "test", "version": "1"},
                },
            }
        )
        assert answer.status == 200, answer
        self.session = answer.headers["Mcp-Session-Id"]
        result = answer.messages()[0]["result"]
        self.version = result["protocolVersion"]
        done = self.post(
            {"jsonrpc": "2.0", "method": "notifications/initialized"}
        )
        assert (done.status, done.body) == (202, b"")
        return result

    def message(self, method, params=None, id=None):
        m = {
            "jsonrpc": "2.0",
            "id": self.next_id() if id is None else id,
            "method": method,
        }
        if params is not None:
            m["params"] = params
        return m

    def ask(self, method, params=None):
        """A request; its result."""
        m = self.message(method, params)
        answer = self.post(m)
        assert answer.status == 200, answer
        (reply,) = (r for r in answer.messages() if "id" in r)
        assert reply["id"] == m["id"]
        assert "result" in reply, reply
        return reply["result"]

    def names(self):
        return [t["name"] for t in self.ask("tools/list")["tools"]]

    def result(self, tool, **arguments):
        return self.ask("tools/call", {"name": tool, "arguments": arguments})

    def text(self, tool, **arguments):
        """The text of a call that succeeds."""
        result = self.result(tool, **arguments)
        assert not result.get("isError"), result
        return result["content"][0]["text"]

    def failure(self, tool, **arguments):
        """The text of a call that fails."""
        result = self.result(tool, **arguments)
        assert result["isError"] is True, result
        return result["content"][0]["text"]
