# SPDX-License-Identifier: MIT
"""Resources, prompts, completion, logging; what servers ask clients; streams
that are resumed."""

import json
import random
import threading
import time

import pytest

from helpers.gateway import full_server, server, wait_for

ROOTS = {"roots": [{"uri": "file:///work", "name": "work"}]}


@pytest.fixture
def one(gateway):
    gateway.serve(one=full_server())
    return gateway.client()


@pytest.fixture
def two(gateway):
    """Servers a and b have the same resources."""
    gateway.serve(
        a=full_server("--name=a"),
        b=full_server("--name=b", "--resources=test://a,test://only-b"),
    )
    return gateway.client()


def received(client, method, prefix=""):
    """What the server got of this method, over all clients."""
    log = json.loads(client.text(prefix + "received"))
    return [m.get("params") for m in log if m.get("method") == method]


def uris(client):
    return [r["uri"] for r in client.ask("resources/list")["resources"]]


def read(client, uri):
    (content,) = client.ask("resources/read", {"uri": uri})["contents"]
    return content["uri"], content["text"]


# --- what servers can do ------------------------------------------------------


def test_initialize_tells_what_the_servers_can(gateway):
    gateway.serve(plain=server("--tools=a"))
    assert gateway.client().initialize()["capabilities"] == {
        "tools": {"listChanged": True}
    }
    gateway.serve(plain=server("--tools=a"), full=full_server())
    assert gateway.client().initialize()["capabilities"] == {
        "tools": {"listChanged": True},
        "prompts": {"listChanged": True},
        "resources": {"subscribe": True, "listChanged": True},
        "completions": {},
        "logging": {},
    }
    gateway.serve(full=full_server("--no-subscribe"))
    capabilities = gateway.client().initialize()["capabilities"]
    assert capabilities["resources"] == {"listChanged": True}


def test_instructions_of_one_server_are_its_own(gateway):
    gateway.serve(one=full_server("--instructions=be \"kind\"\n\u00e9"))
    assert gateway.client().initialize()["instructions"] == 'be "kind"\n\u00e9'
    gateway.serve(one=full_server())
    assert "instructions" not in gateway.client().initialize()


def test_instructions_of_many_stand_under_their_names(gateway):
    gateway.serve(
        a=full_server("--instructions=first"),
        b=server("--tools=x"),
        c=full_server("--instructions=third"),
    )
    told = gateway.client().initialize()["instructions"]
    assert told == "# a\n\nfirst\n\n# c\n\nthird"


def test_all_pages_of_all_lists_are_one(one):
    assert uris(one) == ["test://a", "test://b", "test://c"]
    prompts = one.ask("prompts/list")
    assert [p["name"] for p in prompts["prompts"]] == [
        "greet",
        "write",
        "review",
    ]
    assert "nextCursor" not in prompts
    (t,) = one.ask("resources/templates/list")["resourceTemplates"]
    assert t["uriTemplate"] == "test://item/{id}/data"


def test_lists_of_a_server_without_them_are_empty(gateway):
    gateway.serve(one=server("--tools=a"))
    client = gateway.client()
    assert client.ask("resources/list") == {"resources": []}
    assert client.ask("prompts/list") == {"prompts": []}
    assert client.ask("resources/templates/list") == {"resourceTemplates": []}


def test_a_list_that_never_comes_delays_readiness_only_so_long(gateway):
    began = time.monotonic()
    gateway.serve(one=full_server("--mute"))
    assert 4 < time.monotonic() - began < 20
    client = gateway.client()
    assert uris(client) == []
    assert read(client, "test://unlisted") == ("test://unlisted", "full")


# --- prompts and completion ---------------------------------------------------


def prompt(client, name, **arguments):
    params = {"name": name, "arguments": arguments}
    (m,) = client.ask("prompts/get", params)["messages"]
    return m["content"]["text"]


def test_prompts_are_found_by_their_names(one, gateway):
    assert prompt(one, "greet", who="x") == 'full: greet {"who": "x"}'
    gateway.serve(a=full_server("--name=a"), b=full_server("--name=b"))
    names = [p["name"] for p in one.ask("prompts/list")["prompts"]]
    assert names[0] == "a_greet"
    assert names[3] == "b_greet"
    assert prompt(one, "b_greet") == "b: greet {}"


def test_an_unknown_prompt_is_an_error(one):
    error = one.error("prompts/get", {"name": "no"})
    assert error["code"] == -32602
    assert "no" in error["message"]
    assert one.error("prompts/get", {"name": 7})["code"] == -32602
    assert one.error("prompts/get")["code"] == -32602


def complete(client, **ref):
    params = {"ref": ref, "argument": {"name": "n", "value": "v"}}
    who, text = client.ask("completion/complete", params)["completion"][
        "values"
    ]
    return who, json.loads(text)


def test_completion_reaches_the_server_of_its_reference(two):
    assert complete(two, type="ref/prompt", name="b_greet") == (
        "b",
        {"type": "ref/prompt", "name": "greet"},
    )
    # both have this template: the second one's is shown by another name
    templates = two.ask("resources/templates/list")["resourceTemplates"]
    shown = [t["uriTemplate"] for t in templates]
    assert shown == ["test://item/{id}/data", "test://b/item/{id}/data"]
    for uri, name in zip(shown, "ab"):
        assert complete(two, type="ref/resource", uri=uri) == (
            name,
            {"type": "ref/resource", "uri": "test://item/{id}/data"},
        )


@pytest.mark.parametrize(
    "ref",
    [
        None,
        7,
        {},
        {"type": "ref/prompt"},
        {"type": "ref/prompt", "name": "no"},
        {"type": "ref/resource", "uri": "no"},
        {"type": "ref/other", "name": "greet"},
    ],
)
def test_completion_of_nothing_is_an_error(one, ref):
    params = {"ref": ref, "argument": {"name": "n", "value": "v"}}
    assert one.error("completion/complete", params)["code"] == -32602


def test_what_we_do_not_know_is_asked_of_the_only_server(one, gateway):
    assert one.ask("odd/method", {"x": 1}) == {"odd": {"x": 1}}
    assert one.error("very/odd")["message"] == "no such method"
    gateway.serve(a=full_server(), b=full_server())
    assert one.error("odd/method", {"x": 1})["code"] == -32601


# --- resources ----------------------------------------------------------------


def test_a_resource_is_read_where_it_is(one):
    assert read(one, "test://a") == ("test://a", "full")
    assert read(one, "test://item/7/data") == ("test://item/7/data", "full")
    error = one.error("resources/read", {"uri": "test://missing"})
    assert error["code"] == -32002
    assert error["data"] == {"uri": "test://missing"}
    assert one.error("resources/read", {"uri": 7})["code"] == -32602


def test_without_resources_nothing_is_found(gateway):
    gateway.serve(a=server("--tools=a"), b=server("--tools=a"))
    client = gateway.client()
    error = client.error("resources/read", {"uri": "test://\u00e9"})
    assert error["code"] == -32002
    assert error["data"] == {"uri": "test://\u00e9"}


def test_equal_uris_of_two_servers_are_told_apart(two):
    assert uris(two) == [
        "test://a",
        "test://b",
        "test://c",
        "test://b/a",
        "test://only-b",
    ]
    assert read(two, "test://a") == ("test://a", "a")
    assert read(two, "test://b/a") == ("test://b/a", "b")
    assert read(two, "test://only-b") == ("test://only-b", "b")
    assert read(two, "test://item/1/data") == ("test://item/1/data", "a")
    shown = "test://b/item/1/data"
    assert read(two, shown) == (shown, "b")


def test_links_lead_to_where_they_came_from(two):
    for tool in ("link", "embed"):
        for name, uri, shown in (
            ("a", "test://a", "test://a"),
            ("b", "test://a", "test://b/a"),
            ("b", "test://only-b", "test://only-b"),
            ("b", "test://item/9/data", "test://b/item/9/data"),
        ):
            (c,) = two.result(f"{name}_{tool}", uri=uri)["content"]
            found = c.get("uri") or c["resource"]["uri"]
            assert found == shown
            assert read(two, found) == (shown, name)


def test_what_nobody_lists_is_asked_of_each(gateway):
    gateway.serve(
        a=full_server("--name=a", "--only=xx"),
        b=full_server("--name=b", "--only=hidden"),
    )
    client = gateway.client()
    assert read(client, "any:hidden") == ("any:hidden", "b")
    error = client.error("resources/read", {"uri": "any:where"})
    assert error["code"] == -32002


def test_an_updated_resource_is_told_to_subscribers(one):
    gateway = one.gateway
    other = gateway.client()
    note = {
        "method": "notifications/resources/updated",
        "params": {"uri": "test://a"},
    }
    with one.listen() as ours, other.listen() as theirs:
        assert one.ask("resources/subscribe", {"uri": "test://a"}) == {}
        assert other.ask("resources/subscribe", {"uri": "test://b"}) == {}
        other.text("tell", notes=[note])
        m = ours.until("notifications/resources/updated")
        assert m["params"]["uri"] == "test://a"
        one.ask("resources/unsubscribe", {"uri": "test://a"})
        note["params"]["uri"] = "test://b"
        one.text("tell", notes=[note])
        m = theirs.until("notifications/resources/updated")
        assert m["params"]["uri"] == "test://b"
    assert received(one, "resources/unsubscribe") == [{"uri": "test://a"}]


def test_a_resource_is_given_up_when_the_last_subscriber_leaves(one):
    other = one.gateway.client()
    for client in (one, other):
        client.ask("resources/subscribe", {"uri": "test://a"})
    one.ask("resources/unsubscribe", {"uri": "test://a"})
    assert received(one, "resources/unsubscribe") == []
    other.delete()
    assert received(one, "resources/unsubscribe") == [{"uri": "test://a"}]


def test_subscriptions_survive_a_crash_and_a_swap(two):
    uri = {"uri": "test://b/a"}
    note = {
        "method": "notifications/resources/updated",
        "params": {"uri": "test://a"},
    }
    with two.listen() as stream:
        two.ask("resources/subscribe", uri)
        assert received(two, "resources/subscribe", "b_") == [
            {"uri": "test://a"}
        ]
        assert two.result("b_die")["isError"]
        assert received(two, "resources/subscribe", "b_") == [
            {"uri": "test://a"}
        ]
        two.text("b_tell", notes=[note])
        m = stream.until("notifications/resources/updated")
        assert m["params"] == uri
        two.gateway.serve(
            a=full_server("--name=a"),
            b=full_server("--name=new", "--resources=test://a"),
        )
        assert received(two, "resources/subscribe", "b_") == [
            {"uri": "test://a"}
        ]
        two.text("b_tell", notes=[note])
        m = stream.until("notifications/resources/updated")
        assert m["params"] == uri


def test_subscribing_where_that_is_not_possible_is_an_error(gateway):
    gateway.serve(one=full_server("--no-subscribe"))
    client = gateway.client()
    error = client.error("resources/subscribe", {"uri": "test://a"})
    assert error["code"] == -32601


@pytest.mark.parametrize("kind", ["prompts", "resources", "tools"])
def test_changed_lists_are_told(one, kind):
    gateway = one.gateway
    with one.listen() as stream:
        gateway.serve(
            one=full_server("--prompts=other", "--resources=test://z")
        )
        stream.until(f"notifications/{kind}/list_changed")
    assert uris(one) == ["test://z"]


# --- logging ------------------------------------------------------------------


def log_notes(*levels):
    return [
        {
            "method": "notifications/message",
            "params": {"level": level, "data": level},
        }
        for level in levels
    ]


def test_log_messages_precede_the_result_of_their_call(one):
    notes = log_notes("debug", "error")
    params = {"name": "tell", "arguments": {"notes": notes}}
    answer = one.post(one.message("tools/call", params))
    *logged, reply = answer.messages()
    assert [m["params"]["level"] for m in logged] == ["debug", "error"]
    assert reply["result"]["content"][0]["text"] == "told"


def test_a_client_gets_the_levels_that_it_wants(one):
    other = one.gateway.client()
    assert one.ask("logging/setLevel", {"level": "error"}) == {}
    assert other.ask("logging/setLevel", {"level": "info"}) == {}
    # the server logs what anybody wants
    assert received(one, "logging/setLevel") == [
        {"level": "error"},
        {"level": "info"},
    ]
    notes = log_notes("debug", "info", "warning", "error", "emergency")
    params = {"name": "tell", "arguments": {"notes": notes}}
    for client, want in (
        (one, ["error", "emergency"]),
        (other, ["info", "warning", "error", "emergency"]),
    ):
        answer = client.post(client.message("tools/call", params))
        levels = [m["params"]["level"] for m in answer.messages()[:-1]]
        assert levels == want
    assert one.result("die")["isError"]
    assert received(one, "logging/setLevel") == [{"level": "info"}]


@pytest.mark.parametrize("level", [None, 7, "", "loud", "Info"])
def test_an_unknown_level_is_refused(one, level):
    assert one.error("logging/setLevel", {"level": level})["code"] == -32602
    assert one.error("logging/setLevel")["code"] == -32602


# --- servers ask clients --------------------------------------------------------


def ask(client, method, params=None, answer=None, **more):
    """A tool that asks the client; the request, and what the server got."""
    with client.begin("ask", method=method, params=params, **more) as stream:
        m = stream.next()
        if "method" not in m:
            return None, json.loads(m["result"]["content"][0]["text"])
        client.reply(m, **(answer or {"result": {"ok": 1}}))
        text = stream.next()["result"]["content"][0]["text"]
        assert stream.next() is None
        return m, json.loads(text)


CAN = {
    "sampling": {},
    "elicitation": {"form": {}, "url": {}},
    "roots": {"listChanged": True},
}
SAMPLE = {"messages": [], "maxTokens": 5, "x": 12345678901234567890}


@pytest.mark.parametrize(
    "method, params",
    [
        ("sampling/createMessage", SAMPLE),
        ("elicitation/create", {"message": "m", "requestedSchema": {}}),
        ("elicitation/create", {"mode": "url", "url": "http://x"}),
        ("roots/list", None),
    ],
)
@pytest.mark.parametrize("id", [None, 7, "caf\u00e9"])
def test_a_server_asks_the_client_of_the_call(one, method, params, id):
    client = one.gateway.client(**CAN)
    asked, got = ask(client, method, params, id=id)
    assert asked["method"] == method
    assert asked.get("params") == params
    assert got["result"] == {"ok": 1}
    error = {"code": -1, "message": "user said no"}
    _, got = ask(client, method, params, {"error": error}, id=id)
    assert got["error"] == error
    assert got["id"] == (got["id"] if id is None else id)


@pytest.mark.parametrize(
    "method, params",
    [
        ("sampling/createMessage", {}),
        ("sampling/createMessage", {"tools": []}),
        ("elicitation/create", {}),
        ("elicitation/create", {"mode": "url"}),
        ("roots/list", None),
        ("no/such", {}),
    ],
)
def test_what_a_client_cannot_is_refused_in_its_place(one, method, params):
    asked, got = ask(one, method, params)
    assert asked is None
    assert got["error"]["code"] == -32601
    partly = one.gateway.client(sampling={}, elicitation={})
    asked, _ = ask(partly, method, params)
    assert (asked is None) == (
        method not in ("sampling/createMessage", "elicitation/create")
        or params != {}
    )


def test_only_the_client_that_is_meant_is_asked(one):
    able = one.gateway.client(**CAN)
    with one.begin("wait", seconds=3):
        # of two with calls under way, one can answer
        asked, got = ask(able, "roots/list")
        assert asked and got["result"] == {"ok": 1}
        also = one.gateway.client(**CAN)
        with also.begin("wait", seconds=3):
            asked, got = ask(able, "roots/list")
            assert asked is None
            assert "several clients" in got["error"]["message"]


def test_somebody_elses_answer_does_not_count(one):
    able = one.gateway.client(**CAN)
    with able.begin("ask", method="roots/list") as stream:
        m = stream.next()
        one.reply(m, result={"roots": ["forged"]})
        able.reply({"id": 999}, result={})
        able.reply({"id": "x"}, result={})
        able.reply(m, result=ROOTS)
        able.reply(m, result={"roots": ["again"]})
        text = stream.next()["result"]["content"][0]["text"]
        assert json.loads(text)["result"] == ROOTS


def test_a_session_that_ends_answers_with_an_error(one):
    able = one.gateway.client(**CAN)
    with able.begin("ask", method="roots/list", id="the-one") as stream:
        stream.next()
        able.delete()
    wait_for(
        lambda: answers(one, "the-one"), what="the server is told"
    )
    assert "error" in answers(one, "the-one")[0]


def test_a_request_that_is_taken_back_is_called_off(one):
    able = one.gateway.client(**CAN)
    with able.begin("cancelled_ask") as stream:
        asked = stream.next()
        note = stream.next()
        assert note["method"] == "notifications/cancelled"
        assert note["params"] == {
            "requestId": asked["id"],
            "reason": "never mind",
        }
        assert "result" in stream.next()


def test_a_server_that_dies_calls_off_what_it_asked(one):
    able = one.gateway.client(**CAN)
    with able.begin("ask", method="roots/list") as stream:
        asked = stream.next()
        one.result("die")
        note = stream.until("notifications/cancelled")
        assert note["params"]["requestId"] == asked["id"]
        assert stream.next()["result"]["isError"]


def answers(client, id):
    """What the server got in answer to its request of this id."""
    log = json.loads(client.text("received"))
    return [m for m in log if m.get("id") == id and "method" not in m]


def test_a_question_outside_of_calls_goes_to_the_one_who_listens(one):
    one.text("ask_later", id="nobody")
    wait_for(lambda: answers(one, "nobody"), what="it is refused")
    able = one.gateway.client(**CAN)
    with able.listen() as stream:
        one.text("ask_later", id="somebody")
        able.reply(stream.until("roots/list"), result=ROOTS)
        wait_for(lambda: answers(one, "somebody"), what="it is answered")
    (m,) = answers(one, "nobody")
    assert m["error"]["code"] == -32601
    (m,) = answers(one, "somebody")
    assert m["result"] == ROOTS


def test_of_many_listeners_the_one_whose_roots_changed_is_asked(one):
    able, other = (one.gateway.client(**CAN) for _ in range(2))
    with able.listen() as stream, other.listen():
        one.text("ask_later", id="unclear")
        wait_for(lambda: answers(one, "unclear"), what="it is refused")
        able.notify("notifications/roots/list_changed")
        assert received(one, "notifications/roots/list_changed") == [None]
        one.text("ask_later", id="clear")
        able.reply(stream.until("roots/list"), result=ROOTS)
        wait_for(lambda: answers(one, "clear"), what="it is answered")
    (m,) = answers(one, "unclear")
    assert "several clients" in m["error"]["message"]


def test_progress_of_an_answer_reaches_the_server(one):
    able = one.gateway.client(**CAN)
    params = {**SAMPLE, "_meta": {"progressToken": "tok"}}
    with able.begin(
        "ask", method="sampling/createMessage", params=params
    ) as stream:
        m = stream.next()
        assert m["params"]["_meta"] == {"progressToken": "tok"}
        note = {"progressToken": "tok", "progress": 1}
        able.notify("notifications/progress", note)
        one.notify("notifications/progress", {**note, "progress": 2})
        able.reply(m, result={})
        stream.next()
    assert received(one, "notifications/progress") == [note]


def test_a_completed_elicitation_is_told_to_who_can_use_it(one):
    note = {
        "method": "notifications/elicitation/complete",
        "params": {"elicitationId": "e"},
    }
    able = one.gateway.client(**CAN)
    params = {"name": "tell", "arguments": {"notes": [note]}}
    for client, n in ((able, 2), (one, 1)):
        answer = client.post(client.message("tools/call", params))
        assert len(answer.messages()) == n


# --- streams that are resumed -----------------------------------------------------


def test_a_stream_starts_with_where_to_resume(one):
    with one.begin("tell", notes=log_notes("info")) as stream:
        text = stream.raw.read()
    first, *rest = text.split(b"\r\n\r\n")
    assert first == b"id: 1-0\r\nretry: 1000\r\ndata: "
    assert rest[0].startswith(b"id: 1-1\r\nevent: message\r\ndata: {")
    assert rest[1].startswith(b"id: 1-2\r\n")


def test_older_revisions_have_no_event_without_data(gateway):
    gateway.serve(one=full_server())
    client = gateway.client("2025-06-18")
    with client.begin("tell", notes=log_notes("info")) as stream:
        assert stream.raw.readline() == b"id: 1-1\r\n"


def test_a_broken_stream_is_resumed_while_the_call_runs(one):
    able = one.gateway.client(**CAN)
    with able.begin("ask", method="roots/list") as stream:
        asked = stream.next()
        last = stream.last_id
    able.reply(asked, result=ROOTS)
    with able.listen(last) as stream:
        m = stream.next()
        assert json.loads(m["result"]["content"][0]["text"])["result"] == ROOTS
        assert stream.next() is None


def test_what_was_missed_is_sent_again_in_order(one):
    notes = log_notes("info", "error", "debug")
    with one.begin("tell", notes=notes) as stream:
        everything = [stream.next() for _ in range(4)]
    for after in range(5):
        with one.listen(f"1-{after}") as stream:
            got = []
            while m := stream.next():
                got.append(m)
            assert got == everything[after:]


def test_the_sessions_own_stream_is_resumed(one):
    with one.listen() as stream:
        one.gateway.serve(one=full_server("--prompts=x"))
        stream.until("notifications/prompts/list_changed")
        last = stream.last_id
    one.gateway.serve(one=full_server("--prompts=y"))
    with one.listen(last) as stream:
        stream.until("notifications/prompts/list_changed")


def test_a_client_that_comes_back_takes_its_stream_over(one):
    with one.listen() as first:
        with one.listen("0-0") as second:
            assert second.status == 200
            assert first.next() is None
            one.gateway.serve(one=full_server("--prompts=x"))
            second.until("notifications/prompts/list_changed")


@pytest.mark.parametrize("last", ["", "x", "9-1", "1", "-1", "1-x", "0" * 99])
def test_an_unknown_place_to_resume_is_refused(one, last):
    with one.listen(last) as stream:
        assert stream.status == 400


def test_streams_of_others_cannot_be_read(one):
    with one.begin("tell", notes=log_notes("info")) as stream:
        stream.raw.read()
    with one.gateway.client().listen("1-0") as stream:
        assert stream.status == 400


def test_a_big_event_is_not_kept(one):
    note = log_notes("info")[0]
    note["params"]["data"] = "x" * 400_000
    with one.begin("tell", notes=[note]) as stream:
        stream.raw.read()
    with one.listen("1-0") as stream:
        assert stream.next()["result"]["content"][0]["text"] == "told"
        assert stream.next() is None


# --- sessions ---------------------------------------------------------------------


def test_a_session_that_nobody_uses_is_dropped(new_gateway):
    gateway = new_gateway("--session-idle", 2)
    gateway.serve(one=full_server())
    idle, busy, listening = (gateway.client() for _ in range(3))
    with listening.listen(), busy.begin("wait", seconds=4) as stream:
        time.sleep(3)
        assert idle.post(idle.message("ping")).status == 404
        assert listening.post(listening.message("ping")).status == 200
        assert stream.until("notifications/message")
        assert stream.next()["result"]["content"][0]["text"] == "waited"


# --- all at once --------------------------------------------------------------


def one_visit(gateway, rnd):
    """A session that does a little of everything, and breaks off some of it."""
    able = rnd.random() < 0.7
    client = gateway.client(**(CAN if able else {}))
    open_streams = []
    if rnd.random() < 0.6:
        open_streams.append(client.listen())

    def call(tool, **arguments):
        params = {"name": rnd.choice("ab") + "_" + tool, "arguments": arguments}
        client.post(client.message("tools/call", params))

    def be_asked():
        stream = client.begin(rnd.choice("ab") + "_ask", method="roots/list")
        m = stream.next()
        if m and m.get("method") == "roots/list" and rnd.random() < 0.5:
            client.reply(m, result={})
            open_streams.append(stream)
        else:
            stream.close()
            if stream.last_id:
                open_streams.append(client.listen(stream.last_id))

    def touch(method, **params):
        client.post(client.message(method, params))

    uri = rnd.choice(["test://a", "test://b/a", "test://missing", "no:where"])
    big = "x" * rnd.choice([3, 3000, 300_000])
    note = log_notes("error")[0]
    note["params"]["data"] = big
    updated = {
        "method": "notifications/resources/updated",
        "params": {"uri": "test://a"},
    }
    steps = [
        lambda: call("tell", notes=[note] * 3),
        lambda: call("tell", notes=[updated]),
        lambda: call("cancelled_ask"),
        lambda: call("ask_later", id=rnd.random()),
        be_asked,
        lambda: touch("resources/subscribe", uri=uri),
        lambda: touch("resources/unsubscribe", uri=uri),
        lambda: touch("resources/read", uri=uri),
        lambda: touch("logging/setLevel", level="error"),
        lambda: client.notify("notifications/roots/list_changed"),
        lambda: call("die") if rnd.random() < 0.2 else None,
        lambda: gateway.request("GET", "/apps"),
    ]
    for _ in range(10):
        rnd.choice(steps)()
    if rnd.random() < 0.5:
        client.delete()
    for stream in open_streams:
        stream.close()


def test_everything_at_once_leaves_everything_in_order(gateway):
    """Whatever happens to a visit, the gateway goes on and ends cleanly."""
    both = {"a": full_server("--name=a"), "b": full_server("--name=b")}
    gateway.serve(**both)
    end = time.monotonic() + 6
    # many a question stays without an answer here: nobody waits long for it
    patient = gateway.connect
    gateway.connect = lambda timeout=2: patient(timeout)

    def visit(seed):
        rnd = random.Random(seed)
        while time.monotonic() < end:
            try:
                one_visit(gateway, rnd)
            except TimeoutError:
                pass  # a question that nobody answered

    threads = [
        threading.Thread(target=visit, args=(seed,)) for seed in range(6)
    ]
    for t in threads:
        t.start()
    for i in range(6):
        time.sleep(1)
        again = full_server(f"--name=b{i}")
        gateway.apps(
            {**both, "b": again} if i % 3 else {"a": both["a"]}, timeout=30
        )
    for t in threads:
        t.join()
    gateway.connect = patient
    gateway.serve(**both)
    client = gateway.client()
    assert client.text("a_tell", notes=[]) == "told"
    assert client.text("b_tell", notes=[]) == "told"
