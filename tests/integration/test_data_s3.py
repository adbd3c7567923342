# SPDX-License-Identifier: MIT
"""The gateway and a store that verifies signatures."""

import io
import json
import os
import tarfile
import urllib.request

import pytest

from helpers import s3_server
from helpers.gateway import wait_for

HOOK = {"name": "h", "command": "exit 3"}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    if not s3_server.program():
        pytest.skip("no versitygw (make s3-server)")
    store = s3_server.Store(tmp_path_factory.mktemp("store"))
    yield store
    store.stop()


@pytest.fixture
def s3(run, store):
    return lambda *args, **kw: run("s3", *args, env=store.env, **kw)


@pytest.fixture
def bucket(s3):
    name = f"test-{os.urandom(6).hex()}"
    assert s3("mb", f"s3://{name}").returncode == 0
    yield name
    assert s3("rm", "-r", f"s3://{name}").returncode == 0
    assert s3("rb", f"s3://{name}").returncode == 0


def aws(store):
    return {k: v for k, v in store.env.items() if k.startswith("AWS_")}


@pytest.fixture
def gateway(new_gateway, store, bucket):
    return new_gateway(
        env={**aws(store), "S3_SNAPSHOTS_BUCKET": bucket,
             "S3_SNAPSHOTS_PREFIX": "some/where//"}
    )


@pytest.fixture
def put(s3, bucket):
    def put(key, data=b"", to=bucket):
        done = s3("put", "-", f"s3://{to}/{key}", input=data)
        assert done.returncode == 0, done.stderr
    return put


def keys(s3, bucket):
    out = s3("ls", "-r", "--json", f"s3://{bucket}").stdout
    return {o["key"]: o["size"] for o in map(json.loads, out.splitlines())}


def pull(gateway, *sources, **more):
    return gateway.post_json(
        "/data/populate/s3",
        {"sources": [s if isinstance(s, dict) else {"url": s} for s in sources],
         **more},
    )


def files(root):
    return {
        str(p.relative_to(root)): p.read_bytes()
        for p in root.rglob("*") if p.is_file()
    }


# --- populate ----------------------------------------------------------------


@pytest.fixture
def world(put, s3, bucket):
    put("w/a/x.txt", b"x")
    put("w/a/d/y.txt", b"yy")
    # the marker of a directory, as consoles of stores make them
    url = s3("presign", "--method", "PUT", f"s3://{bucket}/w/a/d/empty/").stdout
    marker = urllib.request.Request(url.decode(), data=b"", method="PUT")
    urllib.request.urlopen(marker).close()
    put("w/a/e.bin", b"")
    put("w/ab/z.txt", b"z")
    put("w/arc.tar.gz", b"archive")


def test_a_prefix_ends_at_a_slash(gateway, bucket, world):
    answer = pull(gateway, f"s3://{bucket}/w/a")
    assert answer.status == 200, answer
    assert answer.json() == {"objects_added": 4, "hook_timings": []}
    place = gateway.root / "filesystem"
    assert files(place) == {"x.txt": b"x", "d/y.txt": b"yy", "e.bin": b""}
    assert (place / "d/empty").is_dir()
    assert oct((place / "x.txt").stat().st_mode) == "0o100664"


def test_a_raw_prefix_takes_all_that_begins_so(gateway, bucket, world):
    answer = pull(gateway, f"s3://{bucket}/w/a", prefix_match="raw")
    assert answer.status == 200, answer
    assert files(gateway.root / "filesystem") == {
        "x.txt": b"x", "d/y.txt": b"yy", "e.bin": b"", "b/z.txt": b"z",
        "rc.tar.gz": b"archive",
    }


def test_several_sources_and_subsystems(gateway, bucket, put, world):
    big = os.urandom(11 << 20)
    put("big", big)
    answer = pull(
        gateway,
        f"s3://{bucket}/w/arc.tar.gz",
        {"url": f" s3://{bucket}/w/a/d/ ", "subsystem": " .apps_data/q "},
        {"url": f"s3://{bucket}/big", "subsystem": "filesystem"},
        {"url": f"s3://{bucket}/nothing-is-there"},
        s3_transfer_backend="boto3",
    )
    assert answer.status == 200, answer
    assert answer.json()["objects_added"] == 4
    assert files(gateway.root) == {
        "filesystem/arc.tar.gz": b"archive", "filesystem/big": big,
        ".apps_data/q/y.txt": b"yy",
    }


def test_a_failed_source_leaves_what_was_there(gateway, bucket, world):
    place = gateway.root / "filesystem"
    place.mkdir()
    (place / "old").write_text("o")
    answer = pull(
        gateway, f"s3://{bucket}/w/a",
        {"url": "s3://there-is-no-such-bucket/k", "subsystem": ".apps_data"},
    )
    assert answer.status == 400, answer
    assert "s3://there-is-no-such-bucket/k" in answer.json()["detail"]
    assert files(gateway.root) == {"filesystem/old": b"o"}
    assert not (gateway.root / ".apps_data").exists()
    assert os.listdir(place) == ["old"]


def test_a_directory_in_the_way_is_named(gateway, bucket, world):
    (gateway.root / "filesystem/x.txt/full").mkdir(parents=True)
    answer = pull(gateway, f"s3://{bucket}/w/a")
    assert answer.status == 400, answer
    assert "x.txt" in answer.json()["detail"]
    assert files(gateway.root / "filesystem") == {}


@pytest.mark.parametrize(
    "body, status, place",
    [
        ({}, 422, ["body", "sources"]),
        ({"sources": []}, 422, ["body"]),
        ({"sources": [{}]}, 422, ["body", "sources", 0, "url"]),
        ({"sources": [{"url": " "}]}, 422, ["body", "sources", 0, "url"]),
        ({"sources": [{"url": "s3://b/k", "subsystem": "/etc"}]}, 422,
         ["body", "sources", 0, "subsystem"]),
        ({"sources": [{"url": "s3://b/k"}], "post_populate_hooks": [{}]}, 422,
         ["body", "post_populate_hooks", 0, "name"]),
        ({"sources": [{"url": "s3://b/k"}],
          "s3_credentials": {"access_key_id": "x"}}, 422,
         ["body", "s3_credentials", "secret_access_key"]),
        ({"sources": [{"url": "s3://b/k"}],
          "s3_credentials": {"access_key_id": "x", "secret_access_key": "y",
                             "region": " "}}, 422,
         ["body", "s3_credentials", "region"]),
        ({"sources": [{"url": "http://b/k"}]}, 400, "sources[0].url"),
        ({"sources": [{"url": "s3://b/k"}, {"url": "s3://b/"}]}, 400,
         "sources[1].url"),
        ({"sources": [{"url": "s3:///k"}]}, 400, "sources[0].url"),
    ],
)
def test_a_bad_request_names_the_field(new_gateway, body, status, place):
    gateway = new_gateway()
    answer = gateway.post_json("/data/populate/s3", body)
    assert answer.status == status, answer
    detail = answer.json()["detail"]
    if status == 422:
        assert detail[0]["loc"] == place
    else:
        assert place in detail


def test_unsafe_keys_are_named(gateway, s3, bucket):
    # the store on a directory has no such keys, so a scripted one is in
    # test_s3_faults.py; this one shows that ".." in a name is nothing bad
    done = s3("put", "-", f"s3://{bucket}/u/a..b", input=b"1")
    assert done.returncode == 0, done.stderr
    assert pull(gateway, f"s3://{bucket}/u/").status == 200
    assert files(gateway.root) == {"filesystem/a..b": b"1"}


def test_hooks_without_sources(gateway):
    answer = pull(gateway, post_populate_hooks=[dict(HOOK, command="true")])
    assert answer.json()["hook_timings"][0]["name"] == "h"
    answer = pull(gateway, post_populate_hooks=[HOOK])
    assert answer.status == 500 and "exit 3" in answer.json()["detail"]


def test_keys_of_the_request_win(new_gateway, store, bucket, put):
    put("k", b"1")
    env = aws(store)
    keys = {
        "access_key_id": env.pop("AWS_ACCESS_KEY_ID"),
        "secret_access_key": env.pop("AWS_SECRET_ACCESS_KEY"),
    }
    gateway = new_gateway(env={**env, "S3_ACCESS_KEY_ID": "wrong",
                               "S3_SECRET_ACCESS_KEY": "wrong"})
    assert pull(gateway, f"s3://{bucket}/k").status == 400
    answer = pull(gateway, f"s3://{bucket}/k", s3_credentials=keys)
    assert answer.status == 200, answer
    assert keys["secret_access_key"] not in gateway.log()


def test_documented_variables_hold_keys(new_gateway, store, bucket, put):
    put("k", b"1")
    env = aws(store)
    gateway = new_gateway(
        env={"AWS_ENDPOINT_URL": env["AWS_ENDPOINT_URL"],
             "S3_ACCESS_KEY_ID": env["AWS_ACCESS_KEY_ID"],
             "S3_SECRET_ACCESS_KEY": env["AWS_SECRET_ACCESS_KEY"],
             "S3_DEFAULT_REGION": "us-east-1"}
    )
    assert pull(gateway, f"s3://{bucket}/k").status == 200


# --- snapshot ----------------------------------------------------------------


def fill(gateway):
    place = gateway.root / "filesystem"
    (place / "d/empty").mkdir(parents=True)
    (place / "d/f").write_bytes(b"12")
    (place / "inside").symlink_to("d/f")
    (place / "outside").symlink_to("/etc/hostname")
    (gateway.root / ".apps_data").mkdir()
    (gateway.root / ".apps_data/s").write_bytes(b"3")


def test_snapshot_needs_no_body(gateway, s3, bucket):
    fill(gateway)
    answer = gateway.request("POST", "/data/snapshot/s3")
    assert answer.status == 200, answer
    got = answer.json()
    assert set(got) == {"snapshot_id", "s3_uri", "presigned_url", "size_bytes",
                        "hook_timings"}
    key = f"some/where/{got['snapshot_id']}.tar.gz"
    assert got["s3_uri"] == f"s3://{bucket}/{key}"
    assert keys(s3, bucket) == {key: got["size_bytes"]}
    with urllib.request.urlopen(got["presigned_url"]) as r:
        data = r.read()
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        names = tar.getnames()
    assert {"filesystem/d/empty", "filesystem/outside", ".apps_data/s"} <= set(names)


def test_snapshot_as_files(gateway, s3, bucket):
    fill(gateway)
    answer = gateway.post_json(
        "/data/snapshot/s3", {"format": "files", "snapshot_id": "my-1_x"}
    )
    assert answer.status == 200, answer
    assert answer.json() == {
        "snapshot_id": "my-1_x", "files_uploaded": 3, "total_bytes": 5,
        "hook_timings": [],
    }
    base = "some/where/my-1_x"
    # what a link inside leads to is there, and nothing from outside
    assert keys(s3, bucket) == {
        f"{base}/filesystem/d/f": 2, f"{base}/filesystem/inside": 2,
        f"{base}/.apps_data/s": 1,
    }


def test_snapshots_there_and_back(gateway, bucket):
    fill(gateway)
    for form in ("files", "tar.gz"):
        got = gateway.post_json(
            "/data/snapshot/s3", {"format": form, "snapshot_id": form[:3]}
        )
        assert got.status == 200, got
    answer = pull(
        gateway,
        {"url": f"s3://{bucket}/some/where/fil/filesystem/",
         "subsystem": ".apps_data/again"},
        {"url": f"s3://{bucket}/some/where/tar.tar.gz"},
    )
    assert answer.json()["objects_added"] == 3
    assert files(gateway.root / ".apps_data/again") == {
        "d/f": b"12", "inside": b"12"
    }


@pytest.mark.parametrize("bad", ["", "a/b", "..", "a b", "\u00e9"])
def test_snapshot_ids_are_checked(gateway, bad):
    answer = gateway.post_json("/data/snapshot/s3", {"snapshot_id": bad})
    assert answer.status == 400
    assert "snapshot_id" in answer.json()["detail"]


def test_a_failed_upload_is_told(new_gateway, store):
    gateway = new_gateway(
        env={**aws(store), "S3_SNAPSHOTS_BUCKET": "there-is-no-such-bucket"}
    )
    fill(gateway)
    for form in ("files", "tar.gz"):
        answer = gateway.post_json("/data/snapshot/s3", {"format": form})
        assert answer.status == 400, answer
        assert "no such bucket" in answer.json()["detail"]


def test_a_failed_hook_uploads_nothing(gateway, s3, bucket):
    answer = gateway.post_json(
        "/data/snapshot/s3", {"pre_snapshot_hooks": [HOOK]}
    )
    assert answer.status == 500 and "exit 3" in answer.json()["detail"]
    assert keys(s3, bucket) == {}


# --- in the background -------------------------------------------------------


def ended(gateway, kind, job):
    def look():
        got = gateway.request("GET", f"/data/{kind}/s3/status/{job}").json()
        return got if got["status"] != "running" else None
    return wait_for(look, what="the job ends")


def test_jobs_start_and_tell(gateway, bucket, put):
    put("k", b"1")
    job = gateway.post_json(
        "/data/populate/s3/start", {"sources": [{"url": f"s3://{bucket}/k"}]}
    ).json()["job_id"]
    assert len(job) == 32
    got = ended(gateway, "populate", job)
    assert got["status"] == "done" and got["error"] is None
    assert got["result"] == {"objects_added": 1, "hook_timings": []}
    other = gateway.post_json("/data/snapshot/s3/start", {}).json()["job_id"]
    got = ended(gateway, "snapshot", other)
    assert got["result"]["s3_uri"].startswith(f"s3://{bucket}/some/where/snap_")
    for kind, id in (("populate", job), ("snapshot", other)):
        listed = gateway.request("GET", f"/data/{kind}/s3/status").json()["jobs"]
        assert [(j["job_id"], j["status"]) for j in listed] == [(id, "done")]
    # each kind knows its own
    assert gateway.request(
        "GET", f"/data/snapshot/s3/status/{job}"
    ).status == 404


def test_a_job_that_fails_keeps_the_reason(gateway):
    job = gateway.post_json(
        "/data/populate/s3/start",
        {"sources": [{"url": "s3://there-is-no-such-bucket/k"}]},
    ).json()["job_id"]
    got = ended(gateway, "populate", job)
    assert got["status"] == "error" and got["result"] is None
    assert "no such bucket" in got["error"]


def test_a_job_can_be_cancelled(gateway):
    job = gateway.post_json(
        "/data/snapshot/s3/start",
        {"pre_snapshot_hooks": [{"name": "h", "command": "sleep 600"}]},
    ).json()["job_id"]
    path = f"/data/snapshot/s3/status/{job}"
    wait_for(gateway.children, what="the hook runs")
    assert gateway.request("DELETE", path).status == 200
    assert ended(gateway, "snapshot", job)["error"] == "cancelled"
    assert not gateway.children()


def test_unknown_jobs_and_methods(gateway):
    answer = gateway.request("GET", "/data/populate/s3/status/abc")
    assert answer.status == 404 and "abc" in answer.json()["detail"]
    answer = gateway.request("POST", "/data/populate/s3/status/abc")
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD, DELETE"


def test_a_client_that_goes_away_ends_its_workers(gateway):
    c = gateway.connect()
    c.request(
        "POST", "/data/snapshot/s3",
        json.dumps({"pre_snapshot_hooks": [{"name": "h", "command": "sleep 600"}]}),
        {"Content-Type": "application/json"},
    )
    wait_for(gateway.children, what="the hook runs")
    c.close()
    wait_for(lambda: not gateway.children(), what="all has ended")


# --- the root file system ----------------------------------------------------


def test_capture_has_what_changed_since_the_baseline(gateway, s3, bucket):
    fill(gateway)
    for name in ("etc", "tmp", "run/x", "proc", "usr/lib"):
        (gateway.root / name).mkdir(parents=True, exist_ok=True)
    (gateway.root / "etc/old").write_text("1")
    answer = gateway.post_json("/data/rootfs/capture", {"snapshot_id": "a"})
    assert answer.status == 400 and "baseline" in answer.json()["detail"]
    answer = gateway.request("POST", "/data/rootfs/baseline")
    assert answer.status == 200, answer
    got = answer.json()
    assert got["marker_path"] == "/run/rlstudio/.rootfs_capture_baseline"
    marker = gateway.root / got["marker_path"][1:]
    assert abs(marker.stat().st_mtime - got["marked_at"]) < 0.001
    assert oct(marker.stat().st_mode) == "0o100600"
    # the clock of file systems ticks in steps
    wait_for(
        lambda: (marker.parent / "tick").write_text("")
        or (marker.parent / "tick").stat().st_ctime_ns > marker.stat().st_mtime_ns,
        what="the clock of the file system ticks",
    )
    for name in ("etc/new", "tmp/t", "run/x/r", "usr/lib/l", "filesystem/n"):
        (gateway.root / name).write_text("2")
    answer = gateway.post_json("/data/rootfs/capture", {"snapshot_id": "my"})
    assert answer.status == 200, answer
    got = answer.json()
    assert set(got) == {"s3_uri", "size_bytes", "duration_s"}
    assert got["s3_uri"] == f"s3://{bucket}/some/where/my/rootfs-layer.tar.gz"
    data = s3("get", got["s3_uri"], "-").stdout
    assert len(data) == got["size_bytes"]
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        names = [n for n in tar.getnames() if tar.getmember(n).isfile()]
    assert sorted(names) == ["./etc/new", "./usr/lib/l"]


def test_a_link_where_the_baseline_belongs_is_refused(gateway):
    place = gateway.root / "run/rlstudio"
    place.mkdir(parents=True)
    (place / ".rootfs_capture_baseline").symlink_to("/etc/hostname")
    answer = gateway.request("POST", "/data/rootfs/baseline")
    assert answer.status == 500 and "baseline" in answer.json()["detail"]
