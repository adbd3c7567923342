# SPDX-License-Identifier: MIT
"""What the trampoline refuses: one line, a documented status, nothing run."""

import json
import time

import pytest

from helpers.arena import IMAGE, WAYS, Arena, ready
from helpers.box import wait_for
from helpers.container import Container

pytestmark = pytest.mark.docker


def refused(done, status, *words):
    assert done.returncode == status, (done.stdout, done.stderr)
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("trampoline: ")
    for word in words:
        assert word in done.stderr


@pytest.fixture(scope="module", params=WAYS)
def own(request, loaded, image):
    """A container of this module's own, that tests may break."""
    container = Arena(loaded, request.param)
    if request.param == "broker":
        ready(container)
    yield container
    container.remove()


# --- who asks -----------------------------------------------------------------


@pytest.mark.parametrize("user", ["root", "0:0", "nobody", "65534", "4242:4242",
                                  "environment", "10000:0", "10001:0"])
def test_identity_is_the_real_uid_and_the_unknown_are_refused(arena, user):
    done = arena.attack("server", user=user)
    if user == "10001:0":  # the agent, whatever its group
        assert done.returncode == 0, done.stderr
        assert "status.Gid 10000\t10000" in done.stdout
        return
    refused(done, 126, "may not run")


def test_identity_is_not_taken_from_the_environment(arena):
    done = arena.attack("server", "raw=CORACLE_CALLER_UID=10001",
                        "raw=CORACLE_CALLER=agent", user="nobody")
    refused(done, 126, "uid 65534 may not run")


# --- the policy -----------------------------------------------------------------


def test_bad_policies_are_refused(arena):
    refused(arena.attack("broken"), 125, "line 4", "no such key: comand")
    refused(arena.attack("empty"), 125, "no command")
    refused(arena.attack("nobody"), 125, "user wants")


def test_commands_that_cannot_run(arena):
    refused(arena.attack("missing"), 127, "/usr/bin/nothing")
    refused(arena.attack("directory"), 126, "/usr/bin")
    refused(arena.attack("plain"), 126, "/etc/passwd")
    refused(arena.attack("lost"), 125, "/nowhere")
    refused(arena.attack("loose"), 126, "/opt/loose", "chmod go-w")


def test_trampoline_without_a_policy(arenas):
    for way in ("broker", "set-id"):
        done = arenas(way).exec("/usr/bin/orphan", user="agent")
        refused(done, 125, "/etc/coracle/trampoline/usr/bin/orphan")


# a place on the way, what is done to it, and how it is put right
LOOSENED = {
    "file": ("{p}", "chmod o+w", "chmod o-w"),
    "group": ("{p}", "chmod g+w", "chmod g-w"),
    "owner": ("{p}", "chown 10001", "chown 0"),
    "folder": ("/etc/coracle/trampoline/usr", "chmod 777", "chmod 755"),
    "top": ("/etc/coracle", "chown 10001", "chown 0"),
    "etc": ("/etc", "chmod o+w", "chmod o-w"),
    "root": ("/", "chmod 777", "chmod 755"),
    "program": ("/usr/bin/probe", "chmod o+w", "chmod o-w"),
    "place": ("/usr/bin", "chmod g+w", "chmod g-w"),
    "secret": ("{p}", "chmod 000", "chmod 644"),
}


@pytest.mark.parametrize("name", LOOSENED)
def test_component_that_others_can_write_is_refused(own, name):
    place, loosen, tighten = LOOSENED[name]
    place = place.format(p="/etc/coracle/trampoline" + own.path("server"))
    assert own.exec(*loosen.split(), place, user="root").returncode == 0
    done = own.attack("server")
    assert own.exec(*tighten.split(), place, user="root").returncode == 0
    if name == "secret":  # root reads it nevertheless
        assert done.returncode == (125 if own.way == "set-id" else 0)
        return
    refused(done, 126 if name == "program" else 125, place)
    assert own.attack("server").returncode == 0


@pytest.mark.parametrize("how", [
    "ln -s /tmp/policy {p}", "mkfifo {p}", "mkdir {p}",
    "head -c 9000 /dev/zero >{p}", "printf 'command /usr/bin/probe\\0' >{p}"])
def test_policy_that_is_no_plain_file_is_refused(own, how):
    path = "/etc/coracle/trampoline" + own.path("server")
    script = f"mv {path} {path}.old; {how.format(p=path)}"
    assert own.exec("sh", "-c", script, user="root").returncode == 0
    begin = time.monotonic()
    done = own.attack("server")
    own.exec("sh", "-c", f"rm -rf {path}; mv {path}.old {path}", user="root")
    refused(done, 125, path)
    assert time.monotonic() - begin < 5


def test_a_link_to_the_trampoline_runs_what_its_own_path_says(arena):
    arena.exec("ln", "-sf", arena.path("server"), "/tmp/other", user="agent")
    done = arena.exec("/tmp/other", user="agent")
    assert done.returncode == 0
    assert "status.Uid 10000\t10000" in done.stdout


def test_a_copy_of_the_trampoline_has_no_power(arena):
    done = arena.exec("sh", "-c", f"cp {arena.path('server')} /tmp/copy; "
                      "chmod 6755 /tmp/copy; /tmp/copy", user="agent")
    refused(done, 125)


# --- when the set-id bit has no effect --------------------------------------------


@pytest.mark.parametrize("step, why", [
    ("nnp", "no_new_privs is set"), ("traced", "is traced"),
    ("shared", "shares its file system state")])
def test_without_effect_of_the_set_id_bit(arena, step, why):
    done = arena.attack("server", step)
    if arena.way == "broker":  # which needs none
        assert done.returncode == 0, done.stderr
        assert "status.Uid 10000\t10000\t10000\t10000" in done.stdout
    else:
        refused(done, 126, why, "cannot become environment")


def test_nothing_can_be_done_without_either_way(arenas):
    place = arenas("broker", "--cap-drop", "ALL",
                   "--security-opt", "no-new-privileges")
    refused(place.attack("server"), 126, "no_new_privs is set", "broker")


def test_mounted_nosuid(arenas):
    place = arenas("set-id", "--tmpfs", "/mnt:exec,nosuid")
    place.exec("sh", "-c", "chmod 755 /mnt; cp -p /usr/bin/server /mnt/; "
               "mkdir /etc/coracle/trampoline/mnt; cp /etc/coracle/trampoline"
               "/usr/bin/server /etc/coracle/trampoline/mnt/", user="root")
    refused(place.exec("/mnt/server", user="agent"), 126, "nosuid")


def test_no_proc(arenas):
    place = arenas("set-id", "--cap-add", "SYS_ADMIN", "--security-opt",
                   "apparmor=unconfined")
    done = place.exec(
        "sh", "-c", "mount --bind /var/tmp /proc && "
        "su agent -c /usr/bin/server", user="root")
    if "mount" in done.stderr and "proc is not" not in done.stderr:
        pytest.skip("no mount in this container: " + done.stderr)
    refused(done, 125, "/proc is not mounted")


# --- the multi-call program ---------------------------------------------------------


@pytest.mark.parametrize("name", ["coracle", "tar", "su", "run-as", "sh",
                                  "init", "../x"])
def test_multi_call_program_that_is_set_id_refuses_everything(arenas, name):
    place = arenas("set-id")
    done = place.exec("/usr/bin/attack", f"name={name}", "--", "/opt/coracle",
                      "tar", "--version", user="agent")
    assert done.returncode == 126
    assert done.stdout == "" and "set-id" in done.stderr


# --- what the caller can do to the program --------------------------------------------


def test_caller_cannot_touch_the_program(arena):
    popen, pid = arena.holding("hold")
    done = arena.exec("/usr/bin/attack", "touch", str(pid), user="agent")
    popen.stdin.close()
    popen.wait(20)
    popen.stdout.close()
    lines = done.stdout.splitlines()
    assert len(lines) == 14
    assert [x for x in lines if x.endswith(" worked")] == []


def test_program_with_the_callers_real_uid_can_be_stopped(arena):
    """What the option real-uid costs, so that the documentation stays true."""
    state = arena.state("keep")
    assert state["status.Uid"].split()[0] == "10001"
    assert state["deathsig_allowed"] != "1"


def test_caller_cannot_touch_the_first_process(arenas):
    place = arenas("broker")
    done = place.exec("/usr/bin/attack", "touch", "1", user="agent")
    assert " worked" not in done.stdout
    assert place.attack("server").returncode == 0


def test_program_ends_with_its_input(arena):
    popen, _ = arena.holding("hold")
    popen.stdin.close()
    assert popen.wait(20) == 0
    popen.stdout.close()


@pytest.mark.parametrize("command", ["stubborn", "tree"])
def test_program_of_a_client_that_is_killed_ends(arenas, command):
    place = arenas("broker")
    place.exec("timeout", "-s", "KILL", "1", place.path(command), user="agent")
    wait_for(lambda: "probe" not in place.exec("ps", "-o", "args").stdout)


def test_secrets_stand_in_no_argument(arena):
    popen, pid = arena.holding("hold")
    done = arena.exec("sh", "-c", f"tr '\\0' ' ' </proc/{pid}/cmdline",
                      user="agent")
    popen.stdin.close()
    popen.wait(20)
    popen.stdout.close()
    assert done.stdout == "/usr/bin/probe hold "


# --- users --------------------------------------------------------------------


@pytest.mark.parametrize("name, uid, groups", [
    ("environment", 10000, "10000 10001"), ("agent", 10001, "10001"),
    ("verifier", 10002, "10002 10001"), ("sandbox", 10003, "10003 10002")])
@pytest.mark.parametrize("way", ["broker", "set-id"])
def test_users_by_name_and_by_number_never_with_group_0(
        arenas, way, name, uid, groups):
    place = arenas(way)
    for user in (name, str(uid)):
        done = place.exec("sh", "-c", "id -u; id -g; id -G; echo $HOME; "
                          "stat -c %u $HOME", user=user)
        got = done.stdout.splitlines()
        assert got[:2] == [str(uid), str(uid)]
        assert sorted(got[2].split()) == sorted(groups.split())
        assert got[3:] == [f"/home/{name}", str(uid)]


def test_users_have_no_password(arenas):
    shadow = arenas("broker").exec("cat", "/etc/shadow", user="root").stdout
    fields = [line.split(":") for line in shadow.splitlines()]
    assert all(f[1] in ("!", "*", "!!") for f in fields)


def test_other_tasks_users_in_the_base_image_are_said(loaded, image, tmp_path):
    """Users of these names or numbers that stand there already."""
    (tmp_path / "Dockerfile").write_text(
        f"FROM {IMAGE}\n"
        "RUN sed -i -e 's/^agent:x:10001:/agent:x:1001:/' "
        "-e 's/^sandbox:/judge:/' /etc/passwd\n")
    tag = IMAGE + "-clash"
    loaded.run("build", "-q", "-t", tag, tmp_path)
    place = Container(loaded, tag)
    try:
        wait_for(lambda: "users:" in place.logs())
        text = place.logs()
        assert "agent has another uid than 10001" in text
        assert "uid 10003 belongs to another name" in text
        health = place.exec("coracle", "healthcheck")
        assert health.returncode != 0
    finally:
        place.remove()
        loaded.process("rmi", "-f", tag)


def test_users_are_made_once(arenas):
    place = arenas("broker")
    before = place.exec("cat", "/etc/passwd", "/etc/group").stdout
    assert json.loads(place.exec("coracle", "ctl", "status", "--json").stdout)
    place.exec("coracle", "ctl", "reload", user="root")
    assert place.exec("cat", "/etc/passwd", "/etc/group").stdout == before
