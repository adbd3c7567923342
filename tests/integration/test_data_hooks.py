# SPDX-License-Identifier: MIT
"""Lifecycle hooks: shell commands around populate and snapshot."""

import io
import json
import os
import tarfile
import time

import pytest

from helpers.gateway import wait_for

BOUNDARY = "----boundary7MA4YWxkTrZu0gW"


def form(hooks):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        info = tarfile.TarInfo("a")
        info.size = 1
        tar.addfile(info, io.BytesIO(b"1"))
    text = hooks if isinstance(hooks, str) else json.dumps(hooks)
    return (
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; "
        f'name="archive"; filename="a"\r\n\r\n'.encode()
        + out.getvalue()
        + f"\r\n--{BOUNDARY}\r\nContent-Disposition: form-data; "
        f'name="post_populate_hooks"\r\n\r\n{text}\r\n'
        f"--{BOUNDARY}--\r\n".encode()
    )


def populate(gateway, *hooks):
    return gateway.request(
        "POST", "/data/populate", form(list(hooks)),
        {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"},
    )


def hook(command, name="h", **more):
    return {"name": name, "command": command, **more}


def test_hooks_run_after_the_data_and_their_times_are_told(gateway):
    place = gateway.root / "filesystem"
    answer = populate(
        gateway,
        hook(f"cat {place}/a > {place}/b; echo said", "first"),
        hook('printf %s "$WORD"', "second", env={"WORD": "x y"}),
    )
    assert answer.status == 200, answer
    times = answer.json()["hook_timings"]
    assert [t["name"] for t in times] == ["first", "second"]
    assert all(0 <= t["duration_s"] < 60 for t in times)
    assert (place / "b").read_bytes() == b"1"
    gateway.wait_log(r"hook first: said$")
    gateway.wait_log(r"hook second: x y$")


def test_hooks_run_beside_each_other(gateway):
    fifo = gateway.root / "fifo"
    os.mkfifo(fifo)
    answer = populate(
        gateway, hook(f"echo 1 > {fifo}", "w"), hook(f"cat {fifo}", "r")
    )
    assert answer.status == 200, answer


def test_all_failures_are_told_and_the_data_stays(gateway):
    answer = populate(
        gateway,
        hook("echo bad luck >&2; exit 7", "one"),
        hook("true", "two"),
        hook("kill -9 $$", "three"),
    )
    assert answer.status == 500
    detail = answer.json()["detail"]
    assert "'one'" in detail and "exit 7" in detail and "bad luck" in detail
    assert "'three'" in detail and "SIGKILL" in detail
    assert "'two'" not in detail
    assert (gateway.root / "filesystem/a").exists()


def test_a_hook_that_takes_too_long_is_ended(gateway):
    answer = populate(gateway, hook("sleep 600", timeout_seconds=0.2))
    assert answer.status == 500
    assert "longer than 0.200 s" in answer.json()["detail"]
    wait_for(lambda: not gateway.children(), what="nothing is left")


def test_the_time_may_come_from_the_environment(new_gateway):
    gateway = new_gateway(env={"LIFECYCLE_HOOK_TIMEOUT_SECONDS": "1"})
    assert "longer than 1.000 s" in populate(
        gateway, hook("sleep 600")
    ).json()["detail"]


def test_secrets_of_the_gateway_are_not_for_hooks(new_gateway):
    gateway = new_gateway(
        env={"CORACLE_TOKEN": "t0p", "MODAL_IDENTITY_TOKEN": "m1d", "KEPT": "k3"}
    )
    answer = gateway.request(
        "POST", "/data/snapshot",
        json.dumps({"pre_snapshot_hooks": [hook("env >&2; exit 1")]}),
        {"Authorization": "Bearer t0p"},
    )
    assert answer.status == 500
    detail = answer.json()["detail"]
    assert "KEPT=k3" in detail
    assert "t0p" not in detail and "m1d" not in detail


@pytest.mark.parametrize(
    "hooks, words",
    [
        ("{", "post_populate_hooks"),
        ("{}", "list"),
        ('[{"name":"x"}]', "Field required"),
        ('[{"name":"x","command":1}]', "string"),
        ('[{"name":"x","command":"true","timeout_seconds":-1}]', "seconds"),
        ('[{"name":"x","command":"true","env":{"a=b":"c"}}]', "variable"),
    ],
)
def test_hooks_that_are_none_are_refused_before_anything_changes(
    gateway, hooks, words
):
    answer = gateway.request(
        "POST", "/data/populate", form(hooks),
        {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"},
    )
    assert answer.status == 400, answer
    assert words in answer.json()["detail"]
    assert not (gateway.root / "filesystem").exists()


def test_a_hook_may_leave_a_process_behind(gateway):
    pid = gateway.root / "pid"
    answer = populate(
        gateway, hook(f"sleep 600 >/dev/null 2>&1 & echo $! > {pid}")
    )
    assert answer.status == 200, answer
    child = int(pid.read_text())
    os.kill(child, 9)
    wait_for(lambda: not gateway.children(), what="it is gone")


def test_a_client_that_goes_away_ends_its_hooks(gateway):
    c = gateway.connect()
    c.request(
        "POST", "/data/snapshot",
        json.dumps({"pre_snapshot_hooks": [hook("sleep 600")]}),
    )
    wait_for(gateway.children, what="the hook runs")
    c.close()
    wait_for(lambda: not gateway.children(), what="the hook is gone")


def test_snapshot_hooks_run_before_the_data_is_read(gateway):
    place = gateway.root / "filesystem"
    place.mkdir()
    began = time.monotonic()
    answer = gateway.post_json(
        "/data/snapshot",
        {"pre_snapshot_hooks": [hook(f"sleep 0.1; echo 1 > {place}/made", "m")]},
    )
    assert answer.status == 200, answer
    (told,) = json.loads(answer.headers["X-Hook-Timings"])
    assert told["name"] == "m"
    assert 0.1 <= told["duration_s"] <= time.monotonic() - began
    with tarfile.open(fileobj=io.BytesIO(answer.body)) as tar:
        assert "filesystem/made" in tar.getnames()
