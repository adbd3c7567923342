# SPDX-License-Identifier: MIT
"""A root file system of its own for init to boot, in namespaces."""

import os
import pathlib
import re
import shutil
import subprocess
import time

import pytest

PROBE = pathlib.Path(__file__).resolve().parents[1] / "integration/init_probe.c"
TIMEOUT = 30


def libraries(program):
    """What a dynamically linked program needs (the sanitizer build)."""
    text = subprocess.run(
        ["ldd", program], capture_output=True, text=True
    ).stdout
    return re.findall(r"(/\S+) \(0x", text)


@pytest.fixture(scope="session")
def probe(tmp_path_factory):
    if not shutil.which("musl-gcc"):
        pytest.skip("no musl-gcc: run make deps")
    out = tmp_path_factory.mktemp("probe") / "probe"
    subprocess.run(
        ["musl-gcc", "-static", "-O1", "-D_GNU_SOURCE", "-o", out,
         PROBE],
        check=True,
    )
    return out


@pytest.fixture(scope="session")
def busybox(top):
    """A static busybox, from wherever the image takes it."""
    done = subprocess.run(
        [top / "rootfs" / "fetch", "busybox-static"],
        capture_output=True, text=True,
    )
    if done.returncode:
        pytest.skip(f"no busybox-static: {done.stderr.strip()}")
    return pathlib.Path(done.stdout.strip()) / "bin" / "busybox"


class Running:
    """init in its namespaces; .pid is its number out here."""

    def __init__(self, argv, **kw):
        self.popen = subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw
        )
        self.pid = self.child_of(self.popen.pid)

    def child_of(self, outer):
        path = f"/proc/{outer}/task/{outer}/children"
        end = time.monotonic() + TIMEOUT
        while time.monotonic() < end:
            try:
                with open(path) as f:
                    text = f.read().split()
            except OSError:
                return None
            if text:
                return int(text[0])
            if self.popen.poll() is not None:
                return None
        raise AssertionError("init did not start")

    def line(self):
        return self.popen.stdout.readline().decode().strip()

    def kill(self, signo):
        os.kill(self.pid, signo)

    def end(self, timeout=TIMEOUT):
        out, err = self.popen.communicate(timeout=timeout)
        # without /proc the sanitizers' runtime says that it cannot name itself
        lines = [line for line in err.decode(errors="replace").splitlines(True)
                 if "WARNING: reading executable name" not in line]
        return self.popen.returncode, out.decode(), "".join(lines)


class Box:
    def __init__(self, root):
        self.root = root
        self.started = []

    def argv(self, *args, wd="/"):
        return ["unshare", "--mount", "--pid", "--fork", "--uts", "--ipc",
                "--cgroup", "--propagation", "private", "--kill-child",
                f"--root={self.root}", f"--wd={wd}",
                "/usr/bin/coracle", "init", *map(str, args)]

    def start(self, *args, env=None, wd="/", **kw):
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                       "ASAN_OPTIONS": "detect_leaks=0", **(env or {})}
        kw.setdefault("stdin", subprocess.DEVNULL)
        self.started.append(
            Running(self.argv(*args, wd=wd), env=environment, **kw))
        return self.started[-1]

    def clean_up(self):
        """End what a failed test has left running."""
        for init in self.started:
            if init.popen.poll() is None:
                init.popen.kill()  # and, by --kill-child, all of it
                init.popen.communicate()

    def run(self, *args, **kw):
        return self.start(*args, **kw).end()

    def sh(self, script, *options, **kw):
        return self.run("--no-gateway", *options, "sh", "-c", script, **kw)

    def file(self, path):
        return self.root / path.lstrip("/")


def make_root(root, coracle):
    (root / "usr/bin").mkdir(parents=True)
    shutil.copy(coracle, root / "usr/bin/coracle")
    for library in libraries(coracle):
        target = root / library.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, target)
    return Box(root)


@pytest.fixture
def bare(coracle, tmp_path):
    """Nothing but the program, as in an image FROM scratch."""
    if os.geteuid() != 0:
        pytest.skip("namespaces with users of their own need root")
    root = make_root(tmp_path / "root", coracle)
    yield root
    root.clean_up()


@pytest.fixture
def box(bare, busybox, probe):
    """The program, busybox and the probe."""
    (bare.root / "bin").mkdir(exist_ok=True)
    shutil.copy(busybox, bare.root / "bin/busybox")
    shutil.copy(probe, bare.root / "bin/probe")
    names = subprocess.run(
        [busybox, "--list"], capture_output=True, text=True
    ).stdout.split()
    for name in names:
        if not (bare.root / "bin" / name).exists():
            (bare.root / "bin" / name).symlink_to("busybox")
    return bare


def wait_for(predicate, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = predicate()
        if got:
            return got
        time.sleep(0.01)
    raise AssertionError("waited in vain")
