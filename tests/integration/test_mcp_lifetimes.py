# SPDX-License-Identifier: MIT
"""For whom a server's process is: everybody, one session, or one call."""

import os
import signal
import threading

import pytest

from helpers.gateway import alive, server, wait_for
from helpers.mcp_remote_server import RemoteServer


def test_a_shared_server_has_one_process_for_all(gateway):
    gateway.serve(one=server())
    a, b = gateway.client(), gateway.client()
    assert a.text("pid") == b.text("pid")
    assert [a.text("counter"), b.text("counter")] == ["1", "2"]


@pytest.mark.parametrize(
    "fields", [{"session": "per-session"}, {"session_affinity": True}]
)
def test_each_session_has_a_process_of_its_own(gateway, fields):
    gateway.serve(one=server(**fields))
    a, b = gateway.client(), gateway.client()
    assert a.text("pid") != b.text("pid")
    assert [a.text("counter") for _ in range(3)] == ["1", "2", "3"]
    assert b.text("counter") == "1"


def test_the_process_of_a_session_ends_with_it(gateway):
    gateway.serve(one=server(session="per-session"))
    a, b = gateway.client(), gateway.client()
    pid, other = int(a.text("pid")), int(b.text("pid"))
    a.delete()
    wait_for(lambda: not alive(pid), what="it is gone")
    assert alive(other)


def test_a_crash_is_felt_by_its_session_alone(gateway):
    gateway.serve(one=server(session="per-session"))
    a, b = gateway.client(), gateway.client()
    other = b.text("pid")
    pid = int(a.text("pid"))
    assert "killed by SIGKILL" in a.failure("kill")
    assert b.text("pid") == other
    assert int(a.text("pid")) != pid


def test_each_call_has_a_process_of_its_own(gateway):
    gateway.serve(one=server(session="per-call"))
    a = gateway.client()
    pids = {int(a.text("pid")) for _ in range(3)}
    assert len(pids) == 3
    assert a.text("counter") == a.text("counter") == "1"
    wait_for(lambda: not any(map(alive, pids)), what="they are gone")
    wait_for(lambda: len(gateway.children()) == 1, what="the first is left")


def test_calls_of_their_own_run_at_once(gateway):
    gateway.serve(one=server(session="per-call"))
    a = gateway.client()
    done = []
    slow = threading.Thread(
        target=lambda: done.append(a.text("sleep", seconds=1))
    )
    slow.start()
    assert a.text("echo", text="x") == "x"
    assert not done
    slow.join()
    assert done == ["slept"]


def test_a_process_that_cannot_start_fails_its_call_only(gateway, tmp_path):
    flag = tmp_path / "flag"
    gateway.serve(one=server("--exit-if", flag, session="per-call"))
    a = gateway.client()
    flag.touch()
    assert "exit 9" in a.failure("echo", text="x")
    flag.unlink()
    assert a.text("echo", text="y") == "y"


def test_a_swap_ends_the_processes_of_sessions(gateway):
    gateway.serve(one=server(session="per-session"))
    a = gateway.client()
    pid = int(a.text("pid"))
    gateway.serve(two=server())
    wait_for(lambda: not alive(pid), what="it is gone")
    assert int(a.text("pid")) != pid


def test_processes_of_sessions_are_bounded(gateway):
    gateway.serve(one=server("--tools", "t", session="per-session"))
    clients = [gateway.client() for _ in range(66)]
    for c in clients:
        assert c.text("t") == "called t"
    wait_for(lambda: len(gateway.children()) == 65, what="64 and the first")
    assert clients[0].text("t") == "called t", "it gets another"


def test_a_remote_server_can_have_a_session_for_each_session(gateway):
    with RemoteServer() as remote:
        gateway.serve(far=remote.config(session="per-session"))
        a, b = gateway.client(), gateway.client()
        a.text("echo", text="1")
        b.text("echo", text="2")
        assert remote.made == 3
        sessions = [h["Mcp-Session-Id"] for h, _ in remote.seen("tools/call")]
        assert sessions == ["session-2", "session-3"]
        a.delete()
        wait_for(lambda: "session-2" in remote.deleted, what="DELETE")


# --- starting --------------------------------------------------------------


def test_a_lazy_server_starts_with_the_first_list(gateway):
    gateway.serve(one=server("--delay", "0.3", start="lazy"), two=server())
    assert len(gateway.children()) == 1
    states = [
        s["state"] for s in gateway.request("GET", "/apps").json()["servers"]
    ]
    assert states == ["asleep", "ready"]
    client = gateway.client()
    names = client.names()
    assert {"one_echo", "two_echo"} <= set(names)
    assert client.text("one_echo", text="x") == "x"
    assert len(gateway.children()) == 2


def test_a_lazy_server_starts_with_a_call(gateway):
    gateway.serve(one=server(start="lazy"))
    client = gateway.client()
    assert not gateway.children()
    assert client.text("echo", text="x") == "x"
    assert "Unknown tool" in client.failure("nonsense")


def test_a_known_tool_waits_for_no_lazy_server(gateway):
    gateway.serve(one=server("--delay", "30", start="lazy"), two=server())
    client = gateway.client()
    assert client.text("two_echo", text="x") == "x"
    assert len(gateway.children()) == 1


def test_a_lazy_server_that_fails_is_left_out(gateway):
    gateway.serve(one=server("--exit", "3", start="lazy"), two=server())
    client = gateway.client()
    for _ in range(2):
        names = client.names()
        assert names and not any(n.startswith("one_") for n in names)
    state = gateway.request("GET", "/apps").json()["servers"][0]
    assert state["state"] == "failed" and "exit 3" in state["last_failure"]


def test_a_lazy_server_that_is_slow_is_told_of_later(gateway):
    gateway.serve(one=server("--delay", "6", start="lazy"), two=server())
    client = gateway.client()
    with client.listen() as stream:
        assert not any(n.startswith("one_") for n in client.names())
        stream.until("notifications/tools/list_changed")
    assert "one_echo" in client.names()


def test_lazy_servers_of_sessions_start_too(gateway):
    gateway.serve(one=server(start="lazy", session="per-session"))
    a, b = gateway.client(), gateway.client()
    assert a.text("pid") != b.text("pid")


def test_a_few_start_at_once_and_all_get_ready(gateway):
    many = {f"s{i}": server("--tools", "t") for i in range(20)}
    gateway.serve(**many)
    assert len(gateway.client().names()) == 20


def test_servers_that_take_long_give_their_turn_away(new_gateway):
    gateway = new_gateway(env={"CORACLE_LOG": "debug"})
    slow = {f"s{i}": server("--delay", "4") for i in range(8)}
    gateway.serve(**slow, last=server())
    ready = [
        line.split("server ")[1].split(":")[0]
        for line in gateway.log().splitlines()
        if ": ready after" in line
    ]
    assert len(ready) == 9 and ready[0] == "last"


def test_servers_say_their_era_and_where_they_are(gateway):
    with RemoteServer() as remote:
        gateway.serve(one=server(), far=remote.config())
        one, far = gateway.request("GET", "/apps").json()["servers"]
        assert (one["era"], one["url"]) == ("legacy", None)
        assert (far["era"], far["url"]) == ("legacy", remote.url)
        assert far["pid"] is None and one["pid"]


# --- leaving ---------------------------------------------------------------


def test_calls_of_a_server_taken_out_are_answered(gateway):
    gateway.serve(one=server())
    a = gateway.client()
    answers = []
    thread = threading.Thread(
        target=lambda: answers.append(a.text("sleep", seconds=1.5))
    )
    thread.start()
    wait_for(
        lambda: gateway.request("GET", "/apps").json()["servers"][0]["open"],
        what="the call is under way",
    )
    gateway.serve(two=server())
    assert len(gateway.children()) == 2
    thread.join()
    assert answers == ["slept"]
    wait_for(lambda: len(gateway.children()) == 1, what="the old one leaves")


def test_calls_of_a_server_taken_out_have_their_timeout(gateway):
    gateway.serve(one=server(call_timeout=1))
    a = gateway.client()
    answers = []
    thread = threading.Thread(
        target=lambda: answers.append(a.failure("never"))
    )
    thread.start()
    wait_for(
        lambda: gateway.request("GET", "/apps").json()["servers"][0]["open"],
        what="the call is under way",
    )
    gateway.serve(two=server())
    thread.join()
    assert "within 1 s" in answers[0]
    wait_for(lambda: len(gateway.children()) == 1, what="the old one leaves")


def test_a_server_taken_out_that_crashes_is_gone(gateway):
    gateway.serve(one=server())
    a = gateway.client()
    pid = int(a.text("pid"))
    answers = []
    thread = threading.Thread(
        target=lambda: answers.append(a.failure("never"))
    )
    thread.start()
    wait_for(
        lambda: gateway.request("GET", "/apps").json()["servers"][0]["open"],
        what="the call is under way",
    )
    gateway.serve(two=server())
    os.kill(pid, signal.SIGKILL)
    thread.join()
    assert "killed by SIGKILL" in answers[0]
    wait_for(lambda: len(gateway.children()) == 1, what="the old one leaves")
