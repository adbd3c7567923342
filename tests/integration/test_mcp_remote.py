# SPDX-License-Identifier: MIT
"""MCP servers at URLs behind the router: Streamable HTTP and HTTP+SSE."""

import json
import ssl
import threading
import time

import pytest

from helpers.certs import Authority
from helpers.gateway import server, wait_for
from helpers.mcp_remote_server import RemoteServer

# a session that ends sooner is taken for a server that keeps none
OLD_S = 1.1


@pytest.fixture
def remote():
    with RemoteServer() as s:
        yield s


def test_a_streamable_http_server_is_served(gateway, remote):
    gateway.serve(far=remote.config())
    client = gateway.client()
    assert client.names() == ["echo"]
    assert client.text("echo", text="över") == "över"
    headers, _ = remote.seen("tools/call")[0]
    assert headers["Mcp-Session-Id"] == "session-1"
    assert headers["MCP-Protocol-Version"] == "2025-11-25"
    assert "text/event-stream" in headers["Accept"]
    assert remote.seen("initialize")[0][0].get("Mcp-Session-Id") is None


def test_an_answer_may_be_an_event_stream(gateway, remote):
    remote.answer_as = "sse"
    gateway.serve(far=remote.config())
    client = gateway.client()
    m = client.message(
        "tools/call",
        {
            "name": "echo",
            "arguments": {"text": "x"},
            "_meta": {"progressToken": "p"},
        },
    )
    first, last = client.post(m).messages()
    assert first["params"] == {"progressToken": "p", "progress": 1}
    assert last["result"]["content"][0]["text"] == "x"


def test_an_sse_server_is_served(gateway, remote):
    far = {"transport": "sse", "url": remote.base + "/sse"}
    gateway.serve(far=far)
    client = gateway.client()
    assert client.text("echo", text="old") == "old"
    # the end of its stream is the end of its session: it is begun anew
    for q in list(remote.listeners):
        q.put(None)
    wait_for(
        lambda: len(remote.seen("initialize")) == 2, what="greeted again"
    )
    assert client.text("echo", text="new") == "new"


def test_local_and_remote_servers_stand_side_by_side(gateway, remote):
    gateway.serve(near=server(), far=remote.config())
    client = gateway.client()
    assert {"near_echo", "far_echo"} <= set(client.names())
    assert client.text("far_echo", text="1") == "1"
    assert client.text("near_echo", text="2") == "2"


def test_configured_headers_and_token_go_along(gateway, remote):
    gateway.serve(
        far=remote.config(headers={"X-Team": "red"}, auth="s3cr3t")
    )
    gateway.client().text("echo", text="x")
    for method in ("initialize", "tools/call"):
        headers, _ = remote.seen(method)[0]
        assert headers["X-Team"] == "red"
        assert headers["Authorization"] == "Bearer s3cr3t"
    assert "s3cr3t" not in gateway.log()


def test_a_lost_session_is_made_again_and_the_call_repeated(gateway, remote):
    gateway.serve(far=remote.config())
    client = gateway.client()
    assert client.text("echo", text="1") == "1"
    time.sleep(OLD_S)
    remote.kill_sessions()
    assert client.text("echo", text="2") == "2"
    assert remote.made == 2
    calls = remote.seen("tools/call")
    assert [h["Mcp-Session-Id"] for h, _ in calls] == [
        "session-1",
        "session-1",
        "session-2",
    ]


def test_many_calls_share_one_new_session(gateway, remote):
    gateway.serve(far=remote.config())
    client = gateway.client()
    time.sleep(OLD_S)
    remote.kill_sessions()
    texts = []
    threads = [
        threading.Thread(
            target=lambda i=i: texts.append(client.text("echo", text=str(i)))
        )
        for i in range(20)
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(texts, key=int) == [str(i) for i in range(20)]
    assert remote.made == 2


def test_a_broken_stream_is_resumed(gateway, remote):
    gateway.serve(far=remote.config())
    client = gateway.client()
    remote.cut_after = "priming"
    assert client.text("echo", text="resumed") == "resumed"
    assert remote.calls == 1, "the call itself is not repeated"


def test_a_broken_stream_without_ids_fails_the_call(gateway, remote):
    gateway.serve(far=remote.config())
    client = gateway.client()
    remote.cut_after = "at once"
    assert "far" in client.failure("echo", text="x")
    remote.cut_after = None
    assert client.text("echo", text="y") == "y"


def test_list_changes_come_over_the_listening_stream(gateway, remote):
    remote.no_listen = False
    gateway.serve(far=remote.config())
    client = gateway.client()
    wait_for(lambda: remote.listeners, what="the router listens")
    with client.listen() as stream:
        remote.result = lambda m, old=remote.result: (
            {
                "jsonrpc": "2.0",
                "id": m["id"],
                "result": {"tools": [{"name": "other", "inputSchema": {}}]},
            }
            if m["method"] == "tools/list"
            else old(m)
        )
        remote.push(
            {
                "jsonrpc": "2.0",
                "method": "notifications/tools/list_changed",
            }
        )
        stream.until("notifications/tools/list_changed")
    assert client.names() == ["other"]


@pytest.mark.parametrize("status", [400, 401, 403, 500, 503])
def test_a_refusal_names_server_and_status(gateway, remote, status):
    gateway.serve(far=remote.config())
    client = gateway.client()
    remote.refuse = status
    remote.refuse_body = b"because I say so\nmore"
    text = client.failure("echo", text="x")
    assert "'far'" in text and f"HTTP {status}" in text
    assert "because I say so" in text and "more" not in text


def test_a_json_rpc_error_is_passed_on_whatever_the_status(gateway, remote):
    gateway.serve(far=remote.config())
    client = gateway.client()
    remote.refuse = 400
    remote.refuse_body = json.dumps(
        {"jsonrpc": "2.0", "id": None, "error": {"code": -1, "message": "bah"}}
    ).encode()
    assert client.failure("echo", text="x").endswith("bah")


def test_redirects_are_followed_on_the_same_host(gateway, remote):
    remote.redirects["/old"] = (307, "/mcp")
    gateway.serve(far={"transport": "http", "url": remote.base + "/old"})
    assert gateway.client().text("echo", text="x") == "x"


@pytest.mark.parametrize(
    "location,why",
    [
        ("http://127.0.0.2:1/mcp", "another host"),
        ("/old", "without end"),
        ("http://", "host"),
    ],
)
def test_other_redirects_are_not(gateway, remote, location, why):
    remote.redirects["/old"] = (308, location)
    answer = gateway.apps(
        {"far": {"transport": "http", "url": remote.base + "/old"}}
    )
    assert answer.status == 503
    assert why in answer.json()["detail"]["details"]["far"]["error"]


def test_a_server_that_comes_late_is_waited_for(gateway):
    late = RemoteServer()
    late.http.server_close()  # the port refuses connections
    port = late.http.server_port
    answers = []
    thread = threading.Thread(
        target=lambda: answers.append(gateway.apps({"far": late.config()}))
    )
    thread.start()
    time.sleep(0.3)
    with RemoteServer(port=port):
        thread.join(20)
        assert answers and answers[0].status == 200, answers


def test_a_server_that_never_comes_fails_at_its_startup_timeout(gateway):
    absent = RemoteServer()
    absent.http.server_close()
    answer = gateway.apps({"far": absent.config(startup_timeout=1)})
    assert answer.status == 503
    error = answer.json()["detail"]["details"]["far"]
    assert "cannot connect" in error["error"]
    assert error["attempts"] > 1


def test_what_is_certain_fails_at_once(gateway, remote):
    remote.refuse = 401
    answer = gateway.apps({"far": remote.config()})
    assert answer.status == 503
    assert "401" in answer.json()["detail"]["details"]["far"]["error"]
    assert len(remote.requests) == 1


def test_a_slow_answer_ends_at_the_call_timeout(gateway, remote):
    gateway.serve(far=remote.config(call_timeout=1))
    client = gateway.client()
    remote.speak.clear()
    assert "within 1 s" in client.failure("echo", text="x")
    wait_for(
        lambda: remote.seen("notifications/cancelled"), what="it is told"
    )
    remote.speak.set()
    assert client.text("echo", text="y") == "y"


def test_a_swap_ends_the_session_at_the_server(gateway, remote):
    gateway.serve(far=remote.config())
    gateway.serve(near=server())
    wait_for(lambda: remote.deleted == ["session-1"], what="DELETE")


@pytest.fixture
def secure(tmp_path):
    """(RemoteServer over TLS, file of the authority that vouches for it)"""
    authority = Authority(tmp_path / "ca")
    cert, key = authority.server("remote", "IP:127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with RemoteServer(tls=context) as s:
        yield s, str(authority.file)


def test_an_https_server_is_served(new_gateway, secure):
    remote, authority = secure
    gateway = new_gateway(env={"SSL_CERT_FILE": authority})
    gateway.serve(far=remote.config())
    client = gateway.client()
    text = "x" * 200_000
    assert client.text("echo", text=text) == text
    assert remote.seen("initialize")


def test_a_server_that_nobody_vouches_for_is_refused(new_gateway, secure):
    remote, _ = secure
    gateway = new_gateway()
    answer = gateway.apps({"far": remote.config()})
    assert answer.status == 503
    error = answer.json()["detail"]["details"]["far"]
    assert "certificate" in error["error"]
    assert error["attempts"] <= 2, "it is certain: one try for each era"
    assert not remote.requests


def test_a_gateway_can_stand_behind_a_gateway(new_gateway):
    inner, outer = new_gateway(), new_gateway()
    inner.serve(one=server())
    outer.serve(far={"transport": "http", "url": inner.url + "/mcp"})
    client = outer.client()
    assert client.text("echo", text="x") == "x"
    assert "progress" in client.names()
    assert client.text("big", bytes=3_000_000) == "x" * 3_000_000
    with client.begin("progress", steps=1) as stream:
        assert stream.next()["result"]["content"][0]["text"] == "done"


@pytest.mark.parametrize(
    "fields,why",
    [
        ({"url": None}, "url"),
        ({"url": "ftp://x/"}, "http"),
        ({"url": "http://u:p@x/"}, "credentials"),
        ({"auth": "oauth"}, "oauth"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(
    gateway, remote, fields, why
):
    answer = gateway.apps({"far": {**remote.config(), **fields}})
    assert answer.status == 400
    assert why in answer.json()["detail"]


@pytest.mark.parametrize(
    "headers", [{"Host": "x"}, {"A b": "x"}, {"X": "a\r\nY: b"}, {"X": 1}, []]
)
def test_headers_that_cannot_stand_are_refused(gateway, remote, headers):
    answer = gateway.apps({"far": remote.config(headers=headers)})
    assert answer.status == 422
    assert "headers" in answer.json()["detail"][0]["loc"]
