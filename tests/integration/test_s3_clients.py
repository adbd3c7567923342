# SPDX-License-Identifier: MIT
"""The applet s3 and the AWS CLI on one store, each reading what the other wrote.

`make s3-long` runs the same with 5 GiB through a pipe and 10,000 keys.
"""

import hashlib
import json
import os
import pathlib
import subprocess
import sys
import urllib.request

import pytest

from helpers import s3_server

LONG = os.environ.get("S3_LONG") == "1"
PIPE_BYTES = 5 << 30 if LONG else 24 << 20
KEYS = 10_000 if LONG else 60
AWS = pathlib.Path(__file__).resolve().parents[2] / "build/aws-cli"
ODD = ["a b", "p+q", "100%", "%41", "x&y=z", "tilde~", "k\u00e9y", "\U0001f6f6",
       "q?w#e", "semi;colon", "d/e/f", "'\"<>"]

pytestmark = pytest.mark.timeout(1800 if LONG else 300)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    if not s3_server.program():
        pytest.skip("no versitygw (make s3-server)")
    if not AWS.joinpath("awscli").exists():
        pytest.skip("no AWS CLI (make aws-cli)")
    store = s3_server.Store(tmp_path_factory.mktemp("store"))
    yield store
    store.stop()


@pytest.fixture
def s3(coracle, store):
    def s3(*args, **kw):
        kw.setdefault("stdout", subprocess.PIPE)
        done = subprocess.run([coracle, "s3", *args], env=store.env, check=True, **kw)
        return done.stdout

    return s3


@pytest.fixture
def aws(store):
    env = dict(store.env, PYTHONPATH=str(AWS), AWS_DEFAULT_REGION="us-east-1",
               AWS_REQUEST_CHECKSUM_CALCULATION="when_required")

    def aws(*args, **kw):
        kw.setdefault("stdout", subprocess.PIPE)
        done = subprocess.run(
            [sys.executable, "-m", "awscli", *args], env=env, check=True, **kw
        )
        return done.stdout

    return aws


@pytest.fixture
def bucket(s3, aws):
    name = f"test-{os.urandom(6).hex()}"
    s3("mb", f"s3://{name}")
    assert name in aws("s3", "ls").decode()
    yield name
    s3("rm", "-r", f"s3://{name}")
    s3("rb", f"s3://{name}")
    assert name not in aws("s3", "ls").decode()


def listed(aws, bucket):
    text = aws("s3api", "list-objects-v2", "--bucket", bucket)
    return {o["Key"]: o["Size"] for o in json.loads(text or "{}").get("Contents", [])}


@pytest.mark.parametrize("size", [0, 8 << 20, 21 << 20])
def test_objects_both_ways(s3, aws, bucket, tmp_path, size):
    data = os.urandom(size)
    (tmp_path / "f").write_bytes(data)
    s3("put", str(tmp_path / "f"), f"s3://{bucket}/ours")
    aws("s3", "cp", "--only-show-errors", str(tmp_path / "f"), f"s3://{bucket}/theirs")
    aws("s3", "cp", "--only-show-errors", f"s3://{bucket}/ours", str(tmp_path / "a"))
    s3("get", f"s3://{bucket}/theirs", str(tmp_path / "b"))
    assert (tmp_path / "a").read_bytes() == data
    assert (tmp_path / "b").read_bytes() == data
    head = json.loads(aws(
        "s3api", "head-object", "--bucket", bucket, "--key", "ours",
        "--checksum-mode", "ENABLED",
    ))
    stat = json.loads(s3("stat", "--json", f"s3://{bucket}/ours"))
    assert stat["size"] == head["ContentLength"] == size
    assert stat["etag"] == head["ETag"]
    assert stat.get("x-amz-checksum-crc64nvme") == head.get("ChecksumCRC64NVME")


def test_names_both_ways(s3, aws, bucket, tmp_path):
    for i, key in enumerate(ODD):
        s3("put", "-", f"s3://{bucket}/{key}", input=str(i).encode())
    assert set(listed(aws, bucket)) == set(ODD)
    aws("s3", "cp", "--only-show-errors", "--recursive", f"s3://{bucket}", str(tmp_path))
    for i, key in enumerate(ODD):
        assert (tmp_path / key).read_text() == str(i)
    rows = s3("ls", "-r", "--json", f"s3://{bucket}").splitlines()
    assert {json.loads(row)["key"] for row in rows} == set(ODD)


def test_a_pipe_of_unknown_length(coracle, store, s3, aws, bucket):
    block = os.urandom(1 << 20)
    sum = hashlib.sha256()
    put = subprocess.Popen(
        [coracle, "s3", "put", "-", f"s3://{bucket}/k"],
        env=store.env, stdin=subprocess.PIPE,
    )
    for i in range(PIPE_BYTES >> 20):
        piece = i.to_bytes(8, "big") + block[8:]
        sum.update(piece)
        put.stdin.write(piece)
    put.stdin.close()
    assert put.wait() == 0
    assert listed(aws, bucket) == {"k": PIPE_BYTES}
    get = subprocess.Popen(
        [coracle, "s3", "get", f"s3://{bucket}/k", "-"],
        env=store.env, stdout=subprocess.PIPE,
    )
    back = hashlib.sha256()
    while data := get.stdout.read(1 << 20):
        back.update(data)
    assert get.wait() == 0
    assert back.digest() == sum.digest()


def test_trees_of_many_keys(s3, aws, bucket, tmp_path):
    source = tmp_path / "source"
    for i in range(KEYS):
        d = source / f"d{i % 10}"
        d.mkdir(parents=True, exist_ok=True)
        (d / f"f{i}").write_bytes(b"%d" % i)
    s3("sync", "-q", str(source), f"s3://{bucket}/ours")
    s3("put", "-r", "-q", str(source), f"s3://{bucket}/tree")
    assert len(listed(aws, bucket)) == 2 * KEYS
    # nothing is left to do for the other one
    assert aws("s3", "sync", "--size-only", str(source), f"s3://{bucket}/ours") == b""
    aws("s3", "sync", "--only-show-errors", f"s3://{bucket}/tree", str(tmp_path / "back"))
    s3("get", "-r", "-q", f"s3://{bucket}/ours", str(tmp_path / "again"))
    for other in ("back", "again"):
        done = subprocess.run(["diff", "-r", source, tmp_path / other])
        assert done.returncode == 0
    packed = s3("get", "--tar", f"s3://{bucket}/tree", "-")
    (tmp_path / "out").mkdir()
    subprocess.run(["tar", "-xf", "-", "-C", tmp_path / "out"], input=packed, check=True)
    assert subprocess.run(["diff", "-r", source, tmp_path / "out"]).returncode == 0


def test_copies_moves_and_removals(s3, aws, bucket):
    s3("put", "-", f"s3://{bucket}/a", input=b"1")
    s3("cp", f"s3://{bucket}/a", f"s3://{bucket}/b")
    aws("s3", "mv", "--only-show-errors", f"s3://{bucket}/a", f"s3://{bucket}/c")
    s3("mv", f"s3://{bucket}/b", f"s3://{bucket}/d")
    assert listed(aws, bucket) == {"c": 1, "d": 1}
    s3("rm", f"s3://{bucket}/c")
    aws("s3", "rm", "--only-show-errors", f"s3://{bucket}/d")
    assert s3("ls", f"s3://{bucket}") == b""


def test_presigned_urls(s3, bucket):
    made = s3("put", "--presign", "-", f"s3://{bucket}/k", input=b"signed")
    for url in (made, s3("presign", f"s3://{bucket}/k")):
        with urllib.request.urlopen(url.decode().strip()) as answer:
            assert answer.read() == b"signed"


def test_an_upload_that_another_began_is_resumed(s3, aws, bucket, tmp_path):
    data = os.urandom(40 << 20)
    file = tmp_path / "f"
    file.write_bytes(data)
    made = json.loads(aws(
        "s3api", "create-multipart-upload", "--bucket", bucket, "--key", "k",
    ))
    (tmp_path / "part").write_bytes(data[: 8 << 20])
    aws(
        "s3api", "upload-part", "--bucket", bucket, "--key", "k",
        "--part-number", "1", "--upload-id", made["UploadId"],
        "--body", str(tmp_path / "part"),
    )
    s3("put", "--resume", str(file), f"s3://{bucket}/k")
    assert s3("get", f"s3://{bucket}/k", "-") == data
    left = aws("s3api", "list-multipart-uploads", "--bucket", bucket)
    assert not json.loads(left or "{}").get("Uploads")
