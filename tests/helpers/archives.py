# SPDX-License-Identifier: MIT
"""Trees and archives for the tests of tar and zip, and their fixtures."""

import hashlib
import io
import json
import os
import pathlib
import random
import stat
import subprocess
import tarfile

import pytest

def archive(*members, format=tarfile.PAX_FORMAT, end=True):
    """A tar archive as bytes; a member is (name, data or type, more)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as tar:
        for name, what, *more in members:
            info = tarfile.TarInfo(name)
            info.mtime = 1_600_000_000
            data = None
            if isinstance(what, str):
                info.type = what.encode()
                info.mode = 0o755
            else:
                data = io.BytesIO(what)
                info.size = len(what)
            for key, value in (more[0] if more else {}).items():
                setattr(info, key, value)
            tar.addfile(info, data)
    data = out.getvalue()
    return data if end else data.rstrip(b"\0") + bytes(512)


DIR, SYMLINK, HARD_LINK, FIFO = "5", "2", "1", "6"


def snapshot(top, times=True):
    """Everything below a directory: type, mode, bytes, target, time, links."""
    top = os.fsencode(top)
    found = {}
    links = {}
    for where, dirs, files in os.walk(top):
        for name in dirs + files:
            path = os.path.join(where, name)
            rel = os.path.relpath(path, top)
            st = os.lstat(path)
            content = None
            if stat.S_ISLNK(st.st_mode):
                content = os.readlink(path)
            elif stat.S_ISREG(st.st_mode):
                with open(path, "rb") as file:
                    content = hashlib.sha256(file.read()).hexdigest()
                links.setdefault(st.st_ino, []).append(rel)
            found[rel] = (
                stat.S_IFMT(st.st_mode),
                stat.S_IMODE(st.st_mode),
                content,
                st.st_mtime_ns if times else None,
            )
    groups = sorted(sorted(g) for g in links.values() if len(g) > 1)
    return found, groups


def make_tree(top, seed=1, whole_seconds=False):
    """A tree with all that tar can keep, the same for the same seed."""
    rng = random.Random(seed)
    top = pathlib.Path(top)
    top.mkdir(parents=True)
    dirs = [top]
    for i in range(30):
        parent = rng.choice(dirs)
        name = rng.choice(["dir", "ä ö", "x" * 120, "-dash", "new\nline"])
        path = parent / f"{name}{i}"
        path.mkdir()
        dirs.append(path)
    files = []
    for i in range(150):
        size = rng.choice([0, 1, 511, 512, 513, 4000, 70_000])
        path = rng.choice(dirs) / f"file{i}{'y' * rng.choice([0, 0, 90, 200])}"
        path.write_bytes(rng.randbytes(size))
        path.chmod(rng.choice([0o644, 0o600, 0o755, 0o444, 0o640]))
        files.append(path)
    for i in range(20):
        os.link(rng.choice(files), rng.choice(dirs) / f"hard{i}")
        target = rng.choice(["file1", "/etc/passwd", "../..", "z" * 150])
        os.symlink(target, rng.choice(dirs) / f"sym{i}")
    deep = top
    for i in range(40):
        deep = deep / f"level{i}"
        deep.mkdir()
    (deep / "bottom").write_text("deep")
    step = 1_000_000_000 if whole_seconds else 123_456_789
    everything = sorted(top.rglob("*"), reverse=True)
    for i, path in enumerate([*everything, top]):
        when = (1_500_000_000 + i) * 10**9 + (i * step) % 10**9
        os.utime(path, ns=(when, when), follow_symlinks=False)
    return top


def gnu(*args, **kw):
    return subprocess.run(
        ["tar", *map(str, args)], check=True, capture_output=True, **kw
    )


@pytest.fixture
def target(tmp_path):
    """A directory to extract to, with something around it that must stay."""
    outer = tmp_path / "outer"
    inner = outer / "inner" / "target"
    inner.mkdir(parents=True)
    (outer / "secret").write_text("secret")
    (outer / "inner" / "secret").write_text("secret")
    (outer / "sd").mkdir()
    return inner


def make_reachable(path):
    """Let other users come to a directory below pytest's private one."""
    for place in [path, *path.parents]:
        if len(place.parts) > 2:
            place.chmod(0o755)


def around(target):
    """What is beside the target, two directories up."""
    outer = target.parent.parent
    seen = {}
    for where, dirs, files in os.walk(outer):
        if pathlib.Path(where) == target.parent:
            dirs.remove("target")
        seen[where] = os.lstat(where).st_mode
        for name in files:
            path = os.path.join(where, name)
            st = os.lstat(path)
            with open(path, "rb") as file:
                seen[path] = (st.st_mode, st.st_nlink, file.read())
    return seen


def count(target):
    """"f2,d1,l1" of what is below the target."""
    kinds = {"f": 0, "d": 0, "l": 0, "o": 0}
    for where, dirs, files in os.walk(os.fsencode(target)):
        for name in dirs + files:
            mode = os.lstat(os.path.join(where, name)).st_mode
            kind = {stat.S_IFREG: "f", stat.S_IFDIR: "d", stat.S_IFLNK: "l"}
            kinds[kind.get(stat.S_IFMT(mode), "o")] += 1
    return ",".join(f"{k}{n}" for k, n in kinds.items() if n)


def extract(run, target, data, *options, **kw):
    return run("tar", "-x", "-C", target, *options, input=data, **kw)


class Status:
    """A pipe for --status-fd, and the line that was written to it."""

    def __init__(self):
        self.read_end, self.fd = os.pipe()
        self.options = ["--status-fd", str(self.fd)]
        self.kw = {"pass_fds": [self.fd]}

    def line(self):
        os.close(self.fd)
        with open(self.read_end, "rb") as file:
            text = file.read()
        assert text.count(b"\n") == 1 and text.endswith(b"\n")
        return json.loads(text)


@pytest.fixture
def status():
    return Status()
