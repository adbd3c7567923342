# SPDX-License-Identifier: MIT
"""Other ways to the router than Streamable HTTP: HTTP+SSE of 2024-11-05, stdio."""

import json
import signal
import subprocess
import time

import pytest

from helpers.gateway import alive, full_server, server, wait_for


class Sse:
    """A client of 2024-11-05: one event stream, and POSTs beside it."""

    def __init__(self, gateway, headers=None):
        self.gateway = gateway
        self.stream = gateway.stream("GET", "/sse", None, headers or {})
        self.path = None
        self.last_id = 0
        if self.stream.status == 200:
            assert self.line() == b"event: endpoint"
            self.path = self.line().removeprefix(b"data: ").decode()
            assert self.line() == b""

    def line(self):
        return self.stream.raw.readline().rstrip(b"\r\n")

    def post(self, message, **headers):
        if not isinstance(message, (str, bytes)):
            message = json.dumps(message)
        headers = {"Content-Type": "application/json", **headers}
        return self.gateway.request("POST", self.path, message, headers)

    def send(self, method, params=None, **more):
        m = {"jsonrpc": "2.0", "method": method, "params": params or {}}
        answer = self.post({**m, **more})
        assert answer.status == 202, answer

    def ask(self, method, params=None):
        self.last_id += 1
        self.send(method, params, id=self.last_id)
        while (m := self.stream.next()).get("id") != self.last_id:
            assert "id" not in m
        return m["result"]

    def initialize(self, **capabilities):
        result = self.ask(
            "initialize",
            {
                "protocolVersion": "2024-11-05",
                "capabilities": capabilities,
                "clientInfo": {"name": "old", "version": "1"},
            },
        )
        self.send("notifications/initialized")
        return result

    def begin(self, tool, **arguments):
        self.last_id += 1
        params = {"name": tool, "arguments": arguments}
        self.send("tools/call", params, id=self.last_id)

    def close(self):
        self.stream.close()


@pytest.fixture
def sse(gateway):
    gateway.serve(one=server())
    client = Sse(gateway)
    yield client
    client.close()


def sessions(gateway):
    return gateway.request("GET", "/apps").json()["sessions"]


def test_an_event_stream_names_where_to_post(sse):
    assert sse.stream.headers["Content-Type"] == "text/event-stream"
    assert sse.path.startswith("/messages?sessionId=")
    result = sse.initialize()
    assert result["protocolVersion"] == "2024-11-05"
    assert result["serverInfo"]["name"] == "coracle"
    assert "echo" in [t["name"] for t in sse.ask("tools/list")["tools"]]
    result = sse.ask("tools/call", {"name": "echo", "arguments": {"text": "a"}})
    assert result["content"][0]["text"] == "a"


def test_what_precedes_a_result_comes_on_the_same_stream(sse):
    sse.initialize(elicitation={})
    params = {
        "name": "progress",
        "arguments": {"steps": 2},
        "_meta": {"progressToken": "p"},
    }
    sse.send("tools/call", params, id="x")
    seen = []
    while (m := sse.stream.next()).get("id") != "x":
        seen.append(m["params"]["progressToken"])
    assert seen == ["p", "p"]


def test_a_server_asks_on_the_same_stream(sse):
    sse.gateway.serve(one=full_server())
    sse.initialize(elicitation={})
    sse.begin("ask", method="elicitation/create", params={"message": "?"})
    question = sse.stream.until("elicitation/create")
    answer = {"jsonrpc": "2.0", "id": question["id"]}
    answer["result"] = {"action": "decline"}
    assert sse.post(answer).status == 202
    assert "decline" in json.dumps(sse.stream.next()["result"])


def test_a_batch_is_answered_by_one(sse):
    sse.initialize()
    ping = {"jsonrpc": "2.0", "method": "ping"}
    batch = [{**ping, "id": 1}, ping, {**ping, "id": "b"}]
    assert sse.post(batch).status == 202
    assert [m["id"] for m in sse.stream.next()] == [1, "b"]
    assert sse.post([ping]).status == 202
    assert sse.post([]).status == 202
    assert sse.stream.next()["error"]["code"] == -32600


def test_unsound_messages_are_answered_on_the_stream(sse):
    assert sse.post("{").status == 202
    assert sse.stream.next()["error"]["code"] == -32700
    assert sse.post({"jsonrpc": "1.0", "id": 1}).status == 202
    assert sse.stream.next()["error"]["code"] == -32600
    sse.send("initialize", {"protocolVersion": 7}, id=9)
    assert sse.stream.next()["error"]["code"] == -32602
    sse.initialize()


def test_the_session_ends_with_its_stream(sse):
    gateway = sse.gateway
    gateway.serve(one=full_server())
    other = gateway.client()
    sse.initialize()
    sse.begin("wait", seconds=60)
    before = sessions(gateway)
    sse.close()
    wait_for(lambda: sessions(gateway) == before - 1, what="it is gone")
    assert sse.post({"jsonrpc": "2.0", "id": 1, "method": "ping"}).status == 404

    def cancelled():
        return "notifications/cancelled" in other.text("received")

    wait_for(cancelled, what="the server hears of it")


def test_list_changes_reach_the_stream(sse):
    sse.initialize()
    sse.gateway.serve(two=server("--tools=other"))
    m = sse.stream.until("notifications/tools/list_changed")
    assert "id" not in m
    assert [t["name"] for t in sse.ask("tools/list")["tools"]] == ["other"]


@pytest.mark.parametrize(
    "path", ["/messages", "/messages?sessionId=", "/messages?sessionId=00"]
)
def test_messages_need_a_session(sse, path):
    sse.path = path
    assert sse.post({"jsonrpc": "2.0", "id": 1, "method": "ping"}).status == 404


def test_messages_of_another_transport_s_session_are_refused(sse):
    client = sse.gateway.client()
    sse.path = f"/messages?sessionId={client.session}"
    assert sse.post({"jsonrpc": "2.0", "id": 1, "method": "ping"}).status == 404


def test_refusals_by_method_type_and_origin(sse, new_gateway):
    gateway = sse.gateway
    assert gateway.request("POST", "/sse", "{}").status == 405
    assert gateway.request("GET", sse.path).status == 405
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    assert sse.post(ping, **{"Content-Type": "text/plain"}).status == 415
    evil = {"Origin": "http://evil.example"}
    assert sse.post(ping, **evil).status == 403
    assert Sse(gateway, evil).stream.status == 403
    assert Sse(new_gateway()).stream.status == 404

# --- standard input and output -----------------------------------------------------


class Stdio:
    """`mcp serve` and what a client of it does."""

    def __init__(self, coracle, tmp_path, servers, *options):
        self.config = tmp_path / "servers.json"
        self.config.write_text(json.dumps({"mcpServers": servers}))
        self.argv = [coracle, "mcp", "serve", "--config", str(self.config)]
        self.process = subprocess.Popen(
            [*self.argv, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def send(self, *messages):
        for m in messages:
            if not isinstance(m, bytes):
                m = json.dumps({"jsonrpc": "2.0", **m}).encode()
            self.process.stdin.write(m + b"\n")
        self.process.stdin.flush()

    def next(self):
        return json.loads(self.process.stdout.readline())

    def initialize(self, **capabilities):
        params = {"protocolVersion": "2025-06-18", "capabilities": capabilities}
        self.send({"id": 0, "method": "initialize", "params": params})
        result = self.next()["result"]
        self.send({"method": "notifications/initialized"})
        return result

    def call(self, id, tool, **arguments):
        params = {"name": tool, "arguments": arguments}
        self.send({"id": id, "method": "tools/call", "params": params})

    def end(self):
        """Close its input; (status, stdout, stderr) of the rest."""
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out.decode(), err.decode()


@pytest.fixture
def stdio(coracle, tmp_path):
    started = []

    def start(*options, **servers):
        started.append(Stdio(coracle, tmp_path, servers, *options))
        return started[-1]

    yield start
    for s in started:
        s.process.kill()
        s.process.communicate()


def test_many_servers_are_one_over_stdio(stdio):
    s = stdio(a=server(), b=full_server())
    result = s.initialize(elicitation={})
    assert result["protocolVersion"] == "2025-06-18"
    assert result["serverInfo"]["name"] == "coracle"
    s.send({"id": "l", "method": "tools/list"})
    names = [t["name"] for t in s.next()["result"]["tools"]]
    assert "a_echo" in names and "b_ask" in names
    s.call(1, "a_echo", text="ahoy")
    assert s.next()["result"]["content"][0]["text"] == "ahoy"
    s.call(2, "b_ask", method="elicitation/create", params={"message": "?"})
    question = s.next()
    assert question["method"] == "elicitation/create"
    s.send({"id": question["id"], "result": {"action": "cancel"}})
    assert "cancel" in json.dumps(s.next()["result"])
    assert s.end()[0] == 0


def test_requests_are_answered_before_the_end_of_input_ends_it(stdio):
    s = stdio(a=server())
    s.initialize()
    for id in range(5):
        s.call(id, "sleep", seconds=0.3)
    status, out, _ = s.end()
    assert status == 0
    assert sorted(json.loads(x)["id"] for x in out.splitlines()) == [*range(5)]


def test_input_may_be_a_file_whose_last_line_has_no_end(
    coracle, stdio, tmp_path
):
    s = stdio(a=server())
    file = tmp_path / "in"
    file.write_text(
        '{"jsonrpc":"2.0","id":1,"method":"ping"}\r\n\n'
        '{"jsonrpc":"2.0","id":2,"method":"tools/call",\t'
        '"params":{"name":"big","arguments":{"bytes":3000000}}}'
    )
    with open(file) as given:
        done = subprocess.run(
            s.argv, stdin=given, stdout=subprocess.PIPE, timeout=60, check=True
        )
    first, second = (json.loads(x) for x in done.stdout.splitlines())
    assert first == {"jsonrpc": "2.0", "id": 1, "result": {}}
    assert len(second["result"]["content"][0]["text"]) == 3000000


def test_stdio_errors_and_batches(stdio):
    s = stdio(a=server())
    s.send(b"{", b"[]", b'{"jsonrpc":"2.0","id":true,"method":"ping"}')
    assert [s.next()["error"]["code"] for _ in range(3)] == [
        -32700, -32600, -32600]
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    s.send(json.dumps([ping, {**ping, "id": 2}]).encode())
    assert [m["id"] for m in s.next()] == [1, 2]
    # a client that probes for a later revision learns that it has to initialize
    s.send({"id": 3, "method": "server/discover"})
    assert s.next()["error"]["code"] == -32601


def test_a_slow_reader_gets_every_result(stdio):
    s = stdio(a=server())
    s.initialize()
    for id in range(40):
        s.call(id, "big", bytes=1_000_000)
    time.sleep(0.5)
    seen = {s.next()["id"] for _ in range(40)}
    assert seen == set(range(40))
    assert s.end()[0] == 0


def test_a_client_that_goes_away_ends_it_and_its_servers(stdio):
    s = stdio(a=server())
    s.initialize()
    s.call(1, "pid")
    pid = int(s.next()["result"]["content"][0]["text"])
    s.process.stdout.close()
    s.call(2, "echo", text="nobody hears")
    assert s.process.wait(30) == 0
    wait_for(lambda: not alive(pid), what="its server ends")


def test_a_signal_ends_it(stdio):
    s = stdio(a=server())
    s.initialize()
    s.process.send_signal(signal.SIGTERM)
    assert s.process.wait(30) == 0


@pytest.mark.parametrize(
    "text, status, why",
    [
        (None, 78, "No such file"),
        ("{", 78, "detail"),
        ('{"mcpServers":{"a":{"transport":"pigeon"}}}', 78, "unknown transport"),
        ('{"mcpServers":{"a":{"transport":"stdio","command":"/no"}}}', 1, "/no"),
    ],
)
def test_a_configuration_that_cannot_be(run, tmp_path, text, status, why):
    file = tmp_path / "servers.json"
    if text is not None:
        file.write_text(text)
    done = run("mcp", "serve", "-c", file)
    assert (done.returncode, done.stdout) == (status, b"")
    assert why in done.stderr.decode()


def test_the_client_applet_uses_it(run, stdio):
    s = stdio(a=server())
    done = run("mcp", "call", "echo", "text=a", "--", *s.argv)
    assert (done.returncode, done.stdout) == (0, b"a\n"), done
    done = run("mcp", "serve")
    assert done.returncode == 2 and b"--config" in done.stderr
