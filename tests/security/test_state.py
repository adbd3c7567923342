# SPDX-License-Identifier: MIT
"""The state in which a program behind the trampoline starts.

Whoever starts it, whatever they did before, and by whichever way: the same.
"""

import pytest

from helpers.started import HOSTILE, check

pytestmark = pytest.mark.docker


def test_state_without_an_attack(arena):
    state = arena.state("server")
    check(state)
    if arena.way != "set-id":  # which cannot leave the caller's groups
        assert state["status.Groups"] == "10001"
        assert int(state["status.CapBnd"], 16) == 0


@pytest.mark.parametrize("user, role", [("verifier", "verifier"),
                                        ("sandbox", "verifier")])
def test_roles_follow_from_the_real_uid(arena, user, role):
    uid = {"verifier": "10002", "sandbox": "10003"}[user]
    check(arena.state("server", user=user), role, uid)


@pytest.mark.parametrize("names", HOSTILE.values(), ids=HOSTILE)
def test_environment_is_not_the_callers(arena, names):
    check(arena.state("server", *(f"raw={n}" for n in names)))


def test_environment_of_a_megabyte_changes_nothing(arena):
    check(arena.state("server", "megabyte"))


@pytest.mark.parametrize("steps", [
    ["empty"], ["name=-sh"], ["name=coracle"], ["args=20000"],
    ["name=--help", "args=1"],
], ids=["none", "login", "applet", "many", "options"])
def test_arguments_are_not_the_callers(arena, steps):
    check(arena.state("server", *steps))


def test_descriptors_do_not_leak_in(arena):
    check(arena.state("server", "fds=200"))


@pytest.mark.parametrize("closed", [
    [0], [2], [0, 2], [0, 1], [1, 2], [0, 1, 2], [1]])
def test_closed_descriptors_become_dev_null(arena, closed):
    done = arena.attack("server", *(f"close={fd}" for fd in closed))
    assert done.returncode == 0
    if 1 not in closed:
        check_text = done.stdout
        assert "status.Uid 10000\t10000" in check_text
    else:
        assert done.stdout == ""


def test_signals_and_timers_are_reset(arena):
    check(arena.state("server", "block"))
    check(arena.state("server", "ignore"))
    check(arena.state("server", "alarm", "block", "ignore"))


@pytest.mark.parametrize("umask", ["0", "777"])
def test_umask_is_ours(arena, umask):
    check(arena.state("server", f"umask={umask}"))


@pytest.mark.parametrize("steps", [["gone"], ["directory=/tmp"]],
                         ids=["removed", "tmp"])
def test_directory_is_ours(arena, steps):
    check(arena.state("server", *steps))


def test_leader_of_a_process_group_gets_a_session_too(arena):
    check(arena.state("server", "group"))


def test_everything_at_once(arena):
    check(arena.state(
        "server", "group", "fds=50", "alarm", "block", "ignore", "umask=0",
        "gone", "env=PATH=/tmp", "megabyte", "name=-x"))


# resources by number, as in <sys/resource.h>
LIMITS = {"fsize": "limit=1:4096", "nofile": "limit=7:5", "cpu": "limit=0:1",
          "as": "limit=9:100000000", "stack": "limit=3:200000"}


@pytest.mark.parametrize("name", LIMITS)
def test_limits_are_ours_or_it_refuses(arena, name):
    done = arena.attack("server", LIMITS[name])
    if arena.way == "broker":
        assert done.returncode == 0, done.stderr
        assert f"limit.{name} " in done.stdout
        assert f"limit.{name} {LIMITS[name].split(':')[1]}\n" not in done.stdout
    else:
        assert done.returncode == 125
        assert f"limit {name} is" in done.stderr
        assert done.stdout == ""


def test_limits_of_the_policy(arena):
    assert arena.state("limited")["limit.nofile"] == "99"


def test_real_uid_can_be_kept_and_then_says_secure(arena):
    state = arena.state("keep")
    assert state["status.Uid"] == "10001\t10000\t10000\t10000"
    assert state["status.Gid"] == "10000\t10000\t10000\t10000"
    assert state["secure"] == "1"


@pytest.mark.parametrize("command", ["shell", "bash"])
def test_shell_behind_it_is_not_steered(arena, command):
    done = arena.attack(
        command, "raw=BASH_ENV=/tmp/x", "raw=ENV=/tmp/x", "raw=IFS=u",
        "raw=BASH_FUNC_f%%=() { echo forged; }", "raw=LD_PRELOAD=/tmp/x.so",
        "raw=SHELLOPTS=xtrace", "raw=PS4=$(id)")
    assert done.stdout.startswith("10000\n")
    for word in ("forged", "BASH_ENV", "LD_PRELOAD", "xtrace", "/tmp/x"):
        assert word not in done.stdout + done.stderr


def test_program_status_is_passed_on(arena):
    assert arena.attack("quits").returncode == 7


def test_crash_leaves_no_core_and_is_a_status(arena):
    done = arena.attack("crash", "limit=4:1000000")
    assert done.returncode in (134, 128 + 6)
    listing = arena.exec("ls", "/tmp").stdout
    assert "core" not in listing
