# SPDX-License-Identifier: MIT
"""A server in Python behind the trampoline, with hidden state.

The interpreter is this machine's, mounted into the container. What the caller
puts in its way - modules of the same names, variables that name them, a
directory full of them - must not run with the server's rights.
"""

import os

import pytest

pytestmark = pytest.mark.docker

EVIL = ("import os, sys\n"
        "sys.stderr.write('EVIL as %d\\n' % os.geteuid())\n"
        "try: sys.stderr.write(open('/opt/server/secret').read())\n"
        "except OSError: pass\n")
MODULES = ("json", "os", "random", "site", "sitecustomize", "usercustomize",
           "encodings")

VARIABLES = {
    "path": ["PYTHONPATH=/tmp/evil"],
    "home": ["PYTHONHOME=/tmp/evil"],
    "startup": ["PYTHONSTARTUP=/tmp/evil/json.py", "PYTHONINSPECT=1"],
    "user": ["PYTHONUSERBASE=/tmp/evil", "HOME=/tmp/evil"],
    "platform": ["PYTHONPLATLIBDIR=evil", "PYTHONPYCACHEPREFIX=/tmp/evil"],
    "breakpoint": ["PYTHONBREAKPOINT=json.x", "PYTHONWARNINGS=error::x.y"],
    "uv": ["UV_PROJECT=/tmp/evil", "UV_PYTHON=/tmp/evil/p",
           "VIRTUAL_ENV=/tmp/evil", "UV_CONFIG_FILE=/tmp/evil/c"],
    "loader": ["LD_PRELOAD=/tmp/evil/x.so", "LD_LIBRARY_PATH=/tmp/evil",
               "GCONV_PATH=/tmp/evil", "LD_AUDIT=/tmp/evil/x.so"],
}


@pytest.fixture(scope="module", params=["broker", "set-id"])
def place(request, arenas):
    python = os.path.realpath("/usr/bin/python3")
    if not os.path.exists(python) or not os.path.isdir("/usr/lib64"):
        pytest.skip("no /usr/bin/python3 of the distribution here")
    place = arenas(
        request.param, "-v", f"{python}:/usr/bin/python3:ro", "-v",
        "/usr/lib:/usr/lib:ro", "-v", "/usr/lib:/lib:ro", "-v",
        "/usr/lib64:/lib64:ro")
    if place.exec("/usr/bin/python3", "-c", "1").returncode != 0:
        pytest.skip("this machine's python3 does not run in a container")
    script = "mkdir -p /tmp/evil; cd /tmp/evil; " + "".join(
        f"cat >{m}.py <<'E'\n{EVIL}E\n" for m in MODULES)
    assert place.exec("sh", "-c", script, user="agent").returncode == 0
    return place


def test_the_attack_would_work_without_the_trampoline(place):
    done = place.exec("env", "PYTHONPATH=/tmp/evil", "/usr/bin/python3", "-c",
                      "import json", user="agent")
    assert "EVIL" in done.stderr


@pytest.mark.parametrize("name", VARIABLES)
def test_variables_do_not_reach_the_interpreter(place, name):
    done = place.attack("python", *(f"raw={v}" for v in VARIABLES[name]),
                        "raw=PATH=/usr/bin")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["10000", "10000", "agent", "hidden"]
    assert done.stderr == ""


def test_directory_of_the_caller_is_not_searched(place):
    done = place.attack("python", "directory=/tmp/evil", "megabyte")
    assert done.stdout.split() == ["10000", "10000", "agent", "hidden"]
    assert "EVIL" not in done.stderr


def test_commands_that_the_server_starts_keep_its_user(place):
    done = place.attack("python", "env=BASH_ENV=/tmp/evil/x")
    assert done.returncode == 0
    shell = place.attack("shell")
    assert shell.stdout.splitlines()[0] == "10000"


def test_state_is_hidden_from_the_agent(place):
    done = place.exec("cat", "/opt/server/secret", user="agent")
    assert done.returncode != 0 and done.stdout == ""
