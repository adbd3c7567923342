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
