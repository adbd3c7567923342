# SPDX-License-Identifier: MIT
"""Services under a Docker Engine: rights, read-only roots, memory limits."""

import json
import re
import subprocess
import time

import pytest

from helpers.box import wait_for

pytestmark = pytest.mark.docker


@pytest.fixture
def boot(start, tmp_path):
    """boot(configuration, option...) -> a container of the shell image."""
    def run(config, *options, command=()):
        path = tmp_path / "init.json"
        path.write_text(json.dumps(config))
        path.chmod(0o644)
        tmp_path.chmod(0o755)
        return start(*options, "-v",
                     f"{path}:/etc/coracle/init.json:ro",
                     "coracle:shell", *command)
    return run


def rows(container, user=None):
    done = container.exec("coracle", "ctl", "status", "--json", user=user)
    if done.returncode:
        return {}
    return {row["name"]: row for row in json.loads(done.stdout)}


def service(script, **more):
    return {"command": ["sh", "-c", script], **more}


FLAGS = {
    "none": [],
    "user": ["--user", "1000:1000"],
    "read-only": ["--read-only"],
    "no-capabilities": ["--cap-drop", "ALL"],
    "init": ["--init"],
    "no-new-privileges": ["--security-opt", "no-new-privileges"],
    "all-at-once": ["--read-only", "--user", "1000", "--cap-drop", "ALL"],
}


@pytest.mark.parametrize("flags", FLAGS.values(), ids=FLAGS)
def test_services_and_ctl_with_fewer_rights(boot, flags):
    c = boot({"services": {
        "a": service("echo >&3; exec sleep 1000", ready={"fd": 3}),
        "b": service("exec sleep 1000", after=["a"])}}, *flags)
    wait_for(lambda: rows(c).get("b", {}).get("state") == "up")
    assert c.exec("coracle", "ctl", "restart", "a").returncode == 0
    assert c.stop() < 5
    assert c.inspect(".State.ExitCode") == "0"


def test_status_of_a_critical_service_restarts_the_container(boot):
    c = boot({"services": {"a": service("sleep 0.3; exit 7", critical=True)}},
             "--restart", "on-failure:2")
    wait_for(lambda: c.inspect(".RestartCount") == "2" and
             c.inspect(".State.Running") == "false", 30)
    assert c.inspect(".State.ExitCode") == "7"


def test_service_out_of_memory_is_started_again(boot):
    hungry = "x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done"
    c = boot({"gateway": {"enabled": False}, "services": {
        "hungry": service(hungry, restart_ms=500),
        "calm": service("exec sleep 1000")}},
        "--memory", "64m", "--memory-swap", "64m")
    wait_for(lambda: rows(c).get("hungry", {}).get("restarts", 0) >= 1, 30)
    row = rows(c)
    assert row["calm"]["state"] == "up" and row["calm"]["restarts"] == 0
    assert re.search(r"service hungry: killed by SIGKILL "
                     r"\(out of memory\) after \d+ ms", c.logs())
    assert c.inspect(".State.Running") == "true"
    c.stop()


def test_no_process_to_be_had_is_no_end(boot):
    c = boot({"gateway": {"enabled": False}, "services": {
        "many": service("for i in 1 2 3 4 5 6 7 8 9; do sleep 2 & done; "
                        "sleep 1; exit 1", restart_max_ms=200)}},
        "--pids-limit", "10")
    time.sleep(4)
    assert c.inspect(".State.Running") == "true"
    assert c.stop() < 8


def test_bad_configuration_can_be_mended_by_exec(boot):
    c = boot({"services": {"a": service("x", restart="often"),
                           "b": service("exec sleep 1000")}})
    wait_for(lambda: rows(c).get("b", {}).get("state") == "up")
    assert "a" not in rows(c)
    assert '"services.a.restart" wants one of' in c.logs()
    c.stop()


def test_flood_reaches_the_log_only_in_part(boot):
    c = boot({"gateway": {"enabled": False}, "services": {
        "a": service("exec yes flood", log={"rate": 20})}})
    time.sleep(2.5)
    assert c.stop() < 5
    text = c.logs()
    assert 0 < text.count("a: flood") < 200
    assert "lines of output dropped" in text


def test_hangup_reloads(boot, loaded, tmp_path):
    c = boot({"services": {"a": service("exec sleep 1000")}})
    wait_for(lambda: rows(c).get("a", {}).get("state") == "up")
    pid = rows(c)["a"]["pid"]
    (tmp_path / "init.json").write_text(json.dumps({"services": {
        "a": service("exec sleep 1000"), "b": service("exec sleep 1000")}}))
    loaded.run("kill", "-s", "HUP", c.name)
    wait_for(lambda: rows(c).get("b", {}).get("state") == "up")
    assert rows(c)["a"]["pid"] == pid
    c.stop()


def test_stubborn_service_does_not_take_ten_seconds(boot):
    """S4, V6: its own stop_ms, within the grace of the whole."""
    c = boot({"gateway": {"enabled": False}, "grace_ms": 1500, "services": {
        "deaf": service("trap '' TERM; echo >&3; while :; do sleep 0.1; done",
                        ready={"fd": 3}, stop_ms=500)}})
    wait_for(lambda: rows(c).get("deaf", {}).get("state") == "up")
    assert c.stop() < 5
    assert c.inspect(".State.ExitCode") == "0"
    assert "service deaf: still there after 500 ms, killed" in c.logs()


def test_service_that_forks_away_leaves_nothing(boot):
    """S5: what it left behind is adopted, and ended by `docker stop`."""
    c = boot({"gateway": {"enabled": False}, "services": {
        "daemon": service("setsid sh -c \"trap 'echo ended; exit' TERM; "
                          "while :; do sleep 0.05; done\" & sleep 0.3",
                          restart="never", log={"to": "inherit"})}})
    wait_for(lambda: rows(c).get("daemon", {}).get("state") == "down")
    assert c.stop() < 5
    assert "ended" in c.logs()


def test_pause_is_no_failure(boot, loaded):
    """D5: what was paused has its time afterwards."""
    c = boot({"gateway": {"enabled": False}, "services": {
        "slow": service("sleep 2; echo >&3; exec sleep 1000", restart="never",
                        ready={"fd": 3, "timeout_ms": 3000})}})
    wait_for(lambda: rows(c).get("slow", {}).get("state") == "starting")
    loaded.run("pause", c.name)
    time.sleep(4)
    loaded.run("unpause", c.name)
    wait_for(lambda: rows(c).get("slow", {}).get("state") != "starting")
    assert rows(c)["slow"]["state"] == "up"
    c.stop()


@pytest.mark.slow
def test_orphans_of_a_container(boot, probe):
    """R1, R2: 20,000 that end together."""
    c = boot({"gateway": {"enabled": False}}, "-v", f"{probe}:/bin/probe:ro",
             command=("probe", "storm", "20000"))
    assert c.docker.run("wait", c.name) == "0"
    made, left = re.search(r"made (\d+) left (\d+)", c.logs()).groups()
    if int(made) < 20000:
        pytest.skip(f"only {made} processes were to be had")
    assert left == "0"


def test_pid_namespace_of_the_host(boot):
    """P2: only what descends from it is stopped."""
    neighbour = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        c = boot({"gateway": {"enabled": False}}, "--pid", "host",
                 command=("sh", "-c", "setsid sleep 1234 & sleep 1234"))
        wait_for(lambda: c.inspect(".State.Running") == "true")
        time.sleep(0.3)
        assert c.stop() < 5
        assert neighbour.poll() is None
    finally:
        neighbour.kill()
        neighbour.wait()


def test_signals_of_docker_kill(boot, loaded, probe):
    """S2: each arrives, once, also a real-time one."""
    c = boot({"gateway": {"enabled": False}}, "-v", f"{probe}:/bin/probe:ro",
             command=("probe", "record"))
    wait_for(lambda: "ready" in c.logs())
    for number, name in ((1, "HUP"), (10, "USR1"), (28, "WINCH"), (36, "36"),
                         (15, "TERM")):
        loaded.run("kill", "-s", name, c.name)
        wait_for(lambda: str(number) in c.logs().split())
    assert loaded.run("wait", c.name) == "0"
    assert c.logs().split() == ["ready", "1", "10", "28", "36", "15"]
