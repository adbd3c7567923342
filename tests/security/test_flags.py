# SPDX-License-Identifier: MIT
"""Every attack again, in containers with fewer rights or another PID 1.

One container for each set of flags and each way; all attacks of a caller are
made by one exec into it. What must come out follows from how the program is
reached there: a broker without its capabilities does not answer, and then the
set-id bit counts; where that has no effect either, nothing runs and one line
says why.
"""

import pytest

from helpers.arena import State
from helpers.started import HOSTILE, check

pytestmark = pytest.mark.docker

FLAGS = {
    "no-new-privileges": ["--security-opt", "no-new-privileges"],
    "no-capabilities": ["--cap-drop", "ALL"],
    # attacks want a place to write
    "read-only": ["--read-only", "--tmpfs", "/tmp:mode=1777"],
    "user": ["--user", "agent"],
    "init": ["--init"],
}

# how a program is reached, when that is not the way itself; or the refusal
REACHED = {
    ("broker", "no-capabilities"): "set-id",
    ("broker", "user"): "set-id",
    ("set-id", "no-new-privileges"): "no_new_privs is set",
    ("set-id-root", "no-new-privileges"): "no_new_privs is set",
    ("set-id-root", "no-capabilities"): "the capability setgid",
}

STATES = {
    "nothing": [],
    **{name: [f"raw={v}" for v in values] for name, values in HOSTILE.items()},
    "megabyte": ["megabyte"],
    "no arguments": ["empty"],
    "login shell": ["name=-sh"],
    "name of an applet": ["name=coracle"],
    "options": ["name=--help", "args=1"],
    "many arguments": ["args=20000"],
    "descriptors": ["fds=200"],
    "closed descriptor": ["close=0"],
    "signals": ["block", "ignore", "alarm"],
    "umask": ["umask=777"],
    "removed directory": ["gone"],
    "directory": ["directory=/tmp"],
    "group": ["group"],
    "everything": ["group", "fds=50", "alarm", "block", "ignore", "umask=0",
                   "gone", "env=PATH=/tmp", "megabyte", "name=-x"],
}

# steps, and the status and words with which they are refused without a broker
LESS = {
    "limit": (["limit=1:4096"], 125, "limit fsize is"),
    "nnp": (["nnp"], 126, "no_new_privs is set"),
    "traced": (["traced"], 126, "is traced"),
    "shared": (["shared"], 126, "shares its file system state"),
}

REFUSED = {
    "broken": (125, "no such key: comand"),
    "empty": (125, "no command"),
    "nobody": (125, "user wants"),
    "missing": (127, "/usr/bin/nothing"),
    "plain": (126, "/etc/passwd"),
    "lost": (125, "/nowhere"),
    "loose": (126, "chmod go-w"),
}

TARGETS = ["sandbox", "verifier", "root", "environment", "agent"]


class Outcome:
    def __init__(self, text):
        self.out, _, rest = text.partition("\n--- err\n")
        self.err, _, status = rest.rpartition("--- status ")
        self.out = self.out.strip("\n")
        self.status = int(status)

    def refused(self, status, word):
        assert self.status == status, (self.out, self.err)
        assert self.out == ""
        assert len(self.err.splitlines()) == 1, self.err
        assert word in self.err


def outcomes(place, commands, user="agent"):
    """Run them all by one exec, each in a shell's child -> [Outcome]."""
    script = "".join(
        "err=$( { %s; } 2>&1 >&3 ); s=$?;"
        " printf '\\n--- err\\n%%s\\n--- status %%d\\n=== end\\n' \"$err\" $s;"
        % command for command in commands)
    done = place.exec("sh", "-c", f"exec 3>&1; {script}", user=user)
    texts = done.stdout.split("=== end\n")
    assert texts.pop() == "" and len(texts) == len(commands), done.stderr
    return [Outcome(t) for t in texts]


def command(place, name, steps):
    quoted = " ".join(f"'{s}'" for s in steps)
    # without descriptor 3: what the attack opens, it opens itself
    return f"/usr/bin/attack {quoted} -- {place.path(name)} 3>&-"


@pytest.fixture(scope="module", params=[
    (way, flag) for flag in FLAGS for way in ("broker", "set-id", "set-id-root")
], ids=lambda p: "-".join(p))
def place(request, arenas):
    """A container under a flag; .reached is how, or why not."""
    way, flag = request.param
    made = arenas(way, *FLAGS[flag])
    made.reached = REACHED.get((way, flag), way)
    made.flag = flag
    made.works = made.reached in ("broker", "set-id", "set-id-root")
    return made


def test_state_is_the_same_or_nothing_runs(place):
    every = outcomes(place, [command(place, "server", s)
                             for s in STATES.values()])
    for name, one in zip(STATES, every):
        if not place.works:
            one.refused(126, place.reached)
            continue
        assert one.status == 0, (name, one.err)
        check(State(one.out))


def test_less_than_the_set_id_bit_needs(place):
    every = outcomes(place, [command(place, "server", steps)
                             for steps, _, _ in LESS.values()])
    for (_, status, word), one in zip(LESS.values(), every):
        if place.reached == "broker":
            assert one.status == 0, one.err
            check(State(one.out))
        elif place.works:
            one.refused(status, word)
        else:
            assert one.status in (125, 126) and one.out == "", one.err


def test_policies_and_programs_that_are_refused(place):
    every = outcomes(place, [command(place, n, []) for n in REFUSED])
    for (status, word), one in zip(REFUSED.values(), every):
        if place.works:
            one.refused(status, word)
        else:
            assert one.status in (125, 126, 127) and one.out == ""


@pytest.mark.parametrize("user", ["root", "nobody", "environment", "4242:4242"])
def test_identity_is_the_real_uid(place, user):
    forged = ["raw=CORACLE_CALLER_UID=10001", "raw=CORACLE_CALLER=agent"]
    one, = outcomes(place, [command(place, "server", forged)], user)
    one.refused(126, "may not run" if place.works else "")


@pytest.mark.parametrize("name", ["shell", "bash"])
def test_shells_are_not_steered(place, name):
    one, = outcomes(place, [command(place, name, [
        f"raw={v}" for v in HOSTILE["shell"] + HOSTILE["loader"]])])
    if not place.works:
        one.refused(126, place.reached)
        return
    assert one.out.startswith("10000\n")
    for word in ("forged", "BASH_ENV", "LD_PRELOAD", "xtrace", "/tmp/x"):
        assert word not in one.out + one.err


def test_caller_cannot_touch_the_program(place):
    if not place.works:
        assert place.attack("hold").returncode == 126
        return
    popen, pid = place.holding("hold")
    done = place.exec("/usr/bin/attack", "touch", str(pid), user="agent")
    arguments = place.exec("cat", f"/proc/{pid}/cmdline", user="agent").stdout
    popen.stdin.close()
    assert popen.wait(20) == 0  # it ends with its input
    popen.stdout.close()
    assert len(done.stdout.splitlines()) == 14
    assert " worked" not in done.stdout
    assert arguments == "/usr/bin/probe\0hold\0"


def test_other_pairs_of_run_as_are_refused(place):
    programs = ("/bin/run-as", "/usr/bin/run-as")
    every = outcomes(place, [f"{program} {target} -- id 3>&-"
                             for program in programs for target in TARGETS])
    for one in every:
        assert one.status in (125, 126), (one.out, one.err)
        assert one.out == "" and len(one.err.splitlines()) == 1


def test_multi_call_program_that_is_set_id_refuses_everything(place):
    done = place.exec("/opt/coracle", "tar", "--version", user="agent")
    if place.flag == "no-new-privileges":  # it is the agent's own program
        assert done.returncode == 0
    else:
        assert done.returncode == 126
        assert done.stdout == "" and "set-id" in done.stderr
