# SPDX-License-Identifier: MIT
"""Other ways to the router than Streamable HTTP: HTTP+SSE of 2024-11-05."""

import json

import pytest

from helpers.gateway import full_server, server, wait_for


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
