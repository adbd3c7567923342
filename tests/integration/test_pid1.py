# SPDX-License-Identifier: MIT
"""Duties of a PID 1 that no other test shows; docs/init.md names them all."""

import json
import os
import pathlib
import pty
import re
import resource
import signal
import subprocess
import threading
import time

import pytest

from helpers.box import wait_for
from helpers.supervised import configure, read, sh

# --- reaping -------------------------------------------------------------------


def test_every_status_is_right_in_a_storm(supervise):
    """R3: forty services end, each with a status of its own, in between."""
    names = {f"s{i}": 100 + i for i in range(40)}
    s = supervise({
        **{name: sh(f"sleep 0.{code % 7}; exit {code}", restart="never")
           for name, code in names.items()},
        "storm": {"command": ["probe", "storm", "3000"], "restart": "never"}})
    for name in (*names, "storm"):
        wait_for(lambda: s.status()[name]["pid"] == 0 and
                 s.status()[name]["last_end"])
    ends = {name: row["last_end"] for name, row in s.status().items()}
    assert ends == {**{n: f"exit {c}" for n, c in names.items()},
                    "storm": "exit 0"}
    s.stop()


def test_a_storm_starves_no_signal(box):
    """R5"""
    init = box.start("--no-gateway", "sh", "-c",
                     "echo up; while :; do probe storm 500 >/dev/null; done")
    assert init.line() == "up"
    time.sleep(1.5)
    begin = time.monotonic()
    init.kill(signal.SIGTERM)
    assert init.end()[0] == 143
    print(f"SIGTERM to exit in a storm: "
          f"{1000 * (time.monotonic() - begin):.1f} ms")


# --- signals and terminals ----------------------------------------------------------


def test_signals_that_mean_nothing_change_nothing(supervise):
    """S13"""
    s = supervise({"a": sh("exec sleep 99")},
                  directories=[{"path": "/tmp", "mode": "1777"}])
    s.reach("a", "up")
    pid = s.status()["a"]["pid"]
    for signo in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGURG,
                  signal.SIGWINCH, signal.SIGALRM, signal.SIGUSR2, 40):
        s.init.kill(signo)
    assert s.status()["a"]["pid"] == pid
    assert "service" not in s.stop()


def test_services_have_a_session_and_no_input(supervise, box):
    """T4, V9"""
    s = supervise({"a": sh("{ readlink /proc/self/fd/0; echo $$; "
                           "cut -d' ' -f5,6,7 /proc/$$/stat; } >/tmp/out; "
                           "mv /tmp/out /tmp/seen; exec sleep 99")})
    null, pid, ids = wait_for(lambda: read(box, "/tmp/seen")).splitlines()
    assert null == "/dev/null"
    assert ids.split() == [pid, pid, "0"]  # leads both, has no terminal
    s.stop()


def test_a_terminal_that_stops_writers_does_not_stop_init(box):
    """T5: TOSTOP; what services print goes to it from the background."""
    master, slave = pty.openpty()
    subprocess.run(["stty", "tostop"], stdin=slave, check=True)
    configure(box, {"a": sh("while sleep 0.05; do echo tick; done")})
    init = box.start("sh", "-c", "exec sleep 60", stdin=slave,
                     start_new_session=True, preexec_fn=lambda: (
                         __import__("fcntl").ioctl(
                             0, __import__("termios").TIOCSCTTY, 0),
                         os.dup2(0, 2)))
    os.close(slave)
    seen = b""
    while seen.count(b"a: tick") < 3:
        seen += os.read(master, 1000)
    state = pathlib.Path(f"/proc/{init.pid}/stat").read_text()
    assert state.rsplit(")", 1)[1].split()[0] != "T"
    init.kill(signal.SIGTERM)
    drain = threading.Thread(target=lambda: swallow(master), daemon=True)
    drain.start()
    assert init.end()[0] == 143
    drain.join(5)
    os.close(master)


def swallow(fd):
    try:
        while os.read(fd, 1000):
            pass
    except OSError:
        pass


@pytest.mark.parametrize("kind", ["null", "closed", "pipe", "file"])
def test_any_standard_input_will_do(box, tmp_path, kind):
    """T2: no terminal to hand over is no error."""
    read_end, write_end = os.pipe()
    kw = {"null": {}, "closed": {"preexec_fn": lambda: os.close(0)},
          "pipe": {"stdin": read_end},
          "file": {"stdin": open(__file__)}}[kind]
    code, out, err = box.sh("echo ran", **kw)
    os.close(read_end)
    os.close(write_end)
    assert (code, out, err) == (0, "ran\n", "")


def test_umask_limits_and_priority_are_the_callers(box):
    """Z3"""
    def before():
        os.umask(0o027)
        os.nice(3)
        resource.setrlimit(resource.RLIMIT_NOFILE, (333, 333))
    _, out, _ = box.sh("umask; ulimit -n; cut -d' ' -f19 /proc/$$/stat",
                       preexec_fn=before)
    assert out.split() == ["0027", "333", "3"]


# --- supervision ---------------------------------------------------------------


def test_what_is_waited_for_is_said(supervise):
    """V5: no start has a time limit of its own, but after 5 s a line."""
    s = supervise({"a": sh("exec sleep 99", ready={"fd": 3}),
                   "b": sh("exec sleep 99", after=["a"])})
    time.sleep(5.5)
    assert s.state("a") == "starting"
    assert "service b: waits for a, which is starting" in s.stop()


@pytest.mark.parametrize("user, group, ids", [
    ("1234", None, "1234 1234"), ("agent", "900", "10001 900"),
    (None, "verifier", "0 10002")])
def test_numbers_are_as_good_as_names(supervise, box, user, group, ids):
    """U3, U4"""
    who = {k: v for k, v in (("user", user), ("group", group)) if v}
    s = supervise({"a": sh("echo $(id -u) $(id -g) >/tmp/out; mv /tmp/out "
                           "/tmp/seen; exec sleep 99", **who)},
                  directories=[{"path": "/tmp", "mode": "1777"}])
    assert wait_for(lambda: read(box, "/tmp/seen")).strip() == ids
    s.stop()


def test_users_are_added_under_the_lock_of_the_shadow_tools(box):
    """U1: who holds it is waited for, but not for ever."""
    box.file("/etc").mkdir()
    lock = box.file("/etc/.pwd.lock")
    with open(lock, "w") as f:
        __import__("fcntl").lockf(f, __import__("fcntl").LOCK_EX)
        code, _, err = box.sh("true")
    assert code == 0
    assert "users: /etc/.pwd.lock: " in err
    assert not box.file("/etc/passwd").exists()
    assert box.sh("true")[0] == 0
    assert box.file("/etc/passwd").exists()


def test_without_proc_and_root_the_command_runs(box, sanitized):
    """E2, E5"""
    if sanitized:
        pytest.skip("the sanitizers' runtime wants /proc")
    argv = box.argv("--no-gateway", "sh", "-c", "id -u; exit 4")
    argv[1:1] = ["--setuid=1000", "--setgid=1000"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30,
                          env={"PATH": "/bin:/usr/bin",
                               "ASAN_OPTIONS": "detect_leaks=0"})
    assert (done.returncode, done.stdout) == (4, "1000\n")
    assert "uid 1000, not root" in done.stderr


@pytest.mark.parametrize("mode, named", [(0o664, True), (0o644, False)])
def test_number_that_nobody_has_gets_a_name_where_it_may(box, sanitized, mode,
                                                         named):
    """U2: as OpenShift runs images; /etc itself cannot be written."""
    if sanitized:
        pytest.skip("the sanitizers' runtime wants /proc")
    box.file("/etc/coracle").mkdir(parents=True)
    passwd = box.file("/etc/passwd")
    passwd.write_text("root:x:0:0::/root:/bin/sh")
    passwd.chmod(mode)
    argv = box.argv("--no-gateway", "id", "-un")
    argv[1:1] = ["--setuid=1234567", "--setgid=0"]
    for _ in range(2):
        done = subprocess.run(argv, capture_output=True, text=True, timeout=30,
                              env={"PATH": "/bin:/usr/bin", "HOME": "/work"})
        assert (done.stdout == "user\n") == named
    assert passwd.read_text() == "root:x:0:0::/root:/bin/sh" + (
        "\nuser:x:1234567:0::/work:/bin/sh\n" if named else "")


def test_in_a_user_namespace(box):
    """E3: root there, with one uid, is root enough for all but other users."""
    configure(box, {"a": sh("echo $(id -u) >/tmp/seen; exec sleep 99",
                            user="agent")})
    argv = ["unshare", "--user", "--map-root-user",
            *box.argv("sh", "-c", "sleep 0.5; exit 4")[0:]]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30,
                          env={"PATH": "/bin:/usr/bin:/usr/sbin:/sbin",
                               "ASAN_OPTIONS": "detect_leaks=0"})
    if "unshare" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 4, done.stderr
    assert "service a: start: " in done.stderr  # never with more rights
    assert not box.file("/tmp/seen").exists()


def test_default_configuration_is_to_have_none(bare):
    """C1"""
    init = bare.start("--no-gateway", "sleep", "infinity")
    time.sleep(0.2)
    assert init.popen.poll() is None
    init.kill(signal.SIGTERM)
    code, out, err = init.end()
    assert (code, out) == (143, "")
    assert "init:" not in err


def test_strict_with_a_bad_file_ends_at_once(box):
    """G2"""
    box.file("/etc/coracle").mkdir(parents=True)
    box.file("/etc/coracle/init.json").write_text('{"services": 1}')
    code, out, err = box.run("--strict", "echo", "never")
    assert (code, out) == (78, "")
    assert 'line 1, column 14: "services" wants' in err


# --- when system calls fail ------------------------------------------------------

FAULTS = [
    ("ENOMEM", "mmap,mremap,brk,clone,fork,vfork"),
    ("ENOMEM", "epoll_ctl,epoll_pwait,epoll_wait,read,recvmsg"),
    ("EMFILE", "open,openat,socket,pipe2,fcntl,dup3"),
    ("ENOSPC", "write,writev,rename,mkdir,fsync"),
    ("EIO", "read,write,sendto,getdents64"),
    ("EINTR", "epoll_pwait,epoll_wait,read,write,wait4"),
    ("EPERM", "kill,chmod,fchown,unlink,setsid"),
    ("ENOSYS", "close_range,prctl,timerfd_create"),
]


@pytest.mark.parametrize("error, calls", FAULTS,
                         ids=[f"{e}-{c.split(',')[0]}" for e, c in FAULTS])
def test_nothing_that_the_kernel_refuses_ends_it(supervise, box, sanitized,
                                                 error, calls):
    """R6: every third call fails for a while; then all is as before."""
    if sanitized:
        pytest.skip("the sanitizers' runtime ends the program by itself")
    s = supervise({
        "a": sh("exit 1", restart_ms=20, restart_max_ms=20),
        "b": sh("while sleep 0.02; do echo line; done"),
        "c": sh("echo x; exec sleep 99",
                log={"to": "file", "path": "/tmp/c.log"})})
    s.reach("b", "up")
    before = s.status()["a"]["restarts"]
    tracer = subprocess.Popen(
        ["strace", "-q", "-o", "/dev/null", "-p", str(s.init.pid), "-e",
         f"trace={calls}", "-e",
         f"inject={calls}:error={error}:when=2+3"], stderr=subprocess.PIPE)
    time.sleep(0.7)
    if tracer.poll() is not None:
        pytest.skip(f"strace: {tracer.stderr.read().decode().strip()}")
    # nobody may be answered just now; it only has to stay
    try:
        for request in (("status",), ("reload",), ("restart", "c")):
            subprocess.run(
                ["nsenter", "-t", str(s.init.pid), "-m", "-p", "-r", "-w",
                 "/usr/bin/coracle", "ctl", "--wait", "300", *request],
                capture_output=True, timeout=1)
    except subprocess.TimeoutExpired:
        pass
    tracer.send_signal(signal.SIGINT)
    tracer.wait()
    assert s.init.popen.poll() is None
    wait_for(lambda: s.ctl("status")[0] == 0)
    s.reach("b", "up")
    s.reach("c", "up")
    wait_for(lambda: s.status()["a"]["restarts"] > before + 3)
    s.init.kill(signal.SIGTERM)
    assert s.init.end()[0] == 0


# --- restarts and time --------------------------------------------------------------


@pytest.mark.slow
def test_five_thousand_restarts_leave_nothing_behind(supervise, sanitized):
    """Twenty services at a time, with the shortest pause there is."""
    wanted = 500 if sanitized else 5000
    s = supervise({f"s{i}": {"command": ["false"], "restart_ms": 10,
                             "restart_max_ms": 10, "log": {"rate": 1}}
                   for i in range(20)}, env={"CORACLE_LOG": "error"})

    def restarts():
        return sum(row["restarts"] for row in s.status().values())

    def sizes():
        text = pathlib.Path(f"/proc/{s.init.pid}/smaps_rollup").read_text()
        return (len(os.listdir(f"/proc/{s.init.pid}/fd")),
                int(re.search(r"Anonymous:\s+(\d+)", text)[1]))

    wait_for(lambda: restarts() > 100)
    fds, memory = sizes()
    wait_for(lambda: restarts() > wanted, 60)
    after = sizes()
    print(f"{restarts()} restarts: {fds} to {after[0]} descriptors, "
          f"{memory} to {after[1]} kB")
    assert after[0] <= fds + 2
    if not sanitized:
        assert after[1] <= memory + 8
    s.stop()


def test_wall_clock_is_for_people_only(top):
    """Clock jumps: no deadline is made of CLOCK_REALTIME."""
    for name in (*(top / "init").glob("*.c"), top / "lib/loop.c"):
        text = name.read_text()
        assert "clock_wall" not in text and "REALTIME" not in text, name


# --- the configuration ----------------------------------------------------------------

WRONG = [
    ('{"grace_ms": -1}', 1, 14, "grace_ms", "number from 0 to"),
    ('{"grace_ms": 1.5}', 1, 14, "grace_ms", "number from 0 to"),
    ('{"grace_ms": "5"}', 1, 14, "grace_ms", "number from 0 to"),
    ('{"log":\n {"level": "loud"}}', 2, 12, "log.level", "one of"),
    ('{"gateway": {"listen": "host"}}', 1, 24, "gateway.listen", "address"),
    ('{"gateway": {"enabled": 1}}', 1, 25, "gateway.enabled", "true or false"),
    ('{"gateway": {"root": "x"}}', 1, 22, "gateway.root", "absolute path"),
    ('{"environment": {"A": 1}}', 1, 23, "environment.A", "text in quotes"),
    ('{"environment": {"A": "1", "B=": "2"}}', 1, 34, "environment.B=",
     "without '='"),
    ('{"file_variables": ["A",\n 5]}', 2, 2, "file_variables[1]",
     "text in quotes"),
    ('{"services": {"a": {"command": ["x", null]}}}', 1, 38,
     "services.a.command[1]", "text in quotes"),
    ('{"environment": []}', 1, 17, "environment", "object"),
    ('{"file_variables": "A"}', 1, 20, "file_variables", "array of"),
    ('{"groups": {"g": {}}}', 1, 18, "groups.g", '"gid"'),
    ('{"users": {"u": {"uid": "x"}}}', 1, 25, "users.u.uid", "number"),
    ('{"mounts": [{"type": "tmpfs"}]}', 1, 13, "mounts[0]", '"target"'),
    ('{"directories": [{"path": "/a", "mode": "999"}]}', 1, 41,
     "directories[0].mode", "mode"),
    ('{"boot": [{"name": "t"}]}', 1, 11, "boot[0]", '"command"'),
    ('{"services": {"a": {"command": []}}}', 1, 32, "services.a.command",
     "program"),
    ('{"services": {"a": {"command": ["x"],\n "stop_signal": "BOO"}}}', 2, 17,
     "services.a.stop_signal", "signal"),
    ('{"services": {"a": {"command": ["x"], "ready": {"fd": 1}}}}', 1, 55,
     "services.a.ready.fd", "number from 3"),
    ('{"services": {"a": {"command": ["x"], "alive": {"port": 1, '
     '"notify": true}}}}', 1, 48, "services.a.alive", "one of"),
    ('{"services": {"a": {"command": ["x"], "oneshot": true, '
     '"alive": {"port": 1}}}}', 1, 65, "services.a.alive", "oneshot"),
    ('{"services": {"a": {"command": ["x"], "finish": [""]}}}', 1, 49,
     "services.a.finish", "program"),
    ('{"services": {"a": {"command": ["x"], "after": ["b"]}}}', 1, 20,
     "services.a.after", "no service"),
    ('{"services": {"a": {"command": ["x"], "after": ["a"]}}}', 1, 20,
     "services.a.after", "cycle"),
    ('{"services": {"a": {"command": ["x"], "capabilities": ["fly"]}}}', 1, 55,
     "services.a.capabilities", "capabilities"),
    ('{"services": {"a b": {"command": ["x"]}}}', 1, 22, "services.a b",
     "name"),
    ('{"services": {"a": {"command": ["x"], "log": {"to": "file"}}}}', 1, 46,
     "services.a.log", "path"),
    ('{"services": {"a": {"command": ["x"], "restrt": "never"}}}', 1, 39,
     "services.a", 'did you mean "restart"'),
    ('{"command": {"after": ["b"]}}', 1, 23, "command.after", "no service"),
    ('{"grace_ms": 1, "grace_ms": 2}', 1, 18, "grace_ms", "twice"),
]


@pytest.mark.parametrize("text, line, column, key, expected", WRONG,
                         ids=[f"{i}-{w[3]}" for i, w in enumerate(WRONG)])
def test_each_mistake_has_its_place_its_key_and_what_was_expected(
        run, tmp_path, text, line, column, key, expected):
    """C5: file, line and column, key path, what was expected; status 78."""
    path = tmp_path / "init.json"
    path.write_text(text)
    done = run("init", "--check", "--config", path)
    err = done.stderr.decode()
    print(err)
    assert (done.returncode, done.stdout) == (78, b"")
    assert f"{path}: line {line}, column {column}: " in err
    assert key in err and expected in err


def test_boot_with_mistakes_leaves_out_what_has_them(supervise):
    """G2: the container can be mended from inside, and by a reload."""
    s = supervise({"bad": {"command": 1}, "good": sh("exec sleep 99")},
                  grace_ms="x")
    s.reach("good", "up")
    assert "bad" not in s.status()
    path = s.box.file("/etc/coracle/init.json")
    config = json.loads(path.read_text())
    config["services"]["bad"] = sh("exec sleep 98")
    del config["grace_ms"]
    path.write_text(json.dumps(config))
    assert s.ctl("reload") == (0, "", "")
    s.reach("bad", "up")
    s.stop()


def test_duties_of_the_documentation_have_the_tests_it_names(top):
    text = (top / "docs/init.md").read_text().split("## Duties")[1]
    named = set(re.findall(r"`(test_\w+)`", text))
    there = set()
    for path in (top / "tests/integration").glob("test_*.py"):
        there |= set(re.findall(r"^def (test_\w+)\(", path.read_text(), re.M))
    assert len(named) > 80
    assert named - there == set()
