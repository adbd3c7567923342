# SPDX-License-Identifier: MIT
"""A hostile client of a server behind the trampoline.

The server is the applet tools. Whatever the agent writes to its instance, or
does not read from it, the verifier's own instance answers meanwhile.
"""

import contextlib
import json
import subprocess

import pytest

from helpers.box import wait_for

pytestmark = pytest.mark.docker

VERIFIER_SECONDS = "20"  # of a call that takes milliseconds
CROWD = 60

FLOOD = "yes '%s' | head -n 200000"
LIST = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'

# what the shell of the agent pipes into its instance
HOSTILE = {
    "a line without an end": "head -c 40000000 /dev/zero | tr '\\0' a",
    "deep nesting": "head -c 1000000 /dev/zero | tr '\\0' '['; echo",
    "deep objects": "yes '{\"a\":' | head -n 100000 | tr -d '\\n'; echo",
    "NUL": "printf '{\"jsonrpc\":\"2.0\",\\0\"id\":1}\\n\\0\\0\\n'",
    "not UTF-8": (
        "printf '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\\377\\300\\200\"}\\n'"),
    "huge numbers": (
        "printf '{\"jsonrpc\":\"2.0\",\"id\":1e999999,\"method\":\"ping\"}\\n'; "
        "printf '{\"jsonrpc\":\"2.0\",\"id\":'; head -c 1000000 /dev/zero | "
        "tr '\\0' 9; echo ',\"method\":\"ping\"}'"),
    "the end amid a request": "printf '{\"jsonrpc\":\"2.0\",\"id\":1,'",
    "random bytes": "head -c 5000000 /dev/urandom",
    "empty lines": "yes '' | head -c 5000000",
}
UNANSWERED = ["the end amid a request", "empty lines"]


def message(method, params=None):
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method,
                       "params": params or {}})


SECRET = message("tools/call", {"name": "secret", "arguments": {}})


def answers(place):
    """The verifier's instance says what only it may know, in time."""
    done = place.exec(
        "sh", "-c", f"printf '%s\\n' '{SECRET}' | timeout {VERIFIER_SECONDS} "
        f"{place.path('tools')}", user="verifier")
    return done.returncode == 0 and "hidden" in done.stdout


def running(place):
    """How many instances there are."""
    out = place.exec("sh", "-c", "cat /proc/[0-9]*/cmdline 2>/dev/null | "
                     "tr '\\0' ' '", user="root").stdout
    return out.count("/opt/tools.json")


@pytest.fixture(scope="module", params=["broker", "set-id"])
def place(request, arenas):
    return arenas(request.param)


@contextlib.contextmanager
def clients(place, script, n=1):
    """N shells of the agent that run the script; they end afterwards."""
    made = [subprocess.Popen(
        ["docker", "exec", "-i", "-u", "agent", place.name, "sh", "-c", script],
        env=place.docker.env(), stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(n)]
    try:
        yield made
    finally:
        for one in made:
            one.stdin.close()
            one.wait(60)


def test_tools_are_the_roles_own(place):
    assert answers(place)
    done = place.exec("sh", "-c", f"printf '%s\\n' '{SECRET}' | "
                      f"{place.path('tools')}", user="agent")
    assert "Unknown tool" in done.stdout and "hidden" not in done.stdout


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_message_does_no_harm(place, name):
    done = place.exec("sh", "-c", f"{{ {HOSTILE[name]}; }} | "
                      f"timeout 60 {place.path('tools')} | head -c 100000",
                      user="agent")
    assert "hidden" not in done.stdout
    # the last may have been cut
    for line in done.stdout.splitlines()[:-1]:
        assert json.loads(line)["jsonrpc"] == "2.0"
    assert bool(done.stdout) == (name not in UNANSWERED)
    assert answers(place)
    wait_for(lambda: running(place) == 0)


def test_after_a_line_that_is_too_long_the_next_is_answered(place):
    done = place.exec(
        "sh", "-c", f"{{ {HOSTILE['a line without an end']}; echo; echo "
        f"'{LIST}'; }} | {place.path('tools')}", user="agent")
    error, listing = map(json.loads, done.stdout.splitlines())
    assert error["error"]["code"] == -32700
    assert [t["name"] for t in listing["result"]["tools"]] == ["wait"]


def test_answers_that_nobody_reads(place):
    """Full pipes, with more calls under way than there may be."""
    call = message("tools/call", {"name": "wait", "arguments": {}})
    script = (f"{{ {FLOOD % LIST}; yes '{call}' | head -n 70; cat; }} | "
              f"{place.path('tools')} | {{ sleep 2; cat >/dev/null; }}")
    with clients(place, script):
        wait_for(lambda: running(place) == 1)
        assert answers(place)
    wait_for(lambda: running(place) == 0)


def test_many_instances_at_once(place):
    """More than the broker has places for one user."""
    script = (f"for i in $(seq {CROWD}); do (cat <&3 | {place.path('tools')})"
              " & done 3<&0; cat >/dev/null; wait")
    with clients(place, script):
        wait_for(lambda: running(place) >= 35)
        assert answers(place)
    wait_for(lambda: running(place) == 0)
