# SPDX-License-Identifier: MIT
"""init with services in a box, and ctl beside it."""

import json
import signal
import subprocess

import pytest

from helpers.box import wait_for


def sh(script, **more):
    return {"command": ["sh", "-c", script], **more}


def configure(box, services=None, **top):
    folder = box.file("/etc/coracle")
    folder.mkdir(parents=True, exist_ok=True)
    top.setdefault("gateway", {"enabled": False})
    (folder / "init.json").write_text(
        json.dumps({"services": services or {}, **top}))
    box.file("/tmp").mkdir(exist_ok=True)


class Supervised:
    """init with services, asked by ctl in its own namespaces."""

    def __init__(self, box, init):
        self.box, self.init = box, init

    def inside(self, *args, user=None):
        """(status, stdout, stderr) of a program in its namespaces."""
        ids = ["-S", str(user), "-G", str(user)] if user else []
        done = subprocess.run(
            ["nsenter", "-t", str(self.init.pid), "-m", "-p", "-u", "-i",
             "-r", "-w", *ids, *args],
            capture_output=True, text=True, timeout=40,
            env={"PATH": "/usr/bin:/bin", "ASAN_OPTIONS": "detect_leaks=0"})
        return done.returncode, done.stdout, done.stderr

    def ctl(self, *args, user=None):
        return self.inside("/usr/bin/coracle", "ctl", *args, user=user)

    def status(self):
        code, out, err = self.ctl("status", "--json")
        assert code == 0, err
        return {row["name"]: row for row in json.loads(out)}

    def state(self, name):
        return self.status()[name]["state"]

    def reach(self, name, state):
        return wait_for(lambda: self.state(name) == state)

    def stop(self, code=0):
        self.init.kill(signal.SIGTERM)
        got, out, err = self.init.end()
        assert got == code, err
        return err


@pytest.fixture
def supervise(box):
    """supervise({name: definition}, init's argument..., top_key=value)"""
    def start(services=None, *args, env=None, **top):
        configure(box, services, **top)
        s = Supervised(box, box.start(*args, env=env))
        wait_for(lambda: s.ctl("status")[0] == 0)
        return s
    return start


def read(box, path):
    try:
        return box.file(path).read_text()
    except OSError:
        return ""
