# SPDX-License-Identifier: MIT
"""A container in which every principal has a program behind a trampoline.

The ways in which a command reaches its program are a parameter: by PID 1's
broker, by a file that is set-id to the user, by one that is set-id to root.
Whatever a test says of the program's state it says of all three.
"""

import json
import pathlib
import shutil
import subprocess

import pytest

from helpers.arena import (
    COMMANDS, ENVIRONMENT, IMAGE, SERVER, TOOLS, WAYS, Arena, Tar, put_command, ready)

HERE = pathlib.Path(__file__).resolve().parent


@pytest.fixture(scope="session")
def compiled(tmp_path_factory):
    """compiled(NAME) -> tests/security/NAME.c as a static program."""
    if not shutil.which("musl-gcc"):
        pytest.skip("no musl-gcc: run make deps")
    folder = tmp_path_factory.mktemp("security")

    def build(name):
        out = folder / name
        if not out.exists():
            subprocess.run(["musl-gcc", "-static", "-O1", "-D_GNU_SOURCE",
                            "-o", out, HERE / f"{name}.c"], check=True)
        return out
    return build


@pytest.fixture(scope="session")
def image(loaded, top, compiled, tmp_path_factory):
    """The name of an image with all COMMANDS, in the engine."""
    subprocess.run(["make", "-s", "build/trampoline", "build/run-as"], cwd=top, check=True)
    folder = tmp_path_factory.mktemp("image")
    trampoline = (top / "build/trampoline").read_bytes()
    tar = Tar(folder / "add.tar")
    for path in ("trampoline/usr", "trampoline/usr/bin"):
        tar.put(f"/etc/coracle/{path}", None, 0o755)
    for name in ("probe", "attack", "flood"):
        tar.put(f"/usr/bin/{name}", compiled(name).read_bytes(), 0o755)
    for name, policy in COMMANDS.items():
        put_command(tar, name, policy, trampoline)
    tar.put("/usr/bin/run-as", (top / "build/run-as").read_bytes(), 0o4755)
    tar.put("/opt", None, 0o755)
    tar.put("/opt/server", None, 0o700, ENVIRONMENT, ENVIRONMENT)
    tar.put("/opt/server/secret", b"hidden\n", 0o600, ENVIRONMENT)
    tar.put("/opt/coracle", (top / "build/coracle").read_bytes(), 0o4755)
    tar.put("/opt/python", None, 0o755)
    tar.put("/opt/python/server.py", SERVER)
    tar.put("/opt/tools.json", json.dumps(TOOLS).encode())
    tar.put("/opt/loose", None, 0o777)
    tar.put("/opt/loose/probe", compiled("probe").read_bytes(), 0o755)
    tar.put("/usr/bin/orphan", trampoline, 0o6755, ENVIRONMENT, ENVIRONMENT)
    tar.close()
    (folder / "Dockerfile").write_text("FROM coracle:shell\nADD add.tar /\n")
    loaded.run("build", "-q", "-t", IMAGE, folder)
    yield IMAGE
    loaded.process("rmi", "-f", IMAGE)


@pytest.fixture(scope="session")
def arenas(loaded, image):
    """arenas(way, OPTION...) -> an Arena; one for each of these, for all."""
    made = {}

    def start(way, *options):
        key = (way, *options)
        if key not in made:
            made[key] = Arena(loaded, way, *options)
            if way == "broker":
                ready(made[key])
        return made[key]

    yield start
    for arena in made.values():
        arena.remove()


@pytest.fixture(params=WAYS)
def arena(request, arenas):
    """A container for each of the ways."""
    return arenas(request.param)
