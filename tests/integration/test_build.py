# SPDX-License-Identifier: MIT
"""What the build promises of the binary, and of itself."""

import filecmp
import os
import pathlib
import re
import shutil
import subprocess

import pytest

SIZE_MAX = 1_200_000


@pytest.fixture(scope="module")
def release(top):
    path = top / "build" / "coracle"
    if not path.exists():
        pytest.skip("no release build")
    return path


def readelf(path, *options):
    return subprocess.run(
        ["readelf", "-W", *options, path],
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_binary_is_static_and_position_independent(release):
    assert "Type:                              DYN" in readelf(release, "-h")
    assert "INTERP" not in readelf(release, "-l")
    assert "NEEDED" not in readelf(release, "-d")
    assert "TEXTREL" not in readelf(release, "-d")


def test_binary_is_hardened(release):
    segments = readelf(release, "-l")
    assert "GNU_RELRO" in segments
    assert re.search(r"GNU_STACK .* RW +0x", segments), "executable stack"
    assert not re.search(r"LOAD .* RWE", segments), "writable code"
    assert "BIND_NOW" in readelf(release, "-d")
    symbols = readelf(str(release) + ".debug", "-s")
    assert "__stack_chk_fail" in symbols


def test_binary_is_stripped_and_small(release):
    assert ".symtab" not in readelf(release, "-S")
    assert release.stat().st_size <= SIZE_MAX


def test_licences_of_all_that_is_linked(run, top):
    text = run("--licenses").stdout.decode()
    names = [
        line.split("|")[0]
        for line in (top / "vendor" / "sources").read_text().split("\n")
        if line and line[0] != "#"
    ]
    for name in ["coracle", "musl", *names]:
        assert f"==== {name} " in text
    assert "Permission is hereby granted" in text


def test_applet_declared_twice_is_refused(top, tmp_path):
    for name in ("a.c", "b.c"):
        (tmp_path / name).write_text('APPLET(twin, "x",\n\t"usage: twin\\n");\n')
    done = subprocess.run(
        [top / "scripts" / "gen-applets", tmp_path / "out.h"]
        + [tmp_path / "a.c", tmp_path / "b.c"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "twin is declared twice" in done.stderr
    assert "a.c:1" in done.stderr and "b.c:1" in done.stderr
    assert not (tmp_path / "out.h").exists()


@pytest.mark.slow
def test_two_builds_are_equal(release, top, tmp_path):
    """Built again, elsewhere and from nothing, every byte is the same."""
    copy = tmp_path / "some" / "other" / "place"
    files = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=top,
        capture_output=True,
    ).stdout.decode()
    if not files:
        pytest.skip("not a checkout")
    for name in filter(None, files.split("\0")):
        if (top / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(top / name, copy / name)
    download = pathlib.Path("build/vendor/download")
    shutil.copytree(top / download, copy / download)
    version = (top / "build" / "gen" / "version.h").read_text()
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    commit = re.search(r"-g([0-9a-f]+)", version)
    if commit:
        env["CORACLE_COMMIT"] = commit[1]
    done = subprocess.run(
        ["make", "-j2"], cwd=copy, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for name in ("coracle", "trampoline", "run-as"):
        assert re.search(rf"^build/{name}: [\d,]+ bytes$", done.stdout, re.M)
    for name in ("build/coracle", "build/coracle.debug", "build/trampoline",
                 "build/run-as"):
        assert filecmp.cmp(top / name, copy / name, shallow=False), name
