# SPDX-License-Identifier: MIT
"""gzip, gunzip, zcat: beside GNU gzip, both ways, and what may go wrong."""

import gzip
import os
import pathlib
import pty
import random
import shutil
import signal
import stat
import subprocess
import time

import pytest


def gnu(*args, **kw):
    """GNU gzip; (status, standard output)."""
    done = subprocess.run(
        ["/usr/bin/gzip", *map(str, args)], capture_output=True, **kw
    )
    return done.returncode, done.stdout


def samples():
    rand = random.Random(7)
    text = b"".join(b"%d lines\n" % rand.randrange(99) for _ in range(90000))
    return {
        "empty": b"",
        "byte": b"x",
        "text": text,
        "noise": rand.randbytes(3 << 20),
        "zeros": bytes(5 << 20),
        # on both sides of a block
        "edge": text[:1] * ((1 << 20) - 1),
        "over": text[:1] * ((1 << 20) + 1),
    }


SAMPLES = samples()


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


# --- streams ---------------------------------------------------------------------


@pytest.mark.parametrize("level", [1, 6, 7, 9])
@pytest.mark.parametrize("name", SAMPLES)
def test_gnu_gzip_reads_what_we_write(run, name, level):
    packed = run("gzip", f"-{level}", input=SAMPLES[name])
    assert (packed.returncode, packed.stderr) == (0, b"")
    assert gnu("-dc", input=packed.stdout) == (0, SAMPLES[name])


@pytest.mark.parametrize("name", SAMPLES)
def test_we_read_what_gnu_gzip_writes(run, name):
    status, packed = gnu("-c", input=SAMPLES[name])
    done = run("gunzip", input=packed)
    assert (done.returncode, done.stdout) == (0, SAMPLES[name])


def test_noise_grows_by_less_than_a_fiftieth_of_a_percent(run):
    noise = SAMPLES["noise"]
    assert len(run("gzip", input=noise).stdout) < len(noise) * 1.0002


def test_the_same_input_gives_the_same_bytes(run):
    one = run("gzip", input=SAMPLES["text"]).stdout
    assert one == run("gzip", input=SAMPLES["text"]).stdout
    assert one == run("gzip", "-n", input=SAMPLES["text"]).stdout


def damaged():
    good = gzip.compress(b"hello\n" * 1000, mtime=0)
    named = bytearray(good[:10]) + b"name\0" + good[10:]
    named[3] = 8
    extra = bytearray(good[:10]) + b"\4\0abcd" + b"n\0" + b"c\0" + good[10:]
    extra[3] = 4 | 8 | 16
    return {
        "good": good,
        "two members": good + good,
        "empty member": gzip.compress(b"") + good,
        "zeros behind": good + bytes(700),
        "garbage behind": good + b"garbage",
        "zeros, then garbage": good + bytes(9) + b"g",
        "one byte of a header": good + b"\x1f",
        "two bytes of a header": good + b"\x1f\x8b",
        "with a name": bytes(named),
        "all fields": bytes(extra),
        "cut": good[:-3],
        "cut in the data": good[: len(good) // 2],
        "only a header": good[:10],
        "wrong checksum": good[:-8] + b"\1\2\3\4" + good[-4:],
        "wrong length": good[:-4] + b"\1\2\3\4",
        "bad block": good[:10] + b"\xff" * 20,
        "no gzip": b"this is text\n",
        "nothing": b"",
        "unknown method": good[:2] + b"\7" + good[3:],
        "reserved flags": good[:3] + b"\xe0" + good[4:],
    }


@pytest.mark.parametrize("what", damaged())
@pytest.mark.parametrize("options", [["-dc"], ["-t"], ["-dcq"]])
def test_what_it_makes_of_a_stream_is_gnu_gzips(run, what, options):
    data = damaged()[what]
    status, out = gnu(*options, input=data)
    done = run("gzip", *options, input=data)
    assert done.returncode == status, (what, done.stderr)
    if status == 0:
        assert done.stdout == out
    if status == 1:
        assert done.stderr.startswith(b"gzip: ")


@pytest.mark.parametrize("behind", [b"", b"\0", b"g", gzip.compress(b"x")])
def test_cut_at_every_byte(run, behind):
    """GNU gzip's status and bytes at each length of a small file."""
    whole = gzip.compress(b"abcabc", mtime=0) + behind
    for n in range(len(whole)):
        status, out = gnu("-dc", input=whole[:n])
        done = run("zcat", input=whole[:n])
        assert done.returncode == status, (n, done.stderr)
        if status != 1:
            assert done.stdout == out


def test_many_members_are_one_stream(run):
    parts = [b"%d " % i * i for i in range(300)]
    packed = b"".join(map(gzip.compress, parts))
    assert run("zcat", input=packed).stdout == b"".join(parts)


def test_zcat_f_passes_what_is_not_compressed(run, place):
    pathlib.Path("plain").write_bytes(b"plain\n")
    pathlib.Path("short").write_bytes(b"\x1f")
    pathlib.Path("packed.gz").write_bytes(gzip.compress(b"packed\n"))
    done = run("zcat", "-f", "plain", "short", "packed.gz")
    assert done.stdout == b"plain\n\x1fpacked\n"
    assert run("zcat", "plain").returncode == 1


# --- files -------------------------------------------------------------------------


def listing():
    return sorted(os.listdir("."))


def test_a_file_is_replaced_with_mode_and_time(run, place):
    file = pathlib.Path("a")
    file.write_bytes(SAMPLES["text"])
    file.chmod(0o640)
    os.utime(file, ns=(10**18 + 5, 10**18 + 7))
    assert run("gzip", "a").returncode == 0
    assert listing() == ["a.gz"]
    st = os.stat("a.gz")
    assert stat.S_IMODE(st.st_mode) == 0o640
    assert st.st_mtime_ns == 10**18 + 7
    assert run("gunzip", "a.gz").returncode == 0
    assert listing() == ["a"]
    assert file.read_bytes() == SAMPLES["text"]
    st = os.stat("a")
    assert (stat.S_IMODE(st.st_mode), st.st_mtime_ns) == (0o640, 10**18 + 7)


def test_keep_stdout_and_several_files(run, place):
    for name in "ab":
        pathlib.Path(name).write_bytes(name.encode() * 9)
    assert run("gzip", "-k", "a", "b").returncode == 0
    assert listing() == ["a", "a.gz", "b", "b.gz"]
    both = run("gzip", "-c", "a", "b").stdout
    assert gnu("-dc", input=both)[1] == b"a" * 9 + b"b" * 9
    os.remove("b")
    assert run("zcat", "a.gz", "b").stdout == b"a" * 9 + b"b" * 9


def test_what_is_there_is_overwritten_only_by_f(run, place):
    pathlib.Path("a").write_bytes(b"new")
    pathlib.Path("a.gz").write_bytes(b"old")
    done = run("gzip", "a")
    assert done.returncode == 2
    assert b"a.gz: already exists" in done.stderr
    assert pathlib.Path("a.gz").read_bytes() == b"old"
    assert run("gzip", "-f", "a").returncode == 0
    assert listing() == ["a.gz"]
    assert run("zcat", "a.gz").stdout == b"new"


@pytest.mark.parametrize(
    "make, status, text",
    [
        (lambda: os.mkdir("a"), 2, b"is a directory, ignored"),
        (lambda: os.symlink("/etc/passwd", "a"), 1, b"symbolic link"),
        (lambda: os.mkfifo("a"), 2, b"no regular file"),
        (lambda: None, 1, b"No such file"),
    ],
)
def test_what_is_no_file_to_replace(run, place, make, status, text):
    make()
    before = listing()
    done = run("gzip", "a")
    assert (done.returncode, listing()) == (status, before)
    assert text in done.stderr


def test_a_file_with_two_names_or_a_set_id_bit_only_by_f(run, place):
    for name in "ab":
        pathlib.Path(name).write_bytes(b"x")
    os.link("a", "c")
    os.chmod("b", 0o4755)
    done = run("gzip", "a", "b")
    assert done.returncode == 2
    assert b"1 other link" in done.stderr and b"set-id" in done.stderr
    assert listing() == ["a", "b", "c"]
    assert run("gzip", "-f", "a", "b").returncode == 0
    assert listing() == ["a.gz", "b.gz", "c"]
    assert stat.S_IMODE(os.stat("b.gz").st_mode) == 0o755


def test_suffixes(run, place):
    pathlib.Path("t").write_bytes(b"t")
    assert run("gzip", "-k", "-S", ".zip", "t").returncode == 0
    assert run("gzip", "-d", "-k", "-f", "-S", ".zip", "t.zip").returncode == 0
    os.rename("t.zip", "u.tgz")
    assert run("gunzip", "u.tgz").returncode == 0
    assert listing() == ["t", "u.tar"]
    done = run("gunzip", "u.tar")
    assert done.returncode == 2 and b"unknown suffix" in done.stderr
    done = run("gzip", "t", "u.tar")
    assert listing() == ["t.gz", "u.tar.gz"]
    done = run("gzip", "t.gz")
    assert b"already has .gz suffix" in done.stderr
    # the suffix may be left out
    assert run("gunzip", "t").returncode == 0


def test_name_and_time_from_the_header(run, place):
    pathlib.Path("first").write_bytes(b"x")
    os.utime("first", (10**9, 10**9))
    run("gzip", "first")
    os.rename("first.gz", "second.gz")
    os.utime("second.gz", (2, 2))
    assert run("gunzip", "-kN", "second.gz").returncode == 0
    assert listing() == ["first", "second.gz"]
    assert os.stat("first").st_mtime == 10**9
    assert gnu("-lN", "second.gz")[1] == run("gzip", "-lN", "second.gz").stdout
    os.remove("first")
    assert run("gunzip", "second.gz").returncode == 0
    assert os.stat("second").st_mtime == 2


@pytest.mark.parametrize("name", [b"../up", b"/tmp/root", b"..", b"a/b/.."])
def test_a_name_in_a_header_never_leads_elsewhere(run, place, name):
    os.mkdir("in")
    data = bytearray(gzip.compress(b"x", mtime=0))
    data[3] = 8
    pathlib.Path("in/f.gz").write_bytes(data[:10] + name + b"\0" + data[10:])
    assert run("gunzip", "-N", "in/f.gz").returncode == 0
    assert listing() == ["in"]
    assert len(os.listdir("in")) == 1


@pytest.mark.parametrize("options", [["-l"], ["-lv"], ["-lq"], ["-lN"]])
def test_the_list_is_gnu_gzips(run, place, options):
    for name, data in SAMPLES.items():
        pathlib.Path(name).write_bytes(data)
        assert gnu("-k", name)[0] == 0
    files = [f"{name}.gz" for name in SAMPLES]
    env = {"TZ": "UTC", "PATH": os.environ["PATH"]}
    status, want = gnu(*options, *files, env=env)
    done = run("gzip", *options, *files)
    assert (done.returncode, done.stdout) == (status, want)


def test_verbose_says_what_was_saved(run, place):
    pathlib.Path("a").write_bytes(SAMPLES["zeros"])
    done = run("gzip", "-v", "a")
    assert done.stderr.startswith(b"a:\t ")
    assert done.stderr.endswith(b"% -- replaced with a.gz\n")
    assert run("gzip", "-tv", "a.gz").stderr == b"gzip: a.gz: OK\n"


def test_directories_by_r(run, place):
    os.makedirs("d/e")
    for name in ("d/a", "d/e/b", "d/e/c.gz"):
        pathlib.Path(name).write_bytes(gzip.compress(b"x"))
    os.symlink("/etc", "d/etc")
    assert run("gzip", "-r", "d").returncode == 1  # the link is told
    assert sorted(os.listdir("d/e")) == ["b.gz", "c.gz"]
    assert run("gunzip", "-rq", "d").returncode == 1
    assert sorted(os.listdir("d/e")) == ["b", "c"]
    assert sorted(os.listdir("d")) == ["a", "e", "etc"]


# --- failures ----------------------------------------------------------------------


def test_a_failure_leaves_the_file_and_nothing_else(run, place):
    pathlib.Path("a.gz").write_bytes(gzip.compress(b"x" * 9999)[:-1])
    done = run("gunzip", "a.gz")
    assert done.returncode == 1
    assert done.stderr == b"gunzip: a.gz: unexpected end of file\n"
    assert listing() == ["a.gz"]


def test_a_full_disk(run, place, sanitized):
    if os.geteuid() != 0:
        pytest.skip("mounts need root")
    os.mkdir("disk")
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", "disk"]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("no mounts here")
    try:
        pathlib.Path("disk/z.gz").write_bytes(gzip.compress(bytes(5 << 20)))
        done = run("gunzip", "disk/z.gz")
        assert done.returncode == 1
        assert b"No space left" in done.stderr
        assert os.listdir("disk") == ["z.gz"]
    finally:
        subprocess.run(["umount", "disk"], check=True)


def test_full_standard_output(run):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [run("--version").args[0], "gzip"],
            input=SAMPLES["text"],
            stdout=full,
            stderr=subprocess.PIPE,
        )
    assert done.returncode == 1
    assert done.stderr == b"gzip: write: No space left on device\n"


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_removes_the_unfinished_file(coracle, place, sig):
    os.mkfifo("in.gz")
    os.mkdir("d")
    # -f takes the time to wait: the input is a pipe that says no more
    data = gzip.compress(random.Random(1).randbytes(4 << 20))
    pathlib.Path("big.gz").write_bytes(data * 60)
    p = subprocess.Popen([coracle, "gunzip", "-k", "big.gz"])
    while not [n for n in listing() if n.endswith(".part")]:
        assert p.poll() is None
        time.sleep(0.001)
    p.send_signal(sig)
    assert p.wait() == -sig
    assert listing() == ["big.gz", "d", "in.gz"]


def test_a_terminal_gets_no_compressed_bytes(coracle):
    main, side = pty.openpty()
    try:
        done = subprocess.run(
            [coracle, "gzip"], input=b"x", stdout=side, stderr=subprocess.PIPE
        )
        assert done.returncode == 1 and b"terminal" in done.stderr
        done = subprocess.run(
            [coracle, "gunzip"], stdin=side, capture_output=True
        )
        assert done.returncode == 1 and b"terminal" in done.stderr
    finally:
        os.close(main)
        os.close(side)


def test_mistakes_in_options(run):
    for args, text in (
        (["-nN"], b"exclude"),
        (["-S", ""], b"suffix"),
        (["-S", "a/b"], b"suffix"),
        (["--bogus"], b"bogus"),
    ):
        done = run("gzip", *args, input=b"")
        assert done.returncode == 2
        assert text in done.stderr


@pytest.mark.parametrize("applet", ["gzip", "zcat"])
def test_memory_stays_small(coracle, sanitized, applet, tmp_path):
    """At most 16 MB resident for a stream of a gigabyte."""
    if sanitized:
        pytest.skip("sanitizers have their own memory")
    feed = "head -c 1000000000 /dev/zero"
    if applet == "zcat":
        feed += f" | {coracle} gzip"
    script = f"{feed} | {coracle} {applet} >/dev/null & echo $!; wait $!"
    p = subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE)
    pid = int(p.stdout.readline())
    peak = 0
    while p.poll() is None:
        try:
            text = pathlib.Path(f"/proc/{pid}/status").read_text()
        except OSError:
            break
        for line in text.splitlines():
            if line.startswith("VmHWM"):
                peak = max(peak, int(line.split()[1]))
        time.sleep(0.01)
    assert p.wait() == 0
    assert 0 < peak < 16 * 1024


def test_a_link_named_gunzip(coracle, place):
    shutil.copy(coracle, "gunzip")
    done = subprocess.run(
        ["./gunzip"], input=gzip.compress(b"x"), capture_output=True
    )
    assert (done.returncode, done.stdout) == (0, b"x")
