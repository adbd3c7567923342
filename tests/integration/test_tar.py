# SPDX-License-Identifier: MIT
"""tar: against GNU tar both ways, hostile archives, all-or-nothing, limits."""

import gzip
import io
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
import time

import pytest

from helpers.archives import (
    DIR,
    FIFO,
    HARD_LINK,
    SYMLINK,
    Status,
    archive,
    around,
    count,
    extract,
    gnu,
    make_reachable,
    make_tree,
    snapshot,
)

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tar_outcomes  # noqa: E402 (lies beside this file)

sys.setrecursionlimit(20000)  # os.walk of deep trees


# --- against GNU tar ---------------------------------------------------------


@pytest.mark.parametrize("compressed", [False, True])
def test_gnu_tar_extracts_what_we_create(run, tmp_path, compressed):
    tree = make_tree(tmp_path / "tree")
    out = tmp_path / "out"
    out.mkdir()
    options = ["-z"] if compressed else []
    done = run("tar", "-c", "--format=posix", *options, "-C", tmp_path, "tree")
    assert (done.returncode, done.stderr) == (0, b"")
    gnu("-x", "-p", *options, "-C", out, input=done.stdout)
    assert snapshot(out / "tree") == snapshot(tree)


@pytest.mark.parametrize("format", ["gnu", "ustar", "posix", "oldgnu"])
def test_we_extract_what_gnu_tar_creates(run, tmp_path, format):
    tree = make_tree(tmp_path / "tree", whole_seconds=format != "posix")
    out = tmp_path / "out"
    out.mkdir()
    made = subprocess.run(
        ["tar", "-c", f"--format={format}", "-C", tmp_path, "tree"],
        capture_output=True,
    )
    if made.returncode:  # ustar cannot say all names: those are left out
        assert format == "ustar"
    done = extract(run, out, gzip.compress(made.stdout, 1), "-p")
    assert (done.returncode, done.stderr) == (0, b"")
    reference = tmp_path / "reference"
    reference.mkdir()
    gnu("-x", "-p", "-C", reference, input=made.stdout)
    assert snapshot(out) == snapshot(reference)
    if format != "ustar":
        assert snapshot(out / "tree") == snapshot(tree)


def test_listing_is_gnu_tars(run, tmp_path):
    make_tree(tmp_path / "tree", whole_seconds=True)
    data = gnu("-c", "-C", tmp_path, "tree").stdout
    for options in (["-t"], ["-tv"], ["-tv", "--numeric-owner"]):
        ours = run("tar", *options, input=data)
        env = {**os.environ, "TZ": "UTC", "LC_ALL": "C.UTF-8"}
        theirs = gnu(*options, input=data, env=env)
        assert ours.stdout == theirs.stdout


def test_created_bytes_are_reproducible(run, tmp_path):
    options = "-c --sort=name --mtime=@0 --owner=0 --group=0".split()
    archives = []
    for name in ("one", "two"):
        tree = make_tree(tmp_path / name / "tree")
        for path in tree.rglob("file*"):
            os.utime(path, (5, 5))
        done = run("tar", *options, "-z", "-C", tree.parent, "tree")
        archives.append(done.stdout)
    assert archives[0] == archives[1]
    with tarfile.open(fileobj=io.BytesIO(archives[0])) as tar:
        names = tar.getnames()
        assert {(m.uid, m.gid, m.uname, m.mtime) for m in tar} == {
            (0, 0, "", 0)
        }
    assert names.index("tree/level0") < names.index("tree/level0/level1")


def test_real_source_tree_as_gnu_tar(run, tmp_path, sanitized):
    """At least 20,000 entries of this machine's own files."""
    roots = ["usr/include", "usr/lib/python3", "usr/lib/python3.11"]
    roots += ["usr/share/perl", "usr/share/vim", "usr/lib/gcc", "usr/share/doc"]
    roots = [r for r in roots if os.path.isdir("/" + r)]
    packed = tmp_path / "real.tar.gz"
    done = run(
        *("tar", "-c", "-z", "-f", packed, "-C", "/", *roots), timeout=110
    )
    assert done.returncode == 0, done.stderr
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    gnu("-x", "-p", "--no-same-owner", "-f", packed, "-C", theirs)
    done = run("tar", "-x", "-p", "-f", packed, "-C", ours, timeout=110)
    assert (done.returncode, done.stderr) == (0, b"")
    seen, links = snapshot(ours)
    if len(seen) < 20_000:
        pytest.skip(f"only {len(seen)} files on this machine")
    expected, expected_links = snapshot(theirs)
    for found in (seen, expected):
        for name in (b"usr", b"usr/lib", b"usr/share"):
            found.pop(name, None)  # not in the archive: times are ours
    assert seen == expected
    assert links == expected_links


# --- hostile archives --------------------------------------------------------


def shared_archives(shared):
    with open(shared / "data" / "tar" / "MANIFEST.tsv") as file:
        rows = [line.rstrip("\n").split("\t") for line in file][1:]
    return [(r[0], r[4]) for r in rows if not r[0].endswith(".bz2")]


def expected_outcome(name, safe):
    """(exit statuses, count or None) that the manifest asks for."""
    if name.startswith("crafted/"):
        return tar_outcomes.CRAFTED[name.removeprefix("crafted/")]
    if safe.startswith("non-zero exit"):
        return 2, None
    if safe.startswith("extract: "):
        kinds = safe.removeprefix("extract: ").split(",")
        kinds = [k for k in kinds if not k.startswith(("dev", "fifo"))]
        return None, "" if kinds == ["nothing"] else ",".join(kinds)
    return None, None


def test_shared_archives_have_the_outcome_of_their_manifest(
    run, shared, tmp_path
):
    wrong = []
    for i, (name, safe) in enumerate(shared_archives(shared)):
        place = tmp_path / str(i)
        target = place / "outer" / "inner" / "target"
        target.mkdir(parents=True)
        (target.parent / "secret").write_text("secret")
        (target.parent.parent / "secret").write_text("secret")
        before = around(target)
        path = shared / "data" / "tar" / name
        done = run("tar", "-x", "-f", path, "-C", target)
        want_status, want_count = expected_outcome(name, safe)
        target.chmod(0o755)
        got = count(target)
        if around(target) != before:
            wrong.append((name, "touched something outside"))
        if done.returncode not in (0, 2):
            wrong.append((name, done.returncode, done.stderr))
        if want_status is not None and done.returncode != want_status:
            wrong.append((name, "status", done.returncode, want_status))
        if want_count is not None and sorted(want_count.split(",")) != sorted(
            got.split(",")
        ):
            wrong.append((name, "extracted", got, want_count))
        subprocess.run(["chmod", "-R", "u+rwx", place], check=False)
        subprocess.run(["rm", "-rf", place], check=True)
    assert wrong == []


def test_shared_archives_all_or_nothing(run, shared, tmp_path):
    """With --atomic --strict-members: all good, or nothing is there."""
    wrong = []
    for i, (name, _) in enumerate(shared_archives(shared)):
        target = tmp_path / str(i)
        target.mkdir()
        status = Status()
        path = shared / "data" / "tar" / name
        done = run(
            *("tar", "-x", "--atomic", "--strict-members", *status.options),
            *("-f", path, "-C", target),
            **status.kw,
        )
        line = status.line()
        if line["ok"] != (done.returncode == 0):
            wrong.append((name, done.returncode, line))
        if not line["ok"] and (count(target) or not line["error"]):
            wrong.append((name, count(target), line))
        subprocess.run(["chmod", "-R", "u+rwx", target], check=False)
        subprocess.run(["rm", "-rf", target], check=True)
    assert wrong == []


@pytest.mark.parametrize(
    "name", ["../up", "a/../../up", "..", "a/b/../../../up", "/../up"]
)
def test_names_that_climb_out_are_refused(run, target, name):
    before = around(target)
    data = archive((name, b"evil"), ("good", b"good"))
    done = extract(run, target, data)
    assert done.returncode == 2
    assert b"member name contains '..'" in done.stderr
    assert around(target) == before
    assert count(target) == "f1"


def test_dotdot_that_stays_inside_is_resolved(run, target):
    done = extract(run, target, archive(("d/../f2", b"2")))
    assert done.returncode == 0
    assert (target / "f2").read_bytes() == b"2"
    assert not (target / "d").exists()


def test_absolute_names_lose_their_slash(run, target):
    data = archive(("/etc/passwd", b"mine"), ("//two", b"2"))
    done = extract(run, target, data)
    assert done.returncode == 0
    assert b"Removing leading `/' from member names" in done.stderr
    assert (target / "etc/passwd").read_bytes() == b"mine"
    assert (target / "two").read_bytes() == b"2"


def test_links_are_kept_verbatim_and_never_followed(run, target):
    before = around(target)
    data = archive(
        ("out", SYMLINK, {"linkname": "../.."}),
        ("abs", SYMLINK, {"linkname": "/etc"}),
        ("out/evil", b"evil"),
        ("abs/evil", b"evil"),
        ("file", SYMLINK, {"linkname": "../secret"}),
        ("file", b"replaces the link"),
        ("last", b"last"),
    )
    done = extract(run, target, data)
    assert done.returncode == 2
    assert done.stderr.count(b"a symbolic link is in the way") == 2
    assert os.readlink(target / "out") == "../.."
    assert os.readlink(target / "abs") == "/etc"
    assert (target / "file").read_bytes() == b"replaces the link"
    assert (target / "last").exists()
    assert around(target) == before


def test_links_that_were_there_are_not_followed_either(run, target):
    before = around(target)
    (target / "there").symlink_to("..")
    done = extract(run, target, archive(("there/evil", b"evil")))
    assert done.returncode == 2
    assert around(target) == before


@pytest.mark.parametrize("link", ["../secret", "/../secret", "a/../../secret"])
def test_hard_links_to_outside_are_refused(run, target, link):
    before = around(target)
    data = archive(("h", HARD_LINK, {"linkname": link}), ("h", b"evil"))
    done = extract(run, target, data)
    assert done.returncode == 2
    assert around(target) == before


def test_hard_link_to_itself_keeps_the_file(run, target):
    data = archive(("h", b"data"), ("h", HARD_LINK, {"linkname": "h"}))
    assert extract(run, target, data).returncode == 0
    assert (target / "h").read_bytes() == b"data"


def test_special_files_only_by_option(run, target):
    data = archive(("p", FIFO), ("f", b"x"))
    done = extract(run, target, data)
    assert done.returncode == 2
    assert count(target) == "f1"
    assert extract(run, target, data, "--special").returncode == 0
    assert count(target) == "f1,o1"


def test_set_id_bits_only_by_option(run, target):
    data = archive(
        ("f", b"x", {"mode": 0o6755}), ("d", DIR, {"mode": 0o3777})
    )
    extract(run, target, data)
    assert stat.S_IMODE((target / "f").stat().st_mode) == 0o755
    assert stat.S_IMODE((target / "d").stat().st_mode) == 0o755
    extract(run, target, data, "-p")
    assert stat.S_IMODE((target / "f").stat().st_mode) == 0o6755
    assert stat.S_IMODE((target / "d").stat().st_mode) == 0o3777


def test_control_bytes_in_names_are_escaped(run):
    data = archive(("a\x1b[31m\n\\\x7f", b""), ("\u00e4\u0085", b""))
    done = run("tar", "-t", input=data)
    assert done.stdout == b"a\\033[31m\\n\\\\\\177\n\xc3\xa4\\302\\205\n"


# --- broken and odd input ----------------------------------------------------


@pytest.mark.parametrize("packed", [False, True])
def test_cut_at_every_byte(run, tmp_path, sanitized, packed):
    """Never a crash, never success with something missing."""
    data = archive(("a", b"first"), ("d", DIR), ("d/b", b"x" * 600), end=False)
    end = len(data)
    if packed:
        data = gzip.compress(data + bytes(1024))
        end = len(data)
    for n in range(0, end, 7 if sanitized else 1):
        target = tmp_path / str(n)
        target.mkdir()
        done = extract(run, target, data[:n], "--atomic")
        members_end = not packed and n in (1024, 1536, 3072)
        assert done.returncode == (0 if members_end else 2), n
        if not members_end:
            assert list(target.iterdir()) == []


def test_a_truncated_file_is_removed(run, target):
    data = archive(("a", b"first"), ("b", b"x" * 5000))
    done = extract(run, target, data[:4000])
    assert done.returncode == 2
    assert sorted(p.name for p in target.iterdir()) == ["a"]


@pytest.mark.parametrize(
    "data, message",
    [
        (b"", b"the archive is empty"),
        (b"this is no archive", b"does not look like a tar archive"),
        (b"x" * 5000, b"does not look like a tar archive"),
        (b"BZh91AY&SY", b"this is a bzip2 file"),
        (b"\xfd7zXZ\0\0", b"this is a xz file"),
        (b"PK\3\4 zip", b"this is a zip file"),
    ],
)
def test_what_is_no_archive(run, target, data, message):
    done = extract(run, target, data)
    assert done.returncode == 2
    assert message in done.stderr


def test_z_insists_on_gzip(run, target, status):
    done = extract(
        *(run, target, archive(("a", b"x")), "-z", *status.options),
        **status.kw,
    )
    assert done.returncode == 2
    assert status.line()["kind"] == "gzip"


def test_a_wrong_checksum_of_gzip_is_noticed(run, target):
    data = bytearray(gzip.compress(archive(("a", b"x"))))
    data[-6] ^= 1
    done = extract(run, target, bytes(data), "--atomic")
    assert done.returncode == 2
    assert list(target.iterdir()) == []


def test_trailing_garbage_warns(run, target):
    data = gzip.compress(archive(("a", b"x"))) + b"garbage"
    done = extract(run, target, data)
    assert done.returncode == 2  # as GNU tar with gzip
    assert b"trailing garbage ignored" in done.stderr
    assert (target / "a").exists()
    assert extract(run, target, data, "--atomic").returncode == 0


def test_several_gzip_members_are_one_stream(run, target):
    data = archive(("a", b"x" * 2000))
    parts = [gzip.compress(data[i : i + 700]) for i in range(0, len(data), 700)]
    packed = gzip.compress(b"").join(parts) + bytes(100)
    assert extract(run, target, packed).returncode == 0
    assert (target / "a").read_bytes() == b"x" * 2000


# --- all or nothing ----------------------------------------------------------


def atomic(run, target, data, status, *options):
    done = extract(
        run, target, data, "--atomic", "--strict-members", *options,
        *status.options, **status.kw,
    )  # fmt: skip
    return done, status.line()


def test_atomic_merges_into_what_is_there(run, target, status):
    (target / "keep").write_text("kept")
    (target / "d").mkdir(mode=0o700)
    (target / "d" / "old").write_text("old")
    (target / "d" / "same").write_text("before")
    (target / "l").symlink_to("nowhere")
    data = archive(
        ("d", DIR, {"mode": 0o755}),
        ("d/same", b"after", {"mode": 0o600}),
        ("new/deeper/f", b"f"),
        ("l", b"a file now"),
    )
    done, line = atomic(run, target, gzip.compress(data), status)
    assert (done.returncode, done.stderr) == (0, b"")
    assert line == {"ok": True, "entries": 4, "files": 3, "bytes": 16}
    assert (target / "keep").read_text() == "kept"
    assert (target / "d" / "old").read_text() == "old"
    assert (target / "d" / "same").read_text() == "after"
    assert (target / "l").read_text() == "a file now"
    assert stat.S_IMODE((target / "d").stat().st_mode) == 0o755
    assert (target / "d").stat().st_mtime == 1_600_000_000
    assert (target / "new/deeper/f").stat().st_mtime == 1_600_000_000
    assert not list(target.glob(".coracle-stage-*"))


@pytest.mark.parametrize(
    "members, kind, member",
    [
        ([("ok", b"1"), ("../x", b"2")], "unsafe", "../x"),
        ([("ok", b"1"), ("p", FIFO)], "unsafe", "p"),
        (
            [("ok", b"1"), ("h", HARD_LINK, {"linkname": "../secret"})],
            *("unsafe", "h"),
        ),
        (
            [("s", SYMLINK, {"linkname": ".."}), ("s/x", b"2")],
            *("unsafe", "s/x"),
        ),
        (
            [("ok", b"1"), ("h", HARD_LINK, {"linkname": "none"})],
            *("tar", "h"),
        ),
        ([("new", b"1"), ("dir", b"2")], "conflict", "dir"),
        ([("new", b"1"), ("file/x", b"2")], "conflict", "file"),
        ([("new", b"1"), ("link/x", b"2")], "conflict", "link"),
        ([("x" * 300, b"1")], "tar", "x" * 299),
    ],
)
def test_atomic_failure_leaves_all_as_it_was(
    run, target, status, members, kind, member
):
    (target / "dir").mkdir()
    (target / "dir" / "old").write_text("old")
    (target / "file").write_text("file")
    (target / "link").symlink_to("dir")
    before = around(target), snapshot(target)
    done, line = atomic(run, target, archive(*members), status)
    assert done.returncode == 2
    assert (line["ok"], line["kind"], line["member"]) == (False, kind, member)
    assert line["error"]
    assert (around(target), snapshot(target)) == before


@pytest.mark.parametrize(
    "data, kind",
    [
        (b"", "empty"),
        (gzip.compress(b""), "empty"),
        (b"no archive at all", "tar"),
        (gzip.compress(archive(("a", b"x" * 9000)))[:-4], "truncated"),
        (archive(("a", b"x" * 9000))[:3000], "truncated"),
        (gzip.compress(archive(("a", b"x")))[:40] + b"\xff" * 90, "gzip"),
    ],
)
def test_atomic_names_the_kind_of_failure(run, target, status, data, kind):
    done, line = atomic(run, target, data, status)
    assert (done.returncode, line["kind"]) == (2, kind)
    assert list(target.iterdir()) == []


def test_limits(run, target):
    data = archive(*[(f"f{i}", b"x" * 100) for i in range(10)])
    for option in ("--max-size=999", "--max-entries=9"):
        status = Status()
        done, line = atomic(run, target, data, status, option)
        assert (done.returncode, line["kind"]) == (2, "limit")
        assert list(target.iterdir()) == []
    status = Status()
    options = ["--max-size=1000", "--max-entries=10"]
    done, line = atomic(run, target, data, status, *options)
    assert done.returncode == 0
    bomb = gzip.compress(archive(("zeros", bytes(40 << 20))))
    status = Status()
    done, line = atomic(run, target, bomb, status, "--max-ratio=100")
    assert line["kind"] == "limit"


@pytest.mark.parametrize("sig", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_ends_atomic_extraction_cleanly(
    coracle, target, status, sig
):
    (target / "old").write_text("old")
    data = archive(*[(f"d/f{i}", os.urandom(9000)) for i in range(200)])
    tar = subprocess.Popen(
        [coracle, "tar", "-x", "--atomic", *status.options, "-C", target],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **status.kw,
    )
    tar.stdin.write(data[: len(data) // 2])
    tar.stdin.flush()
    deadline = time.monotonic() + 10
    while not list(target.glob(".coracle-stage-*/d/f50")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    tar.send_signal(getattr(signal, sig))
    assert tar.wait(10) == 2
    tar.stdin.close()
    tar.stderr.close()
    assert status.line()["kind"] == "interrupted"
    assert [p.name for p in target.iterdir()] == ["old"]


def test_what_a_killed_extraction_left_is_removed_by_the_next(
    run, coracle, target
):
    data = archive(*[(f"d/f{i}", os.urandom(9000)) for i in range(20)])
    tar = subprocess.Popen(
        [coracle, "tar", "-x", "--atomic", "-C", target],
        stdin=subprocess.PIPE,
    )
    tar.stdin.write(data[:100_000])
    tar.stdin.flush()
    deadline = time.monotonic() + 10
    while not list(target.glob(".coracle-stage-*/d/f5")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    # a live one is left alone
    assert extract(run, target, archive(("a", b"")), "--atomic").returncode == 0
    assert list(target.glob(".coracle-stage-*"))
    # it is in nobody's archive either
    assert run("tar", "-c", "-C", target, ".").stdout.count(b"stage") == 0
    tar.kill()
    tar.wait()
    tar.stdin.close()
    assert extract(run, target, archive(("b", b"")), "--atomic").returncode == 0
    assert sorted(p.name for p in target.iterdir()) == ["a", "b"]


def test_two_at_once_never_mix(coracle, target):
    """Each brings its own version of the same hundred files."""
    processes = []
    for i in range(8):
        text = str(i).encode() * 5000
        data = archive(*[(f"d{i}/f{n}", text) for n in range(100)])
        tar = subprocess.Popen(
            [coracle, "tar", "-x", "--atomic", "-C", target],
            stdin=subprocess.PIPE,
        )
        processes.append((tar, data))
    for tar, data in processes:
        tar.stdin.write(data[:200_000])
    for tar, data in processes:
        tar.stdin.write(data[200_000:])
        tar.stdin.close()
    assert [tar.wait(20) for tar, _ in processes] == [0] * 8
    assert count(target) == "f800,d8"


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", place]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("cannot mount a small file system")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_full_disk(run, small_disk, status):
    (small_disk / "old").write_text("old")
    data = archive(("a", b"a"), ("big", bytes(range(256)) * 8192))
    done, line = atomic(run, small_disk, data, status)
    assert (done.returncode, line["kind"], line["member"]) == (2, "io", "big")
    assert line["error"].endswith("No space left on device")
    assert [p.name for p in small_disk.iterdir()] == ["old"]
    done = extract(run, small_disk, data)
    assert done.returncode == 2
    assert sorted(p.name for p in small_disk.iterdir()) == ["a", "old"]


def test_a_limit_on_the_size_of_files(run, target, status):
    import resource

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))

    data = archive(("a", b"a"), ("big", b"x" * 50_000))
    done = extract(
        *(run, target, data, "--atomic", *status.options),
        preexec_fn=limit,
        **status.kw,
    )
    assert done.returncode == 2
    assert status.line()["error"].endswith("File too large")
    assert list(target.iterdir()) == []


def test_deep_staging_trees_are_removed(run, target):
    name = "/".join(["d"] * 1500)
    data = archive((name + "/f", b"x"), ("../bad", b""))
    assert extract(run, target, data, "--atomic").returncode == 2
    assert list(target.iterdir()) == []


def test_not_root_may_be_denied(run, target):
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    make_reachable(target)
    (target / "d").mkdir()
    data = archive(("d/f", b"x"), ("new", b"y"))
    os.chown(target, 12345, 12345)
    done = extract(run, target, data, "--atomic", user=12345, group=12345)
    assert done.returncode == 2
    assert b"d: Cannot write to directory" in done.stderr
    assert [p.name for p in target.iterdir()] == ["d"]


def test_read_only_directories_are_filled_first(run, target):
    data = archive(
        ("ro", DIR, {"mode": 0o500}), ("ro/f", b"x"), ("ro/d", DIR),
        ("ro/d/g", b"y"),
    )  # fmt: skip
    kw = {}
    if os.geteuid() == 0:
        make_reachable(target)
        os.chown(target, 12345, 12345)
        kw = {"user": 12345, "group": 12345}
    for options in ([], ["--atomic"]):
        done = extract(run, target, data, *options, **kw)
        assert (done.returncode, done.stderr) == (0, b"")
        assert stat.S_IMODE((target / "ro").stat().st_mode) == 0o500
        assert (target / "ro").stat().st_mtime == 1_600_000_000
        (target / "ro").chmod(0o700)
        subprocess.run(["rm", "-rf", target / "ro"], check=True)


# --- options -----------------------------------------------------------------


def names_of(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return sorted(tar.getnames())


def test_old_style_bundles_and_files(run, tmp_path):
    (tmp_path / "x").write_text("x")
    file = tmp_path / "a.tgz"
    assert run("tar", "czf", file, "-C", tmp_path, "x").returncode == 0
    assert file.read_bytes()[:2] == b"\x1f\x8b"
    assert run("tar", "tf", file).stdout == b"x\n"
    (tmp_path / "out").mkdir()
    done = run("tar", "xvf", file, "-C", tmp_path / "out")
    assert done.stdout == b"x\n"
    assert (tmp_path / "out" / "x").read_text() == "x"


def test_several_directories_and_missing_names(run, tmp_path):
    (tmp_path / "one" / "filesystem").mkdir(parents=True)
    (tmp_path / "two" / ".apps_data").mkdir(parents=True)
    options = ["-c", "-C", tmp_path / "one", "filesystem"]
    options += ["-C", "../two", ".apps_data", "none"]
    done = run("tar", *options)
    assert done.returncode == 2
    assert b"none: Cannot stat" in done.stderr
    done = run("tar", "--ignore-missing", *options)
    assert (done.returncode, done.stderr) == (0, b"")
    assert names_of(done.stdout) == [".apps_data", "filesystem"]
    options = ["-c", "--ignore-missing", "-C", tmp_path, "neither", "nor"]
    done = run("tar", *options)
    assert (done.returncode, len(done.stdout)) == (0, 10240)


def test_choosing_members(run, tmp_path, target):
    data = archive(
        ("a/b/1.txt", b""), ("a/b/2.c", b""), ("a/c/3.txt", b""), ("ab", b"")
    )
    cases = [
        (["a/b"], "a/b/1.txt a/b/2.c"),
        (["a/", "--exclude=*.txt"], "a/b/2.c"),
        (["--exclude=b"], "a/c/3.txt ab"),
        (["--exclude", "a/b/[12].?"], "a/b/1.txt a/c/3.txt ab"),
    ]
    for options, want in cases:
        done = run("tar", "-t", *options, input=data)
        assert done.stdout.decode().split() == want.split(), options
    done = run("tar", "-t", "nothing", input=data)
    assert done.returncode == 2
    assert b"nothing: Not found in archive" in done.stderr
    extract(run, target, data, "--strip-components=2")
    assert sorted(p.name for p in target.iterdir()) == [
        *("1.txt", "2.c", "3.txt")
    ]


def test_names_from_a_file(run, tmp_path):
    for name in ("a", "b c", "d"):
        (tmp_path / name).write_text(name)
    (tmp_path / "list").write_text("a\n\nb c")
    options = ["-c", "-C", tmp_path, "-T", tmp_path / "list"]
    assert names_of(run("tar", *options).stdout) == ["a", "b c"]


def test_keep_old_files(run, target):
    (target / "f").write_text("old")
    done = extract(run, target, archive(("f", b"new"), ("g", b"g")), "-k")
    assert done.returncode == 2
    assert (target / "f").read_text() == "old"
    assert (target / "g").exists()


def test_owners_by_option(run, target, tmp_path):
    data = archive(("f", b"x", {"uid": 12345, "gid": 23456}))
    extract(run, target, data)
    assert (target / "f").stat().st_uid == os.geteuid()
    if os.geteuid() == 0:
        extract(run, target, data, "--same-owner")
        st = (target / "f").stat()
        assert (st.st_uid, st.st_gid) == (12345, 23456)
    (tmp_path / "x").write_text("")
    options = ["--owner=somebody:77", "--group=88", "-C", tmp_path, "x"]
    made = run("tar", "-c", *options).stdout
    member = tarfile.open(fileobj=io.BytesIO(made)).getmembers()[0]
    assert (member.uid, member.uname) == (77, "somebody")
    assert (member.gid, member.gname) == (88, "")


@pytest.mark.parametrize(
    "text, want",
    [
        ("@1234", 1234),
        ("1970-01-02", 86400),
        ("2024-02-29 12:30", 1709209800),
        ("2024-02-29T12:30:05Z", 1709209805),
        ("yesterday", None),
        ("2024-13-01", None),
    ],
)
def test_mtime_option(run, tmp_path, text, want):
    (tmp_path / "x").write_text("")
    done = run("tar", "-c", "--mtime", text, "-C", tmp_path, "x")
    if want is None:
        assert done.returncode == 2
        return
    members = tarfile.open(fileobj=io.BytesIO(done.stdout)).getmembers()
    assert members[0].mtime == want


def test_mistakes_in_options(run):
    for options in (
        ["-c"],
        ["-x", "-t"],
        [],
        ["-x", "--atomic", "-k"],
        ["-c", "--atomic", "."],
        ["-c", "--sort=size", "."],
        ["-c", "--format=gnu", "."],
        ["-c", "--owner=no such user", "."],
        ["czf"],
        ["-x", "--max-size=many"],
    ):
        done = run("tar", *options)
        assert done.returncode == 2, options
        assert b"tar --help" in done.stderr, options
    assert b"--status-fd" in run("tar", "--help").stdout


# --- creating ----------------------------------------------------------------


def test_own_archive_sockets_and_stages_are_left_out(run, tmp_path):
    import socket

    (tmp_path / "f").write_text("f")
    (tmp_path / ".coracle-stage-0123456789abcdef").mkdir()
    with socket.socket(socket.AF_UNIX) as s:
        os.chdir(tmp_path)
        s.bind("sock")
    os.mkfifo(tmp_path / "fifo")
    out = tmp_path / "a.tar"
    done = run("tar", "-c", "-f", out, "-C", tmp_path, ".")
    assert done.returncode == 0
    for message in (
        b"./a.tar: file is the archive; not dumped",
        b"./sock: socket ignored",
        b"./fifo: FIFO ignored",
        b"unpacking is under way in it, left out",
    ):
        assert message in done.stderr
    assert names_of(out.read_bytes()) == [".", "./f"]


def test_names_on_creation_lose_what_leads_outside(run, tmp_path):
    (tmp_path / "d" / "e").mkdir(parents=True)
    (tmp_path / "f").write_text("f")
    made = run("tar", "-c", tmp_path / "f", "../../f", cwd=tmp_path / "d" / "e")
    assert b"Removing leading" in made.stderr
    assert names_of(made.stdout) == sorted([str(tmp_path / "f")[1:], "f"])


def test_unreadable_files_are_named(run, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    tree = tmp_path / "tree"
    tree.mkdir()
    make_reachable(tree)
    (tree / "secret").write_text("x")
    (tree / "secret").chmod(0o600)
    (tree / "open").write_text("x")
    done = run("tar", "-c", "-C", tmp_path, "tree", user=12345, group=12345)
    assert done.returncode == 2
    assert b"tree/secret: Cannot open: Permission denied" in done.stderr
    assert "tree/open" in names_of(done.stdout)


def test_a_file_that_shrinks_or_grows_is_told(coracle, tmp_path):
    """The pipe is full when the big file changes, so it is being read."""
    big = tmp_path / "tree" / "big"
    big.parent.mkdir()
    for change, message in (
        (lambda: os.truncate(big, 5 << 20), b"File shrank by"),
        (lambda: open(big, "ab").write(b"more"), b"file changed as we"),
    ):
        big.write_bytes(b"x" * (30 << 20))
        tar = subprocess.Popen(
            [coracle, "tar", "-c", "-C", tmp_path, "tree"],
            bufsize=0,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        head = tar.stdout.read(1000)
        time.sleep(0.2)
        change()
        rest, messages = tar.communicate(timeout=20)
        assert tar.returncode == 1
        assert message in messages
        with tarfile.open(fileobj=io.BytesIO(head + rest)) as made:
            assert made.getmember("tree/big").size == 30 << 20


def test_status_of_creation(run, tmp_path, status):
    tree = make_tree(tmp_path / "tree")
    files = [p for p in tree.rglob("*") if p.is_file() and not p.is_symlink()]
    done = run(
        *("tar", "-cz", *status.options, "-C", tmp_path, "tree"), **status.kw
    )
    line = status.line()
    assert (done.returncode, line["ok"], line["warnings"]) == (0, True, 0)
    assert line["entries"] == 1 + len(list(tree.rglob("*")))
    assert line["files"] == len({p.stat().st_ino for p in files})


def test_a_reader_that_goes_away(coracle, tmp_path, status):
    (tmp_path / "big").write_bytes(os.urandom(8 << 20))
    tar = subprocess.Popen(
        [coracle, "tar", "-c", *status.options, "-C", tmp_path, "big"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        **status.kw,
    )
    tar.stdout.read(10)
    tar.stdout.close()
    assert tar.wait(10) == 2
    assert status.line()["kind"] == "io"


def test_deep_trees(run, tmp_path, target, monkeypatch):
    """Deeper than there are descriptors, longer than a path may be."""
    monkeypatch.chdir(tmp_path)
    os.mkdir("deep")
    os.chdir("deep")
    for _ in range(1800):
        os.mkdir("d")
        os.chdir("d")
    pathlib.Path("bottom").write_text("x")
    os.chdir(tmp_path)
    options = ["-c", "-C", tmp_path, "deep"]
    limit = {"preexec_fn": few_descriptors}
    for sort in ([], ["--sort=name"]):
        done = run("tar", *options, *sort, **limit)
        assert (done.returncode, done.stderr) == (0, b"")
        listed = run("tar", "-t", input=done.stdout).stdout.split(b"\n")
        assert len(listed) == 1803
        assert listed[-2].endswith(b"/d/bottom")
    done = extract(run, target, done.stdout, **limit)
    assert (done.returncode, done.stderr) == (0, b"")
    # Python's own removal of trees recurses
    subprocess.run(["rm", "-rf", "deep", target], check=True)


def few_descriptors():
    import resource

    resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))


# --- memory ------------------------------------------------------------------


def peak_kib(pid):
    """The process's high-water mark, as far as it came; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/status") as file:
            for line in file:
                if line.startswith("VmHWM"):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


def watch(*processes):
    """Peak of each, looked at until all have ended."""
    peaks = [0] * len(processes)
    while any(p.poll() is None for p in processes):
        for i, p in enumerate(processes):
            peaks[i] = max(peaks[i], peak_kib(p.pid))
        time.sleep(0.002)
    return peaks


@pytest.mark.parametrize("packed", [False, True])
def test_memory_stays_small(coracle, tmp_path, sanitized, packed):
    if sanitized:
        pytest.skip("sanitizers need their own memory")
    tree = tmp_path / "tree"
    tree.mkdir()
    with open(tree / "big", "wb") as file:
        file.truncate(1 << 30)
    options = ["-cz"] if packed else ["-c"]
    make = subprocess.Popen(
        [coracle, "tar", *options, "-C", tmp_path, "tree"],
        stdout=subprocess.PIPE,
    )
    take = subprocess.Popen([coracle, "tar", "-t"], stdin=make.stdout)
    make.stdout.close()
    peaks = watch(make, take)
    assert (make.returncode, take.returncode) == (0, 0)
    assert max(peaks) <= 16 << 10, peaks


def test_memory_stays_small_while_extracting(coracle, tmp_path, sanitized):
    if sanitized:
        pytest.skip("sanitizers need their own memory")
    data = archive(
        *[(f"dir{i // 100}/sub{i}/f", b"x" * 3000) for i in range(8000)]
    )
    packed = tmp_path / "a.tgz"
    packed.write_bytes(gzip.compress(data, 1))
    out = tmp_path / "out"
    out.mkdir()
    for options in ([], ["--atomic"]):
        tar = subprocess.Popen(
            [coracle, "tar", "-x", *options, "-f", packed, "-C", out]
        )
        (peak,) = watch(tar)
        assert tar.returncode == 0
        assert peak <= 16 << 10
    shutil.rmtree(out)
