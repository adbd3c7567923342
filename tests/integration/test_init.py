# SPDX-License-Identifier: MIT
"""init as PID 1 of a PID namespace and of a root file system of its own."""

import fcntl
import http.client
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pytest

from helpers.box import TIMEOUT, wait_for


@pytest.fixture
def gateway(coracle):
    """Skips where the program has no gateway."""
    names = subprocess.run(
        [coracle, "--list"], capture_output=True, text=True
    ).stdout.split()
    if "gateway" not in names:
        pytest.skip("no applet gateway in this build")


# --- the command's status ---------------------------------------------------


@pytest.mark.parametrize("script, status", [
    ("exit 0", 0), ("exit 7", 7), ("exit 255", 255),
    ("kill -9 $$", 137), ("kill -TERM $$", 143), ("kill -SEGV $$", 139),
])
def test_status_is_the_commands(box, script, status):
    code, _, err = box.sh(script)
    assert code == status
    assert err == ""


@pytest.mark.parametrize("command, status", [
    ("nosuch", 127), ("/no/such", 127), ("/etc/nothing/x", 127),
    ("/tmp", 126), ("/etc/plain", 126), ("/etc/text", 126),
])
def test_command_that_cannot_start(box, command, status):
    box.file("/etc").mkdir()
    box.file("/etc/plain").write_text("no permission to execute\n")
    box.file("/etc/text").write_text("no format that the kernel knows\n")
    box.file("/etc/text").chmod(0o755)
    code, _, err = box.run("--no-gateway", command)
    assert code == status
    assert f"command {command}: exec: " in err


def test_options_end_at_the_command(box):
    code, out, _ = box.run("--no-gateway", "echo", "--help", "--grace", "x")
    assert (code, out) == (0, "--help --grace x\n")


@pytest.mark.parametrize("argv", [
    ["sh", "-c", "sleep infinity"], ["sleep", "infinity"],
    ["/bin/sh", "-c", "sleep infinity"], ["tail", "-f", "/dev/null"],
])
def test_waiting_for_ever_needs_no_program(bare, argv):
    init = bare.start("--no-gateway", *argv)
    time.sleep(0.2)
    assert init.popen.poll() is None
    begin = time.monotonic()
    init.kill(signal.SIGTERM)
    code, _, err = init.end()
    print(f"{argv}: {1000 * (time.monotonic() - begin):.1f} ms")
    assert code == 143
    assert "init:" not in err


def test_other_vectors_do_need_one(bare):
    code, _, _ = bare.run("--no-gateway", "sh", "-c", "sleep 1")
    assert code == 127


# --- what the command finds ------------------------------------------------


def test_command_has_clean_mask_and_dispositions(box):
    _, out, _ = box.run("--no-gateway", "grep", "^Sig", "/proc/self/status")
    fields = dict(line.split(":\t") for line in out.splitlines())
    for name in ("SigBlk", "SigIgn", "SigCgt", "SigPnd"):
        assert int(fields[name], 16) == 0, name


def test_command_keeps_environment_and_directory(box):
    init = box.start("--no-gateway", "sh", "-c", "pwd; env; echo end; sleep 60",
                     wd="/usr", env={"A": "1 2", "HOME": "/x"})
    assert init.line() == "/usr"
    seen = set(iter(init.line, "end"))
    assert {"A=1 2", "HOME=/x", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"} <= seen
    root = os.readlink(f"/proc/{init.pid}/root")
    assert os.readlink(f"/proc/{init.pid}/cwd") == root
    init.kill(signal.SIGTERM)
    init.end()


@pytest.mark.parametrize("beside_the_others", (True, False))
def test_inherited_descriptors_are_the_commands(box, beside_the_others):
    read, write = os.pipe()
    # pipe() took the lowest numbers, so 3 is open here and may be passed
    number = 3 if beside_the_others else fcntl.fcntl(write, fcntl.F_DUPFD, 90)
    init = box.start("--no-gateway", "sh", "-c",
                     f"echo hello >&{number}; exec {number}>&-; "
                     "echo done; sleep 60", pass_fds=[number],
                     preexec_fn=lambda: os.dup2(write, number))
    os.close(write)
    if number != 3:
        os.close(number)
    assert init.line() == "done"
    assert os.read(read, 100) == b"hello\n"
    # init has closed its copy, or the reader would never see the end
    pipe = os.readlink(f"/proc/self/fd/{read}")
    wait_for(lambda: pipe not in [
        os.readlink(entry.path)
        for entry in os.scandir(f"/proc/{init.pid}/fd")])
    os.close(read)
    init.kill(signal.SIGTERM)
    init.end()


def test_closed_standard_descriptors(box):
    code, out, _ = box.run("--no-gateway", "probe", "fds",
                           preexec_fn=lambda: os.close(0))
    assert (code, out.split()) == (0, ["0", "1", "2"])


# --- signals ---------------------------------------------------------------

FORWARDED = [1, 2, 3, 10, 12, 13, 14, 18, 28, 30, 36, 64]


@pytest.mark.parametrize("mode", ["--group", "--child-only"])
def test_signals_are_forwarded_once(box, mode):
    init = box.start("--no-gateway", mode, "probe", "record")
    assert init.line() == "ready"
    for signo in FORWARDED:
        init.kill(signo)
        assert init.line() == str(signo)
    init.kill(signal.SIGTERM)
    code, out, _ = init.end()
    assert code == 0
    assert out.split()[0] == "15"
    assert out.split().count("15") == 1


@pytest.mark.parametrize("mode, reached", [("--group", True),
                                           ("--child-only", False)])
def test_target_of_signals(box, mode, reached):
    script = ("trap 'echo me' USR1; (trap 'echo sibling' USR1; echo up; "
              "while :; do sleep 0.05; done) & read x < /tmp/never; "
              "echo up; while :; do sleep 0.05; done")
    box.file("/tmp").mkdir()
    init = box.start("--no-gateway", mode, "sh", "-c", script)
    assert {init.line(), init.line()} == {"up"}
    init.kill(signal.SIGUSR1)
    time.sleep(0.5)
    init.kill(signal.SIGKILL)
    _, out, _ = init.end()
    assert "me" in out
    assert ("sibling" in out) == reached


def test_job_control_stop_and_continue(box):
    init = box.start("--no-gateway", "sh", "-c", "echo $$; exec sleep 60")
    init.line()

    def state():
        child = init.child_of(init.pid)
        with open(f"/proc/{child}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0]

    def becomes(wanted):
        end = time.monotonic() + 5
        while state() != wanted and time.monotonic() < end:
            time.sleep(0.01)
        return state() == wanted

    time.sleep(0.1)
    init.kill(signal.SIGTSTP)
    assert becomes("T")
    init.kill(signal.SIGCONT)
    assert becomes("S")
    init.kill(signal.SIGTERM)
    assert init.end()[0] == 143


@pytest.mark.parametrize("signo", [signal.SIGTERM, signal.SIGINT,
                                   signal.SIGQUIT, signal.SIGPWR])
def test_supervisor_stops_with_status_0(bare, signo):
    init = bare.start("--no-gateway")
    time.sleep(0.1)
    init.kill(signal.SIGUSR1)
    init.kill(signal.SIGHUP)
    time.sleep(0.1)
    assert init.popen.poll() is None
    init.kill(signo)
    assert init.end()[0] == 0


# --- reaping and the way down ---------------------------------------------------


@pytest.mark.slow
def test_orphan_storm(box):
    code, out, _ = box.run("--no-gateway", "probe", "storm", "20000",
                           env={"ASAN_OPTIONS": "detect_leaks=0"})
    print(out.strip())
    made, left = re.match(r"made (\d+) left (\d+)", out).groups()
    if int(made) < 20000:
        pytest.skip(f"only {made} processes were to be had")
    assert (code, left) == (0, "0")


def test_stop_when_children_obey(box):
    init = box.start("--no-gateway", "sleep", "60")
    time.sleep(0.2)
    begin = time.monotonic()
    init.kill(signal.SIGTERM)
    assert init.end()[0] == 143
    seconds = time.monotonic() - begin
    print(f"SIGTERM to exit: {1000 * seconds:.1f} ms")
    assert seconds < 2


def test_stop_reaches_what_left_its_session(box):
    init = box.start("--no-gateway", "probe", "escape", "/tmp/reached")
    box.file("/tmp").mkdir(exist_ok=True)
    assert init.line() == "ready"
    init.kill(signal.SIGTERM)
    assert init.end()[0] == 0
    assert box.file("/tmp/reached").read_text() == "reached\n"


def test_stop_reaches_what_is_stopped(box):
    init = box.start("--no-gateway", "sh", "-c",
                     "trap 'exit 9' TERM; echo up; kill -STOP $$; echo on")
    assert init.line() == "up"
    time.sleep(0.2)
    begin = time.monotonic()
    init.kill(signal.SIGTERM)
    assert init.end()[0] == 9
    assert time.monotonic() - begin < 3


def test_stubborn_command_is_killed_after_the_grace(box):
    init = box.start("--no-gateway", "--grace", "500", "probe", "deaf")
    assert init.line() == "ready"
    begin = time.monotonic()
    init.kill(signal.SIGTERM)
    code, _, err = init.end()
    seconds = time.monotonic() - begin
    assert code == 137
    assert "killed" in err
    assert 0.4 < seconds < 4


def test_second_request_hurries(box):
    init = box.start("--no-gateway", "--grace", "60000", "probe", "deaf")
    assert init.line() == "ready"
    init.kill(signal.SIGTERM)
    time.sleep(0.2)
    init.kill(signal.SIGTERM)
    assert init.end(10)[0] == 137


def test_end_of_the_command_ends_the_rest(box):
    code, _, _ = box.sh("setsid sleep 300 & sleep 300 & exit 4")
    assert code == 4


def test_log_reader_that_stands_still_blocks_nothing(box):
    init = box.start("--no-gateway", "probe", "record",
                     env={"CORACLE_LOG": "debug"})
    assert init.line() == "ready"
    for _ in range(3000):  # more than a pipe holds
        init.kill(signal.SIGUSR1)
        init.line()
    init.kill(signal.SIGTERM)
    init.popen.wait(TIMEOUT)
    assert init.popen.returncode == 0
    init.end()


def test_idle_init_sleeps(box, sanitized):
    init = box.start("--no-gateway", "sleep", "60")
    time.sleep(0.3)

    def status(name):
        with open(f"/proc/{init.pid}/status") as f:
            return int(re.search(rf"^{name}:\s+(\d+)", f.read(), re.M)[1])

    before = status("voluntary_ctxt_switches")
    time.sleep(2)
    assert status("voluntary_ctxt_switches") == before
    with open(f"/proc/{init.pid}/smaps_rollup") as f:
        # not Private_Dirty, which counts a program file just written, too
        private = int(re.search(r"Anonymous:\s+(\d+)", f.read())[1])
    print(f"private memory of PID 1: {private} kB")
    init.kill(signal.SIGTERM)
    init.end()
    if not sanitized:
        assert private <= 150


# --- the world ------------------------------------------------------------------


def etc(box):
    return {name: box.file(f"/etc/{name}").read_bytes()
            for name in ("passwd", "group", "shadow")}


def test_users_in_an_empty_image_are_those_of_the_skeleton(box, top):
    assert box.sh("true") == (0, "", "")
    for name, text in etc(box).items():
        wanted = (top / "rootfs/skeleton/etc" / name).read_bytes()
        assert text == wanted, name
    assert box.file("/etc/shadow").stat().st_mode & 0o7777 == 0o600


def test_users_twice_changes_nothing(box):
    box.sh("true")
    first = etc(box)
    inode = box.file("/etc/passwd").stat().st_ino
    assert box.sh("true") == (0, "", "")
    assert etc(box) == first
    assert box.file("/etc/passwd").stat().st_ino == inode


def test_users_keep_foreign_lines(box):
    box.file("/etc/coracle").mkdir(parents=True)
    foreign = b"root:x:0:0:me:/root:/bin/ash\n# odd \xff line\n\nu:x:7:7::/:"
    box.file("/etc/passwd").write_bytes(foreign)
    box.file("/etc/group").write_bytes(b"root:x:0:u\nagent:x:10001:u\n")
    box.file("/etc/shadow").write_bytes(b"root:*:::::::\n")
    box.file("/etc/shadow").chmod(0o640)
    os.chown(box.file("/etc/shadow"), 0, 42)
    assert box.sh("true")[0] == 0
    assert etc(box)["passwd"].startswith(foreign + b"\nenvironment:x:10000")
    assert etc(box)["group"].startswith(
        b"root:x:0:u\nagent:x:10001:u,environment,verifier\n")
    assert etc(box)["shadow"].startswith(b"root:*:::::::\nenvironment:!:")
    st = box.file("/etc/shadow").stat()
    assert (st.st_mode & 0o7777, st.st_gid) == (0o640, 42)


def test_users_that_clash_are_named(box):
    box.file("/etc/coracle").mkdir(parents=True)
    box.file("/etc/passwd").write_text("agent:x:5:5::/:/bin/sh\n"
                                       "other:x:10002:5::/:/bin/sh\n")
    code, _, err = box.sh("true")
    assert code == 0
    assert "agent has another uid than 10001" in err
    assert "uid 10002 belongs to another name" in err


def files_of(box):
    return {str(p.relative_to(box.root)) for p in box.root.rglob("*")}


def test_root_of_a_machine_is_left_alone(box):
    """`unshare -pf coracle init` by a user who only wants to try it."""
    for name in ("etc", "proc", "tmp", "run"):
        box.file(name).mkdir()
    box.file("/etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    before = files_of(box)
    code, out, err = box.sh("cat /proc/mounts; exit 3")
    assert code == 3
    assert err.count("nothing says that / is a container's") == 1
    assert files_of(box) == before
    assert box.file("/etc/passwd").read_text() == "root:x:0:0::/root:/bin/sh\n"
    assert [line.split()[1] for line in out.splitlines()] == ["/proc"]


@pytest.mark.parametrize("mark", [
    "/.dockerenv", "/run/.containerenv", "/etc/coracle", "container",
    "KUBERNETES_SERVICE_HOST", "--config"])
def test_root_of_a_container_is_known_by_a_mark(box, mark):
    box.file("/etc").mkdir()
    box.file("/run").mkdir()
    box.file("/etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    env, args = {}, []
    if mark == "/etc/coracle":
        box.file(mark).mkdir()
    elif mark.startswith("/"):
        box.file(mark).touch()
    elif mark == "--config":
        box.file("/own.json").write_text("{}")
        args = ["--config", "/own.json"]
    else:
        env = {mark: "x"}
    code, _, err = box.sh("true", *args, env=env)
    assert (code, err) == (0, "")
    assert "environment:x:10000" in box.file("/etc/passwd").read_text()


def manifest_directories(top):
    for line in open(top / "rootfs/manifest"):
        words = line.split()
        if words and words[0] == "d":
            yield words[3], int(words[1], 8), words[2]


def test_directories_are_those_of_the_manifest(box, top):
    ours = {"/tmp", "/run", "/var", "/root", "/home", "/filesystem",
            "/.apps_data"}
    box.sh("true")
    seen = set()
    for path, mode, owner in manifest_directories(top):
        if not any(path == o or path.startswith(o + "/") for o in ours):
            continue
        st = box.file(path).stat()
        assert st.st_mode & 0o7777 == mode, path
        assert f"{st.st_uid}:{st.st_gid}" == owner, path
        seen.add(path)
    assert ours <= seen


def test_directories_of_root_are_mended_and_others_are_not(box):
    for name in ("filesystem", "tmp", ".apps_data"):
        box.file(name).mkdir(mode=0o755)
    os.chown(box.file(".apps_data"), 1234, 1234)
    code, _, err = box.sh("true")
    assert code == 0
    st = box.file("filesystem").stat()
    assert (st.st_uid, st.st_gid, st.st_mode & 0o7777) == \
        (10000, 10001, 0o2775)
    assert box.file("tmp").stat().st_mode & 0o7777 == 0o1777
    assert box.file(".apps_data").stat().st_uid == 1234
    assert "/filesystem now has uid 10000, gid 10001, mode 2775" in err
    assert "/.apps_data belongs to uid 1234" in err


def test_directory_that_is_a_link_is_not_followed(box):
    box.file("elsewhere").mkdir(mode=0o700)
    box.file("filesystem").symlink_to("elsewhere")
    code, _, _ = box.sh("true")
    st = box.file("elsewhere").stat()
    assert (code, st.st_uid, st.st_mode & 0o7777) == (0, 0, 0o700)


def test_mounts_what_is_missing(box):
    code, out, err = box.sh("cat /proc/mounts; ls -l /dev; echo x >/dev/null")
    assert (code, err) == (0, "")
    for target, kind in (("/proc", "proc"), ("/sys", "sysfs"),
                         ("/dev", "tmpfs"), ("/dev/pts", "devpts"),
                         ("/dev/shm", "tmpfs")):
        assert f"{kind} {target} {kind} " in out
    assert re.search(r"^crw-rw-rw-.*urandom$", out, re.M)


def test_mounts_nothing_that_is_there(box, tmp_path):
    for name in ("proc", "sys", "dev"):
        box.file(name).mkdir()
    script = tmp_path / "start"
    script.write_text(
        f"mount -t proc proc {box.root}/proc; "
        f"mount -t tmpfs here {box.root}/dev; "
        f"mkdir {box.root}/dev/pts {box.root}/dev/shm; "
        f"mknod {box.root}/dev/null c 1 3; exec chroot {box.root} "
        "/usr/bin/coracle init --no-gateway cat /proc/mounts")
    done = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "--propagation", "private",
         "sh", script], capture_output=True, text=True,
        env={"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin",
             "ASAN_OPTIONS": "detect_leaks=0"})
    assert done.returncode == 0, done.stderr
    assert "here /dev tmpfs" in done.stdout
    assert done.stdout.count(" /dev ") == 1
    assert done.stdout.count(" /proc ") == 1


# --- configuration -------------------------------------------------------------


def write_config(box, text):
    box.file("/etc/coracle").mkdir(parents=True)
    box.file("/etc/coracle/init.json").write_text(text)


def test_check_accepts_the_images_configuration(run, top):
    path = top / "rootfs/skeleton/etc/coracle/init.json"
    done = run("init", "--check", "--config", path)
    assert (done.returncode, done.stderr) == (0, b"")
    effective = json.loads(done.stdout)
    assert effective["gateway"]["enabled"] is True


@pytest.mark.parametrize("text, message", [
    ('{"gatway": {}}', 'unknown key "gatway" (did you mean "gateway"?)'),
    ('{"gateway": {"port": 70000}}', '"gateway.port" wants a port'),
    ('{"users": {"a:b": {"uid": 70}}}', '"users.a:b" wants a name'),
    ('{"users": {"a": {"uid": 70, "home": "/x\\nroot2::0:0::/:/bin/sh"}}}',
     '"users.a" wants a home and a shell'),
    ('{"groups": {"": {"gid": 70}}}', '"groups" has an entry without a name'),
    (json.dumps({"services": {f"s{i}": {"command": ["true"]} for i in range(99)}}),
     '"services" wants at most'),
    ('{"gateway": }', "line 1, column 13: "),
    ("", "line 1, column 1: "),
])
def test_check_refuses_mistakes(run, tmp_path, text, message):
    path = tmp_path / "init.json"
    path.write_text(text)
    done = run("init", "--check", "--config", path)
    assert done.returncode == 78
    assert message in done.stderr.decode()


def test_default_configuration_is_accepted_and_printed_again(run, tmp_path):
    text = run("init", "--print-default").stdout
    path = tmp_path / "init.json"
    path.write_bytes(text)
    done = run("init", "--check", "--config", path)
    assert (done.returncode, done.stdout) == (0, text)


def test_example_of_the_documentation_is_accepted(run, top, tmp_path):
    text = (top / "docs/init.md").read_text()
    example = re.search(r'^    \{"grace_ms".*?^     "command".*?$', text,
                        re.M | re.S)[0]
    path = tmp_path / "init.json"
    path.write_text(example)
    done = run("init", "--check", "--config", path)
    assert (done.returncode, done.stderr) == (0, b"")
    services = json.loads(done.stdout)["services"]
    documented = re.findall(r"`(\w+)`", "".join(
        line.split("|")[1] for line in text.split("## Services")[1].split(
            "\n\n")[1].splitlines()))
    assert set(services["db"]) <= {*documented, "timeout_ms"}


def test_strict_ends_a_boot_that_would_go_on(box):
    write_config(box, '{"grace": 1}')
    code, _, err = box.sh("exit 3", "--strict")
    assert code == 78
    assert 'unknown key "grace"' in err
    assert box.sh("exit 3")[0] == 3


def test_configured_users_directories_and_mounts(box):
    write_config(box, json.dumps({
        "groups": {"data": {"gid": 900, "members": ["agent"]}},
        "users": {"pg": {"uid": 70, "home": "/srv/pg", "groups": ["data"]}},
        "mounts": [{"target": "/cache/deep", "options": "nosuid,size=1m"}],
        "directories": [
            {"path": "/srv/pg", "owner": "pg:data", "mode": "2750",
             "files": {"conf": "a=1\n"}},
            {"path": "/srv/numbers", "owner": "12:13"}]}))
    script = "grep /cache/deep /proc/mounts; cat /srv/pg/conf; id pg"
    code, out, err = box.sh(script)
    assert (code, err) == (0, "")
    assert re.search(r"tmpfs /cache/deep tmpfs \S*nosuid\S*size=1024k", out)
    assert "a=1\n" in out
    assert "uid=70(pg) gid=70(pg) groups=70(pg),900(data)" in out
    assert "data:x:900:agent,pg\n" in box.file("/etc/group").read_text()
    st = box.file("/srv/pg").stat()
    assert (st.st_uid, st.st_gid, st.st_mode & 0o7777) == (70, 900, 0o2750)
    st = box.file("/srv/pg/conf").stat()
    assert (st.st_uid, st.st_gid, st.st_mode & 0o7777) == (70, 900, 0o640)
    assert box.file("/srv/numbers").stat().st_gid == 13
    # a second boot writes nothing
    box.file("/srv/pg/conf").write_text("mine")
    first = etc(box)
    assert box.sh("true") == (0, "", "")
    assert etc(box) == first
    assert box.file("/srv/pg/conf").read_text() == "mine"


@pytest.mark.parametrize("key, value", [
    ("directories", {"path": "/d", "owner": "nobody-here"}),
    ("mounts", {"target": "/m", "type": "nosuchfs"}),
])
def test_what_is_required_ends_the_boot(box, key, value):
    write_config(box, json.dumps({key: [value]}))
    code, _, err = box.sh("exit 3")
    assert code == 3 and "boot goes on" in err
    value["required"] = True
    box.file("/etc/coracle/init.json").write_text(json.dumps({key: [value]}))
    code, _, err = box.sh("exit 3")
    assert code == 1
    assert "and it is required" in err


def test_check_wants_the_file_it_was_given(run, tmp_path):
    done = run("init", "--check", "--config", tmp_path / "none")
    assert done.returncode == 78


@pytest.mark.parametrize("args", [
    ["--group", "--child-only", "true"], ["--port", "0"], ["--nosuch"],
    ["--gateway-listen", "here"], ["--grace", "soon"],
])
def test_wrong_usage(run, args):
    done = run("init", *args)
    assert done.returncode == 2
    assert b"try 'init --help'" in done.stderr


def test_boot_goes_on_with_a_bad_configuration(box):
    write_config(box, "{")
    code, _, err = box.sh("exit 3")
    assert code == 3
    assert "configuration: /etc/coracle/init.json: line 1" in err


def test_boot_timeline_on_request(box):
    _, _, err = box.sh("true", env={"CORACLE_LOG": "debug"})
    for step in ("configuration", "mounts", "users", "directories",
                 "services", "command"):
        assert re.search(rf"boot: +\d+\.\d{{3}} ms {step}$", err, re.M), step
    assert re.search(r"mounts: /dev/shm holds \d+ KiB$", err, re.M)


# --- less than PID 1, less than root ---------------------------------------------


def test_not_pid_1(run):
    before = pathlib.Path("/etc/passwd").read_bytes()
    done = run("init", "--no-gateway", "sh", "-c", "setsid sleep 60 & exit 5")
    assert done.returncode == 5
    lines = done.stderr.decode().splitlines()
    assert sum("not 1" in line for line in lines) == 1
    assert pathlib.Path("/etc/passwd").read_bytes() == before


def test_not_pid_1_adopts_and_ends_its_orphans(run, tmp_path):
    done = run("init", "--no-gateway", "sh", "-c",
               f"(setsid sleep 61 & echo $! >{tmp_path}/pid); exit 0")
    assert done.returncode == 0
    pid = int((tmp_path / "pid").read_text())
    assert not pathlib.Path(f"/proc/{pid}").exists()


@pytest.fixture
def open_program(coracle):
    """A copy of the program that every user can reach."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        yield shutil.copy(coracle, folder)


def test_not_root(open_program):
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    done = subprocess.run(
        [open_program, "init", "--no-gateway", "sh", "-c", "id -u; exit 6"],
        user=65534, group=65534, extra_groups=[], capture_output=True,
        text=True, cwd="/")
    assert (done.returncode, done.stdout) == (6, "65534\n")
    assert done.stderr.count("not root") == 1


# --- the terminal ----------------------------------------------------------------


def test_command_has_the_terminal(box):
    master, slave = pty.openpty()
    init = box.start("--no-gateway", "sh", "-c",
                     "read line; echo got $line; exec sleep 60",
                     stdin=slave, start_new_session=True,
                     preexec_fn=lambda: __import__("fcntl").ioctl(
                         0, __import__("termios").TIOCSCTTY, 0))
    os.close(slave)
    os.write(master, b"hello\n")
    assert init.line() == "got hello"
    time.sleep(0.2)
    os.write(master, b"\x03")
    assert init.end()[0] == 130
    os.close(master)


# --- the gateway as a service -----------------------------------------------------


def gateway_pid(init):
    for pid in pathlib.Path(
            f"/proc/{init.pid}/task/{init.pid}/children"
    ).read_text().split():
        words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if words[1:2] == [b"gateway"]:
            return int(pid)
    return None


def healthy(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def test_gateway_is_started_as_environment(box, gateway, free_port):
    init = box.start("--port", free_port, env={"SECRET": "kept"})
    pid = wait_for(lambda: gateway_pid(init))
    wait_for(lambda: healthy(free_port))
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    assert "Uid:\t10000\t10000\t10000\t10000" in status
    assert "Gid:\t10000\t10000\t10000\t10000" in status
    assert re.search(r"^Groups:\t10001 *$", status, re.M)
    env = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    assert {b"SECRET=kept", b"HOME=/home/environment", b"USER=environment",
            b"LOGNAME=environment"} <= set(env)
    init.kill(signal.SIGTERM)
    assert init.end()[0] == 0


def test_gateway_is_started_again(box, gateway, free_port):
    init = box.start("--port", free_port, "sleep", "60")
    wait_for(lambda: healthy(free_port))
    pid = gateway_pid(init)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: gateway_pid(init) not in (None, pid))
    wait_for(lambda: healthy(free_port))
    init.kill(signal.SIGTERM)
    code, _, err = init.end()
    assert code == 143
    assert err.count("service gateway: killed by SIGKILL") == 1
    assert "restart in 100 ms" in err


def test_gateway_that_cannot_start_is_tried_less_and_less(box, gateway,
                                                          free_port):
    with socket.socket() as s:
        s.bind(("127.0.0.1", free_port))
        s.listen()
        init = box.start("--port", free_port)
        time.sleep(1.2)
        init.kill(signal.SIGTERM)
        code, _, err = init.end()
    assert code == 0
    pauses = re.findall(r"restart in (\d+) ms", err)
    assert pauses[:3] == ["100", "200", "400"]
    assert len(pauses) <= 4


def test_time_to_health(box, gateway, free_port):
    """Reported, and bounded only loosely: machines differ."""
    begin = time.monotonic()
    init = box.start("--port", free_port)
    while not healthy(free_port):
        assert time.monotonic() - begin < 10
    print(f"exec of unshare to 200: {1000 * (time.monotonic() - begin):.1f} ms")
    init.kill(signal.SIGTERM)
    init.end()


def test_gateway_can_be_configured_away(box):
    write_config(box, '{"gateway": {"enabled": false}}')
    init = box.start("sleep", "60")
    time.sleep(0.3)
    assert gateway_pid(init) is None
    init.kill(signal.SIGTERM)
    assert init.end() == (143, "", "")
