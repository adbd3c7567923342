# SPDX-License-Identifier: MIT
"""Requests of 2026-07-28, and servers and clients of different eras."""

import json

import pytest
from helpers.gateway import server, wait_for
from helpers.modern import META, Modern, fixture

ASKS = {"elicitation": {}, "sampling": {}, "roots": {}}


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"MCP-Protocol-Version": None}, 400, -32020),
        ({"MCP-Protocol-Version": "2099-01-01"}, 400, -32020),
        ({"Mcp-Method": None}, 400, -32020),
        ({"Mcp-Method": "TOOLS/CALL"}, 400, -32020),
        ({"Mcp-Name": None}, 400, -32020),
        ({"Mcp-Name": "other"}, 400, -32020),
        ({"Mcp-Name": "=?base64?ZWNobw?="}, 400, -32020),
    ],
)
def test_headers_must_say_what_the_body_says(gateway, change, status, code):
    gateway.serve(one=server())
    client = Modern(gateway)
    message = client.message("tools/call", {"name": "echo", "arguments": {}})
    answer = client.send(message, **change)
    assert (answer.status, answer.json()["error"]["code"]) == (status, code)
    assert answer.json()["id"] == 7


def test_a_header_may_be_padded_encoded_and_in_any_case(gateway):
    gateway.serve(one=server())
    client = Modern(gateway)
    message = client.message(
        "tools/call", {"name": "echo", "arguments": {"text": "x"}}
    )
    fields = client.fields(message, Mcp_Method=None, Mcp_Name=None)
    fields |= {"mcp-method": " tools/call ", "MCP-NAME": "=?base64?ZWNobw==?="}
    answer = gateway.post_json("/mcp", message, fields)
    assert answer.status == 200
    assert answer.json()["result"]["resultType"] == "complete"


@pytest.mark.parametrize(
    "method",
    ["initialize", "ping", "logging/setLevel", "resources/subscribe", "x/y"],
)
def test_what_the_era_does_not_have_is_not_found(gateway, method):
    gateway.serve(one=server())
    answer = Modern(gateway).ask(method)
    assert answer.status == 404
    assert answer.json()["error"]["code"] == -32601


def test_a_batch_with_a_modern_request_is_refused(gateway):
    gateway.serve(one=server())
    client = Modern(gateway)
    batch = [client.message("tools/list")]
    answer = gateway.post_json("/mcp", batch)
    assert answer.status == 400
    assert answer.json()["error"]["code"] == -32600


def test_what_a_session_server_asks_comes_as_required_input(gateway):
    gateway.serve(one=fixture("legacy"))
    client = Modern(gateway, ASKS)
    tool = "test_input_required_result_multiple_inputs"
    first = client.call(tool)["result"]
    assert first["resultType"] == "input_required"
    methods = {k: v["method"] for k, v in first["inputRequests"].items()}
    assert sorted(methods.values()) == [
        "elicitation/create",
        "roots/list",
        "sampling/createMessage",
    ]
    answers = {
        "elicitation/create": {"action": "accept", "content": {"name": "A"}},
        "roots/list": {"roots": []},
        "sampling/createMessage": {
            "role": "assistant",
            "model": "m",
            "content": {"type": "text", "text": "hi"},
        },
    }
    # one after the other: what is missing is required again
    state = {"result": first}
    for left, (key, method) in enumerate(methods.items(), 1 - len(methods)):
        state = client.again(tool, state, {key: answers[method]})
        if left < 0:
            assert len(state["result"]["inputRequests"]) == -left
    assert state["result"]["content"][0]["text"] == "all inputs received"


def asked(gateway, **headers):
    client = Modern(gateway, ASKS, **headers)
    tool = "test_input_required_result_elicitation"
    return client, tool, client.call(tool)


ALICE = {"user_name": {"action": "accept", "content": {"name": "Alice"}}}


def test_a_state_works_once(gateway):
    gateway.serve(one=fixture("legacy"))
    client, tool, first = asked(gateway)
    good = client.again(tool, first, ALICE)
    assert good["result"]["content"][0]["text"] == "Hello, Alice!"
    assert client.again(tool, first, ALICE)["error"]["code"] == -32602


def test_a_state_is_of_no_use_to_others(gateway):
    gateway.serve(one=fixture("legacy"))
    client, tool, first = asked(gateway, Authorization="Bearer me")
    thief = Modern(gateway, ASKS, Authorization="Bearer you")
    assert thief.again(tool, first, ALICE)["error"]["code"] == -32602
    other = "test_input_required_result_sampling"
    assert client.again(other, first, ALICE)["error"]["code"] == -32602
    assert "result" in client.again(tool, first, ALICE)


def test_a_forged_state_is_refused(gateway):
    gateway.serve(one=fixture("legacy"))
    client, tool, first = asked(gateway)
    state = first["result"]["requestState"]
    for bad in (state[:-1], state + "0", "0" * len(state), "", 7, [state]):
        wrong = {"result": {"requestState": bad}}
        assert client.again(tool, wrong, ALICE)["error"]["code"] == -32602
    assert "result" in client.again(tool, first, ALICE)


def test_answers_that_are_no_object_are_refused(gateway):
    gateway.serve(one=fixture("legacy"))
    client, tool, _ = asked(gateway)
    wrong = client.call(tool, inputResponses=[1])
    assert wrong["error"]["code"] == -32602


def test_what_a_modern_server_requires_is_asked_of_a_session(gateway):
    gateway.serve(one=fixture("modern"))
    client = gateway.client(elicitation={})
    with client.begin("test_input_required_result_multi_round") as stream:
        for content in ({"name": "Bo"}, {"color": "red"}):
            request = stream.until("elicitation/create")
            client.reply(
                request, result={"action": "accept", "content": content}
            )
        message = stream.next()
        while "id" not in message or "method" in message:
            message = stream.next()
    assert message["result"]["content"][0]["text"] == "Bo likes red"
    assert "resultType" not in message["result"]


def test_a_session_that_cannot_be_asked_gets_an_error(gateway):
    gateway.serve(one=fixture("modern"))
    client = gateway.client()
    text = client.failure("test_input_required_result_elicitation")
    assert "did not declare" in text


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_a_listen_hears_of_the_lists_that_it_asked_for(gateway, era):
    gateway.serve(one=fixture(era))
    client = Modern(gateway)
    message = client.message(
        "subscriptions/listen", {"notifications": {"toolsListChanged": True}}
    )
    message["id"] = "sub-1"
    with gateway.stream(
        "POST",
        "/mcp",
        json.dumps(message),
        {"Content-Type": "application/json", **client.fields(message)},
    ) as stream:
        first = stream.next()
        assert first["method"] == "notifications/subscriptions/acknowledged"
        assert first["params"]["notifications"] == {"toolsListChanged": True}
        client.call("test_trigger_prompt_change")
        client.call("test_trigger_tool_change")
        told = stream.next()
        assert told["method"] == "notifications/tools/list_changed"
        assert told["params"]["_meta"] == {META + "subscriptionId": "sub-1"}


def test_a_client_that_leaves_cancels_its_call(gateway):
    gateway.serve(one=server())
    client = Modern(gateway)
    message = client.message(
        "tools/call", {"name": "sleep", "arguments": {"seconds": 60}}
    )
    c = gateway.connect()
    c.request(
        "POST",
        "/mcp",
        json.dumps(message),
        {"Content-Type": "application/json", **client.fields(message)},
    )

    def open_calls():
        return gateway.request("GET", "/apps").json()["servers"][0]["open"]

    wait_for(lambda: open_calls() == 1, what="the call is under way")
    c.close()
    wait_for(lambda: open_calls() == 0, what="it was cancelled")


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_an_era_that_was_pinned_is_not_asked_for(gateway, era):
    gateway.serve(one={**fixture(era), "era": era})
    assert "test_simple_text" in gateway.client().names()
    wrong = "modern" if era == "legacy" else "legacy"
    answer = gateway.apps({"one": {**fixture(era), "era": wrong}})
    assert answer.status == 503


def test_an_unknown_era_is_a_mistake(gateway):
    answer = gateway.apps({"one": {**server(), "era": "new"}})
    assert answer.status == 422
    assert "era" in answer.body.decode()


def test_a_page_may_send_the_headers_that_tools_want(gateway):
    gateway.serve(one=server())
    answer = gateway.request(
        "OPTIONS",
        "/mcp",
        headers={
            "Origin": "http://localhost:1",
            "Access-Control-Request-Headers": "mcp-name, mcp-param-region,x-y",
        },
    )
    allowed = answer.headers["Access-Control-Allow-Headers"]
    assert allowed.endswith("Mcp-Name, mcp-param-region")
