# SPDX-License-Identifier: MIT
"""What an option, a variable or a key changes in the life of the command."""

import os
import signal
import subprocess
import time

import pytest

from helpers.box import wait_for
from helpers.supervised import configure, sh

# --- the way down ---------------------------------------------------------------


@pytest.mark.parametrize("how", ["option", "variable", "key"])
def test_stop_can_be_delayed(box, how):
    """S10: the command hears nothing until the delay is over."""
    args, env = [], {}
    if how == "option":
        args = ["--drain", "600"]
    elif how == "variable":
        env = {"CORACLE_DRAIN": "600"}
    configure(box, drain_ms=600 if how == "key" else 0)
    init = box.start(*args, "probe", "record", env=env)
    assert init.line() == "ready"
    begin = time.monotonic()
    init.kill(signal.SIGTERM)
    init.kill(signal.SIGUSR1)
    assert init.line() == "10"  # it is served meanwhile
    assert init.line() == "15"
    assert 0.5 < time.monotonic() - begin < 5
    code, _, err = init.end()
    assert code == 0
    assert "shutdown: begins in 600 ms" in err


def test_second_request_ends_the_delay(box):
    """S10, S7: but not yet the grace."""
    init = box.start("--no-gateway", "--drain", "60000", "probe", "record")
    assert init.line() == "ready"
    begin = time.monotonic()
    init.kill(signal.SIGTERM)
    time.sleep(0.1)
    init.kill(signal.SIGTERM)
    assert init.line() == "15"
    assert init.end()[0] == 0
    assert time.monotonic() - begin < 5


def test_command_that_ends_in_the_delay_ends_the_container(box):
    """S10"""
    init = box.start("--no-gateway", "--drain", "60000", "sh", "-c",
                     "trap 'exit 4' USR1; echo up; while :; do sleep 0.01; done")
    assert init.line() == "up"
    init.kill(signal.SIGTERM)
    init.kill(signal.SIGUSR1)
    assert init.end(10)[0] == 4


def test_services_are_started_again_in_the_delay(supervise):
    """S10: nothing is different until it is over."""
    s = supervise({"a": sh("exec sleep 99", restart_ms=10)}, "--drain", "1500")
    s.reach("a", "up")
    first = s.status()["a"]["pid"]
    s.init.kill(signal.SIGTERM)
    child = s.init.child_of(s.init.pid)
    os.kill(child, signal.SIGKILL)
    wait_for(lambda: s.status()["a"]["pid"] not in (0, first))
    assert s.init.end()[0] == 0


# --- the status -----------------------------------------------------------------


@pytest.mark.parametrize("options, script, status", [
    (["-e", "143"], "kill -TERM $$", 0),
    (["-e", "143", "-e", "7"], "exit 7", 0),
    (["--remap-exit", "7:3"], "exit 7", 3),
    (["--remap-exit", "0:5"], "exit 0", 5),
    (["-e", "143"], "exit 1", 1),
])
def test_status_can_be_another(box, options, script, status):
    """X3"""
    assert box.sh(script, *options)[0] == status


@pytest.mark.parametrize("value", ["256", "x", "1:", "1:256", "-1", ""])
def test_wrong_remap_is_wrong_usage(run, value):
    """X3"""
    assert run("init", "--remap-exit", value, "true").returncode == 2


# --- the parent -----------------------------------------------------------------


def test_parents_end_can_end_init(coracle, tmp_path):
    """P3: kill -9 of the parent; without the option it would go on."""
    script = (f"'{coracle}' init --no-gateway -p TERM sh -c "
              f"'echo $$ >{tmp_path}/pid; exec sleep 60' & wait")
    shell = subprocess.Popen(["sh", "-c", script], stderr=subprocess.DEVNULL)
    pid_file = tmp_path / "pid"
    wait_for(lambda: pid_file.exists() and pid_file.read_text().strip())
    pid = int(pid_file.read_text())
    shell.kill()
    shell.wait()
    wait_for(lambda: not os.path.exists(f"/proc/{pid}"), 5)


def test_wrong_signal_for_the_parents_end(run):
    """P3"""
    assert run("init", "-p", "NOPE", "true").returncode == 2


# --- variables from files -------------------------------------------------------


def test_variable_from_a_file(box):
    """C4: asked for by name; the command and services get the value."""
    box.file("/secret").write_text("s3cr3t\n")
    box.file("/other").write_text("other\n")
    configure(box, {"a": sh("echo service $PASSWORD; exec sleep 99")},
              file_variables=["PASSWORD", "SET", "MISSING", "UNSET"])
    init = box.start(
        "sh", "-c", "env; echo end; sleep 60", env={
            "PASSWORD_FILE": "/secret", "OTHER_FILE": "/other",
            "SET": "stays", "SET_FILE": "/other", "MISSING_FILE": "/no/such"})
    seen = set(iter(init.line, "end"))
    with open(f"/proc/{init.pid}/environ") as f:
        assert "s3cr3t" not in f.read()
    init.kill(signal.SIGTERM)
    _, _, err = init.end()
    names = {line.split("=")[0] for line in seen}
    assert {"PASSWORD=s3cr3t", "SET=stays", "OTHER_FILE=/other"} <= seen
    assert not {"PASSWORD_FILE", "OTHER", "UNSET", "MISSING"} & names
    assert "a: service s3cr3t\n" in err
    assert "variables: MISSING_FILE: /no/such: No such file" in err


def test_value_that_cannot_be_a_variable_is_not_told(box):
    """C4: the log says what is wrong, never the text."""
    box.file("/secret").write_bytes(b"s3c\0r3t")
    configure(box, file_variables=["A"])
    code, out, err = box.run("env", env={"A_FILE": "/secret"})
    assert (code, "A_FILE=/secret" in out.split()) == (0, True)
    assert "variables: A_FILE: /secret: Invalid" in err
    assert "s3c" not in err
