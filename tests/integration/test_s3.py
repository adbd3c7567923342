# SPDX-License-Identifier: MIT
"""The applet s3 against a store that verifies every signature."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from helpers import s3_server
from helpers.certs import Authority


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    if not s3_server.program():
        pytest.skip("no versitygw (make s3-server)")
    store = s3_server.Store(tmp_path_factory.mktemp("store"))
    yield store
    store.stop()


@pytest.fixture
def s3(run, store):
    def s3(*args, env=None, **kw):
        return run("s3", *args, env=dict(store.env, **(env or {})), **kw)

    return s3


@pytest.fixture
def bucket(s3):
    name = f"test-{os.urandom(6).hex()}"
    assert s3("mb", f"s3://{name}").returncode == 0
    yield f"s3://{name}"
    s3("rm", "-r", f"s3://{name}")
    done = s3("rb", f"s3://{name}")
    assert done.returncode == 0, done.stderr


def ok(done):
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows(done):
    return [json.loads(line) for line in ok(done).splitlines()]


def error(done, status):
    assert done.returncode == status, done.stderr
    assert done.stderr.count(b"\n") == 1
    return done.stderr.decode()


def test_there_and_back(s3, bucket, tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"hello")
    ok(s3("put", file, f"{bucket}/a/b"))
    assert ok(s3("get", f"{bucket}/a/b", "-")) == b"hello"
    ok(s3("get", f"{bucket}/a/b", tmp_path))
    assert (tmp_path / "b").read_bytes() == b"hello"
    ok(s3("put", file, f"{bucket}/dir/"))
    names = [row["key"] for row in rows(s3("ls", "-r", "--json", bucket))]
    assert names == ["a/b", "dir/file"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b", "file"]


def test_empty_object(s3, bucket, tmp_path):
    ok(s3("put", "-", f"{bucket}/empty", input=b""))
    assert ok(s3("get", f"{bucket}/empty", "-")) == b""
    ok(s3("get", f"{bucket}/empty", tmp_path / "x"))
    assert (tmp_path / "x").stat().st_size == 0


@pytest.mark.parametrize("sum", ["none", "crc32", "crc32c", "crc64nvme", "sha256"])
def test_many_parts(s3, bucket, tmp_path, sum):
    data = os.urandom(23_000_001)
    file = tmp_path / "file"
    file.write_bytes(data)
    option = ["--checksum", sum, "--part-size", "5"]
    ok(s3(*option, "put", file, f"{bucket}/file"))
    ok(s3(*option, "put", "-", f"{bucket}/pipe", input=data))
    for name in ("file", "pipe"):
        assert ok(s3(*option, "get", f"{bucket}/{name}", "-")) == data
        ok(s3(*option, "get", f"{bucket}/{name}", tmp_path / "back"))
        assert (tmp_path / "back").read_bytes() == data


@pytest.mark.parametrize("sum", ["none", "crc32", "crc64nvme", "sha256"])
@pytest.mark.parametrize("size", [0, 1, 65536, 65537, 20_000_000])
def test_payloads_that_are_signed_in_pieces(s3, bucket, size, sum):
    data = os.urandom(size)
    ok(s3("put", "--chunked", "--checksum", sum, "-", f"{bucket}/k", input=data))
    assert ok(s3("get", f"{bucket}/k", "-")) == data


@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_lengths_around_a_part(s3, bucket, extra):
    data = bytes(5 * 1024 * 1024 + extra)
    ok(s3("--part-size", "5", "put", "-", f"{bucket}/x", input=data))
    assert ok(s3("--part-size", "5", "get", f"{bucket}/x", "-")) == data


KEYS = ["with space", "plus+plus", "percent%20", "émoji-😀", "a=b&c?d#e", "quote'\"<>", "star*(!)~,;:@$"]


def test_odd_keys(s3, bucket):
    for key in KEYS:
        ok(s3("put", "-", f"{bucket}/{key}", input=key.encode()))
    listed = {row["key"] for row in rows(s3("ls", "--json", bucket))}
    assert listed == set(KEYS)
    for key in KEYS:
        assert ok(s3("get", f"{bucket}/{key}", "-")) == key.encode()
        ok(s3("cp", f"{bucket}/{key}", f"{bucket}/copy-{key}"))
        ok(s3("stat", f"{bucket}/copy-{key}"))


def test_ls(s3, bucket):
    for key in ("a", "dir/b", "dir/sub/c"):
        ok(s3("put", "-", f"{bucket}/{key}", input=b"12345"))
    lines = ok(s3("ls", bucket)).decode().splitlines()
    assert [line.split()[-1] for line in lines] == ["a", "dir/"] or [
        line.split()[-1] for line in lines
    ] == ["dir/", "a"]
    assert any(" 5 a" in line for line in lines)
    lines = ok(s3("ls", f"{bucket}/dir/")).decode().splitlines()
    assert len(lines) == 2
    assert bucket[5:] in ok(s3("ls")).decode()
    assert "nothing is there" in error(s3("ls", f"{bucket}/none"), 3)


def test_many_objects_are_listed_and_removed(s3, bucket, tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    for i in range(1100):
        (tree / f"{i:05}").write_bytes(b"x")
    ok(s3("sync", "-q", tree, f"{bucket}/tree"))
    assert len(rows(s3("ls", "-r", "--json", bucket))) == 1100
    done = rows(s3("rm", "-r", "--json", f"{bucket}/tree/"))
    assert done[0]["removed"] == 1100
    assert rows(s3("ls", "-r", "--json", bucket)) == []


def test_stat_cp_mv_rm(s3, bucket, tmp_path):
    ok(s3("put", "--content-type", "text/x", "-", f"{bucket}/a", input=b"abc"))
    seen = rows(s3("stat", "--json", f"{bucket}/a"))[0]
    assert seen["size"] == 3 and seen["content-type"] == "text/x"
    assert seen["etag"].strip('"') == hashlib.md5(b"abc").hexdigest()
    assert "x-amz-checksum-crc64nvme" in seen
    ok(s3("cp", f"{bucket}/a", f"{bucket}/b"))
    ok(s3("mv", f"{bucket}/a", f"{bucket}/c"))
    assert "no such object" in error(s3("stat", f"{bucket}/a"), 3)
    ok(s3("mv", f"{bucket}/c", tmp_path / "c"))
    assert (tmp_path / "c").read_bytes() == b"abc"
    ok(s3("cp", tmp_path / "c", f"{bucket}/d"))
    ok(s3("rm", f"{bucket}/b", f"{bucket}/d"))
    assert ok(s3("ls", bucket)) == b""
    ok(s3("stat", bucket))


def test_sync(s3, bucket, tmp_path):
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "a").write_text("a")
    (tree / "sub" / "b").write_text("b")
    (tree / "big").write_bytes(os.urandom(9_000_000))
    os.symlink("/etc/passwd", tree / "link")
    dry = ok(s3("sync", "--dry-run", tree, f"{bucket}/t"))
    assert dry.split() == [b"put", b"a", b"put", b"big", b"put", b"sub/b"]
    ok(s3("sync", tree, f"{bucket}/t"))
    assert ok(s3("sync", tree, f"{bucket}/t")) == b""
    back = tmp_path / "back"
    ok(s3("sync", f"{bucket}/t", back))
    assert (back / "sub" / "b").read_text() == "b"
    assert (back / "big").read_bytes() == (tree / "big").read_bytes()
    assert ok(s3("sync", f"{bucket}/t", back)) == b""
    (tree / "a").unlink()
    (tree / "sub" / "b").write_text("longer")
    out = ok(s3("sync", "--delete", tree, f"{bucket}/t")).decode().splitlines()
    assert out == ["put sub/b", "delete a"]
    (back / "extra").write_text("")
    out = ok(s3("sync", "--delete", f"{bucket}/t", back)).decode().splitlines()
    assert out[0] == "get sub/b" and set(out[1:]) == {"delete a", "delete extra"}


def test_presigned_urls(s3, bucket):
    ok(s3("put", "-", f"{bucket}/a +%é", input=b"signed"))
    url = ok(s3("presign", f"{bucket}/a +%é")).decode().strip()
    assert urllib.request.urlopen(url).read() == b"signed"
    url = ok(s3("presign", "--method", "PUT", "--expires-in", "60", f"{bucket}/up"))
    request = urllib.request.Request(url.decode().strip(), b"data", method="PUT")
    urllib.request.urlopen(request)
    assert ok(s3("get", f"{bucket}/up", "-")) == b"data"
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(url.decode().strip().replace("expires", "Expires") + "0")


def test_errors_name_the_object(s3, bucket, store, tmp_path, free_port):
    text = error(s3("get", f"{bucket}/none", "-"), 3)
    assert text == f"s3: {bucket}/none: no such object\n"
    assert "no such bucket" in error(s3("ls", "s3://no-such-bucket-here"), 3)
    text = error(s3("put", tmp_path / "none", f"{bucket}/x"), 1)
    assert text.endswith("none: No such file or directory\n")
    text = error(s3("get", bucket + "/x", "-", env={"AWS_SECRET_ACCESS_KEY": "no"}), 4)
    assert f"{bucket}/x" in text
    text = error(s3("ls", bucket, env={"AWS_SECRET_ACCESS_KEY": "wrong"}), 4)
    assert "secret key is wrong" in text
    text = error(s3("ls", bucket, env={"AWS_ACCESS_KEY_ID": ""}), 4)
    assert "no credentials" in text
    gone = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port}"}
    assert "refused" in error(s3("--retries", "0", "ls", bucket, env=gone), 5)
    gone = {"AWS_ENDPOINT_URL": "http://no-such-host.invalid"}
    assert "no-such-host.invalid" in error(s3("--retries", "0", "ls", bucket, env=gone), 5)
    ok(s3("put", "-", f"{bucket}/x", input=bytes(100)))
    assert "/dev/full: No space" in error(s3("get", f"{bucket}/x", "/dev/full"), 1)
    assert "not empty" in error(s3("rb", bucket), 1)


def test_wrong_region_is_mended_or_told(s3, bucket):
    done = s3("--region", "eu-west-1", "ls", bucket)
    assert done.returncode == 0 or b"region" in done.stderr.lower()


def test_usage_errors(s3):
    for args in (
        [], ["fly"], ["ls", "x"], ["get", "s3://b"], ["put", "x"], ["put", "-", "s3://b"],
        ["cp", "a", "b"], ["rm"], ["mb", "s3://b/key"], ["-r", "get", "s3://b/k", "-"],
        ["ls", "s3://b_%/"], ["--checksum", "md5", "ls"], ["sync", "a", "b"],
        ["presign", "--expires-in", "999999999", "s3://b/k"], ["mv", "-", "s3://b/k"],
    ):
        done = s3(*args)
        assert done.returncode == 2, args
    done = s3("ls", env={"AWS_ENDPOINT_URL": "nonsense"})
    assert done.returncode == 2


def test_profiles(run, store, tmp_path, s3, bucket):
    credentials = tmp_path / "credentials"
    keys = s3_server.KEYS
    credentials.write_text(
        "[default]\naws_access_key_id = X\naws_secret_access_key = Y\n"
        f"[good]\naws_access_key_id={keys['AWS_ACCESS_KEY_ID']}\n"
        f"aws_secret_access_key = {keys['AWS_SECRET_ACCESS_KEY']}\n"
    )
    config = tmp_path / "config"
    config.write_text(f"[profile good]\nendpoint_url = {store.url}\nregion = us-east-1\n")
    env = {k: v for k, v in store.env.items() if not k.startswith("AWS_")}
    env.update(
        AWS_SHARED_CREDENTIALS_FILE=str(credentials), AWS_CONFIG_FILE=str(config),
        AWS_EC2_METADATA_DISABLED="true",
    )
    ok(run("s3", "--profile", "good", "ls", bucket, env=env))
    ok(run("s3", "ls", bucket, env=dict(env, AWS_PROFILE="good")))


def test_a_signal_removes_the_upload(coracle, store, s3, bucket):
    put = subprocess.Popen(
        [coracle, "s3", "--part-size", "5", "put", "-", f"{bucket}/x"],
        env=store.env, stdin=subprocess.PIPE, stderr=subprocess.PIPE,
    )
    put.stdin.write(bytes(12_000_000))
    put.stdin.flush()
    time.sleep(0.5)
    put.send_signal(signal.SIGTERM)
    put.stdin.flush()
    assert put.wait(10) == 128 + signal.SIGTERM
    put.stdin.close()
    put.stderr.close()
    # what is left of an upload would keep the bucket from being removed
    assert rows(s3("ls", "-r", "--json", bucket)) == []


def test_tls(run, coracle, tmp_path):
    if not shutil.which("openssl") or not s3_server.program():
        pytest.skip("no openssl or no versitygw")
    authority = Authority(tmp_path / "ca")
    store = s3_server.Store(tmp_path, authority.server("s3", "IP:127.0.0.1"))
    try:
        env = dict(store.env, AWS_CA_BUNDLE=str(authority.file))
        data = os.urandom(20_000_000)
        ok(run("s3", "mb", "s3://secure", env=env))
        ok(run("s3", "put", "-", "s3://secure/x", env=env, input=data))
        assert ok(run("s3", "get", "s3://secure/x", "-", env=env)) == data
        ok(run("s3", "put", "--chunked", "-", "s3://secure/y", env=env, input=data))
        assert ok(run("s3", "get", "s3://secure/y", "-", env=env)) == data
        done = run("s3", "--retries", "0", "ls", env=dict(store.env, AWS_CA_BUNDLE=""))
        assert "not trusted" in error(done, 5)
        ok(run("s3", "--no-verify-ssl", "ls", env=store.env))
    finally:
        store.stop()
