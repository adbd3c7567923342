# SPDX-License-Identifier: MIT
"""Services under init: order, readiness, restarts, output, ctl, reload."""

import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import time

import pytest

from helpers.box import wait_for
from helpers.supervised import configure, read, sh


# --- starting in order ---------------------------------------------------------


def test_service_runs_as_it_is_told(supervise, box):
    script = ("{ id -u; id -g; id -G; pwd; ulimit -n; echo $A $HOME $USER; "
              "grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status; "
              "} >/tmp/out; mv /tmp/out /tmp/seen; exec sleep 1000")
    s = supervise({"a": sh(
        script, user="agent", groups=["verifier"], directory="/tmp",
        environment={"A": "service"}, limits={"nofile": 77},
        capabilities=["net_bind_service"], no_new_privs=True)},
        environment={"A": "all", "B": "x"},
        directories=[{"path": "/tmp", "mode": "1777"}])
    seen = wait_for(lambda: read(box, "/tmp/seen")).split("\n")
    assert seen[:6] == ["10001", "10001", "10001 10002", "/tmp", "77",
                        "service /home/agent agent"]
    assert seen[6:9] == ["CapEff:\t0000000000000400",
                         "CapBnd:\t0000000000000400", "NoNewPrivs:\t1"]
    s.stop()


def test_service_of_a_user_that_is_not_there_does_not_run_as_root(supervise):
    s = supervise({"a": sh("sleep 1000", user="missing")})
    assert s.state("a") == "waiting"
    assert "service a: start: No such file" in s.stop()


READY = {
    "fd": (sh("sleep 0.4; echo x >/tmp/ready; echo >&4; exec sleep 99"),
           {"fd": 4}),
    "exec": (sh("sleep 0.4; echo x >/tmp/ready; exec sleep 99"),
             {"exec": ["test", "-s", "/tmp/ready"]}),
    "port": (sh("sleep 0.4; echo x >/tmp/ready; "
                "exec httpd -f -p 127.0.0.1:7001 -h /tmp"), {"port": 7001}),
    "http": (sh("sleep 0.4; mkdir -p /tmp/w; echo ok >/tmp/w/index.html; "
                "echo x >/tmp/ready; "
                "exec httpd -f -p 127.0.0.1:7002 -h /tmp/w"),
             {"http": "http://127.0.0.1:7002/index.html"}),
    "notify": ({"command": ["probe", "notify", "400", "/tmp/ready"]},
               {"notify": True}),
}


@pytest.mark.parametrize("kind", READY)
def test_second_starts_when_the_first_is_ready(supervise, box, kind):
    service, ready = READY[kind]
    s = supervise({
        "b": sh("echo x >/tmp/b; exec sleep 99", after=["a"]),
        "a": {**service, "ready": ready}})
    assert s.state("b") == "blocked"
    wait_for(lambda: read(box, "/tmp/b").strip())
    assert (box.file("/tmp/ready").stat().st_mtime_ns
            <= box.file("/tmp/b").stat().st_mtime_ns)
    assert s.state("a") == "up"
    s.stop()


def test_not_ready_in_time_is_a_failure(supervise):
    s = supervise({"a": sh("exec sleep 99", restart="never",
                           ready={"fd": 3, "timeout_ms": 200})})
    s.reach("a", "failed")
    assert "not ready after 2" in s.stop()


def test_shutdown_while_starting_does_not_wait(supervise):
    s = supervise({"a": sh("exec sleep 99", ready={"fd": 3}),
                   "b": sh("exec sleep 99", after=["a"])})
    begin = time.monotonic()
    s.stop()
    assert time.monotonic() - begin < 2


def test_stop_in_reverse_order(supervise, box):
    script = ("trap 'sleep 0.1; echo %s >>/tmp/order; exit' TERM; echo >&3; "
              "while :; do sleep 0.02; done")
    s = supervise({name: sh(script % name, after=after, ready={"fd": 3})
                   for name, after in
                   (("c", ["b"]), ("b", ["a"]), ("a", []))})
    s.reach("c", "up")
    s.stop()
    assert read(box, "/tmp/order").split() == ["c", "b", "a"]


def test_boot_tasks_run_in_order_before_services(box):
    configure(box, {"s": sh("echo s >>/tmp/order; exec sleep 99")},
              boot=[{"name": "one", **sh("sleep 0.2; echo one >>/tmp/order")},
                    {"name": "bad", **sh("echo bad >>/tmp/order; exit 1")},
                    {"name": "two", **sh("echo two >>/tmp/order")}],
              command={"after": ["s"]})
    code, out, err = box.run("sh", "-c", "sleep 0.2; cat /tmp/order")
    assert (code, out.split()) == (0, ["one", "bad", "two", "s"])
    assert re.search("service bad: exit 1 after .* ms, boot goes on", err)


def test_required_task_that_fails_ends_the_boot(box):
    configure(box, boot=[{"name": "t", "required": True, **sh("exit 9")}])
    code, out, err = box.run("echo", "never")
    assert (code, out) == (9, "")
    assert "service t: exit 9" in err


def test_task_has_a_time_limit(box):
    configure(box, boot=[{"name": "t", "timeout_ms": 200, "required": True,
                          **sh("exec sleep 99")}])
    code, _, err = box.run("true")
    assert code == 143
    assert "service t: not done after 2" in err


# --- how it ends ---------------------------------------------------------------


@pytest.mark.parametrize("policy, script, state, restarted", [
    ("never", "exit 0", "down", False), ("never", "exit 1", "failed", False),
    ("on-failure", "exit 0", "down", False),
    ("on-failure", "exit 1", None, True), ("always", "exit 0", None, True),
])
def test_restart_policy(supervise, policy, script, state, restarted):
    s = supervise({"a": sh(script, restart=policy)})
    time.sleep(0.5)
    row = s.status()["a"]
    assert (row["restarts"] > 1) == restarted
    if state:
        assert row["state"] == state
    s.stop()


def test_pause_doubles_up_to_its_cap(supervise):
    s = supervise({"a": sh("exit 1", restart_ms=20, restart_max_ms=80)})
    time.sleep(0.8)
    pauses = re.findall(r"restart in (\d+) ms", s.stop())
    assert pauses[:4] == ["20", "40", "80", "80"]


@pytest.mark.parametrize("script, status", [
    ("sleep 0.2; exit 5", 5), ("sleep 0.2; exit 0", 0),
    ("sleep 0.2; kill -9 $$", 137)])
def test_critical_service_ends_the_container(box, script, status):
    configure(box, {"a": sh(script, critical=True), "b": sh("exec sleep 99")})
    assert box.run("sleep", "99")[0] == status


def test_oneshot_is_ready_when_it_has_ended(supervise, box):
    s = supervise({"a": sh("sleep 0.3; echo a >>/tmp/order", oneshot=True),
                   "b": sh("echo b >>/tmp/order; exec sleep 99",
                           after=["a"])})
    s.reach("b", "up")
    assert s.state("a") == "done"
    wait_for(lambda: read(box, "/tmp/order").split() == ["a", "b"])
    s.stop()


def test_stop_signal_grace_and_group(supervise, box):
    s = supervise({
        "a": sh("trap 'echo quit >/tmp/a; exit' QUIT; echo >&3; "
                "while :; do sleep 0.02; done", stop_signal="QUIT",
                ready={"fd": 3}),
        "deaf": {"command": ["probe", "deaf"], "stop_ms": 300},
        "group": sh("sleep 777 & echo >&3; wait", ready={"fd": 3})})
    s.reach("a", "up")
    s.reach("group", "up")
    assert s.ctl("stop", "a") == (0, "", "")
    assert read(box, "/tmp/a") == "quit\n"
    begin = time.monotonic()
    assert s.ctl("stop", "deaf")[0] == 0
    assert 0.25 < time.monotonic() - begin < 3
    assert s.status()["deaf"]["last_end"] == "killed by SIGKILL"
    s.ctl("stop", "group")
    pids = pathlib.Path(f"/proc/{s.init.pid}/task/{s.init.pid}/children")
    wait_for(lambda: not pids.read_text().split())
    s.stop()


# --- what they print --------------------------------------------------------------


def test_output_has_the_name_before_each_line(supervise):
    s = supervise({"a": sh("echo one; echo two >&2; printf three; "
                           "exec sleep 99")})
    wait_for(lambda: "two" in s.ctl("logs", "a")[1])
    err = s.stop()
    assert "a: one\na: two\n" in err


def test_output_goes_to_a_rotated_file(supervise, box):
    s = supervise({"a": sh(
        "i=0; while [ $i -lt 2000 ]; do echo line $i of the output; "
        "i=$((i+1)); done; exec sleep 99",
        log={"to": "file", "path": "/var/log/a", "max_bytes": 8192,
             "keep": 2, "rate": 100000})})
    wait_for(lambda: "line 1999 of" in read(box, "/var/log/a"))
    files = sorted(p.name for p in box.file("/var/log").iterdir())
    assert files == ["a", "a.1", "a.2"]
    text = "".join(read(box, f"/var/log/{n}") for n in reversed(files))
    numbers = [int(n) for n in re.findall(r"line (\d+) of the output\n", text)]
    assert numbers == list(range(numbers[0], 2000))
    for name in files:
        assert box.file(f"/var/log/{name}").stat().st_size <= 8192
    s.stop()


def test_flood_is_counted_and_nothing_blocks(supervise):
    s = supervise({"a": sh("exec yes flood", log={"rate": 50})})
    time.sleep(1.5)
    assert s.state("a") == "up"
    with open(f"/proc/{s.init.pid}/smaps_rollup") as f:
        private = int(re.search(r"Anonymous:\s+(\d+)", f.read())[1])
    print(f"private memory while flooded: {private} kB")
    begin = time.monotonic()
    err = s.stop()
    assert time.monotonic() - begin < 2
    assert err.count("a: flood\n") <= 200
    assert re.search(r"service a: \d+ lines of output dropped", err)


# --- ctl -------------------------------------------------------------------------


def test_status_is_a_table(supervise):
    s = supervise({"web": sh("exec sleep 99"),
                   "off": sh("exec sleep 99", enabled=False)})
    s.reach("web", "up")
    code, out, _ = s.ctl("status")
    print(out)
    assert code == 0
    assert re.search(r"^SERVICE +STATE +PID", out)
    assert re.search(r"^web +up +\d+ +\d+m?s +0 +\d+ kB  -$", out, re.M)
    assert re.search(r"^off +down +- ", out, re.M)
    s.stop()


def test_start_stop_restart(supervise):
    s = supervise({"a": sh("exec sleep 99")})
    s.reach("a", "up")
    first = s.status()["a"]["pid"]
    assert s.ctl("restart", "a") == (0, "", "")
    assert s.status()["a"]["pid"] not in (0, first)
    assert s.ctl("stop", "a")[0] == 0
    assert s.state("a") == "down"
    assert s.ctl("start", "a")[0] == 0
    assert s.state("a") == "up"
    assert s.ctl("stop", "nosuch") == (1, "", "ctl: no service nosuch\n")
    s.stop()


def test_reload_signal_goes_to_the_service(supervise, box):
    s = supervise({"a": sh("trap 'echo again >>/tmp/a' USR1; echo >&3; "
                           "while :; do sleep 0.02; done",
                           reload_signal="USR1", ready={"fd": 3})})
    s.reach("a", "up")
    assert s.ctl("reload", "a")[0] == 0
    wait_for(lambda: read(box, "/tmp/a") == "again\n")
    s.stop()


def test_shutdown_with_a_status(supervise):
    s = supervise({"a": sh("exec sleep 99")})
    assert s.ctl("shutdown", "256")[0] == 1
    assert s.ctl("shutdown", "3")[0] == 0
    assert s.init.end()[0] == 3


def test_only_root_may_change_something(supervise):
    s = supervise({"a": sh("exec sleep 99")})
    s.reach("a", "up")
    assert s.ctl("status", user=10001)[0] == 0
    for request in (("stop", "a"), ("logs", "a"), ("reload",),
                    ("shutdown",)):
        code, _, err = s.ctl(*request, user=10001)
        assert code == 1
        assert "uid 10001 may not" in err
    assert s.state("a") == "up"
    s.stop()


def test_ctl_without_init(run):
    done = run("ctl", "status")
    assert done.returncode == 1
    assert b"init does not answer" in done.stderr
    assert run("ctl").returncode == 2
    assert run("ctl", "stop").returncode == 2
    assert run("ctl", "sing").returncode == 2


@pytest.mark.parametrize("how", ["signal", "ctl"])
def test_reload_touches_only_what_changed(supervise, box, how):
    same = sh("exec sleep 99", environment={"A": "1"})
    s = supervise({"same": same, "changed": sh("exec sleep 98"),
                   "gone": sh("exec sleep 97")})
    for name in ("same", "changed", "gone"):
        s.reach(name, "up")
    before = s.status()
    configure(box, {"new": sh("exec sleep 96"), "same": same,
                    "changed": sh("exec sleep 95")})
    if how == "ctl":
        assert s.ctl("reload") == (0, "", "")
    else:
        s.init.kill(signal.SIGHUP)
    s.reach("new", "up") if how == "ctl" else wait_for(
        lambda: "new" in s.status())
    wait_for(lambda: s.status()["changed"]["pid"] not in
             (0, before["changed"]["pid"]))
    after = s.status()
    assert after["same"]["pid"] == before["same"]["pid"]
    assert "gone" not in after
    # a bad file changes nothing
    box.file("/etc/coracle/init.json").write_text("{")
    code, _, err = s.ctl("reload")
    assert code == 1 and "nothing changed" in err
    assert s.status()["same"]["pid"] == before["same"]["pid"]
    s.stop()


def test_control_socket_is_not_put_where_others_could_replace_it(supervise,
                                                                 box):
    box.file("/run/coracle").mkdir(parents=True)
    os.chown(box.file("/run/coracle"), 10001, 10001)
    s = supervise({"a": sh("exec sleep 99")})
    assert not box.file("/run/coracle/ctl.sock").exists()
    s.reach("a", "up")
    s.stop()


def test_control_socket_survives_nonsense(supervise, box):
    s = supervise({"a": sh("exec sleep 99")})
    path = f"/proc/{s.init.pid}/root/run/coracle/ctl.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as c:
        for n in range(300):
            c.sendto(os.urandom(n), path)
            c.sendto(b"status\0" * (n % 7), path)
    assert s.state("a") == "up"
    s.stop()


# --- limits -----------------------------------------------------------------------


def test_ten_services_in_little_memory_and_asleep(supervise, sanitized):
    s = supervise({f"s{i}": sh("echo up; exec sleep 99") for i in range(10)})
    wait_for(lambda: all(r["state"] == "up" for r in s.status().values()))
    time.sleep(0.2)
    status = pathlib.Path(f"/proc/{s.init.pid}/status")

    def switches():
        return re.search(r"^voluntary_ctxt_switches:\s+(\d+)",
                         status.read_text(), re.M)[1]

    before = switches()
    time.sleep(2)
    assert switches() == before
    text = pathlib.Path(f"/proc/{s.init.pid}/smaps_rollup").read_text()
    private = int(re.search(r"Anonymous:\s+(\d+)", text)[1])
    print(f"private memory with ten services: {private} kB")
    if not sanitized:
        assert private <= 600
    s.stop()


def test_rewritten_signals(box):
    init = box.start("--no-gateway", "--rewrite", "USR1:10",
                     "--rewrite", "HUP:USR2", "--rewrite", "WINCH:0",
                     "--rewrite", "TERM:QUIT", "probe", "record")
    assert init.line() == "ready"
    for signo, seen in ((1, "12"), (28, None), (10, "10")):
        init.kill(signo)
        if seen:
            assert init.line() == seen
    init.kill(signal.SIGTERM)
    assert init.line() == "3"
    init.kill(signal.SIGTERM)
    assert init.end()[0] == 137


def test_healthcheck_knows_the_services(supervise):
    s = supervise({"a": sh("exec sleep 99", ready={"fd": 3})})

    def check():
        return subprocess.run(
            ["nsenter", "-t", str(s.init.pid), "-m", "-p", "-r", "-w",
             "/usr/bin/coracle", "healthcheck"], capture_output=True,
            text=True, env={"ASAN_OPTIONS": "detect_leaks=0"})

    done = check()
    assert done.returncode == 1
    assert "healthcheck: services: a is starting\n" in done.stderr
    s.stop()


@pytest.mark.parametrize("how, message", [
    ("gone", "sockets: /run/coracle/ctl.sock: No such file"),
    ("file", "sockets: /run/coracle/ctl.sock is none"),
    ("foreign", "sockets: /run/coracle/ctl.sock belongs to uid 10001, not 0"),
    ("nobody", "sockets: the broker's: Connection refused")])
def test_healthcheck_knows_the_sockets(supervise, how, message):
    """H2: what answers is really init."""
    s = supervise({})
    folder = pathlib.Path(f"/proc/{s.init.pid}/root/run/coracle")
    path = folder / "ctl.sock"
    code, _, err = s.inside("/usr/bin/coracle", "healthcheck")
    assert (code, err) == (0, "")
    if how == "nobody":
        (folder / "broker.sock").unlink()
    else:
        path.unlink()
    if how == "file":
        path.touch()
    elif how != "gone":
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as gone:
            gone.bind(str(folder / "broker.sock" if how == "nobody" else path))
    if how == "foreign":
        os.chown(path, 10001, 10001)
    code, _, err = s.inside("/usr/bin/coracle", "healthcheck")
    assert code == 1
    assert f"healthcheck: {message}" in err
    s.stop()


# --- when something is short ---------------------------------------------------------


def test_without_descriptors_it_tries_again(supervise):
    s = supervise({"a": sh("exec sleep 99", restart_max_ms=200)})
    s.reach("a", "up")
    pid = s.status()["a"]["pid"]
    before = resource.prlimit(s.init.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(s.init.pid, resource.RLIMIT_NOFILE, (4, before[1]))
    children = pathlib.Path(
        f"/proc/{s.init.pid}/task/{s.init.pid}/children")
    os.kill(int(children.read_text().split()[0]), signal.SIGKILL)
    time.sleep(0.5)
    assert s.state("a") == "waiting"
    resource.prlimit(s.init.pid, resource.RLIMIT_NOFILE, before)
    s.reach("a", "up")
    assert s.status()["a"]["pid"] != pid
    assert "service a: start: " in s.stop()


def test_without_memory_it_tries_again(supervise, sanitized):
    if sanitized:
        pytest.skip("the sanitizers' shadow is larger than any limit")
    s = supervise({"a": sh("exit 1", restart_ms=20, restart_max_ms=20),
                   "b": sh("exec sleep 99")})
    s.reach("b", "up")
    before = resource.prlimit(s.init.pid, resource.RLIMIT_AS)
    resource.prlimit(s.init.pid, resource.RLIMIT_AS, (4096, before[1]))
    time.sleep(0.3)
    s.ctl("reload")
    assert s.state("b") == "up"
    resource.prlimit(s.init.pid, resource.RLIMIT_AS, before)
    assert s.ctl("reload") == (0, "", "")
    s.stop()


def test_full_disk_is_counted(supervise, box):
    s = supervise({"a": sh("while :; do echo 0123456789012345678901234567; "
                           "sleep 0.001; done",
                           log={"to": "file", "path": "/logs/a",
                                "max_bytes": 1000000, "rate": 100000})},
                  mounts=[{"target": "/logs", "options": "size=8k"}])
    time.sleep(2)
    assert s.state("a") == "up"
    assert "lines of output dropped" in s.stop()


def test_service_that_forks_away_is_swept_at_the_end(supervise):
    s = supervise({"a": sh("setsid sleep 987 & exit 0", restart="never")})
    s.reach("a", "down")
    begin = time.monotonic()
    s.stop()
    assert time.monotonic() - begin < 2


def test_logs_are_followed(supervise, box):
    s = supervise({"a": sh("while [ ! -e /tmp/go ]; do sleep 0.05; done; "
                           "echo later; exec sleep 99")})
    follower = subprocess.Popen(
        ["nsenter", "-t", str(s.init.pid), "-m", "-p", "-r", "-w",
         "/usr/bin/coracle", "ctl", "logs", "-f", "a"],
        stdout=subprocess.PIPE, env={"ASAN_OPTIONS": "detect_leaks=0"})
    time.sleep(0.3)
    box.file("/tmp/go").touch()
    assert follower.stdout.readline() == b"later\n"
    follower.kill()
    follower.wait()
    s.stop()


def test_reload_restarts_the_gateway_when_it_changed(supervise, box,
                                                     free_port):
    s = supervise({}, gateway={"enabled": True, "port": free_port})
    s.reach("gateway", "up")
    first = s.status()["gateway"]["pid"]
    configure(box, {}, gateway={"enabled": True, "port": free_port},
              grace_ms=4000)
    assert s.ctl("reload")[0] == 0
    assert s.status()["gateway"]["pid"] == first
    configure(box, {}, gateway={"enabled": True, "port": free_port,
                                "root": "/tmp"})
    assert s.ctl("reload")[0] == 0
    wait_for(lambda: s.status()["gateway"]["pid"] not in (0, first))
    configure(box, {})
    assert s.ctl("reload")[0] == 0
    wait_for(lambda: "gateway" not in s.status())
    s.stop()


def test_wrong_rewrite_is_wrong_usage(run):
    for value in ("TERM", "TERM:", ":15", "TERM:NOPE", "0:1"):
        assert run("init", "--rewrite", value, "true").returncode == 2
