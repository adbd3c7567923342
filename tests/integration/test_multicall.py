# SPDX-License-Identifier: MIT
"""One binary, many names."""

import os
import shutil
import subprocess

import pytest


def call(path, *args, **kw):
    return subprocess.run(
        [str(path), *args], capture_output=True, timeout=10, **kw
    )


def test_list_is_sorted_and_each_applet_has_help(run):
    names = run("--list").stdout.decode().split()
    assert names == sorted(names) and "gateway" in names
    for name in names:
        done = run(name, "--help")
        assert done.returncode == 0
        assert done.stdout.startswith(b"usage: " + name.encode())


def test_install_makes_a_working_link_for_each_applet(run, tmp_path):
    assert run("--install", tmp_path).returncode == 0
    names = run("--list").stdout.decode().split()
    assert sorted(os.listdir(tmp_path)) == names
    done = call(tmp_path / "tar", "--version")
    assert done.returncode == 0 and done.stdout.startswith(b"tar (coracle) ")


def test_install_twice_is_fine_and_keeps_what_is_no_link(run, tmp_path):
    (tmp_path / "tar").write_text("mine")
    assert run("--install", tmp_path).returncode == 0
    again = run("--install", tmp_path)
    assert again.returncode == 0 and b"no symbolic link, kept" in again.stderr
    assert (tmp_path / "tar").read_text() == "mine"


def test_install_into_nowhere_says_so(run, tmp_path):
    done = run("--install", tmp_path / "missing")
    assert done.returncode == 1 and b"No such file" in done.stderr


def test_unknown_applet_is_127_with_the_nearest_names(run):
    done = run("gatewya")
    assert done.returncode == 127
    assert done.stderr.startswith(
        b"coracle: no applet 'gatewya'; nearest: gateway;"
    )


def test_unknown_applet_like_none_points_to_the_list(run):
    done = run("zzzzzzzzzz")
    assert done.returncode == 127 and b"--list" in done.stderr


def test_a_link_of_an_unknown_name_is_127(coracle, tmp_path):
    (tmp_path / "gatewy").symlink_to(coracle)
    done = call(tmp_path / "gatewy")
    assert done.returncode == 127 and b"nearest: gateway" in done.stderr


def test_a_copy_of_another_name_still_runs_applets(coracle, tmp_path):
    (tmp_path / "box").symlink_to(coracle)
    assert call(tmp_path / "box", "tar", "--version").returncode == 0


def test_no_arguments_print_the_usage_and_fail(run):
    done = run()
    assert done.returncode == 2 and done.stdout.startswith(b"usage: coracle")


def test_unknown_option_is_a_usage_error(run):
    done = run("--frobnicate")
    assert done.returncode == 2 and b"--frobnicate" in done.stderr


def test_version(run):
    assert run("--version").stdout.startswith(b"coracle 0.")


def test_licences_of_everything_linked(run):
    text = run("--licenses").stdout
    for name in (b"Coracle", b"musl", b"BearSSL", b"isal", b"jsmn"):
        assert name.lower() in text.lower(), name


def test_full_disk_is_reported(coracle):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [coracle, "--list"], stdout=full, stderr=subprocess.PIPE, timeout=10
        )
    assert done.returncode == 1 and b"No space left" in done.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make it set-id")
@pytest.mark.parametrize("name", ["coracle", "tar", "gateway", "init"])
def test_set_id_refuses_every_applet(coracle, tmp_path, name):
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents:
        if parent.owner() == "root" and str(parent).startswith("/tmp/"):
            parent.chmod(parent.stat().st_mode | 0o055)
    program = tmp_path / name
    shutil.copy(coracle, program)
    os.chown(program, 10000, 10000)
    program.chmod(0o4755)
    for args in ([], ["--list"], ["tar", "--version"], ["--version"]):
        done = call(program, *args)
        assert done.returncode == 126, (args, done)
        assert done.stdout == b"" and b"set-id" in done.stderr
