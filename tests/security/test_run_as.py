# SPDX-License-Identifier: MIT
"""run-as: whom it lets, what the command finds, and that nothing stays.

By PID 1's broker and by the file that is set-id to root, and su for root.
"""

import subprocess
import time

import pytest

from helpers.box import wait_for

pytestmark = pytest.mark.docker


@pytest.fixture(params=[
    ["broker"], ["broker", "--security-opt", "no-new-privileges"],
    ["set-id-root"], ["set-id-root", "--user", "agent"],
], ids=lambda p: "-".join((p[0], *p[-1:][:len(p) - 1])))
def place(request, arenas):
    return arenas(*request.param)


def program(place):
    return ["/bin/run-as"] if place.way == "broker" else ["/usr/bin/run-as"]


def run_as(place, *words, user="verifier", shell=None):
    """run-as WORDS; with shell, by `sh -c shell` in which $R is run-as."""
    if shell:
        return place.exec("env", f"R={program(place)[0]}", "sh", "-c", shell,
                          user=user)
    return place.exec(*program(place), *words, user=user)


def processes(place, uid):
    """Of this user; the dead that nobody reaps do not count."""
    out = place.exec("sh", "-c", "cat /proc/[0-9]*/status 2>/dev/null").stdout
    return [text for text in out.split("Name:")
            if f"Uid:\t{uid}" in text and "State:\tZ" not in text]


def test_command_runs_as_the_target(place):
    done = run_as(place, "sandbox", "--", "id")
    assert done.returncode == 0, done.stderr
    assert "uid=10003(sandbox) gid=10003(sandbox)" in done.stdout
    assert "groups=10002(verifier)" in done.stdout


@pytest.mark.parametrize("user, target", [
    ("agent", "sandbox"), ("agent", "verifier"), ("verifier", "root"),
    ("verifier", "environment"), ("sandbox", "verifier"), ("nobody", "sandbox"),
    ("verifier", "0"), ("verifier", "4294967295"), ("verifier", "-1"),
    ("agent", "agent"), ("verifier", "nosuch")])
def test_other_pairs_are_refused(place, user, target):
    done = run_as(place, target, "--", "id", user=user)
    assert done.returncode in (2, 125, 126)
    assert done.stdout == "" and len(done.stderr.splitlines()) <= 2
    assert "may not run as" in done.stderr or target in done.stderr


def test_options_of_the_caller_do_not_change_who_asks(place):
    done = run_as(place, shell="CORACLE_RUN_AS_CALLER=0 $R environment -- id")
    assert done.returncode == 126 and done.stdout == ""


def test_environment_comes_from_a_descriptor_and_nowhere_else(place):
    done = run_as(place, shell="""
        export SECRET=x PYTHONPATH=/tmp
        printf 'KEY=a b\\nLANG=C\\n' | $R sandbox --env-fd 0 -- env""")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "KEY=a b" in lines and "LANG=C" in lines
    assert "LANG=C.UTF-8" not in lines
    assert "CORACLE_CALLER=verifier" in lines
    assert "HOME=/home/sandbox" in lines
    assert not any(x.startswith(("SECRET", "PYTHONPATH")) for x in lines)


def test_environment_of_a_pipe_is_in_no_argument_of_any_process(place):
    place.docker.process("exec", "-i", "-u", "verifier", place.name, "sh",
                         "-c", "cat >/home/verifier/key", stdin=None,
                         input="API_KEY=s3cr3t-token\n")
    done = run_as(place, shell="""$R sandbox --env-fd 3 -- sh -c 'sleep 0.2
        cat /proc/[0-9]*/cmdline; echo; echo $API_KEY' 3</home/verifier/key""")
    arguments, key = done.stdout.rsplit("\n", 2)[:2]
    assert key == "s3cr3t-token" and "sandbox" in arguments
    assert "s3cr3t-token" not in arguments


@pytest.mark.parametrize("text", ["noequals", "=x"])
def test_environment_that_is_none_is_refused(place, text):
    done = run_as(place,
                  shell=f"echo '{text}' | $R sandbox --env-fd 0 -- id")
    assert done.returncode == 125 and "NAME=VALUE" in done.stderr
    assert done.stdout == ""


def test_status_is_the_commands(place):
    assert run_as(place, "sandbox", "--", "sh", "-c",
                  "exit 9").returncode == 9
    assert run_as(place, "sandbox", "--", "sh", "-c",
                  "kill -9 $$").returncode == 137
    done = run_as(place, "sandbox", "--", "/no/such")
    assert done.returncode == 127 and "/no/such" in done.stderr
    done = run_as(place, "sandbox", "--", "/etc/passwd")
    assert done.returncode == 126


def test_timeout_kills_the_whole_tree(place):
    begin = time.monotonic()
    done = run_as(place, "sandbox", "--timeout", "1", "--",
                  "/usr/bin/probe", "tree")
    assert done.returncode == 124
    assert time.monotonic() - begin < 8
    wait_for(lambda: not processes(place, 10003))


def test_nothing_of_the_target_stays_after_the_end(place):
    done = run_as(place, "sandbox", "--", "sh", "-c",
                  "setsid sleep 1000 & setsid sh -c 'sleep 1000 & sleep 999' &"
                  " echo left")
    assert done.stdout == "left\n"
    wait_for(lambda: not processes(place, 10003))


def test_client_that_goes_takes_all_with_it(place):
    popen = subprocess.Popen(
        ["docker", "exec", "-u", "verifier", place.name, "timeout", "-s",
         "KILL", "1", *program(place), "sandbox", "--", "/usr/bin/probe",
         "stubborn"], env=place.docker.env(),
        stdout=subprocess.PIPE, text=True)
    popen.stdout.readline()
    popen.wait(20)
    popen.stdout.close()
    wait_for(lambda: not processes(place, 10003))
    # without PID 1's help nobody is left to remove its files
    place.exec("sh", "-c", "rm -rf /var/tmp/run-as-*", user="root")


def test_temporary_files_are_its_own_and_go(place):
    done = run_as(place, "sandbox", "--", "sh", "-c",
                  "echo x >$TMPDIR/f; stat -c '%u %a' $TMPDIR; echo $TMPDIR")
    mode, folder = done.stdout.splitlines()
    assert mode == "10003 700"
    assert place.exec("ls", folder).returncode != 0
    left = place.exec("sh", "-c", "ls -d /var/tmp/run-as* /tmp/run-as*")
    assert left.stdout == ""


def test_limits_are_set(place):
    done = run_as(place, "sandbox", "--rlimit", "nofile=77", "--rlimit",
                  "core=0", "--", "sh", "-c", "ulimit -n; ulimit -c")
    assert done.stdout.split() == ["77", "0"]
    done = run_as(place, "sandbox", "--rlimit", "bogus=1", "--", "id")
    assert done.returncode == 2 and "rlimit" in done.stderr


HOSTILE_TREE = """
    rm -rf /home/agent/workspace/t; mkdir /home/agent/workspace/t
    cd /home/agent/workspace/t
    echo work >file; chmod 4755 file; mkdir -p a/b; echo deep >a/b/c
    ln -s /etc/shadow shadow; ln -s / root; ln -s ../../.. up; ln -s self self
    mkfifo pipe; echo no >locked; chmod 000 locked; mkdir shut; chmod 000 shut
    printf x >'a b'; mkdir empty; chmod 755 . a
"""


def test_clone_follows_nothing_and_keeps_links(place):
    assert place.exec("sh", "-c", HOSTILE_TREE, user="agent").returncode == 0
    done = run_as(
        place, "sandbox", "--clone", "/home/agent/workspace/t", "--", "sh",
        "-c", "ls -A | tr '\\n' ' '; stat -c '%u %a %n' file a/b/c; "
        "for l in shadow root up self; do readlink $l; done; cat a/b/c; echo mine >file; echo $?")
    assert done.returncode == 0, done.stderr
    listing, *rest = done.stdout.splitlines()
    names = listing.replace("file 10003", "").split("10003")[0]
    for gone in ("pipe", "locked", "shut"):
        assert gone not in names
    assert "10003 755 file" in done.stdout
    assert rest[-6:] == ["/etc/shadow", "/", "../../..", "self", "deep", "0"]
    assert "left out" in done.stderr
    original = place.exec("cat", "/home/agent/workspace/t/file").stdout
    assert original == "work\n"


def test_clone_goes_through_no_link(place):
    """Who owns the parent may have put a link where the folder was."""
    trap = "cd /home/agent; rm -rf moved; mkdir moved; ln -s /home moved/link"
    assert place.exec("sh", "-c", trap, user="agent").returncode == 0
    for folder in ("/home/agent/moved/link", "/home/agent/moved/link/verifier"):
        done = run_as(place, "sandbox", "--clone", folder, "--", "ls")
        assert done.returncode == 125 and done.stdout == ""
        assert folder in done.stderr


def test_clone_reads_with_the_callers_rights_only(place):
    for folder in ("/opt/server", "/root", "/home/environment"):
        done = run_as(place, "sandbox", "--clone", folder, "--", "ls")
        assert done.returncode == 125 and done.stdout == ""
        assert folder in done.stderr


@pytest.mark.parametrize("words", [
    [], ["sandbox"], ["--bogus", "sandbox", "--", "id"],
    ["sandbox", "--timeout", "x", "--", "id"],
    ["sandbox", "--env-fd", "99", "--", "id"],
    ["sandbox", "--clone", "/none", "--", "id"]])
def test_bad_usage_runs_nothing(place, words):
    done = run_as(place, *words)
    assert done.returncode in (2, 125)
    assert done.stdout == "" and 1 <= len(done.stderr.splitlines()) <= 2


def test_root_needs_no_policy(place):
    done = run_as(place, "agent", "--", "id", "-un", user="root")
    assert (done.returncode, done.stdout) == (0, "agent\n")


@pytest.mark.parametrize("way", ["broker", "set-id-root"])
@pytest.mark.parametrize("flag", [
    ["--security-opt", "no-new-privileges"], ["--read-only"],
    ["--cap-drop", "ALL"], ["--init"]], ids=lambda f: f[0] + f[-1])
def test_containers_with_fewer_rights(arenas, way, flag):
    """The command runs as the target, or nothing runs and one line says why."""
    place = arenas(way, *flag)
    done = run_as(place, "sandbox", "--", "id", "-u")
    if done.returncode == 0:
        assert done.stdout == "10003\n"
        assert flag[0] != "--cap-drop"
    else:
        assert done.returncode in (125, 126) and done.stdout == ""
        assert len(done.stderr.splitlines()) == 1
        assert flag[0] in ("--cap-drop", "--read-only") or way != "broker"
    assert run_as(place, "environment", "--", "id").returncode in (125, 126)


# --- su ---------------------------------------------------------------------


def su(place, *words, user=None):
    return place.exec("/bin/su", *words, user=user)


def test_su_becomes_a_user_by_name_and_number(arenas):
    place = arenas("broker")
    for name in ("verifier", "10002"):
        done = su(place, name, "-s", "/bin/bash", "-c",
                  "id -u; id -G; echo $HOME $USER $SHELL; echo $0")
        assert done.stdout.splitlines() == [
            "10002", "10002 10001", "/home/verifier verifier /bin/bash",
            "/bin/bash"], done.stderr


def test_su_keeps_status_and_arguments(arenas):
    place = arenas("broker")
    assert su(place, "agent", "-c", "exit 5").returncode == 5
    done = su(place, "agent", "-s", "/bin/sh", "-c", 'echo "$0 $1"', "a b", "c")
    assert done.stdout == "a b c\n"
    done = place.exec("env", "SECRET=x", "/bin/su", "-", "agent", "-c",
                      "pwd; echo $0 [$SECRET]")
    assert done.stdout.split() == ["/home/agent", "-sh", "[]"], done.stderr


def test_su_is_for_root_only(arenas):
    done = su(arenas("broker"), "verifier", "-c", "id", user="agent")
    assert done.returncode == 126 and done.stdout == ""


@pytest.mark.parametrize("words, status", [
    (["ghost", "-c", "id"], 125), (["agent", "-s", "/none", "-c", "id"], 127),
    (["nobody", "-s", "/etc/passwd", "-c", "id"], 126), (["--bogus"], 2)])
def test_su_says_what_is_wrong(arenas, words, status):
    done = su(arenas("broker"), *words)
    assert done.returncode == status and done.stdout == ""
    assert 1 <= len(done.stderr.splitlines()) <= 2
