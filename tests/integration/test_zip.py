# SPDX-License-Identifier: MIT
"""zip: what Python's zipfile and unzip make of its archives."""

import io
import os
import random
import shutil
import stat
import subprocess
import zipfile

import pytest

from helpers.archives import make_reachable, make_tree, snapshot


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_tree(tmp_path / "tree", whole_seconds=True)
    return tmp_path / "tree"


def names_below(top):
    found = {f"{os.path.basename(top)}/"}
    for where, dirs, files in os.walk(os.fsencode(top)):
        rel = os.path.relpath(where, os.fsencode(os.path.dirname(top)))
        for name in dirs + files:
            path = os.path.join(where, name)
            is_dir = stat.S_ISDIR(os.lstat(path).st_mode)
            found.add(os.fsdecode(os.path.join(rel, name)) + "/" * is_dir)
    return found


def test_every_file_comes_back(run, tree):
    done = run("zip", "-r", "out", "tree")
    assert (done.returncode, done.stderr) == (0, b"")
    with zipfile.ZipFile("out.zip") as z:
        assert z.testzip() is None
        seen = set()
        for info in z.infolist():
            path = os.fsencode(info.filename)
            if not info.flag_bits & 1 << 11:
                path = info.filename.encode("cp437")
            seen.add(os.fsdecode(path))
            st = os.lstat(path)
            assert info.external_attr >> 16 == st.st_mode
            if stat.S_ISREG(st.st_mode):
                with open(path, "rb") as file:
                    assert z.read(info) == file.read()
            elif stat.S_ISLNK(st.st_mode):
                assert z.read(info) == os.readlink(path)
        assert seen == names_below("tree")


@pytest.mark.skipif(not shutil.which("unzip"), reason="no unzip")
def test_unzip_restores_names_modes_times_and_links(run, tmp_path):
    top = tmp_path / "t"
    (top / "d").mkdir(parents=True)
    (top / "d" / "run").write_bytes(b"#!/bin/sh\n")
    (top / "d" / "run").chmod(0o750)
    (top / "d" / "big").write_bytes(random.Random(3).randbytes(3 << 20))
    (top / "empty").write_bytes(b"")
    (top / "link").symlink_to("d/run")
    for path in ("d/run", "d/big", "empty"):
        os.utime(top / path, (1_500_000_001, 1_500_000_001))
    data = run("zip", "-r", "-", "t", cwd=tmp_path).stdout
    (tmp_path / "t.zip").write_bytes(data)
    out = tmp_path / "out"
    subprocess.run(
        ["unzip", "-q", "../t.zip"],
        cwd=out.mkdir() or out,
        check=True,
    )
    for path in (top, out / "t"):
        os.utime(path, (0, 0))
        os.utime(path / "d", (0, 0))
    want, got = snapshot(top)[0], snapshot(out / "t")[0]
    del want["link".encode()], got["link".encode()]  # its time is not kept
    assert got == want
    assert os.readlink(out / "t" / "link") == "d/run"


def test_the_same_bytes_every_time(run, tree):
    args = ["zip", "-r", "--sort=name", "--mtime=@1000000000", "-", "tree"]
    assert run(*args).stdout == run(*args).stdout


def test_directories_only_with_r_and_names_left_out(run, tree):
    data = run("zip", "-", "tree").stdout
    assert zipfile.ZipFile(io.BytesIO(data)).namelist() == ["tree/"]
    (tree / "x.o").write_bytes(b"")
    data = run("zip", "-rq", "-", "tree", "-x", "*.o").stdout
    names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    assert "tree/x.o" not in names and len(names) > 5


def test_names_lose_what_leads_outside(run, tree):
    data = run("zip", "-", "../" + tree.parent.name + "/tree", tree).stdout
    names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    assert all(not n.startswith(("/", "..")) for n in names)


def test_more_members_than_16_bits_count(run, tmp_path, sanitized):
    if sanitized:
        pytest.skip("too slow with sanitizers")
    top = tmp_path / "many"
    top.mkdir()
    for i in range(66_000):
        os.close(os.open(top / str(i), os.O_CREAT | os.O_WRONLY))
    data = run("zip", "-r", "-", "many", cwd=tmp_path).stdout
    z = zipfile.ZipFile(io.BytesIO(data))
    assert len(z.namelist()) == 66_001
    shutil.rmtree(top)


def test_a_file_of_more_than_32_bits(coracle, tmp_path, sanitized):
    if sanitized:
        pytest.skip("too slow with sanitizers")
    with open(tmp_path / "big", "wb") as file:
        file.truncate((4 << 30) + 5)
    with open(tmp_path / "small", "wb") as file:
        file.write(b"behind it")
    subprocess.run(
        [coracle, "zip", "o", "big", "small"], cwd=tmp_path, check=True
    )
    with zipfile.ZipFile(tmp_path / "o.zip") as z:
        big, small = z.infolist()
        assert big.file_size == (4 << 30) + 5
        assert z.read(small) == b"behind it"


def test_what_cannot_be_read_is_named_in_the_status(
    run, tmp_path, status
):
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    top = tmp_path / "t"
    top.mkdir()
    make_reachable(top)
    (top / "secret").write_text("x")
    (top / "secret").chmod(0)
    (top / "open").write_text("x")
    options = ["-r", "--ignore-failed-read", *status.options]
    done = run(
        *("zip", *options, "-", "t"),
        cwd=tmp_path,
        user=12345,
        group=12345,
        **status.kw,
    )
    line = status.line()
    assert (done.returncode, line["ok"], line["warnings"]) == (1, True, 1)
    reason = "Cannot open: Permission denied"
    assert line["notes"] == [{"member": "t/secret", "why": reason}]
    names = zipfile.ZipFile(io.BytesIO(done.stdout)).namelist()
    assert sorted(names) == ["t/", "t/open"]


def test_mistakes(run, tmp_path):
    for args, text in (
        ([], b"archive and names"),
        (["a.zip"], b"archive and names"),
        (["-", "x", "--sort=size"], b"--sort"),
    ):
        done = run("zip", *args, cwd=tmp_path)
        assert done.returncode == 2 and text in done.stderr
    done = run("zip", "-", "missing", cwd=tmp_path)
    assert done.returncode == 2 and b"missing: Cannot stat" in done.stderr
