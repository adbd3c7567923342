# SPDX-License-Identifier: MIT
"""POST /apps: what it refuses, what it starts, and what a swap leaves alone."""

import json
import os
import socket
import sys
import threading
import time

import pytest

from helpers.gateway import SERVER, alive, server, wait_for

JSON = {"Content-Type": "application/json"}


def field(answer):
    """The place of the one refused field."""
    assert answer.status == 422, answer
    (entry,) = answer.json()["detail"]
    assert set(entry) >= {"type", "loc", "msg", "input"}
    return entry["type"], entry["loc"]


def problem(answer, name):
    """Why this server kept the swap from happening."""
    assert answer.status == 503, answer
    detail = answer.json()["detail"]
    assert detail["failed_servers"] == [name]
    assert name in detail["error"]
    assert list(detail["details"]) == [name]
    return detail["details"][name]["error"]


# --- wrong shapes: 422 with the place ----------------------------------------


@pytest.mark.parametrize(
    "change, kind, place",
    [
        ({"transport": None}, "missing", ["transport"]),
        ({"transport": 7}, "string_type", ["transport"]),
        ({"command": 7}, "string_type", ["command"]),
        ({"command": ["a"]}, "string_type", ["command"]),
        ({"args": "x"}, "list_type", ["args"]),
        ({"args": {}}, "list_type", ["args"]),
        ({"args": ["a", 7]}, "string_type", ["args", 1]),
        ({"args": [None]}, "string_type", ["args", 0]),
        ({"env": []}, "dict_type", ["env"]),
        ({"env": {"A": 1}}, "string_type", ["env", "A"]),
        ({"env": {"A": None}}, "string_type", ["env", "A"]),
        ({"cwd": False}, "string_type", ["cwd"]),
        ({"serve_mcp_tools": "no"}, "bool_parsing", ["serve_mcp_tools"]),
        ({"startup_timeout": -1}, "int_parsing", ["startup_timeout"]),
        ({"startup_timeout": "5"}, "int_parsing", ["startup_timeout"]),
        ({"startup_timeout": 1e9}, "int_parsing", ["startup_timeout"]),
        ({"call_timeout": 1.5}, "int_parsing", ["call_timeout"]),
    ],
)
def test_a_wrong_field_is_refused_with_its_place(gateway, change, kind, place):
    good = server()
    answer = gateway.apps({"good": good, "bad": {**good, **change}})
    found_kind, loc = field(answer)
    assert found_kind == kind
    assert loc == ["body", "mcpServers", "bad", *place]
    assert not gateway.children()


def test_a_missing_transport_is_refused(gateway):
    answer = gateway.apps({"x": {"command": "true"}})
    assert field(answer) == (
        "missing",
        ["body", "mcpServers", "x", "transport"],
    )


@pytest.mark.parametrize("value", [[], 7, "text", None, True])
def test_a_server_must_be_an_object(gateway, value):
    answer = gateway.apps({"x": value})
    assert field(answer)[1] == ["body", "mcpServers", "x"]


@pytest.mark.parametrize("value", [[], 7, "text", None])
def test_mcp_servers_must_be_an_object(gateway, value):
    answer = gateway.post_json("/apps", {"mcpServers": value})
    assert field(answer) == ("dict_type", ["body", "mcpServers"])


def test_mcp_servers_is_required(gateway):
    answer = gateway.post_json("/apps", {"servers": {}})
    assert field(answer) == ("missing", ["body", "mcpServers"])


@pytest.mark.parametrize("body", ["[]", "7", '"text"', "null", "true"])
def test_the_body_must_be_an_object(gateway, body):
    answer = gateway.request("POST", "/apps", body, JSON)
    assert field(answer) == ("model_attributes_type", ["body"])


@pytest.mark.parametrize(
    "body, offset, where",
    [
        ("", 0, "line 1 column 1"),
        ("{", 1, "line 1 column 2"),
        ('{"mcpServers":\n  {,}}', 18, "line 2 column 4"),
        ("{'mcpServers': {}}", 1, "line 1 column 2"),
        ('{"mcpServers": {}} x', 19, "line 1 column 20"),
        ('{"a":01}', 6, "line 1 column 7"),
        (b'{"a":"\xff"}', 6, "line 1 column 7"),
    ],
)
def test_malformed_json_is_refused_with_the_place(
    gateway, body, offset, where
):
    answer = gateway.request("POST", "/apps", body, JSON)
    kind, loc = field(answer)
    assert kind == "json_invalid"
    assert loc == ["body", offset]
    assert where in answer.json()["detail"][0]["ctx"]["error"]


def test_deeply_nested_json_is_refused(gateway):
    body = '{"mcpServers":' * 100_000
    answer = gateway.request("POST", "/apps", body, JSON)
    assert field(answer)[0] == "json_invalid"


@pytest.mark.parametrize(
    "body",
    [
        '{"mcpServers":{},"mcpServers":{}}',
        '{"mcpServers":{"a":{"transport":"stdio","transport":"stdio"}}}',
        '{"mcpServers":{"a":{},"\\u0061":{}}}',
    ],
)
def test_a_repeated_key_is_refused(gateway, body):
    answer = gateway.request("POST", "/apps", body, JSON)
    assert field(answer)[0] == "json_invalid"


@pytest.mark.parametrize(
    "kind",
    ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"],
)
def test_another_content_type_is_refused(gateway, kind):
    answer = gateway.request(
        "POST", "/apps", '{"mcpServers":{}}', {"Content-Type": kind}
    )
    assert field(answer) == ("model_attributes_type", ["body"])


@pytest.mark.parametrize(
    "kind",
    [None, "application/json; charset=utf-8", "application/vnd.x+json"],
)
def test_json_content_types_are_taken(gateway, kind):
    headers = {"Content-Type": kind} if kind else {}
    answer = gateway.request("POST", "/apps", '{"mcpServers":{}}', headers)
    assert answer.status == 200


def test_a_huge_body_is_refused(gateway):
    answer = gateway.request("POST", "/apps", b" " * (5 << 20), JSON)
    assert answer.status == 413


def test_unknown_keys_and_nulls_are_ignored(gateway):
    entry = server(
        env=None, cwd=None, headers=None, auth=None, colour="blue", url=None
    )
    answer = gateway.post_json(
        "/apps",
        {
            "mcpServers": {"one": entry},
            "allowed_tool_names": None,
            "coordinator_config": None,
            "x": [1],
        },
    )
    assert answer.status == 200


# --- servers that cannot be used: 400 --------------------------------------


@pytest.mark.parametrize(
    "entry, word",
    [
        ({"transport": "stdio"}, "command"),
        ({"transport": "stdio", "command": ""}, "command"),
        ({"transport": "stdio", "command": None}, "command"),
        ({"transport": "bogus", "command": "true"}, "transport"),
        ({"transport": "", "command": "true"}, "transport"),
        ({"transport": "STDIO", "command": "true"}, "transport"),
        ({"transport": "http"}, "transport"),
    ],
)
def test_a_server_that_cannot_be_used_is_400(gateway, entry, word):
    answer = gateway.apps({"broken": entry})
    assert answer.status == 400
    assert "broken" in answer.json()["detail"]
    assert word in answer.json()["detail"]


# --- servers that do not become ready: 503 ---------------------------------


def refused_quickly(gateway, **servers):
    began = time.monotonic()
    answer = gateway.apps(servers)
    assert time.monotonic() - began < (5 if gateway.slow else 1.0)
    return answer


def test_a_command_that_is_not_there(gateway):
    entry = {"transport": "stdio", "command": "no-such-command-anywhere"}
    text = problem(refused_quickly(gateway, lost=entry), "lost")
    assert "lost" in text
    assert "no-such-command-anywhere" in text
    assert "No such file" in text


def test_a_command_that_may_not_be_executed(gateway, tmp_path):
    plain = tmp_path / "plain"
    plain.write_text("text")
    entry = {"transport": "stdio", "command": str(plain)}
    text = problem(refused_quickly(gateway, x=entry), "x")
    assert "ermission denied" in text


def test_a_working_directory_that_is_not_there(gateway, tmp_path):
    entry = server(cwd=str(tmp_path / "absent"))
    text = problem(refused_quickly(gateway, x=entry), "x")
    assert "cwd" in text
    assert "absent" in text


def test_a_server_that_exits_at_once(gateway):
    entry = server("--exit=3", "--stderr=first line\nno module named foo\n")
    text = problem(refused_quickly(gateway, broken=entry), "broken")
    assert "broken" in text
    assert "exit 3" in text
    assert "no module named foo" in text


def test_a_server_that_is_killed(gateway):
    entry = {
        "transport": "stdio",
        "command": "sh",
        "args": ["-c", "echo dying >&2; kill -9 $$"],
    }
    text = problem(refused_quickly(gateway, x=entry), "x")
    assert "SIGKILL" in text
    assert "dying" in text


def test_a_server_that_ends_without_a_word(gateway):
    entry = {"transport": "stdio", "command": "true"}
    text = problem(refused_quickly(gateway, x=entry), "x")
    assert "exit 0" in text


def test_only_the_end_of_a_long_stderr_is_told(gateway):
    entry = server("--exit=1", "--stderr=" + "a" * 50_000 + "the end")
    answer = refused_quickly(gateway, x=entry)
    assert problem(answer, "x").endswith("the end")
    assert len(answer.body) < 5000


def test_stderr_that_is_no_text_is_told_as_valid_json(gateway):
    entry = {
        "transport": "stdio",
        "command": "sh",
        "args": ["-c", r"printf '\377\001\033[1m\"tail' >&2; exit 1"],
    }
    assert "tail" in problem(refused_quickly(gateway, x=entry), "x")


def test_stderr_is_cut_between_characters(gateway):
    for n in range(4):
        entry = server("--exit=1", "--stderr=" + "b" * n + "\u20ac" * 2000)
        answer = gateway.apps({"x": entry})
        text = problem(answer, "x")
        assert text.endswith("\u20ac" * 100)


def test_a_server_that_refuses_initialize(gateway):
    text = problem(refused_quickly(gateway, x=server("--refuse=initialize")), "x")
    assert "initialize" in text


def test_a_server_that_refuses_tools_list(gateway):
    text = problem(refused_quickly(gateway, x=server("--refuse=tools/list")), "x")
    assert "tools/list" in text


def test_a_server_with_an_unknown_protocol_version(gateway):
    entry = server("--protocol=1999-01-01")
    assert "version" in problem(refused_quickly(gateway, x=entry), "x")


@pytest.mark.parametrize("method", ["initialize", "tools/list"])
def test_a_server_that_never_answers_runs_into_its_time(gateway, method):
    entry = server(f"--silent={method}", startup_timeout=1)
    began = time.monotonic()
    text = problem(gateway.apps({"mute": entry}), "mute")
    assert "did not answer within 1 s" in text
    assert 0.9 < time.monotonic() - began < 10


def test_a_server_that_lists_no_tool_runs_into_its_time(gateway):
    entry = server("--no-tools", startup_timeout=1)
    assert "no tool" in problem(gateway.apps({"x": entry}), "x")


def test_a_server_without_the_tools_capability_is_ready(gateway):
    assert gateway.apps({"x": server("--no-capability")}).status == 200
    assert gateway.client().names() == []


def test_tools_that_appear_late_are_waited_for(gateway):
    gateway.serve(x=server("--late=0.6", "--tools=a,b"))
    assert gateway.client().names() == ["a", "b"]


def test_one_bad_server_spoils_the_set(gateway):
    answer = refused_quickly(
        gateway, good=server(), bad=server("--exit=4"), mute=server("--delay=9")
    )
    assert "exit 4" in problem(answer, "bad")
    wait_for(lambda: not gateway.children(), what="the others are ended")
    assert gateway.request("POST", "/mcp", "{}").status == 404


@pytest.mark.parametrize("name", ["a b", 'quo"te', "caf\u00e9", "\u0007", "/"])
def test_odd_names_of_servers_are_told_as_they_are(gateway, name):
    answer = gateway.apps({name: server("--exit=1")})
    assert name in problem(answer, name) or name == "\u0007"
    answer = gateway.apps({name: server("--tools=t"), "b": server("--tools=u")})
    assert answer.json()["servers"] == [name, "b"]
    assert gateway.client().names() == [name + "_t", "b_u"]
    assert gateway.client().text(name + "_t") == "called t"


# --- the answer ----------------------------------------------------------------


def test_the_answer_has_the_names_in_order_and_the_time(gateway):
    answer = gateway.serve(zeta=server(), alpha=server(), m=server())
    assert answer["servers"] == ["zeta", "alpha", "m"]
    assert answer["duration_ms"] > 0


def test_no_servers_is_a_configuration(gateway):
    began = time.monotonic()
    answer = gateway.serve()
    assert answer["servers"] == []
    assert time.monotonic() - began < 1
    assert gateway.client().names() == []


def test_no_servers_after_some_ends_them(gateway):
    gateway.serve(one=server())
    gateway.serve()
    wait_for(lambda: not gateway.children(), what="the old child is gone")
    assert gateway.client().names() == []


# --- the same again --------------------------------------------------------


def test_the_same_configuration_changes_nothing(gateway):
    first = server(env={"A": "1", "B": "2"}, cwd="/")
    second = server("--tools=x")
    gateway.serve(a=first, b=second)
    pids = sorted(gateway.children())
    same = json.dumps(
        {
            "unknown": True,
            "mcpServers": {
                "b": dict(reversed(second.items())),
                "a": {
                    "serve_mcp_tools": True,
                    "url": None,
                    **dict(reversed(first.items())),
                    "env": {"B": "2", "A": "1"},
                },
            },
        }
    )
    answer = gateway.request("POST", "/apps", same, JSON)
    assert answer.status == 200
    assert answer.json()["duration_ms"] == 0.0
    assert sorted(gateway.children()) == pids


def test_no_servers_twice_is_the_same_configuration(gateway):
    gateway.serve()
    assert gateway.serve()["duration_ms"] == 0.0


@pytest.mark.parametrize(
    "change",
    [
        {"args": ["-I", "-S", str(SERVER), "--pages=2"]},
        {"env": {"A": "2"}},
        {"env": None},
        {"cwd": "/"},
        {"call_timeout": 5},
    ],
)
def test_another_configuration_starts_another_process(gateway, change):
    entry = server(env={"A": "1"})
    gateway.serve(one=entry)
    client = gateway.client()
    pid = client.text("pid")
    assert gateway.serve(one={**entry, **change})["duration_ms"] > 0
    assert client.text("pid") != pid


# --- swaps -----------------------------------------------------------------------


def test_a_failed_swap_leaves_everything_as_it_was(gateway):
    gateway.serve(one=server())
    client = gateway.client()
    pid = client.text("pid")
    assert client.text("counter") == "1"
    for broken in (
        {"one": server("--exit=1")},
        {"one": server(), "two": server("--exit=1")},
        {"one": {"transport": "stdio", "command": "no-such-command"}},
        {"one": {"transport": "bogus"}},
        {"one": {}},
    ):
        assert gateway.apps(broken).status in (400, 422, 503)
        assert client.text("pid") == pid
    assert client.text("counter") == "2"
    wait_for(lambda: len(gateway.children()) == 1, what="one child is left")
    assert gateway.serve(one=server())["duration_ms"] == 0.0


def test_a_failed_first_configuration_can_be_followed_by_a_good_one(gateway):
    assert gateway.apps({"x": server("--exit=1")}).status == 503
    gateway.serve(x=server())
    assert gateway.client().text("echo", text="hi") == "hi"


def test_an_unchanged_server_keeps_its_process_and_state(gateway):
    kept = server()
    gateway.serve(kept=kept, old=server("--tools=a"))
    client = gateway.client()
    pid = client.text("kept_pid")
    assert client.text("kept_counter") == "1"
    gateway.serve(new=server("--tools=b"), kept=kept)
    assert client.text("kept_pid") == pid
    assert client.text("kept_counter") == "2"
    assert "old_a" not in client.names()
    assert client.text("new_b") == "called b"
    gateway.serve(kept=kept)
    assert client.text("counter") == "3"


def test_a_renamed_server_is_another_one(gateway):
    gateway.serve(a=server(), z=server("--tools=x"))
    pid = gateway.client().text("a_pid")
    gateway.serve(b=server(), z=server("--tools=x"))
    assert gateway.client().text("b_pid") != pid


def test_sessions_survive_swaps(gateway):
    gateway.serve(one=server("--tools=a"))
    client = gateway.client()
    assert client.names() == ["a"]
    gateway.serve(two=server("--tools=b"))
    assert client.names() == ["b"]
    assert client.text("b") == "called b"
    gateway.serve()
    assert client.names() == []
    gateway.apps({"x": server("--exit=1")})
    assert client.ask("ping") == {}


def test_old_children_are_gone_after_a_swap(gateway):
    gateway.serve(one=server(), two=server())
    old = gateway.children()
    assert len(old) == 2
    gateway.serve(three=server())
    wait_for(lambda: not any(map(alive, old)), what="the old ones are gone")


def test_a_child_that_will_not_leave_is_made_to(gateway):
    gateway.serve(one=server("--stubborn"))
    (old,) = gateway.children()
    gateway.serve(two=server())
    assert gateway.client().text("echo", text="a") == "a"
    wait_for(lambda: not alive(old), seconds=15, what="the old one is gone")


def test_a_grandchild_does_not_outlive_its_parent(gateway, tmp_path):
    pid_file = tmp_path / "pid"
    gateway.serve(one=server("--grandchild", pid_file))
    pid = int(pid_file.read_text())
    gateway.serve()
    wait_for(lambda: not alive(pid), seconds=15, what="the grandchild is gone")


def test_a_call_under_way_survives_the_swap_of_its_server(gateway):
    gateway.serve(one=server())
    client = gateway.client()
    answers = []
    call = threading.Thread(
        target=lambda: answers.append(client.text("sleep", seconds=0.6))
    )
    call.start()
    time.sleep(0.2)
    gateway.serve(two=server("--tools=b"))
    assert not answers, "the swap waited for the call"
    assert client.names() == ["b"]
    call.join()
    assert answers == ["slept"]
    wait_for(lambda: len(gateway.children()) == 1, what="the old one is gone")


def test_calls_go_on_during_a_slow_swap(gateway):
    gateway.serve(one=server())
    client = gateway.client()
    done = []
    swap = threading.Thread(
        target=lambda: done.append(gateway.serve(two=server("--delay=0.7")))
    )
    swap.start()
    for _ in range(5):
        assert client.text("echo", text="hi") == "hi"
    assert not done
    swap.join()


def test_two_swaps_at_once_are_done_one_after_the_other(gateway):
    answers = {}

    def swap(name, delay):
        answers[name] = gateway.apps({name: server(f"--delay={delay}")})

    first = threading.Thread(target=swap, args=("first", 0.5))
    second = threading.Thread(target=swap, args=("second", 0))
    first.start()
    wait_for(gateway.children, what="the first swap has begun")
    second.start()
    time.sleep(0.2)
    assert not answers
    first.join()
    second.join()
    assert {n: a.status for n, a in answers.items()} == {
        "first": 200,
        "second": 200,
    }
    assert gateway.serve(second=server("--delay=0"))["duration_ms"] == 0.0


def test_a_swap_waits_behind_one_that_fails(gateway):
    threads = []
    answers = [None, None]

    def swap(i, entry):
        answers[i] = gateway.apps({"x": entry}).status

    for i, entry in enumerate(
        [server("--silent=initialize", startup_timeout=1), server()]
    ):
        threads.append(threading.Thread(target=swap, args=(i, entry)))
        threads[-1].start()
        time.sleep(0.2)
    for t in threads:
        t.join()
    assert answers == [503, 200]


def abandon(gateway, servers):
    """Ask for a swap and go away."""
    body = json.dumps({"mcpServers": servers}).encode()
    s = socket.create_connection(("127.0.0.1", gateway.port))
    s.sendall(
        b"POST /apps HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b"
        % (len(body), body)
    )
    return s


def test_a_client_that_goes_away_cancels_its_swap(gateway):
    gateway.serve(one=server())
    client = gateway.client()
    pid = client.text("pid")
    s = abandon(gateway, {"mute": server("--silent=initialize")})
    wait_for(lambda: len(gateway.children()) == 2, what="the swap began")
    s.close()
    wait_for(lambda: len(gateway.children()) == 1, what="it was dropped")
    assert client.text("pid") == pid
    gateway.serve(two=server())


def test_a_client_that_goes_away_gives_up_its_place(gateway):
    first = abandon(gateway, {"mute": server("--silent=initialize")})
    wait_for(gateway.children, what="the first swap began")
    waiting = abandon(gateway, {"mute": server("--silent=initialize")})
    time.sleep(0.1)
    waiting.close()
    time.sleep(0.1)
    first.close()
    gateway.serve(two=server())


def test_fifty_swaps_leave_nothing_behind(gateway):
    gateway.serve(zero=server())
    before = len(os.listdir(f"/proc/{gateway.pid}/fd"))
    for i in range(50):
        gateway.serve(one=server("--tools=t", env={"N": str(i)}))
    wait_for(lambda: len(gateway.children()) == 1, what="one child is left")
    wait_for(
        lambda: len(os.listdir(f"/proc/{gateway.pid}/fd")) <= before,
        what="descriptors are closed",
    )


# --- what a child gets ---------------------------------------------------------


def test_children_get_six_variables_and_their_own(new_gateway):
    ours = {
        "LOGNAME": "lg",
        "SHELL": "/bin/sh",
        "TERM": "dumb",
        "USER": "us",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "CORACLE_LOG": "debug",
        "PYTHONPATH": "/nowhere",
        "LD_LIBRARY_PATH": "",
        "HOMER": "x",
        "S3_SECRET_ACCESS_KEY": "secret",
    }
    gateway = new_gateway(env=ours)
    gateway.serve(one=server(env={"OWN": "a=b", "EMPTY": "", "U": "\u00e9"}))
    environment = json.loads(gateway.client().text("env"))
    environment.pop("LC_CTYPE", None)  # the interpreter sets it itself
    assert environment == {
        "HOME": gateway.home,
        "PATH": os.environ["PATH"],
        "LOGNAME": "lg",
        "SHELL": "/bin/sh",
        "TERM": "dumb",
        "USER": "us",
        "OWN": "a=b",
        "EMPTY": "",
        "U": "\u00e9",
    }


def test_env_of_a_server_goes_before_ours(new_gateway):
    gateway = new_gateway(env={"USER": "ours", "TERM": "() { :; }; boo"})
    gateway.serve(one=server(env={"USER": "theirs"}))
    environment = json.loads(gateway.client().text("env"))
    assert environment["USER"] == "theirs"
    assert "TERM" not in environment


def test_a_command_is_looked_up_in_our_path(new_gateway, tmp_path):
    place = tmp_path / "bin"
    place.mkdir()
    os.symlink(sys.executable, place / "my-interpreter")
    gateway = new_gateway(env={"PATH": f"/nowhere:{place}:/usr/bin:/bin"})
    entry = {**server("--tools=t"), "command": "my-interpreter"}
    gateway.serve(one=entry)
    assert gateway.client().names() == ["t"]


def test_cwd_is_where_a_child_starts(gateway, tmp_path):
    gateway.serve(one=server(cwd=str(tmp_path)), two=server())
    client = gateway.client()
    assert client.text("one_cwd") == str(tmp_path)
    assert client.text("two_cwd") == os.getcwd()


def test_a_child_gets_no_descriptors_but_three(gateway):
    listing = {
        "transport": "stdio",
        "command": "sh",
        "args": ["-c", "ls /proc/self/fd >&2; exit 1"],
    }
    text = problem(gateway.apps({"x": listing}), "x")
    numbers = text.partition("stderr: ")[2].split()
    # ls itself has the directory open
    assert numbers == ["0", "1", "2", "3"]


def test_signals_are_as_usual_in_a_child(gateway):
    show = {
        "transport": "stdio",
        "command": "sh",
        "args": ["-c", "grep -E 'Sig(Blk|Ign)' /proc/self/status >&2; exit 1"],
    }
    text = problem(gateway.apps({"x": show}), "x")
    masks = text.partition("stderr: ")[2].split()[1::2]
    assert [int(m, 16) for m in masks] == [0, 0]


def test_tools_of_a_server_can_be_kept_back(gateway):
    gateway.serve(
        shown=server("--tools=a"),
        hidden=server("--tools=b", serve_mcp_tools=False),
    )
    client = gateway.client()
    assert client.names() == ["a"]
    assert "Unknown tool" in client.failure("b")
    assert "Unknown tool" in client.failure("hidden_b")


def test_shell_chatter_before_the_server_is_ignored(gateway):
    script = f"echo cloning...; exec {sys.executable} -I -S {SERVER} --tools=t"
    gateway.serve(
        x={"transport": "stdio", "command": "sh", "args": ["-c", script]}
    )
    assert gateway.client().names() == ["t"]


# --- GET /apps ---------------------------------------------------------------------


def status(gateway):
    answer = gateway.request("GET", "/apps")
    assert answer.status == 200
    return {s["name"]: s for s in answer.json()["servers"]}


def test_status_without_servers_is_an_empty_list(gateway):
    answer = gateway.request("GET", "/apps")
    assert answer.json() == {"servers": [], "sessions": 0}
    assert gateway.request("HEAD", "/apps").status == 200


def test_status_tells_how_each_server_is(gateway):
    gateway.serve(one=server(), two=server("--tools=a,b", "--stderr=hi\n"))
    client = gateway.client()
    for _ in range(9):
        client.text("one_echo", text="x")
    client.failure("one_error")
    client.text("one_sleep", seconds=0.1)
    found = status(gateway)
    one, two = found["one"], found["two"]
    assert list(found) == ["one", "two"]
    assert one["state"] == two["state"] == "ready"
    assert one["pid"] == int(client.text("one_pid"))
    assert (two["tools"], two["prompts"], two["resources"]) == (2, 0, 0)
    assert (one["calls"], one["errors"], one["open"]) == (11, 1, 0)
    assert (two["calls"], two["restarts"]) == (0, 0)
    assert two["stderr"] == "hi"
    assert one["protocol"] == "2025-11-25"
    latency = one["latency_us"]
    assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"]
    assert latency["p99"] <= latency["max"]
    assert latency["max"] >= 100_000 > latency["p50"]
    assert two["latency_us"] == {"p50": 0, "p90": 0, "p99": 0, "max": 0}


def test_status_tells_of_restarts_and_why(gateway):
    gateway.serve(one=server())
    client = gateway.client()
    client.failure("crash", status=7, stderr="doom")
    client.text("pid")
    one = status(gateway)["one"]
    assert one["restarts"] == 1
    assert one["errors"] == 1
    assert "exit 7" in one["last_failure"]
    assert "doom" in one["last_failure"]
    assert gateway.request("GET", "/apps").json()["sessions"] == 1
