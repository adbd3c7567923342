# SPDX-License-Identifier: MIT
"""tar: trees of any kind to and from GNU tar and bsdtar; holes, attributes,
sizes and names at their limits, files that change or cannot be read."""

import io
import os
import pathlib
import random
import shutil
import stat
import subprocess
import tarfile
import time

import pytest

from helpers.archives import archive, extract, make_reachable, snapshot

OTHERS = ["tar"] + ["bsdtar"] * bool(shutil.which("bsdtar"))


# --- trees -----------------------------------------------------------------------


def any_name(rng):
    """What a file may be called: anything but '/', NUL, '.' and '..'."""
    kind = rng.randrange(6)
    if kind == 0:
        text = rng.randbytes(rng.randint(1, 12)).translate(None, b"/\0")
        # bsdtar looks at names in the locale's encoding
        return text.decode("utf-8", "ignore").encode().strip(b".") or b"n"
    if kind == 1:
        return b"n" * rng.choice([99, 100, 101, 154, 155, 156, 255])
    if kind == 2:
        return rng.choice([b" ", b"-x", b"~", b"a\nb", b"\\", b"*", b"#"])
    return rng.choice("abcäöü漢").encode() * rng.randint(1, 30)


def fill(rng, top, depth=0):
    """Files, links and directories, down to a random depth."""
    for _ in range(rng.randint(0, 7)):
        path = os.path.join(top, any_name(rng))
        if os.path.lexists(path):
            continue
        kind = rng.randrange(8)
        if kind < 2 and depth < 6:
            os.mkdir(path)
            fill(rng, path, depth + 1)
        elif kind == 2:
            os.symlink(any_name(rng), path)
        else:
            size = rng.choice([0, 1, 511, 512, 513, 10_239, 10_240, 1 << 20])
            with open(path, "wb") as file:
                file.write(rng.randbytes(rng.randint(0, size)))
            os.chmod(path, rng.choice([0o644, 0o755, 0o400, 0o600]))
    # in whole seconds, as ustar has it
    for name in os.listdir(top):
        when = rng.randrange(1 << 31)
        os.utime(os.path.join(top, name), (when, when), follow_symlinks=False)


def make_random_tree(place, seed):
    rng = random.Random(seed)
    os.mkdir(place)
    fill(rng, os.fsencode(place))
    files = [p for p in pathlib.Path(place).rglob("*") if p.is_file()]
    for path in rng.sample(files, min(2, len(files))):
        if not path.is_symlink() and len(path.name) < 200:
            os.link(path, path.with_name(path.name + "-hard"))
    for where, _, _ in os.walk(place, topdown=False):
        os.utime(where, (seed, seed))
    return place


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("seed", range(12))
def test_random_trees_both_ways(run, tmp_path, other, seed):
    env = dict(os.environ, LC_ALL="C.UTF-8")
    make_random_tree(tmp_path / "tree", seed)
    want = snapshot(tmp_path / "tree")
    options = ["-z"] if seed % 2 else []

    made = run("tar", "-c", *options, "-C", tmp_path, "tree").stdout
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    subprocess.run(
        [other, "-xp", *options, "-f", "-", "-C", theirs],
        input=made,
        env=env,
        check=True,
    )
    assert snapshot(theirs / "tree") == want

    formats = {"tar": ["gnu", "posix"], "bsdtar": ["pax", "gnutar"]}[other]
    made = subprocess.run(
        [other, "-c", *options, f"--format={formats[seed // 2 % 2]}"]
        + ["-f", "-", "-C", tmp_path, "tree"],
        env=env,
        check=True,
        capture_output=True,
    ).stdout
    ours = tmp_path / "ours"
    ours.mkdir()
    done = run("tar", "-xp", "-C", ours, input=made)
    assert (done.returncode, done.stderr) == (0, b"")
    assert snapshot(ours / "tree") == want


# --- holes -------------------------------------------------------------------------


def holes():
    rng = random.Random(5)
    return {
        "only a hole": (1 << 20, []),
        "data, then a hole": (1 << 20, [(0, 4096)]),
        "a hole, then data": (1 << 20, [((1 << 20) - 4096, 4096)]),
        "an odd end": ((1 << 20) + 77, [(1 << 20, 77)]),
        "one byte": (10 << 20, [(5_000_000, 1)]),
        "many": (
            64 << 20,
            [(i << 18, rng.randint(1, 9000)) for i in range(0, 200, 3)],
        ),
        "no data at all": (1, []),
    }


def make_sparse(path, size, regions):
    with open(path, "wb") as file:
        for at, n in regions:
            file.seek(at)
            file.write(random.Random(at).randbytes(n))
        file.truncate(size)


@pytest.mark.parametrize("what", holes())
def test_files_with_holes_both_ways(run, tmp_path, what):
    size, regions = holes()[what]
    name = "s" * 120
    make_sparse(tmp_path / name, size, regions)
    made = run("tar", "-cS", "-C", tmp_path, name).stdout
    assert len(made) < size / 2 + 40_000
    for i, reader in enumerate(["ours", *OTHERS]):
        out = tmp_path / f"out{i}"
        out.mkdir()
        if reader == "ours":
            assert run("tar", "-x", "-C", out, input=made).returncode == 0
        else:
            subprocess.run(
                [reader, "-xf", "-", "-C", out], input=made, check=True
            )
        assert (out / name).read_bytes() == (tmp_path / name).read_bytes()
        if reader == "ours" and size > 1 << 19:
            assert os.stat(out / name).st_blocks * 512 < size / 2
    with tarfile.open(fileobj=io.BytesIO(made)) as tar:
        assert tar.getmember(name).size == size


def test_a_file_of_terabytes_that_holds_nothing(run, tmp_path):
    try:
        make_sparse(tmp_path / "huge", 4 << 40, [(3 << 40, 10)])
    except OSError:
        pytest.skip("the file system has no such files")
    made = run("tar", "-cS", "-C", tmp_path, "huge").stdout
    assert len(made) < 100_000
    listed = run("tar", "-tv", input=made).stdout
    assert str(4 << 40).encode() in listed
    (tmp_path / "out").mkdir()
    assert run("tar", "-x", "-C", tmp_path / "out", input=made).returncode == 0
    with open(tmp_path / "out" / "huge", "rb") as file:
        file.seek(3 << 40)
        assert file.read(10) == random.Random(3 << 40).randbytes(10)
    assert os.stat(tmp_path / "out" / "huge").st_size == 4 << 40


# --- extended attributes -------------------------------------------------------


@pytest.fixture
def attributes(tmp_path):
    top = tmp_path / "tree"
    (top / "dir").mkdir(parents=True)
    (top / "file").write_text("x")
    values = {
        "file": {"user.a": b"1", "user.=%": bytes(range(256)), "user.e": b""},
        "dir": {"user.dir": b"x\n" * 500},
    }
    try:
        for path, pairs in values.items():
            for name, value in pairs.items():
                os.setxattr(top / path, name, value)
    except OSError:
        pytest.skip("no extended attributes here")
    return values


def attributes_of(top, path):
    path = os.path.join(top, path)
    names = [n for n in os.listxattr(path) if n.startswith(("user.", "sec"))]
    return {name: os.getxattr(path, name) for name in names}


@pytest.mark.parametrize("writer", ["ours", "tar"])
@pytest.mark.parametrize("reader", ["ours", "tar"])
def test_attributes_by_option(run, tmp_path, attributes, writer, reader):
    def work(who, *args, **kw):
        if who == "ours":
            return run("tar", *args, **kw)
        return subprocess.run(["tar", *args], capture_output=True, **kw)

    made = work(
        writer, "-c", "--xattrs", "-f", "-", "-C", str(tmp_path), "tree"
    ).stdout
    for options, want in ((["--xattrs"], attributes), ([], {})):
        out = tmp_path / f"out{len(options)}"
        out.mkdir()
        options = [*options, "-f", "-", "-C", str(out)]
        done = work(reader, "-x", *options, input=made)
        assert (done.returncode, done.stderr) == (0, b"")
        for path in ("file", "dir"):
            assert attributes_of(out / "tree", path) == want.get(path, {})


def test_attributes_are_left_out_without_the_option(run, tmp_path, attributes):
    made = run("tar", "-c", "-C", tmp_path, "tree").stdout
    assert b"xattr" not in made


def test_a_capability_needs_p_and_no_other_power_is_restored(run, target):
    capability = b"\1\0\0\2\0\4\0\0" + bytes(12)
    records = {
        "SCHILY.xattr.security.capability": capability.decode("latin-1"),
        "SCHILY.xattr.trusted.overlay.opaque": "y",
        "SCHILY.xattr.system.posix_acl_access": "junk",
        "SCHILY.xattr.user.ok": "1",
        "SCHILY.xattr." + "n" * 300: "1",
    }
    data = archive(("f", b"x", {"pax_headers": records}))
    done = extract(run, target, data, "--xattrs")
    if b"Cannot set attributes" in done.stderr:
        pytest.skip("no extended attributes here")
    assert done.returncode == 0
    assert os.listxattr(target / "f") == ["user.ok"]
    if os.geteuid() == 0:
        assert extract(run, target, data, "--xattrs", "-p").returncode == 0
        names = sorted(os.listxattr(target / "f"))
        assert names == ["security.capability", "user.ok"]


# --- limits ------------------------------------------------------------------------


@pytest.mark.parametrize("size", [2**63 - 1, 2**63, 2**64 - 1, 2**64])
@pytest.mark.parametrize("how", ["base-256", "pax"])
def test_sizes_of_two_to_the_63(run, target, size, how):
    if how == "pax":
        data = archive(("f", b"x", {"pax_headers": {"size": str(size)}}))
    else:
        head = tarfile.TarInfo("f").tobuf()
        field = b"\x80" + size.to_bytes(11, "big")
        head = bytearray(head[:124] + field + head[136:])
        head[148:156] = b" " * 8
        head[148:156] = b"%06o\0 " % sum(head)
        data = bytes(head) + bytes(1024)
    done = extract(run, target, data)
    assert done.returncode == 2
    assert b"size" in done.stderr or b"too large" in done.stderr
    assert os.listdir(target) == []


@pytest.mark.parametrize(
    "name, good",
    [
        ("n" * 255, True),
        ("n" * 256, False),
        ("d/" * 2047 + "e", True),  # 4095 bytes
        ("d/" * 2047 + "ef", False),
        (("d" * 99 + "/") * 700 + "e", False),
    ],
)
def test_names_over_their_limits(run, target, name, good):
    """A component of 256 bytes and a path of 4096 fail; others go on."""
    data = archive((name, b"x"), ("after", b"y"))
    done = extract(run, target, data)
    assert done.returncode == (0 if good else 2)
    assert (target / "after").read_bytes() == b"y"
    if not good:
        assert b"name too long" in done.stderr
        assert os.listdir(target) == ["after"]
    # 2,000 levels are more than shutil.rmtree, and so pytest, can remove
    subprocess.run(["rm", "-rf", target], check=True)


def test_a_quota_while_extracting(run, tmp_path):
    """inodes run out before bytes do: the file is named, no half is left."""
    if os.geteuid() != 0:
        pytest.skip("mounts need root")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=9m,nr_inodes=8", "none", disk]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("no mounts here")
    try:
        data = archive(*((f"f{i}", b"x" * 5000) for i in range(20)))
        done = extract(run, disk, data)
        assert done.returncode == 2
        assert b"Cannot open: No space left on device" in done.stderr
        assert done.stderr.count(b"\n") < 4
        for path in disk.iterdir():
            assert path.stat().st_size == 5000
    finally:
        subprocess.run(["umount", disk], check=True)


# --- what changes or cannot be read ---------------------------------------------


def test_failed_reads_are_told_and_forgiven_by_option(run, tmp_path, status):
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    tree = tmp_path / "tree"
    (tree / "closed").mkdir(parents=True)
    make_reachable(tree)
    (tree / "secret").write_text("x")
    (tree / "secret").chmod(0o600)
    (tree / "closed").chmod(0o700)
    (tree / "open").write_text("x")
    done = run(
        *("tar", "-c", "--ignore-failed-read", *status.options),
        *("-C", tmp_path, "tree"),
        user=12345,
        group=12345,
        **status.kw,
    )
    line = status.line()
    assert (done.returncode, line["ok"], line["warnings"]) == (1, True, 2)
    assert sorted(c["member"] for c in line["notes"]) == [
        "tree/closed",
        "tree/secret",
    ]
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        assert sorted(tar.getnames()) == ["tree", "tree/open"]


def test_files_that_vanish_are_named(coracle, tmp_path, status):
    """The pipe is full, so the names are known and the files not yet read."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "a").write_bytes(bytes(20 << 20))
    for name in ("b", "c"):
        (tree / name).write_bytes(b"x")
    tar = subprocess.Popen(
        [coracle, "tar", "-c", "--sort=name", "--ignore-failed-read"]
        + [*status.options, "-C", tmp_path, "tree"],
        bufsize=0,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **status.kw,
    )
    head = tar.stdout.read(1000)
    time.sleep(0.1)
    (tree / "b").unlink()
    rest, messages = tar.communicate(timeout=20)
    assert tar.returncode == 1
    line = status.line()
    assert line["ok"] and line["notes"] == [
        {"member": "tree/b", "why": "File removed before we read it"}
    ]
    with tarfile.open(fileobj=io.BytesIO(head + rest)) as made:
        assert made.getnames() == ["tree", "tree/a", "tree/c"]


def test_so_many_changes_that_not_all_are_named(run, tmp_path, status):
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    tree = tmp_path / "tree"
    tree.mkdir()
    make_reachable(tree)
    for i in range(500):
        (tree / f"{i}\x01{'n' * 99}").touch(mode=0)
    run(
        *("tar", "-c", "--ignore-failed-read", *status.options),
        *("-C", tmp_path, "tree"),
        user=12345,
        group=12345,
        **status.kw,
    )
    line = status.line()
    assert line["warnings"] == 500
    assert 20 < len(line["notes"]) < 500


# --- memory and a terminal -------------------------------------------------------


def test_memory_stays_small_with_a_huge_sparse_file(
    coracle, tmp_path, sanitized
):
    """At most 16 MB resident for 4 GiB, both ways."""
    if sanitized:
        pytest.skip("sanitizers have their own memory")
    with open(tmp_path / "huge", "wb") as file:
        file.truncate(4 << 30)
    made = tmp_path / "huge.tgz"
    for args in (["-czf", made, "huge"], ["-tzf", made], ["-cSf", made, "huge"]):
        p = subprocess.Popen(
            [coracle, "tar", "-C", tmp_path, *args], stdout=subprocess.DEVNULL
        )
        peak = 0
        while p.poll() is None:
            text = pathlib.Path(f"/proc/{p.pid}/status").read_text()
            for line in text.splitlines():
                if line.startswith("VmHWM"):
                    peak = max(peak, int(line.split()[1]))
            time.sleep(0.005)
        assert p.returncode == 0
        assert peak < 16 * 1024


def test_progress_is_for_a_terminal_only(coracle, tmp_path):
    import pty

    with open(tmp_path / "big", "wb") as file:
        file.truncate(3 << 30)
    for terminal in (True, False):
        main, side = pty.openpty()
        p = subprocess.Popen(
            [coracle, "tar", "-czf", "/dev/null", "-C", tmp_path, "big"],
            stderr=side if terminal else subprocess.PIPE,
        )
        os.close(side)
        if terminal:
            seen = b""
            try:
                while chunk := os.read(main, 1000):
                    seen += chunk
            except OSError:
                pass  # nobody has the other side any more
            assert b" MB/s" in seen
            assert seen.endswith(b"\r\x1b[K")
        else:
            assert p.stderr.read() == b""
            p.stderr.close()
        assert p.wait() == 0
        os.close(main)


def test_modes_of_special_files_are_no_surprise(run, tmp_path):
    os.mkfifo(tmp_path / "fifo", 0o640)
    made = run("tar", "-c", "--special", "-C", tmp_path, "fifo").stdout
    (tmp_path / "out").mkdir()
    done = run("tar", "-x", "--special", "-C", tmp_path / "out", input=made)
    assert done.returncode == 0
    mode = os.lstat(tmp_path / "out" / "fifo").st_mode
    assert stat.S_ISFIFO(mode)
