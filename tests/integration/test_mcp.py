# SPDX-License-Identifier: MIT
"""The MCP endpoint: protocol, routing, and servers that go wrong."""

import json
import re
import socket
import threading
import time

import pytest

from helpers.gateway import server, wait_for

VERSIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]


@pytest.fixture
def one(gateway):
    """A session of a gateway with one server."""
    gateway.serve(one=server())
    return gateway.client()


@pytest.fixture
def recorded(gateway, tmp_path):
    """The same; .received() are the lines that the server got."""
    path = tmp_path / "record"
    gateway.serve(one=server("--record", path))
    client = gateway.client()
    client.received = lambda: [
        json.loads(x) for x in path.read_text().splitlines()
    ]
    return client


def call(tool, id=1, **arguments):
    return {
        "jsonrpc": "2.0",
        "id": id,
        "method": "tools/call",
        "params": {"name": tool, "arguments": arguments},
    }


def error_of(answer, status, code):
    assert answer.status == status, answer
    (m,) = answer.messages()
    assert m["jsonrpc"] == "2.0"
    assert m["error"]["code"] == code
    return m["error"]["message"]


# --- initialize ----------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_a_revision_that_we_speak_is_agreed_to(gateway, version):
    gateway.serve(one=server())
    client = gateway.client(version)
    assert client.version == version
    assert client.ask("ping") == {}
    assert client.text("echo", text="hi") == "hi"


@pytest.mark.parametrize("version", ["1999-01-01", "2026-07-28", "", "\u00e9"])
def test_an_unknown_revision_gets_the_newest(gateway, version):
    gateway.serve()
    assert gateway.client(version).version == "2025-11-25"


def test_initialize_tells_who_we_are_and_what_we_can(gateway):
    gateway.serve()
    result = gateway.client().initialize()
    assert result["capabilities"] == {"tools": {"listChanged": True}}
    assert result["serverInfo"]["name"] == "coracle"
    assert result["serverInfo"]["version"]


def test_sessions_are_distinct_and_unguessable(gateway):
    gateway.serve()
    ids = {gateway.client().session for _ in range(20)}
    assert len(ids) == 20
    for session in ids:
        assert len(session) >= 32
        assert session.isalnum()


@pytest.mark.parametrize(
    "params", [None, {}, {"protocolVersion": 7}, [], "text"]
)
def test_initialize_needs_a_version(gateway, params):
    gateway.serve()
    client = gateway.client()
    m = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
    error_of(client.post(m), 200, -32602)


def test_tools_can_be_listed_before_initialized(gateway):
    gateway.serve(one=server("--tools=a"))
    client = gateway.client()
    answer = client.post(client.message("tools/list"))
    assert answer.status == 200


# --- sessions --------------------------------------------------------------------


def test_a_deleted_session_is_unknown(one):
    assert one.delete().status == 200
    answer = one.post(one.message("ping"))
    error_of(answer, 404, -32001)
    assert one.delete().status == 404
    assert one.listen().status == 404


def test_a_missing_session_is_a_bad_request(one):
    answer = one.post(one.message("ping"), Mcp_Session_Id=None)
    error_of(answer, 400, -32000)


@pytest.mark.parametrize("session", ["x", "", "0" * 32, "a" * 5000, "\u00e9"])
def test_an_unknown_session_is_not_found(one, session):
    answer = one.post(
        one.message("ping"), Mcp_Session_Id=session.encode("utf-8")
    )
    assert answer.status in (400, 404)
    if session in ("x", "0" * 32):
        error_of(answer, 404, -32001)


def test_a_refusal_names_the_request(one):
    answer = one.post(one.message("ping", id="abc"), Mcp_Session_Id=None)
    assert answer.messages()[0]["id"] == "abc"


@pytest.mark.parametrize("version", VERSIONS)
def test_any_known_version_header_is_taken(one, version):
    answer = one.post(one.message("ping"), MCP_Protocol_Version=version)
    assert answer.status == 200


def test_no_version_header_is_taken(one):
    answer = one.post(one.message("ping"), MCP_Protocol_Version=None)
    assert answer.status == 200


@pytest.mark.parametrize("version", ["1999-01-01", "x", ""])
def test_an_unknown_version_header_is_refused(one, version):
    answer = one.post(one.message("ping"), MCP_Protocol_Version=version)
    assert "2025-11-25" in error_of(answer, 400, -32000)


def test_ending_a_session_cancels_its_calls(recorded):
    waiting = recorded.gateway.connect()
    body = json.dumps(call("never", id=5))
    waiting.request("POST", "/mcp", body, recorded.headers())
    wait_for(
        lambda: any(m["method"] == "tools/call" for m in recorded.received()),
        what="the call arrives",
    )
    assert recorded.delete().status == 200
    assert "error" in json.loads(waiting.getresponse().read())
    waiting.close()
    wait_for(
        lambda: recorded.received()[-1]["method"] == "notifications/cancelled",
        what="the server hears of it",
    )


def test_a_thousand_forgotten_sessions_do_no_harm(gateway):
    gateway.serve(one=server("--tools=t"))
    connection = gateway.connect()
    first = gateway.client()
    body = json.dumps(
        first.message("initialize", {"protocolVersion": "2025-06-18"})
    )
    headers = {"Content-Type": "application/json"}
    for _ in range(1000):
        connection.request("POST", "/mcp", body, headers)
        connection.getresponse().read()
    connection.close()
    assert first.text("t") == "called t"


# --- HTTP rules ------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "x", None]
)
def test_a_post_that_is_not_json_is_415(one, kind):
    error_of(one.post(one.message("ping"), Content_Type=kind), 415, -32000)


def test_content_type_parameters_and_case_do_not_matter(one):
    answer = one.post(
        one.message("ping"), Content_Type="Application/JSON; charset=UTF-8"
    )
    assert answer.status == 200


@pytest.mark.parametrize("accept", ["text/html", "image/*", ""])
def test_a_client_that_takes_neither_form_is_406(one, accept):
    error_of(one.post(one.message("ping"), Accept=accept), 406, -32000)


@pytest.mark.parametrize(
    "accept",
    [
        None,
        "*/*",
        "application/json",
        "text/event-stream",
        "application/*, text/html",
        "text/event-stream;q=0.9, application/json;q=0.1",
    ],
)
def test_a_client_that_takes_one_form_is_served(one, accept):
    answer = one.post(call("echo", text="a"), Accept=accept)
    assert answer.status == 200
    (m,) = answer.messages()
    assert m["result"]["content"][0]["text"] == "a"


def test_get_needs_an_event_stream_client(one):
    headers = one.headers(Accept="application/json")
    answer = one.gateway.request("GET", "/mcp", None, headers)
    error_of(answer, 406, -32000)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "HEAD"])
def test_other_methods_are_405(one, method):
    answer = one.gateway.request(method, "/mcp", None, one.headers())
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, POST, DELETE, OPTIONS"


@pytest.mark.parametrize(
    "origin, status",
    [
        ("http://evil.example", 403),
        ("http://localhost.evil.example", 403),
        ("http://127.0.0.1.evil.example", 403),
        ("https://evil.example:8080", 403),
        ("null", 403),
        ("", 403),
        ("http://localhost", 200),
        ("http://localhost:3000", 200),
        ("http://127.0.0.1:9", 200),
        ("http://[::1]:9", 200),
    ],
)
def test_only_local_web_pages_may_ask(one, origin, status):
    answer = one.post(one.message("ping"), Origin=origin)
    assert answer.status == status
    if status == 403:
        headers = one.headers(Origin=origin)
        assert one.gateway.request("GET", "/mcp", None, headers).status == 403
        answer = one.gateway.request("DELETE", "/mcp", None, headers)
        assert answer.status == 403


@pytest.mark.parametrize(
    "host, status",
    [
        ("localhost", 200),
        ("LOCALHOST:1", 200),
        ("127.0.0.1:80", 200),
        ("[::1]:80", 200),
        ("box:8080", 403),
        ("localhost.evil.example", 403),
        ("evil.example:8080", 403),
    ],
)
def test_a_loopback_address_answers_to_loopback_names(one, host, status):
    answer = one.post(one.message("ping"), Host=host)
    assert answer.status == status
    answer = one.post(
        one.message("ping"), Host=host, Origin="http://" + host
    )
    assert answer.status == status


def test_more_names_can_be_allowed(new_gateway):
    gateway = new_gateway(env={"CORACLE_ALLOWED_HOSTS": "box, a.example"})
    gateway.serve(one=server("--tools=a"))
    client = gateway.client()
    m = client.message("ping")
    assert client.post(m, Host="box:8080").status == 200
    assert client.post(m, Host="A.example").status == 200
    assert client.post(m, Host="b.example").status == 403
    origin = {"Origin": "https://a.example"}
    assert client.post(m, Host="box", **origin).status == 200
    origin = {"Origin": "https://b.example"}
    assert client.post(m, Host="box", **origin).status == 403


def test_pages_may_read_answers_and_ask_what_they_may_send(one):
    page = "http://localhost:3000"
    answer = one.post(one.message("ping"), Origin=page)
    assert answer.headers["Access-Control-Allow-Origin"] == page
    assert "Mcp-Session-Id" in answer.headers["Access-Control-Expose-Headers"]
    headers = {"Origin": page, "Access-Control-Request-Method": "POST"}
    answer = one.gateway.request("OPTIONS", "/mcp", None, headers)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == page
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    for name in ("Mcp-Session-Id", "Last-Event-ID", "Authorization"):
        assert name in answer.headers["Access-Control-Allow-Headers"]
    headers["Origin"] = "http://evil.example"
    answer = one.gateway.request("OPTIONS", "/mcp", None, headers)
    assert answer.status == 403
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_huge_body_is_refused(one):
    s = socket.create_connection(("127.0.0.1", one.gateway.port))
    s.sendall(
        b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 100000000\r\n\r\n"
    )
    assert s.recv(100).startswith(b"HTTP/1.1 413 ")
    s.close()


# --- messages ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    ["", "{", "nonsense", '{"jsonrpc":"2.0"', b'{"a":"\xff"}', "{}{}", "'x'"],
)
def test_what_is_not_json_is_a_parse_error(one, body):
    error_of(one.post(body), 400, -32700)


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        "7",
        '"text"',
        "null",
        '{"id":1,"method":"ping"}',
        '{"jsonrpc":"1.0","id":1,"method":"ping"}',
        '{"jsonrpc":2.0,"id":1,"method":"ping"}',
        '{"jsonrpc":"2.0","id":null,"method":"ping"}',
        '{"jsonrpc":"2.0","id":[1],"method":"ping"}',
        '{"jsonrpc":"2.0","id":true,"method":"ping"}',
        '{"jsonrpc":"2.0","id":1,"method":7}',
        '{"jsonrpc":"2.0","id":1}',
        '{"jsonrpc":"2.0","id":1,"result":{},"error":{}}',
        '{"jsonrpc":"2.0","result":{}}',
        '{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}',
        '{"jsonrpc":"2.0","id":1,"method":"ping","meth\\u006fd":"ping"}',
        "[]",
    ],
)
def test_what_is_no_message_is_an_invalid_request(one, body):
    error_of(one.post(body), 400, -32600)


IDS = [
    "1",
    "0",
    "-7",
    "12345678901234567890123",
    "1.5",
    "1e3",
    '"text"',
    '""',
    '"\\u00e9 \\" \\\\ \\/"',
    '"\u00e9\U0001f6f6"',
    '"' + "long" * 1000 + '"',
]


@pytest.mark.parametrize(
    "rest",
    [
        '"method":"ping"',
        '"method":"no/such"',
        '"method":"tools/call","params":{"name":"echo"}',
        '"method":"tools/call","params":{"name":"unknown"}',
        '"method":"tools/call","params":{}',
    ],
)
def test_ids_come_back_byte_for_byte(one, rest):
    for id in IDS:
        answer = one.post('{"jsonrpc":"2.0","id":%s,%s}' % (id, rest))
        assert answer.status == 200
        body = answer.body.replace(b'"id": ', b'"id":')
        assert b'"id":' + id.encode() in body


def test_an_unknown_method_is_an_error_of_its_request(one):
    for method in ("no/such", "server/discover", "Ping", ""):
        error_of(one.post(one.message(method)), 200, -32601)


def test_escaped_names_mean_the_same(one):
    answer = one.post(
        '{"jsonrpc":"2.0","id":1,"\\u006dethod":"tools\\/call","params":'
        '{"n\\u0061me":"e\\u0063ho","arguments":{"text":"\\u00e9\\/"}}}'
    )
    (m,) = answer.messages()
    assert m["result"]["content"][0]["text"] == "\u00e9/"


@pytest.mark.parametrize(
    "m",
    [
        {"method": "notifications/initialized"},
        {"method": "notifications/cancelled", "params": {"requestId": 99}},
        {"method": "notifications/cancelled"},
        {"method": "notifications/cancelled", "params": []},
        {"method": "notifications/cancelled", "params": {"requestId": {}}},
        {"method": "notifications/whatever", "params": {"a": 1}},
        {"method": "ping"},
        {"id": 1, "result": {}},
        {"id": "x", "error": {"code": 1, "message": "m"}},
    ],
)
def test_what_needs_no_answer_is_accepted(one, m):
    answer = one.post({"jsonrpc": "2.0", **m})
    assert (answer.status, answer.body) == (202, b"")


def test_line_breaks_in_a_request_do_not_reach_the_server(one):
    text = json.dumps(call("received", id=3, text="a\nb"), indent=2)
    answer = one.post(text.replace("\n", "\r\n"))
    line = answer.messages()[0]["result"]["content"][0]["text"]
    assert json.loads(line)["params"]["arguments"] == {"text": "a\nb"}


# --- batches -----------------------------------------------------------------------


def test_a_batch_is_answered_by_an_array(gateway):
    gateway.serve(one=server())
    client = gateway.client("2025-03-26")
    answer = client.post(
        [
            call("echo", id=1, text="a"),
            {"jsonrpc": "2.0", "method": "notifications/initialized"},
            call("sleep", id="two", seconds=0.1),
            {"jsonrpc": "2.0", "id": 3, "method": "ping"},
            {"jsonrpc": "2.0", "id": 4, "method": "no/such"},
            {"nonsense": True},
            call("unknown", id=5),
        ]
    )
    assert answer.status == 200
    assert isinstance(answer.json(), list)
    replies = {m["id"]: m for m in answer.json()}
    assert set(replies) == {1, "two", 3, 4, 5, None}
    assert replies[1]["result"]["content"][0]["text"] == "a"
    assert replies["two"]["result"]["content"][0]["text"] == "slept"
    assert replies[3]["result"] == {}
    assert replies[4]["error"]["code"] == -32601
    assert replies[None]["error"]["code"] == -32600
    assert replies[5]["result"]["isError"] is True


def test_a_batch_of_notifications_is_accepted(one):
    m = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    answer = one.post([m, m])
    assert (answer.status, answer.body) == (202, b"")


def test_a_batch_of_too_many_is_refused(one):
    m = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    assert one.post([m] * 256).status == 200
    error_of(one.post([m] * 257), 400, -32600)


def test_initialize_cannot_hide_in_a_batch(one):
    m = one.message("initialize", {"protocolVersion": "2025-03-26"})
    (reply,) = one.post([m]).json()
    assert "error" in reply


# --- tools/list ------------------------------------------------------------------


def test_tools_of_one_server_keep_their_names(one):
    assert one.names()[:3] == ["echo", "add", "sleep"]


def test_tools_of_more_servers_carry_the_servers_name(gateway):
    gateway.serve(
        b=server("--tools=x,y"), a=server("--tools=x"), a_b=server("--tools=x")
    )
    client = gateway.client()
    assert client.names() == ["b_x", "b_y", "a_x", "a_b_x"]
    assert client.text("a_b_x") == "called x"


def test_calls_over_what_can_wait_for_a_restart_fail_at_once(gateway, tmp_path):
    flag = tmp_path / "started"
    usual = server()
    slow = (
        f"if [ -e {flag} ]; then sleep 3; fi; touch {flag}; "
        'exec "$0" "$@"'
    )
    gateway.serve(one={
        **usual,
        "command": "sh",
        "args": ["-c", slow, usual["command"], *usual["args"]],
    })
    client = gateway.client()
    client.result("kill")
    big = {"text": "x" * (40 << 20)}
    answers = together(
        3, lambda i: client.result("echo", **(big if i else {"text": "small"}))
    )
    texts = [a["content"][0]["text"][:200] for a in answers]
    assert any("too much waiting" in t for t in texts), texts
    assert texts[0].startswith("small") or "too much waiting" in texts[0]


def test_body_is_not_taken_in_for_an_unknown_session(gateway):
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as s:
        gateway.serve(one=server())
        s.sendall(
            b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000000\r\n"
            b"Content-Type: application/json\r\nMcp-Session-Id: none\r\n\r\n"
        )
        assert s.recv(1000).startswith(b"HTTP/1.1 404 ")


def test_an_answer_with_the_id_as_text_is_taken(gateway):
    gateway.serve(one=server())
    assert gateway.client().text("text_id") == "the id as text"


def test_an_ambiguous_name_is_listed_once_and_goes_to_the_first(gateway):
    gateway.serve(a=server("--tools=b_pid,c"), a_b=server())
    client = gateway.client()
    assert client.names().count("a_b_pid") == 1
    assert client.text("a_b_pid") == "called b_pid"
    gateway.wait_log(r"tool a_b_pid exists already, left out")


def odd_tool(answer, name):
    start = answer.body.index(b'{ "description"')
    end = answer.body.index(b"[ ]}}") + 5
    raw = answer.body[start:end]
    return raw.replace(b'"%b"' % name, b'"NAME"')


def test_tools_are_passed_on_as_the_bytes_that_came(gateway):
    gateway.serve(one=server())
    client = gateway.client()
    alone = odd_tool(client.post(client.message("tools/list")), b"odd")
    assert b"1.0e+2" in alone
    assert b"12345678901234567890" in alone
    assert b"caf\\u00e9 \\/ \xc3\xa9" in alone
    gateway.serve(one=server(), two=server("--tools=x"))
    beside = odd_tool(client.post(client.message("tools/list")), b"one_odd")
    assert alone == beside


def test_all_pages_are_listed_as_one(gateway):
    names = [f"t{i}" for i in range(23)]
    gateway.serve(one=server("--pages=5", "--tools=" + ",".join(names)))
    client = gateway.client()
    result = client.ask("tools/list")
    assert [t["name"] for t in result["tools"]] == names
    assert "nextCursor" not in result


def test_two_thousand_tools_are_found(gateway):
    names = [f"tool_{i:04}" for i in range(2000)]
    gateway.serve(one=server("--tools=" + ",".join(names)))
    client = gateway.client()
    assert client.names() == names
    assert client.text("tool_1234") == "called tool_1234"


@pytest.mark.parametrize("name", ["a b", "\u00e9", "x/y", "x\\y", 'q"q', "\t"])
def test_odd_tool_names_are_found(gateway, name):
    gateway.serve(one=server("--tools=" + name), two=server("--tools=t"))
    client = gateway.client()
    assert client.names()[0] == "one_" + name
    assert client.text("one_" + name) == "called " + name


# --- tools/call ------------------------------------------------------------------


def test_calls_are_answered(one):
    assert one.text("echo", text="hi") == "hi"
    assert one.result("add", a=2, b=3)["structuredContent"] == {"sum": 1}
    assert one.text("counter") == "1"
    assert one.text("counter") == "2"


@pytest.mark.parametrize(
    "text", ["", "caf\u00e9", "\U0001f6f6", "\x7f\x00\x1f\n\r\t\"\\/", "\u2028"]
)
def test_text_comes_back_as_it_went(one, text):
    assert one.text("echo", text=text) == text


def test_arguments_reach_the_server_as_the_bytes_that_came(one):
    arguments = '{"z": 1.0e+2,"a" :[12345678901234567890, -0 ], "\\u0061b":"\\/"}'
    answer = one.post(
        '{"jsonrpc":"2.0","id":"i","method":"tools/call","params":'
        '{"arguments":%s,"name":"received"}}' % arguments
    )
    line = answer.messages()[0]["result"]["content"][0]["text"]
    assert arguments in line


@pytest.mark.parametrize(
    "params",
    [
        '{"name":"received"}',
        '{"name":"received","arguments":null}',
        '{"arguments":null,"name":"received","_meta":{}}',
        '{"name":"received","arguments":{}}',
        '{"name":"received","_meta":null}',
        '{"name":"received","_meta":{"progressToken":null}}',
    ],
)
def test_absent_and_null_arguments_are_an_empty_object(one, params):
    answer = one.post(
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":%s}' % params
    )
    line = answer.messages()[0]["result"]["content"][0]["text"]
    assert json.loads(line)["params"]["arguments"] == {}


@pytest.mark.parametrize(
    "params",
    [
        "[]",
        '"x"',
        "{}",
        '{"name":7}',
        '{"name":null}',
        '{"name":"echo","arguments":[]}',
        '{"name":"echo","arguments":"text"}',
        '{"name":"echo","arguments":7}',
        '{"name":"echo","_meta":[]}',
        '{"name":"echo","_meta":{"progressToken":{}}}',
        '{"name":"echo","name":"pid"}',
        '{"name":"echo","arguments":{},"argum\\u0065nts":{}}',
        '{"name":"echo","_meta":{"progressToken":1,"progressToken":2}}',
    ],
)
def test_params_of_the_wrong_shape_are_refused(one, params):
    answer = one.post(
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":%s}' % params
    )
    error_of(answer, 200, -32602)


def test_a_call_without_params_is_refused(one):
    error_of(one.post(one.message("tools/call")), 200, -32602)


def test_meta_is_passed_on(one):
    m = call("received")
    m["params"]["_meta"] = {"actor_id": "agent-7", "progressToken": "p"}
    line = one.post(m).messages()[0]["result"]["content"][0]["text"]
    meta = json.loads(line)["params"]["_meta"]
    assert meta["actor_id"] == "agent-7"
    assert meta["progressToken"] != "p"


def test_an_unknown_tool_is_a_result_that_says_so(one):
    text = one.failure("no such tool")
    assert "Unknown tool: 'no such tool'" in text


def test_a_tools_own_failure_is_passed_on(one):
    assert one.failure("fail") == "this failed"


def test_an_error_of_a_server_becomes_a_result(one):
    text = one.failure("error", code=-32602, message="caf\u00e9 \"x\"")
    assert "error" in text
    assert 'caf\u00e9 "x"' in text


def test_an_error_without_a_message_becomes_a_result(one):
    assert "error" in one.failure("error", message=None)


def test_results_are_passed_on_as_the_bytes_that_came(one):
    raw = '{"content":[ ],"x":1.0e+2,"_meta":{"big":12345678901234567890}}'
    answer = one.post(call("raw", result=raw))
    assert raw.encode() in answer.body


def test_twenty_megabytes_pass(one):
    n = 20 << 20
    assert one.text("big", bytes=n) == "x" * n
    assert one.text("echo", text="after") == "after"


def test_ten_megabytes_of_arguments_pass(one):
    text = "y" * (10 << 20)
    assert one.text("echo", text=text) == text


def test_memory_is_given_back_after_big_messages(one, sanitized):
    if sanitized:
        pytest.skip("the sanitizer keeps freed memory")
    one.text("echo", text="warm")
    before = one.gateway.memory_kb()
    one.text("big", bytes=20 << 20)
    one.text("echo", text="z" * (10 << 20))
    assert one.gateway.memory_kb() - before < 4096


# --- progress --------------------------------------------------------------------


@pytest.mark.parametrize("token", ["p-1", 7, 0, "\u00e9", 12345678901234567890])
def test_progress_precedes_the_result(one, token):
    m = call("progress", id=9, steps=3)
    m["params"]["_meta"] = {"progressToken": token}
    answer = one.post(m)
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    *notes, reply = answer.messages()
    assert [n["params"]["progress"] for n in notes] == [1, 2, 3]
    assert all(n["method"] == "notifications/progress" for n in notes)
    assert all(n["params"]["progressToken"] == token for n in notes)
    assert reply["id"] == 9
    assert reply["result"]["content"][0]["text"] == "done"


def test_progress_arrives_while_the_call_runs(one):
    m = call("progress", steps=2, delay=0.5)
    m["params"]["_meta"] = {"progressToken": "t"}
    began = time.monotonic()
    with one.stream_post(m) as stream:
        assert stream.next()["params"]["progress"] == 1
        assert time.monotonic() - began < 0.45 or one.gateway.slow
        assert stream.next()["params"]["progress"] == 2
        assert "result" in stream.next()
        assert stream.next() is None


def test_progress_without_a_token_is_not_sent(one):
    answer = one.post(call("progress", steps=3))
    assert answer.headers["Content-Type"] == "application/json"
    assert len(answer.messages()) == 1


def test_equal_tokens_of_two_clients_do_not_mix(gateway):
    gateway.serve(one=server())
    answers = {}

    def ask(steps):
        m = call("progress", id=1, steps=steps, delay=0.05)
        m["params"]["_meta"] = {"progressToken": "same"}
        answers[steps] = gateway.client().post(m).messages()

    threads = [threading.Thread(target=ask, args=(n,)) for n in (2, 3, 4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for steps, messages in answers.items():
        totals = [m["params"]["total"] for m in messages[:-1]]
        assert totals == [steps] * steps


def test_a_client_without_event_streams_gets_the_result_alone(one):
    m = call("progress", steps=2)
    m["params"]["_meta"] = {"progressToken": "t"}
    answer = one.post(m, Accept="application/json")
    (reply,) = [answer.json()]
    assert reply["result"]["content"][0]["text"] == "done"


# --- cancellation ----------------------------------------------------------------


@pytest.mark.parametrize("id", [41, "forty-one", "caf\u00e9"])
def test_a_cancelled_call_is_cancelled_at_the_server(recorded, id):
    waiting = recorded.gateway.connect()
    body = json.dumps(call("never", id=id), ensure_ascii=False).encode()
    waiting.request("POST", "/mcp", body, recorded.headers())

    def forwarded():
        calls = [m for m in recorded.received() if m["method"] == "tools/call"]
        return calls and calls[0]

    sent = wait_for(forwarded, what="the call arrives")
    note = {
        "jsonrpc": "2.0",
        "method": "notifications/cancelled",
        "params": {"requestId": id, "reason": "changed my mind"},
    }
    note = json.dumps(note, ensure_ascii=False).encode()
    assert recorded.post(note).status == 202
    assert "error" in json.loads(waiting.getresponse().read())
    waiting.close()
    wait_for(
        lambda: recorded.received()[-1]["method"] == "notifications/cancelled",
        what="the server hears of it",
    )
    got = recorded.received()[-1]["params"]
    assert got["requestId"] == sent["id"]
    assert got["reason"] == "changed my mind"


def test_only_the_own_calls_can_be_cancelled(gateway):
    gateway.serve(one=server())
    ours, theirs = gateway.client(), gateway.client()
    result = []
    thread = threading.Thread(
        target=lambda: result.append(
            ours.post(call("sleep", id=77, seconds=0.4)).messages()
        )
    )
    thread.start()
    time.sleep(0.1)
    theirs.post(
        {
            "jsonrpc": "2.0",
            "method": "notifications/cancelled",
            "params": {"requestId": 77},
        }
    )
    thread.join()
    assert result[0][0]["result"]["content"][0]["text"] == "slept"


def test_a_client_that_goes_away_disturbs_nobody(one):
    body = json.dumps(call("sleep", seconds=0.2))
    for _ in range(5):
        gone = one.gateway.connect()
        gone.request("POST", "/mcp", body, one.headers())
        gone.close()
    assert one.text("sleep", seconds=0.3) == "slept"


# --- the session's stream --------------------------------------------------------


def test_a_swap_is_told_to_every_listening_session(gateway):
    gateway.serve(one=server("--tools=a"))
    streams = [gateway.client().listen() for _ in range(3)]
    gateway.serve(two=server("--tools=b"))
    for s in streams:
        assert s.status == 200
        assert s.headers["Content-Type"].startswith("text/event-stream")
        assert s.headers["Cache-Control"].startswith("no-cache")
        s.until("notifications/tools/list_changed")
        s.close()


def test_a_failed_swap_is_told_to_nobody(gateway):
    gateway.serve(one=server("--tools=a"))
    with gateway.client().listen() as stream:
        gateway.apps({"x": server("--exit=1")})
        gateway.serve(two=server("--tools=b"))
        stream.until("notifications/tools/list_changed")
        stream.connection.sock.settimeout(0.2)
        with pytest.raises(OSError):
            stream.next()


def test_new_tools_of_a_server_are_told_and_usable(gateway):
    gateway.serve(one=server(), two=server("--tools=x"))
    client = gateway.client()
    with client.listen() as stream:
        client.text("one_grow", name="sprout")
        stream.until("notifications/tools/list_changed")
        assert "one_sprout" in client.names()
        assert client.text("one_sprout") == "called sprout"


def test_a_change_while_the_tools_are_read_is_not_lost(gateway):
    gateway.serve(one=server("--changes-at-start", "--tools=a"))
    client = gateway.client()
    wait_for(lambda: client.names() == ["a", "early"], what="both are listed")


def test_a_session_has_one_stream(one):
    with one.listen() as first:
        assert first.status == 200
        with one.listen() as second:
            assert second.status == 409
    wait_for(lambda: one.listen().status == 200, what="its place is free")


def test_deleting_a_session_ends_its_stream(one):
    with one.listen() as stream:
        one.delete()
        assert stream.next() is None


def test_a_stream_needs_a_session(one):
    headers = one.headers(Mcp_Session_Id=None)
    assert one.gateway.request("GET", "/mcp", None, headers).status == 400


# --- many at once ------------------------------------------------------------------


def together(n, function):
    """Run function(i) in n threads; the results in order."""
    results = [None] * n

    def run(i):
        results[i] = function(i)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return results


def test_slow_calls_of_one_server_overlap(gateway):
    gateway.serve(one=server())
    client = gateway.client()
    began = time.monotonic()
    results = together(
        50,
        lambda i: client.post(call("sleep", id=f"c{i}", seconds=0.5)),
    )
    assert time.monotonic() - began < 5  # one after the other: 25 s
    ids = [r.messages()[0]["id"] for r in results]
    assert ids == [f"c{i}" for i in range(50)]


def test_equal_ids_of_many_sessions_do_not_mix(gateway):
    gateway.serve(one=server(), two=server("--tools=x"))

    def ask(i):
        client = gateway.client()
        texts = []
        for k in range(10):
            reply = client.post(call("one_echo", id=k, text=f"{i}.{k}"))
            texts.append(reply.messages()[0]["result"]["content"][0]["text"])
        return texts

    for i, texts in enumerate(together(16, ask)):
        assert texts == [f"{i}.{k}" for k in range(10)]


def test_a_client_that_does_not_read_stalls_nobody(one):
    body = json.dumps(call("big", bytes=20 << 20)).encode()
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect(("127.0.0.1", one.gateway.port))
    fields = "".join(f"{k}: {v}\r\n" for k, v in one.headers().items())
    s.sendall(
        b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n%b\r\n%b"
        % (len(body), fields.encode(), body)
    )
    assert s.recv(12) == b"HTTP/1.1 200"
    for i in range(20):
        assert one.text("echo", text=str(i)) == str(i)
    s.close()


def test_progress_to_a_client_that_does_not_read_is_bounded(one, sanitized):
    m = call("progress", steps=20_000)
    m["params"]["_meta"] = {"progressToken": "t" * 500}
    body = json.dumps(m).encode()
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect(("127.0.0.1", one.gateway.port))
    fields = "".join(f"{k}: {v}\r\n" for k, v in one.headers().items())
    before = one.gateway.memory_kb()
    s.sendall(
        b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n%b\r\n%b"
        % (len(body), fields.encode(), body)
    )
    assert s.recv(12) == b"HTTP/1.1 200"
    time.sleep(0.5)
    assert one.text("echo", text="a") == "a"
    if not sanitized:
        assert one.gateway.memory_kb() - before < 6000
    answer = b""
    while b'"result"' not in answer[-1000:]:
        chunk = s.recv(1 << 20)
        assert chunk
        answer += chunk
    s.close()


def test_pipelined_calls_are_answered_in_order(one):
    fields = "".join(f"{k}: {v}\r\n" for k, v in one.headers().items())
    requests = b""
    for i, seconds in enumerate((0.2, 0, 0.1)):
        body = json.dumps(call("sleep", id=i, seconds=seconds)).encode()
        requests += (
            b"POST /mcp HTTP/1.1\r\nHost: localhost\r\n%b%bContent-Length: %d\r\n\r\n%b"
            % (
                fields.encode(),
                b"Connection: close\r\n" if i == 2 else b"",
                len(body),
                body,
            )
        )
    s = socket.create_connection(("127.0.0.1", one.gateway.port))
    s.sendall(requests)
    answer = b""
    while chunk := s.recv(65536):
        answer += chunk
    s.close()
    places = [answer.index(b'"id": %d' % i) for i in range(3)]
    assert places == sorted(places)


# --- servers that go wrong ---------------------------------------------------------


def test_a_crash_ends_the_call_and_the_next_one_works(one):
    pid = one.text("pid")
    text = one.failure("crash", status=7, stderr="one\nsegment of doom\n")
    for part in ("one", "exit 7", "segment of doom", "crash"):
        assert part in text
    assert one.text("echo", text="back") == "back"
    assert one.text("pid") != pid


def test_a_killed_server_is_reported_and_restarted(one):
    assert "SIGKILL" in one.failure("kill")
    assert one.text("echo", text="back") == "back"


def test_a_crash_fails_every_call_under_way(one):
    results = []

    def wait(i):
        results.append(one.post(call("never", id=i)).messages()[0])

    threads = [threading.Thread(target=wait, args=(i,)) for i in range(5)]
    for t in threads:
        t.start()
    time.sleep(0.3)
    one.failure("crash", status=1)
    for t in threads:
        t.join()
    assert sorted(m["id"] for m in results) == list(range(5))
    assert all(m["result"]["isError"] for m in results)


def test_a_crash_of_one_server_leaves_the_others_alone(gateway):
    gateway.serve(bad=server(), good=server())
    client = gateway.client()
    assert client.text("good_counter") == "1"
    client.failure("bad_kill")
    assert client.text("good_counter") == "2"


def test_a_server_that_ends_in_peace_is_restarted(one):
    assert one.text("quit") == "bye"
    one.gateway.wait_log("exit 0$")
    assert one.text("echo", text="back") == "back"


def test_a_server_that_keeps_failing_is_restarted_ever_more_seldom(
    gateway, tmp_path
):
    stop = tmp_path / "stop"
    gateway.serve(one=server("--exit-if", stop, "--stderr=starting\n"))
    client = gateway.client()
    stop.touch()
    client.failure("kill")
    began = time.monotonic()
    wait_for(
        lambda: time.monotonic() - began > 2 and "exit 9" in gateway.log(),
        what="it fails again and again",
    )
    assert 2 <= gateway.log().count("exit 9") <= 6
    assert "exit 9" in client.failure("echo", text="a")
    stop.unlink()

    def works():
        result = client.result("echo", text="a")
        return not result.get("isError")

    wait_for(works, what="it is back")


def test_garbage_between_messages_is_skipped(gateway):
    gateway.serve(one=server("--garbage"))
    client = gateway.client()
    for i in range(5):
        assert client.text("echo", text=str(i)) == str(i)


def test_messages_that_no_server_should_send_do_no_harm(one):
    assert one.text("nasty") == "survived"
    assert one.text("echo", text="a") == "a"


@pytest.mark.parametrize(
    "result",
    [
        '{"content":[{"type":"text","text":"\\ud83d"}]}',
        '{"content":[{"type":"text","text":"\\x41"}]}',
        '{"n":01}',
        "[" * 200 + "]" * 200,
        "NaN",
    ],
)
def test_an_answer_that_cannot_be_read_ends_its_call(one, result):
    assert "cannot be read" in one.failure("raw", result=result)
    assert one.text("echo", text="a") == "a"


def test_a_second_answer_is_dropped(one):
    assert one.text("twice") == "first"
    assert one.text("echo", text="a") == "a"


def test_answers_to_unknown_ids_are_dropped(one):
    assert one.text("unknown_id") == "right"


def test_a_flood_of_stderr_is_bounded_in_the_log(gateway):
    gateway.serve(one=server("--flood=200000"))
    client = gateway.client()
    assert client.text("echo", text="a") == "a"
    client.failure("crash", status=1)
    assert re.search("[0-9]{3} lines of its stderr dropped", gateway.log())
    assert len(gateway.log()) < 100_000


def test_stderr_is_logged_with_the_servers_name(one):
    one.text("stderr", lines=2, width=3)
    one.gateway.wait_log(r"server one: 000001 yyy$")


def test_a_server_that_closes_its_output_is_replaced(one):
    assert "one" in one.failure("close_stdout")
    assert one.text("echo", text="back") == "back"


def test_a_server_that_does_not_read_is_ended(gateway):
    gateway.serve(one=server("--unread"), two=server("--tools=a"))
    client = gateway.client()
    m = json.dumps(call("one_echo", text="x" * (50 << 20)))
    for answer in together(3, lambda i: client.post(m)):
        text = answer.messages()[0]["result"]["content"][0]["text"]
        assert "does not read its input" in text
    assert client.text("two_a") == "called a"


def test_a_call_can_have_a_time_limit(gateway):
    gateway.serve(one=server(call_timeout=1))
    client = gateway.client()
    text = client.failure("never")
    assert "did not answer within 1 s" in text
    assert client.text("echo", text="a") == "a"


def test_progress_extends_the_time_limit(gateway):
    gateway.serve(one=server(call_timeout=1))
    m = call("progress", steps=5, delay=0.4)
    m["params"]["_meta"] = {"progressToken": 1}
    assert "result" in gateway.client().post(m).messages()[-1]
