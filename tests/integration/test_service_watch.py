# SPDX-License-Identifier: MIT
"""What follows when a service is dead though it runs, and after its end."""

import os
import re
import signal
import time

import pytest

from helpers.box import wait_for
from helpers.supervised import configure, read, sh

# --- alive ------------------------------------------------------------------------


def test_watchdog_that_is_not_fed_is_a_failure(supervise):
    """H3: WATCHDOG=1 as under systemd; three times, then silence."""
    s = supervise({"a": {
        "command": ["probe", "say", "400", "READY=1", "WATCHDOG=1",
                    "WATCHDOG=1", "WATCHDOG=1"],
        "ready": {"notify": True},
        "alive": {"notify": True, "interval_ms": 1000}}})
    s.reach("a", "up")
    first = s.status()["a"]["pid"]
    time.sleep(1.2)
    assert s.status()["a"]["pid"] == first  # it was fed meanwhile
    wait_for(lambda: s.status()["a"]["pid"] not in (0, first))
    err = s.stop()
    assert "service a: no WATCHDOG=1 in 1000 ms" in err
    assert re.search(r"service a: killed by SIGTERM after \d+ ms, restart", err)


def test_service_may_ask_for_its_own_restart(supervise):
    """H3"""
    s = supervise({"a": {
        "command": ["probe", "say", "100", "WATCHDOG=trigger"],
        "restart": "never", "alive": {"notify": True}}})
    s.reach("a", "failed")
    assert "service a: asks to be restarted" in s.stop()


def test_watchdog_learns_its_interval(supervise, box):
    """H3, V4: WATCHDOG_USEC is what sd_watchdog_enabled(3) reads."""
    s = supervise({"a": sh("echo $WATCHDOG_USEC $NOTIFY_SOCKET >/tmp/seen; "
                           "exec sleep 99",
                           alive={"notify": True, "interval_ms": 5000})})
    seen = wait_for(lambda: read(box, "/tmp/seen")).split()
    assert seen[0] == "5000000" and seen[1].startswith("@")
    s.stop()


ALIVE = {
    "exec": {"exec": ["test", "-e", "/tmp/good"]},
    "port": {"port": 7003},
    "http": {"http": "http://127.0.0.1:7004/index.html"},
}
COMMAND = {
    "exec": "exec sleep 99",
    "port": "cd /tmp/w; while [ -e /tmp/good ]; do timeout 1 httpd -f "
            "-p 127.0.0.1:7003 -h /tmp/w; done; exec sleep 99",
    "http": "exec httpd -f -p 127.0.0.1:7004 -h /tmp/w",
}


@pytest.mark.parametrize("kind", ALIVE)
def test_probe_that_fails_so_often_is_a_failure(supervise, box, kind):
    """H3: on-failure restarts it, though its end by SIGTERM might be good."""
    box.file("/tmp/w").mkdir(parents=True)
    box.file("/tmp/good").touch()
    box.file("/tmp/w/index.html").write_text("ok")
    s = supervise({"a": sh(COMMAND[kind], restart="on-failure", alive={
        **ALIVE[kind], "interval_ms": 150, "failures": 2})})
    s.reach("a", "up")
    first = s.status()["a"]["pid"]
    time.sleep(0.6)
    assert s.status()["a"]["pid"] == first
    box.file("/tmp/good").unlink()
    box.file("/tmp/w/index.html").unlink()
    wait_for(lambda: s.status()["a"]["pid"] not in (0, first))
    assert "service a: the probe failed 2 times" in s.stop()


def test_dead_service_that_ignores_its_stop_signal_is_killed(supervise):
    """H3, S4"""
    s = supervise({"a": {"command": ["probe", "deaf"], "stop_ms": 200,
                         "alive": {"exec": ["false"], "interval_ms": 50,
                                   "failures": 1}}})
    wait_for(lambda: s.status()["a"]["last_end"] == "killed by SIGKILL")
    assert "still there after 200 ms, killed" in s.stop()


def test_slow_start_may_ask_for_more_time(supervise):
    """V4: EXTEND_TIMEOUT_USEC"""
    s = supervise({"a": {
        "command": ["probe", "say", "350", "EXTEND_TIMEOUT_USEC=5000000",
                    "EXTEND_TIMEOUT_USEC=1", "READY=1"],
        "ready": {"notify": True, "timeout_ms": 950}}})
    s.reach("a", "up")
    assert s.status()["a"]["restarts"] == 0
    s.stop()


# --- the finish hook --------------------------------------------------------------


@pytest.mark.parametrize("script, seen", [
    ("exit 3", "3 0 a"), ("kill -9 $$", "256 9 a"), ("exit 0", "0 0 a")])
def test_finish_hook_learns_how_it_ended(supervise, box, script, seen):
    """V7: status or 256, signal, name, process group, as under s6."""
    s = supervise({"a": sh(f"echo $$ >/tmp/group; {script}", restart="never",
                           finish=["sh", "-c", 'echo "$*" >/tmp/seen', "-"])})
    got = wait_for(lambda: read(box, "/tmp/seen")).split()
    assert " ".join(got[:3]) == seen
    assert got[3:] == read(box, "/tmp/group").split()
    s.stop()


def test_finish_hook_runs_before_the_next_start_and_at_the_end(supervise, box):
    """V7: also after `ctl stop` and in the shutdown; what it prints is logged."""
    s = supervise({"a": sh("echo start >>/tmp/order; echo >&3; exec sleep 99",
                           ready={"fd": 3}, finish=["sh", "-c", "sleep 0.2; echo cleaned; "
                                   "echo finish >>/tmp/order"])})
    s.reach("a", "up")
    assert s.ctl("restart", "a")[0] == 0
    assert s.ctl("stop", "a")[0] == 0
    assert read(box, "/tmp/order").split() == ["start", "finish"] * 2
    assert s.ctl("start", "a")[0] == 0
    err = s.stop()
    assert read(box, "/tmp/order").split() == ["start", "finish"] * 3
    assert err.count("a: cleaned\n") == 3


def test_finish_hook_has_a_time_limit(supervise):
    """V7"""
    s = supervise({"a": sh("exit 0", restart="never", finish_ms=200,
                           finish=["sh", "-c", "sleep 99"])})
    s.reach("a", "down")
    assert "its hook is still there after 200 ms, killed" in s.stop()


def test_finish_hook_that_is_not_there_stops_nothing(supervise):
    """V7"""
    s = supervise({"a": sh("exit 1", restart="never", finish=["/no/such"])})
    s.reach("a", "failed")
    assert "service a: finish: /no/such: No such file" in s.stop()


def test_finish_hook_can_say_that_it_is_for_good(supervise):
    """V2, V7: 125, as under s6"""
    s = supervise({"a": sh("exit 1", finish=["sh", "-c", "exit 125"])})
    s.reach("a", "failed")
    time.sleep(0.3)
    assert s.status()["a"]["restarts"] == 0
    assert "not started again, says its hook" in s.stop()


# --- giving up --------------------------------------------------------------------


def test_service_that_never_runs_for_long_is_given_up(supervise):
    """V2"""
    s = supervise({"a": sh("exit 1", restart_ms=20, restart_tries=3),
                   "b": {"command": ["/no/such"], "restart_ms": 20,
                         "restart_tries": 2}})
    s.reach("a", "failed")
    s.reach("b", "failed")
    assert s.status()["a"]["restarts"] == 3
    s.ctl("start", "a")  # from the beginning
    wait_for(lambda: s.status()["a"]["restarts"] == 6)
    err = s.stop()
    assert "service a: given up after 3 restarts" in err
    assert "service b: given up after 2 restarts" in err


# --- ctl --------------------------------------------------------------------------


def test_ctl_sends_a_signal(supervise, box):
    """V8"""
    s = supervise({"a": sh("trap 'echo usr1 >>/tmp/a' USR1; echo >&3; "
                           "while :; do sleep 0.02; done", ready={"fd": 3})})
    s.reach("a", "up")
    assert s.ctl("signal", "a", "USR1") == (0, "", "")
    wait_for(lambda: read(box, "/tmp/a") == "usr1\n")
    assert s.ctl("signal", "a", "NOPE") == (1, "", "ctl: no such signal\n")
    assert s.ctl("signal", "a")[0] == 2
    assert "uid 10001 may not" in s.ctl("signal", "a", "KILL", user=10001)[2]
    s.stop()


@pytest.mark.parametrize("to, where", [
    ("inherit", "straight to the container's log"), ("none", "to /dev/null")])
def test_logs_of_what_is_not_captured_say_where_it_goes(supervise, to, where):
    """V8, L1"""
    s = supervise({"a": sh("echo out; exec sleep 99", log={"to": to})})
    s.reach("a", "up")
    code, out, err = s.ctl("logs", "a")
    assert (code, out) == (1, "")
    assert err == (f"ctl: a prints {where}: its key \"log\" says so, and "
                   "{\"to\": \"prefix\"} would keep it here, too\n")
    assert "out\n" not in s.stop()  # but in stdout, or nowhere


def test_plain_output_is_as_it_was_and_kept(supervise):
    """L1"""
    s = supervise({"a": sh("echo out; exec sleep 99", log={"to": "plain"})})
    wait_for(lambda: s.ctl("logs", "a")[1] == "out\n")
    assert "out\n" in s.stop().splitlines(True)


def test_last_words_are_not_lost(box):
    """L1: what a service prints as it ends, with the container's end."""
    configure(box, {"a": sh("trap 'i=0; while [ $i -lt 300 ]; do "
                            "echo last $i; i=$((i+1)); done; exit' TERM; "
                            "echo >&3; while :; do sleep 0.01; done",
                            ready={"fd": 3})}, command={"after": ["a"]})
    _, _, err = box.run("true")
    assert [int(n) for n in re.findall(r"a: last (\d+)", err)] == list(
        range(300))


def test_output_goes_on_over_restarts(supervise):
    """L4: one pipe for life, so what it left behind may still write."""
    s = supervise({"a": sh("setsid sh -c 'while sleep 0.05; do echo left || "
                           "exit; done' & echo >&3; exec sleep 99",
                           ready={"fd": 3})})
    s.reach("a", "up")
    assert s.ctl("restart", "a")[0] == 0
    before = s.ctl("logs", "a")[1].count("left")
    wait_for(lambda: s.ctl("logs", "a")[1].count("left") > before + 2)
    s.stop()


# --- frozen -----------------------------------------------------------------------


def test_what_was_frozen_has_its_time_afterwards(supervise):
    """D5: nothing times out that had no chance to run."""
    s = supervise({"a": {
        "command": ["probe", "say", "900", "READY=1"],
        "ready": {"notify": True, "timeout_ms": 1300}, "restart": "never"}})
    child = s.status()["a"]["pid"]
    assert child
    outside = s.init.child_of(s.init.pid)
    for pid in (s.init.pid, outside):
        os.kill(pid, signal.SIGSTOP)
    time.sleep(2.5)
    for pid in (s.init.pid, outside):
        os.kill(pid, signal.SIGCONT)
    s.reach("a", "up")
    assert "not ready" not in s.stop()
