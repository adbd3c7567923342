# SPDX-License-Identifier: MIT
"""Who may do what at the gateway: roles by the kernel's word, lists by role."""

import contextlib
import json
import os
import socket
import struct
import time

import pytest

root_only = pytest.mark.skipif(
    os.getuid() != 0, reason="to become another user one must be root"
)

AGENT, VERIFIER, SANDBOX, OTHER = 10001, 10002, 10003, 4321
USERS = {
    "root": 0,
    "environment": 10000,
    "agent": AGENT,
    "verifier": VERIFIER,
    "sandbox": SANDBOX,
    "other": OTHER,
}


@contextlib.contextmanager
def socket_of(uid, port, family=socket.AF_INET, source=None):
    """A connection whose socket belongs to uid."""
    # the owner of a socket is whoever made it: only the making is done as uid
    os.setresuid(-1, uid, -1)
    try:
        s = socket.socket(family, socket.SOCK_STREAM)
    finally:
        os.setresuid(-1, 0, -1)
    with s:
        s.settimeout(20)
        if source:
            s.bind((source, 0))
        s.connect(("127.0.0.1", port))
        yield s


def exchange(s, method, path, body=None, headers=()):
    """One request on a connection; (status, parsed body or None)."""
    data = json.dumps(body).encode() if body is not None else b""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
    lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
    s.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
    got = b""
    while b"\r\n\r\n" not in got:
        got += s.recv(65536)
    head, _, rest = got.partition(b"\r\n\r\n")
    fields = dict(
        line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:]
    )
    while len(rest) < int(fields.get(b"content-length", b"0")):
        rest += s.recv(65536)
    exchange.fields = fields
    return int(head[9:12]), json.loads(rest) if rest else None


def ask(gateway, uid, method, path, body=None, headers=()):
    with socket_of(uid, gateway.port) as s:
        return exchange(s, method, path, body, headers)


class Caller:
    """An MCP session over a connection of some uid."""

    def __init__(self, gateway, uid, headers=()):
        self.gateway, self.uid = gateway, uid
        self.more = list(headers)
        self.more.append("Accept: application/json, text/event-stream")
        params = {"protocolVersion": "2025-11-25", "capabilities": {}}
        answer = self.post("initialize", params)
        self.greeting = answer["result"]
        self.session = exchange.fields[b"mcp-session-id"].decode()
        self.more.append(f"Mcp-Session-Id: {self.session}")

    def post(self, method, params=None):
        message = {"jsonrpc": "2.0", "id": 1, "method": method}
        message["params"] = params or {}
        status, body = ask(
            self.gateway, self.uid, "POST", "/mcp", message, self.more
        )
        assert status == 200, body
        return body

    def names(self):
        return [t["name"] for t in self.post("tools/list")["result"]["tools"]]

    def call(self, name):
        """The text of the result, and whether it is an error."""
        result = self.post("tools/call", {"name": name, "arguments": {}})["result"]
        return result["content"][0]["text"], result["isError"]


@pytest.fixture
def server(coracle, tmp_path):
    """The configuration of a server with these tools (name: mutates)."""

    def make(roles=None, instructions=None, **tools):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.json"
        definition = {
            "tools": [
                {"name": n, "command": ["echo", n], "mutates": m}
                for n, m in tools.items()
            ]
        }
        if instructions:
            definition["instructions"] = instructions
        path.write_text(json.dumps(definition))
        config = {
            "transport": "stdio",
            "command": coracle,
            "args": ["tools", str(path)],
        }
        if roles is not None:
            config["roles"] = roles
        return config

    return make


# --- the control plane ------------------------------------------------------------

CONTROL = [
    ("GET", "/apps"),
    ("POST", "/apps"),
    ("POST", "/data/populate"),
    ("POST", "/data/snapshot"),
]


@root_only
@pytest.mark.parametrize("method, path", CONTROL)
@pytest.mark.parametrize("uid", [AGENT, SANDBOX])
def test_agent_and_sandbox_are_refused_whatever_they_send(
    new_gateway, uid, method, path
):
    gateway = new_gateway(env={"CORACLE_TOKEN": "secret"})
    for headers in (
        [],
        ["Authorization: Bearer secret"],
        ["X-Forwarded-For: 10.9.8.7", "Forwarded: for=10.9.8.7"],
        ["Origin: http://localhost", "X-Coracle-Role: remote"],
    ):
        status, body = ask(gateway, uid, method, path, {}, headers)
        assert status == 403, headers
        assert "for the harness" in body["detail"]


@root_only
@pytest.mark.parametrize("who", ["root", "environment", "verifier", "other"])
def test_others_need_the_token_when_there_is_one(new_gateway, who):
    gateway = new_gateway(env={"CORACLE_TOKEN": "secret"})
    uid = USERS[who]
    for wrong in ([], ["Authorization: Bearer secre"], ["Authorization: Basic secret"]):
        assert ask(gateway, uid, "GET", "/apps", None, wrong)[0] == 401
    right = ["Authorization: bearer secret"]
    assert ask(gateway, uid, "GET", "/apps", None, right)[0] == 200


@root_only
def test_health_is_for_everybody(new_gateway):
    gateway = new_gateway(env={"CORACLE_TOKEN": "secret"})
    for uid in USERS.values():
        assert ask(gateway, uid, "GET", "/health")[0] == 200


@root_only
def test_another_source_address_is_still_inside(gateway):
    for source in ("127.0.0.2", "127.1.2.3"):
        with socket_of(AGENT, gateway.port, source=source) as s:
            assert exchange(s, "GET", "/apps")[0] == 403


@root_only
def test_a_connection_keeps_who_made_it(gateway):
    with socket_of(AGENT, gateway.port) as s:
        for _ in range(3):
            assert exchange(s, "GET", "/apps")[0] == 403
            assert exchange(s, "GET", "/health")[0] == 200


@root_only
def test_a_peer_that_has_gone_is_trusted_with_nothing(gateway):
    """A closed socket belongs to nobody: its owner must not pass for root."""
    request = b'POST /apps HTTP/1.1\r\nHost: localhost\r\nContent-Length: 17\r\n\r\n{"mcpServers":{}}'
    for linger in (None, struct.pack("ii", 1, 0)):
        for _ in range(20):
            with socket_of(AGENT, gateway.port) as s:
                if linger:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                s.sendall(request)
    # what was not refused would have been a swap, and /mcp be there now
    time.sleep(0.2)
    assert ask(gateway, 0, "POST", "/mcp", {})[0] == 404
    assert "POST /apps 200" not in gateway.log()


# --- lists by role ----------------------------------------------------------------

ROLES = {
    "agent": {"allow": ["look*", "poke"], "deny": ["*_secret"]},
    "verifier": {},
    "sandbox": {"deny": ["*"]},
}
TOOLS = {"look": False, "look_secret": False, "poke": True, "check": False}


@root_only
@pytest.mark.parametrize(
    "who, found",
    [
        ("agent", ["look", "poke"]),
        ("verifier", ["look", "look_secret", "poke", "check"]),
        ("sandbox", []),
        ("root", []),
        ("other", []),
    ],
)
def test_each_role_finds_its_tools_and_no_others(gateway, server, who, found):
    gateway.serve(s=server(roles=ROLES, instructions="psst", **TOOLS))
    caller = Caller(gateway, USERS[who])
    assert caller.names() == found
    for name in TOOLS:
        text, failed = caller.call(name)
        if name in found:
            assert (text, failed) == (f"{name}\n", False)
        else:
            assert (text, failed) == (f"Unknown tool: '{name}'", True)
    named = who in ROLES
    assert ("instructions" in caller.greeting) == named


@root_only
def test_roles_are_each_servers_own(gateway, server):
    gateway.serve(
        a=server(roles={"agent": {}}, one=False),
        b=server(roles={"verifier": {}}, two=False),
        c=server(three=False),
    )
    assert Caller(gateway, AGENT).names() == ["a_one", "c_three"]
    assert Caller(gateway, VERIFIER).names() == ["b_two", "c_three"]
    assert Caller(gateway, 0).names() == ["c_three"]


@root_only
def test_a_session_opens_nothing_to_another_role(gateway, server):
    gateway.serve(s=server(roles=ROLES, **TOOLS))
    verifier = Caller(gateway, VERIFIER)
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    status, _ = ask(gateway, AGENT, "POST", "/mcp", message, verifier.more)
    assert status == 404
    assert len(verifier.names()) == 4


@root_only
def test_the_revision_without_sessions_has_the_same_roles(gateway, server):
    gateway.serve(s=server(roles=ROLES, **TOOLS))
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    message["params"] = {"_meta": meta}
    headers = ["MCP-Protocol-Version: 2026-07-28", "Mcp-Method: tools/list"]
    headers.append("Accept: application/json, text/event-stream")
    for uid, n in ((AGENT, 2), (VERIFIER, 4), (SANDBOX, 0)):
        _, body = ask(gateway, uid, "POST", "/mcp", message, headers)
        assert len(body["result"]["tools"]) == n


@root_only
def test_a_change_of_roles_takes_effect(gateway, server):
    gateway.serve(s=server(roles={"agent": {}}, look=False))
    caller = Caller(gateway, AGENT)
    assert caller.names() == ["look"]
    gateway.serve(s=server(roles={"verifier": {}}, look=False))
    assert caller.names() == []
    assert caller.call("look")[1]


@pytest.mark.parametrize(
    "roles, place",
    [
        ([], ["roles"]),
        ({"king": {}}, ["roles"]),
        ({"agent": True}, ["roles"]),
        ({"agent": {"alow": []}}, ["roles"]),
        ({"agent": {"allow": "x"}}, ["roles"]),
        ({"agent": {"deny": [1]}}, ["roles"]),
    ],
)
def test_mistakes_in_roles_are_named(gateway, server, roles, place):
    answer = gateway.apps({"s": server(roles=roles, look=False)})
    assert answer.status == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "mcpServers", "s", *place]


# --- servers from a file ------------------------------------------------------------


def test_servers_of_a_file_are_there_from_the_start(new_gateway, server, tmp_path):
    path = tmp_path / "apps"
    path.write_text(json.dumps({"mcpServers": {"s": server(look=False)}}))
    gateway = new_gateway("--apps", str(path))
    end = time.monotonic() + 20
    while gateway.request("POST", "/mcp", "{}").status == 404:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert gateway.client().names() == ["look"]


def test_a_bad_file_of_servers_ends_the_gateway(run, tmp_path):
    (tmp_path / "apps").write_text('{"mcpServers": {"x": {}}}')
    done = run("gateway", "--port", "0", "--apps", str(tmp_path / "apps"))
    assert done.returncode == 78
    assert b"transport" in done.stderr
    assert run("gateway", "--apps", "/none").returncode == 78
