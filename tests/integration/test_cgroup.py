# SPDX-License-Identifier: MIT
"""Services in control groups, where init may have one."""

import os
import pathlib
import uuid

import pytest

from helpers.box import wait_for
from helpers.supervised import Supervised, configure, sh


def hierarchy():
    """Where a cgroup2 is mounted that this process may write."""
    with open("/proc/mounts") as table:
        for line in table:
            words = line.split()
            if words[2] == "cgroup2" and os.access(words[1], os.W_OK):
                return pathlib.Path(words[1])
    return None


def clear(folder):
    """Remove a group and all in it; they are empty a moment after the end."""
    for path, _, _ in list(os.walk(folder, topdown=False)):
        wait_for(lambda: not os.path.exists(path) or not (
            pathlib.Path(path) / "cgroup.procs").read_text().split())
        os.rmdir(path)


@pytest.fixture
def group():
    top = hierarchy()
    if not top:
        pytest.skip("no cgroup2 that can be written")
    folder = top / f"coracle-test-{uuid.uuid4().hex[:12]}"
    try:
        folder.mkdir()
        (folder / "sub").mkdir()
    except OSError as error:
        pytest.skip(f"no group to be had: {error}")
    yield folder
    clear(folder)


@pytest.fixture
def delegated(box, group):
    """delegated({service}) -> init in a group of its own, mounted inside."""
    def start(services, **top):
        configure(box, services, mounts=[
            {"target": "/sys/fs/cgroup", "type": "cgroup2",
             "required": True}], **top)
        inner = group / "sub"
        # unshare --cgroup makes the group that it is in the top of all
        init = box.start(preexec_fn=lambda: (
            inner / "cgroup.procs").write_text(str(os.getpid())))
        # which only its child is in from here on
        (group.parent / "cgroup.procs").write_text(str(init.popen.pid))
        s = Supervised(box, init)
        wait_for(lambda: s.ctl("status")[0] == 0)
        return s
    return start


def test_each_service_has_a_group_that_goes_with_it(delegated, group):
    """V10"""
    s = delegated({"a": sh("exec sleep 99"), "b": sh("exec sleep 99")})
    for name in ("a", "b"):
        s.reach(name, "up")
    pid = s.status()["a"]["pid"]
    inside = group / "sub" / "coracle.a"
    assert (inside / "cgroup.procs").read_text().split()
    assert s.inside("cat", f"/proc/{pid}/cgroup")[1].endswith(
        "/coracle.a\n")
    s.stop()
    assert not inside.exists()


def test_nothing_leaves_a_group(delegated, group):
    """V10, V9: by cgroup.kill also what went to a session of its own."""
    s = delegated({"a": sh("setsid sleep 987 & echo >&3; exec sleep 99",
                           ready={"fd": 3})})
    s.reach("a", "up")
    procs = group / "sub" / "coracle.a" / "cgroup.procs"
    assert len(procs.read_text().split()) == 2
    assert s.ctl("stop", "a")[0] == 0
    wait_for(lambda: not procs.read_text().split())
    s.stop()


@pytest.fixture
def limit(group):
    """A file of a controller that this machine has for us, and a value."""
    files = {"memory": ("memory.max", "104857600"), "pids": ("pids.max", "9"),
             "hugetlb": ("hugetlb.2MB.max", "4194304")}
    have = (group.parent / "cgroup.controllers").read_text().split()
    usable = [c for c in files if c in have]
    if not usable:
        pytest.skip(f"no controller that this test knows: {have}")
    parents = group.parent, group
    before = [(p / "cgroup.subtree_control").read_text() for p in parents]
    for p in parents:
        (p / "cgroup.subtree_control").write_text(f"+{usable[0]}")
    yield files[usable[0]]
    clear(group)
    for p, text in zip(parents[::-1], before[::-1]):
        if p.exists() and usable[0] not in text:
            (p / "cgroup.subtree_control").write_text(f"-{usable[0]}")


def test_limits_of_a_group(limit, delegated, group):
    """V10: the controller is enabled when a service asks for it."""
    name, value = limit
    s = delegated({"a": sh("exec sleep 99", enabled=False, cgroup={
        name: value, "cpu.nonsense": "1"})})
    assert s.ctl("start", "a")[0] == 0
    assert (group / "sub/coracle.a" / name).read_text().strip() == value
    assert "service a: cgroup: cpu.nonsense: " in s.stop()


def test_without_a_group_the_service_runs(supervise):
    """V10: what was asked for and is not to be had is told."""
    s = supervise({"a": sh("exec sleep 99", cgroup={"memory.max": "1G"})})
    s.reach("a", "up")
    assert "service a: no cgroup2 that can be written" in s.stop()


@pytest.mark.parametrize("name", [
    "cgroup.procs", "../x.y", "memory", "a/b.c", ".x"])
def test_only_files_of_controllers_can_be_written(run, tmp_path, name):
    """V10"""
    path = tmp_path / "init.json"
    path.write_text('{"services": {"a": {"command": ["a"], '
                    f'"cgroup": {{"{name}": "1"}}}}}}}}')
    done = run("init", "--check", "--config", path)
    assert done.returncode == 78
    assert b'"services.a.cgroup" wants files of controllers' in done.stderr
