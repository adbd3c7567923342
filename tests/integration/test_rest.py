# SPDX-License-Identifier: MIT
"""/rest/SERVICE/PATH, and who acts when a server at a URL is asked."""

import http.server
import json
import threading

import pytest

from helpers.gateway import server
from helpers.mcp_remote_server import RemoteServer


@pytest.fixture
def site():
    """A plain HTTP server that tells what it was asked; .url, .seen"""
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args):
            pass

        def answer(self):
            n = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(n)
            if self.path != "/mcp/ignored":  # which asks if it is there
                seen.append((self.command, self.path, self.headers, body))
            if self.path.startswith("/moved"):
                self.send_response(302)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if self.path.startswith("/cut"):
                self.send_response(200)
                self.send_header("Content-Length", "10")
                self.end_headers()
                self.wfile.write(b"123")
                self.close_connection = True
                return
            size = 20_000_000 if self.path == "/big" else 0
            text = b"z" * size or b"hello " + body
            self.send_response(201)
            self.send_header("Content-Type", "text/x-odd")
            self.send_header("X-Own", "yes")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer
        do_OPTIONS = do_HEAD = answer

    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.daemon_threads = True
    site.seen = seen
    site.url = f"http://127.0.0.1:{site.server_port}"
    thread = threading.Thread(target=site.serve_forever, args=(0.02,))
    thread.start()
    yield site
    site.shutdown()
    site.server_close()
    thread.join()


def entry(site, **more):
    return {
        "transport": "rest",
        "url": site.url + "/mcp/ignored",
        "serve_mcp_tools": False,
        **more,
    }


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_requests_are_passed_on(gateway, site, method):
    gateway.serve(api=entry(site), one=server())
    answer = gateway.request(
        method,
        "/rest/api/a/b%20c?x=1&x=2",
        b"body" if method != "GET" else None,
        {"X-Mine": "1", "Content-Type": "text/plain", "Cookie": "c=d"},
    )
    assert answer.status == 201
    assert answer.headers["Content-Type"] == "text/x-odd"
    assert answer.headers["X-Own"] == "yes"
    command, path, headers, body = site.seen[0]
    assert (command, path) == (method, "/a/b%20c?x=1&x=2")
    assert answer.body == b"hello " + body
    assert headers["X-Mine"] == "1" and headers["Cookie"] == "c=d"
    assert headers["Host"] == site.url[7:]
    assert headers["Authorization"] == "Bearer target_agent"


@pytest.mark.parametrize(
    "given,passed",
    [
        ("Bearer coordinator", "Bearer coordinator"),
        ("bearer target_agent", "Bearer target_agent"),
        ("Bearer secret", "Bearer target_agent"),
        ("Basic Zm9v", "Bearer target_agent"),
    ],
)
def test_who_acts_is_rewritten(gateway, site, given, passed):
    gateway.serve(api=entry(site))
    gateway.request("GET", "/rest/api/", None, {"Authorization": given})
    assert site.seen[0][2].get_all("Authorization") == [passed]


def test_configured_headers_count_more(gateway, site):
    headers = {"Authorization": "Token t", "X-Mine": "theirs"}
    gateway.serve(api=entry(site, headers=headers))
    gateway.request("GET", "/rest/api/", None, {"X-Mine": "1"})
    assert site.seen[0][2].get_all("Authorization") == ["Token t"]
    assert site.seen[0][2].get_all("X-Mine") == ["theirs"]


def test_redirects_and_errors_are_the_clients(gateway, site):
    gateway.serve(api=entry(site))
    answer = gateway.request("GET", "/rest/api/moved")
    assert answer.status == 302
    assert answer.headers["Location"] == "/elsewhere"
    assert len(site.seen) == 1


def test_an_answer_that_is_cut_short_stays_so(gateway, site):
    gateway.serve(api=entry(site))
    with pytest.raises(Exception):
        gateway.request("GET", "/rest/api/cut")
    assert gateway.request("GET", "/rest/api/x").status == 201


def test_a_large_answer_passes_in_little_memory(gateway, site):
    gateway.serve(api=entry(site))
    answer = gateway.request("GET", "/rest/api/big")
    assert answer.body == b"z" * 20_000_000
    if not gateway.slow:
        assert gateway.memory_kb() < 12 * 1024


def test_a_server_that_is_not_there_is_502(gateway, site):
    gateway.serve(api=entry(site))
    site.shutdown()
    site.socket.close()
    answer = gateway.request("GET", "/rest/api/")
    assert answer.status == 502
    assert answer.json()["detail"]


def test_a_server_that_never_answers_fails_the_swap(gateway, site):
    far = entry(site, url="http://127.0.0.1:1/", startup_timeout=1)
    answer = gateway.apps({"api": far})
    assert answer.status == 503
    error = answer.json()["detail"]["details"]["api"]
    assert "cannot connect" in error["error"] and error["attempts"] > 1


def test_unknown_services_are_404(gateway, site):
    assert gateway.request("GET", "/rest/api/").status == 404
    gateway.serve(one=server(), api=entry(site))
    for name in ("one", "nobody"):
        answer = gateway.request("GET", f"/rest/{name}/x")
        assert answer.status == 404
        assert answer.json() == {"detail": f"Unknown service '{name}'"}


def test_the_name_alone_is_its_directory(gateway, site):
    gateway.serve(api=entry(site))
    answer = gateway.request("GET", "/rest/api?x=1")
    assert answer.status == 307
    assert answer.headers["Location"] == "/rest/api/?x=1"
    assert gateway.request("TRACE", "/rest/api/").status in (405, 501)


def test_head_has_no_body(gateway, site):
    gateway.serve(api=entry(site))
    answer = gateway.request("HEAD", "/rest/api/x")
    assert (answer.status, answer.body) == (201, b"")
    assert site.seen[0][0] == "HEAD"


def spec(remote, paths, tools):
    """A remote server with an OpenAPI document and these tools."""
    listed = [
        {"name": f"t{i}", "inputSchema": {}, "annotations": a}
        for i, a in enumerate(tools)
    ]
    old_result, old_get = remote.result, remote.on_get
    remote.result = lambda m: (
        {"jsonrpc": "2.0", "id": m["id"], "result": {"tools": listed}}
        if m["method"] == "tools/list"
        else old_result(m)
    )
    body = json.dumps({"openapi": "3.1.0", "paths": paths, "x": [1.0]})
    remote.on_get = lambda h: (
        remote.reply(h, 200, body.encode())
        if h.path == "/openapi.json"
        else old_get(h)
    )


PATHS = {
    "/a": {"get": {}, "post": {}, "summary": "s"},
    "/b/": {"put": {}},
    "/c": {"$ref": "#/x", "get": {}},
    "/d": {"parameters": []},
}


@pytest.mark.parametrize(
    "tools,left",
    [
        (
            [{"_route": "GET /a"}, {"_route": "put /b"}, {"_route": "GET /c"}],
            {"/a": {"post": {}, "summary": "s"}, "/c": {"$ref": "#/x"}},
        ),
        ([{"_route": "GET /nowhere"}], {k: PATHS[k] for k in ("/a", "/b/", "/c")}),
        ([{"title": "no route"}], {}),
    ],
)
def test_an_openapi_document_leaves_out_what_tools_do(gateway, tools, left):
    with RemoteServer() as remote:
        spec(remote, PATHS, tools)
        gateway.serve(far=remote.config(openapi_mcp_filter=True))
        document = gateway.request("GET", "/rest/far/openapi.json").json()
        assert document == {"openapi": "3.1.0", "paths": left, "x": [1.0]}


@pytest.mark.parametrize(
    "fields", [{}, {"openapi_mcp_filter": True, "exposes_mcp": False}]
)
def test_an_openapi_document_is_whole_otherwise(gateway, fields):
    with RemoteServer() as remote:
        spec(remote, PATHS, [{"_route": "GET /a"}])
        gateway.serve(far=remote.config(**fields))
        document = gateway.request("GET", "/rest/far/openapi.json").json()
        assert document["paths"] == PATHS


def test_an_openapi_document_that_is_none_is_502(gateway):
    with RemoteServer() as remote:
        spec(remote, PATHS, [{"_route": "GET /a"}])
        remote.on_get = lambda h: remote.reply(h, 200, b"<html>")
        gateway.serve(far=remote.config(openapi_mcp_filter=True))
        answer = gateway.request("GET", "/rest/far/openapi.json")
        assert answer.status == 502
        assert "'far'" in answer.json()["detail"]


# --- the same for tool calls ---------------------------------------------------


@pytest.mark.parametrize(
    "meta,given,passed",
    [
        ({}, None, "Bearer target_agent"),
        ({}, "Bearer coordinator", "Bearer coordinator"),
        ({}, "Bearer mine", "Bearer target_agent"),
        ({"actor_id": "bob"}, "Bearer coordinator", "Bearer bob"),
        ({"actor_id": "a\r\nX: y"}, None, "Bearer target_agent"),
        ({"actor_id": 7}, None, "Bearer target_agent"),
    ],
)
def test_a_call_says_who_acts(gateway, meta, given, passed):
    with RemoteServer() as remote:
        gateway.serve(far=remote.config())
        client = gateway.client()
        m = client.message(
            "tools/call",
            {"name": "echo", "arguments": {"text": "x"}, "_meta": meta},
        )
        answer = client.post(m, Authorization=given, X_Agent_Id="7")
        assert answer.messages()[0]["result"]["content"][0]["text"] == "x"
        headers, got = remote.seen("tools/call")[0]
        assert headers.get_all("Authorization") == [passed]
        assert headers["X-Agent-Id"] == "7"
        assert got["params"].get("_meta", {}) == meta
        for headers, _ in remote.seen("tools/list"):
            assert "Authorization" not in headers


def test_a_configured_token_is_not_replaced(gateway):
    with RemoteServer() as remote:
        gateway.serve(far=remote.config(auth="t0ken"))
        gateway.client().text("echo", text="x")
        headers, _ = remote.seen("tools/call")[0]
        assert headers.get_all("Authorization") == ["Bearer t0ken"]
