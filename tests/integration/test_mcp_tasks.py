# SPDX-License-Identifier: MIT
"""Calls that are answered by a task, in the form of either era."""

import json

import pytest
from helpers.gateway import full_server, wait_for
from helpers.modern import META, Modern, fixture

EXTENSION = {"extensions": {META + "tasks": {}}}
CORE = {"cancel": {}, "requests": {"tools": {"call": {}}}}
RELATED = META + "related-task"


@pytest.fixture
def two(gateway):
    """Two servers of sessions that have tasks."""
    gateway.serve(
        alpha=full_server("--name", "alpha", "--tasks"),
        beta=full_server("--name", "beta", "--tasks"),
    )
    return gateway


@pytest.fixture
def modern(gateway):
    """Two servers of 2026-07-28, which have the extension."""
    gateway.serve(alpha=fixture("modern"), beta=fixture("modern"))
    return gateway


def begin(client, tool):
    """The task that a call of a session becomes."""
    params = {"name": tool, "arguments": {}, "task": {"ttl": 60000}}
    return client.ask("tools/call", params)["task"]


def by_id(client, method, task, **params):
    """A modern request about a task; its HTTP answer."""
    params = {"taskId": task, **params}
    return client.ask(method, params, Mcp_Name=task)


def code_of(answer):
    return answer.status, answer.json()["error"]["code"]


def test_a_task_is_asked_of_the_server_that_has_it(two):
    client = two.client()
    first, second = begin(client, "alpha_pid"), begin(client, "beta_pid")
    assert (first["taskId"], second["taskId"]) == ("alpha+t1", "beta+t1")
    cancelled = client.ask("tasks/cancel", {"taskId": "beta+t1"})
    assert cancelled == {"taskId": "beta+t1", "status": "cancelled"}
    got = client.ask("tasks/get", {"taskId": "alpha+t1"})
    assert got == {"taskId": "alpha+t1", "status": "working"}


def test_a_question_and_a_result_name_the_task_as_clients_know_it(two):
    client = two.client(roots={})
    task = begin(client, "beta_pid")["taskId"]
    related = {RELATED: {"taskId": task}}
    wanted = client.message("tasks/result", {"taskId": task})
    with client.stream_post(wanted) as stream:
        question = stream.until("roots/list")
        assert question["params"]["_meta"] == related
        client.reply(question, result={"roots": [], "_meta": related})
        while "result" not in (answer := stream.next()):
            pass
    assert answer["result"]["_meta"] == related
    server, reply = json.loads(answer["result"]["content"][0]["text"])
    assert server == "beta"
    assert reply["result"]["_meta"] == {RELATED: {"taskId": "t1"}}


def test_the_status_of_a_task_is_told_to_the_only_session(two):
    client = two.client()
    with client.listen() as stream:
        begin(client, "beta_pid")
        told = stream.until("notifications/tasks/status")
    assert told["params"]["taskId"] == "beta+t1"


def test_the_status_of_a_task_is_not_told_to_other_clients(two):
    client, other = two.client(), two.client()
    with other.listen() as stream:
        begin(client, "alpha_pid")
        note = {"method": "notifications/message", "params": {"data": "end"}}
        client.result("alpha_tell_later", notes=[note, note])
        while (m := stream.next())["method"] != "notifications/message":
            assert m["method"] != "notifications/tasks/status"


def test_with_one_server_its_ids_stay_and_hold_when_another_comes(gateway):
    alpha = full_server("--name", "alpha", "--tasks")
    gateway.serve(alpha=alpha)
    client = gateway.client()
    assert begin(client, "pid")["taskId"] == "t1"
    gateway.serve(alpha=alpha, beta=full_server("--name", "beta"))
    assert client.ask("tasks/get", {"taskId": "t1"})["taskId"] == "alpha+t1"
    gateway.serve(alpha=alpha)
    assert client.ask("tasks/get", {"taskId": "alpha+t1"})["taskId"] == "t1"


@pytest.mark.parametrize("task", ["", "t1", "gamma+t1", "alpha", 1, None])
def test_an_id_of_no_task_is_a_bad_parameter(two, task):
    client = two.client()
    begin(client, "alpha_pid")
    assert client.error("tasks/get", {"taskId": task})["code"] == -32602


def test_nobody_is_shown_the_tasks_of_others(two):
    assert two.client().error("tasks/list", {})["code"] == -32601


def test_tasks_are_offered_in_the_form_of_the_clients_era(gateway):
    gateway.serve(alpha=full_server("--tasks"), beta=fixture("modern"))
    client = gateway.client()
    offered = client.initialize()["capabilities"]
    assert offered["tasks"] == CORE
    assert "extensions" not in offered
    found = Modern(gateway).ask("server/discover").json()["result"]
    assert found["capabilities"]["extensions"] == EXTENSION["extensions"]
    assert "tasks" not in found["capabilities"]


def test_a_client_of_the_other_era_gets_its_answer_and_no_task(gateway):
    gateway.serve(alpha=full_server("--tasks"), beta=fixture("modern"))
    made = Modern(gateway, EXTENSION).call("alpha_pid", task={"ttl": 60000})
    assert made["result"]["resultType"] == "complete"
    assert made["result"]["content"][0]["text"].isdigit()
    arguments = {"seconds": 0, "label": "x"}
    params = {"name": "beta_slow_compute", "arguments": arguments, "task": {}}
    done = gateway.client().ask("tools/call", params)
    assert done["content"][0]["text"] == "computed x"


@pytest.mark.parametrize("lifetime", ["shared", "per-call"])
def test_what_no_server_keeps_is_not_offered(gateway, lifetime):
    tasks = ["--tasks"] if lifetime == "per-call" else []
    gateway.serve(alpha=full_server(*tasks, session=lifetime))
    client = gateway.client()
    assert "tasks" not in client.initialize()["capabilities"]
    assert client.error("tasks/get", {"taskId": "t1"})["code"] == -32601
    answer = by_id(Modern(gateway, EXTENSION), "tasks/get", "t1")
    assert code_of(answer) == (404, -32601)


def test_a_task_of_the_extension_goes_through_to_its_end(modern):
    client = Modern(modern, EXTENSION)
    made = client.call("beta_multi_input")["result"]
    task = made["taskId"]
    assert made["resultType"] == "task"
    assert task.startswith("beta+")

    def status(wanted):
        got = by_id(client, "tasks/get", task).json()["result"]
        assert got["taskId"] == task
        return got if got["status"] == wanted else None

    asked = wait_for(lambda: status("input_required"))["inputRequests"]
    yes = {"action": "accept", "content": {"confirm": True}}
    answers = {key: yes for key in asked}
    done = by_id(client, "tasks/update", task, inputResponses=answers)
    assert done.json()["result"]["resultType"] == "complete"
    result = wait_for(lambda: status("completed"))["result"]
    assert result["content"][0]["text"] == "both answered"


def test_a_task_of_the_extension_is_cancelled(modern):
    client = Modern(modern, EXTENSION)
    made = client.call("alpha_slow_compute", {"seconds": 60})["result"]
    assert by_id(client, "tasks/cancel", made["taskId"]).status == 200
    got = by_id(client, "tasks/get", made["taskId"]).json()["result"]
    assert got["status"] == "cancelled"


def test_the_extension_must_be_declared(modern):
    answer = by_id(Modern(modern), "tasks/get", "alpha+x")
    assert code_of(answer) == (400, -32021)
    needed = answer.json()["error"]["data"]["requiredCapabilities"]
    assert needed == EXTENSION


@pytest.mark.parametrize("method", ["tasks/list", "tasks/result"])
def test_what_the_extension_has_not_is_not_found(modern, method):
    answer = by_id(Modern(modern, EXTENSION), method, "alpha+x")
    assert code_of(answer) == (404, -32601)


def test_the_header_names_the_task_as_clients_know_it(modern):
    client = Modern(modern, EXTENSION)
    task = client.call("alpha_slow_compute", {"seconds": 60})["result"]
    own = task["taskId"].removeprefix("alpha+")
    params = {"taskId": task["taskId"]}
    answer = client.ask("tasks/get", params, Mcp_Name=own)
    assert code_of(answer) == (400, -32020)
