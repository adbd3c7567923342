# SPDX-License-Identifier: MIT
"""The applet s3 against a scripted store that does what good ones never do."""

import base64
import email.utils
import hashlib
import http.server
import json
import os
import re
import threading
import time
import zlib

import pytest

from helpers import s3_server

DATA = os.urandom(12_000_000)
ETAG = '"0123456789abcdef"'


class Store(http.server.ThreadingHTTPServer):
    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.env = s3_server.environment(self.url)
        self.script = []  # functions of a handler; True: it has answered
        self.seen = []  # (method, target, fields)
        self.objects = {}
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=b"", **fields):
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in fields:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        return True

    def error(self, status, code, extra="", **fields):
        body = f"<Error><Code>{code}</Code><Message>m</Message>{extra}</Error>"
        return self.answer(status, body.encode(), **fields)

    def handle_any(self):
        store = self.server
        fields = {k.lower(): v for k, v in self.headers.items()}
        self.body = self.rfile.read(int(fields.get("content-length", 0)))
        with store.lock:
            store.seen.append((self.command, self.path, fields))
            step = next((s for s in store.script if s(self, True)), None)
            if step:
                store.script.remove(step)
        if step:
            step(self, False)
            return
        self.ordinary(fields)

    def ordinary(self, fields):
        if self.command == "HEAD":
            crc = base64.b64encode(zlib.crc32(DATA).to_bytes(4, "big")).decode()
            self.answer(
                200, Content_Length=str(len(DATA)), ETag=ETAG,
                x_amz_checksum_crc32=self.server.objects.get("crc", crc),
                x_amz_checksum_type="FULL_OBJECT",
            )
        elif self.command == "GET" and "range" in fields:
            first, last = map(int, re.findall(r"\d+", fields["range"]))
            assert fields["if-match"] == ETAG
            part = DATA[first : last + 1]
            self.answer(206, part, Content_Range=f"bytes {first}-{last}/{len(DATA)}")
        elif self.command == "GET":
            self.answer(200, b"<ListBucketResult></ListBucketResult>")
        elif "uploads" in self.path:
            body = "<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>"
            self.answer(200, body.encode())
        elif self.command == "POST":
            body = "<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>"
            self.answer(200, body.encode())
        elif self.command == "DELETE":
            self.answer(204)
        else:
            with self.server.lock:
                self.server.objects[self.path] = self.body
            self.answer(200, ETag=ETAG)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any

    def log_message(self, *args):
        pass


@pytest.fixture
def store():
    store = Store()
    yield store
    store.shutdown()
    store.server_close()


@pytest.fixture
def s3(run, store):
    def s3(*args, env=None, **kw):
        return run("s3", *args, env=dict(store.env, **(env or {})), **kw)

    return s3


def step(method, does, where=""):
    """The next request of that method is answered so."""

    def run(handler, ask):
        if ask:
            return handler.command == method and where in handler.path
        return does(handler)

    return run


def ok(done):
    assert done.returncode == 0, done.stderr
    return done.stdout


def fails(done, status, text):
    assert done.returncode == status, done.stderr
    assert done.stderr.count(b"\n") == 1 and text in done.stderr.decode(), done.stderr


def slow_down(handler):
    return handler.error(503, "SlowDown", Retry_After="0")


def reset(handler):
    handler.close_connection = True
    handler.connection.close()


def half(handler):
    first, last = map(int, re.findall(r"\d+", handler.headers["Range"]))
    handler.send_response(206)
    handler.send_header("Content-Length", str(last - first + 1))
    handler.end_headers()
    handler.wfile.write(DATA[first : first + (last - first) // 2])
    handler.wfile.flush()
    reset(handler)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("fault", [slow_down, reset])
def test_downloads_survive(s3, store, method, fault):
    store.script = [step(method, fault), step(method, fault)]
    assert ok(s3("get", "s3://buck/k", "-")) == DATA


def test_a_download_goes_on_where_it_broke(s3, store, tmp_path):
    store.script = [step("GET", half) for _ in range(3)]
    assert ok(s3("get", "s3://buck/k", "-")) == DATA
    store.script = [step("GET", half)]
    ok(s3("get", "s3://buck/k", tmp_path / "x"))
    assert (tmp_path / "x").read_bytes() == DATA


def test_downloads_that_cannot_be_leave_nothing(s3, store, tmp_path):
    target = tmp_path / "x"
    store.script = [step("GET", lambda h: h.error(412, "PreconditionFailed"))]
    fails(s3("get", "s3://buck/k", target), 1, "s3://buck/k: it changed meanwhile")
    store.script = [step("GET", reset) for _ in range(20)]
    fails(s3("--retries", "1", "get", "s3://buck/k", target), 5, "s3://buck/k: ")
    store.script = []
    store.objects["crc"] = "AAAAAA=="
    fails(s3("get", "s3://buck/k", target), 1, "checksum")
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_sends_nothing(s3, store, tmp_path):
    store.script = [step("GET", lambda h: h.answer(206)) for _ in range(20)]
    done = s3("--retries", "2", "get", "s3://buck/k", tmp_path / "x")
    fails(done, 1, "sends less than it said")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fault", [slow_down, reset])
@pytest.mark.parametrize("where", ["uploads", "partNumber=2", "uploadId=u1"])
def test_uploads_survive(s3, store, fault, where):
    method = "PUT" if "part" in where else "POST"
    store.script = [step(method, fault, where)]
    ok(s3("put", "-", "s3://buck/k", input=DATA))
    parts = {k: v for k, v in store.objects.items() if "partNumber" in k}
    assert b"".join(parts[k] for k in sorted(parts)) == DATA


def test_a_failed_upload_is_aborted(s3, store):
    store.script = [step("PUT", lambda h: h.error(403, "AccessDenied"), "partNumber=2")]
    fails(s3("put", "-", "s3://buck/k", input=DATA), 4, "s3://buck/k: access denied")
    assert ("DELETE", "/buck/k?uploadId=u1") in [seen[:2] for seen in store.seen]


def unfinished(parts, id="u7", key="k", kind=""):
    """Answers that tell of an upload: (its list, its parts)."""
    uploads = (
        "<ListMultipartUploadsResult>"
        "<Upload><Key>k2</Key><UploadId>no</UploadId></Upload>"
        "<Upload><Key>k</Key><UploadId>old</UploadId>"
        "<Initiated>2024-01-01T00:00:00Z</Initiated></Upload>"
        f"<Upload><Key>{key}</Key><UploadId>{id}</UploadId>{kind}"
        "<Initiated>2026-01-01T00:00:00Z</Initiated></Upload>"
        "</ListMultipartUploadsResult>"
    )
    listed = "".join(
        f"<Part><PartNumber>{n}</PartNumber><ETag>{etag}</ETag>"
        f"<Size>{size}</Size></Part>"
        for n, etag, size in parts
    )
    return [
        step("GET", lambda h: h.answer(200, uploads.encode()), "uploads"),
        step("GET", lambda h: h.answer(
            200, f"<ListPartsResult>{listed}</ListPartsResult>".encode()
        ), f"uploadId={id}"),
    ]


def test_an_upload_is_resumed(s3, store, tmp_path):
    data = os.urandom(20 << 20)
    part = 8 << 20
    file = tmp_path / "f"
    file.write_bytes(data)
    good = hashlib.md5(data[:part]).hexdigest()
    stale = hashlib.md5(b"other").hexdigest()
    store.script = unfinished([(1, f'"{good}"', part), (2, f'"{stale}"', part)])
    ok(s3("put", "--resume", str(file), "s3://buck/k"))
    sent = {k: len(v) for k, v in store.objects.items()}
    assert sent == {
        "/buck/k?partNumber=2&uploadId=u7": part,
        "/buck/k?partNumber=3&uploadId=u7": len(data) - 2 * part,
    }
    done = [s for s in store.seen if s[0] == "POST"]
    assert [s[1] for s in done] == ["/buck/k?uploadId=u7"]


def test_without_an_unfinished_upload_a_new_one_begins(s3, store, tmp_path):
    file = tmp_path / "f"
    file.write_bytes(DATA)
    ok(s3("put", "--resume", str(file), "s3://buck/k"))
    assert len(store.objects) == 2


def test_a_failed_upload_may_be_kept_for_later(s3, store, tmp_path):
    file = tmp_path / "f"
    file.write_bytes(DATA)
    store.script = [
        step("PUT", lambda h: h.error(403, "AccessDenied"), "partNumber=2")
    ]
    done = s3("put", "--resume", str(file), "s3://buck/k")
    assert done.returncode == 4
    assert b"--resume" in done.stderr
    assert "DELETE" not in [seen[0] for seen in store.seen]


@pytest.mark.parametrize("good", [True, False])
@pytest.mark.parametrize("to", ["file", "pipe"])
def test_sha256_of_the_whole_is_compared(s3, store, tmp_path, good, to):
    hash = hashlib.sha256(DATA if good else b"x").digest()
    text = base64.b64encode(hash).decode()
    store.script = [
        step("HEAD", lambda h: h.answer(
            200, Content_Length=str(len(DATA)), ETag=ETAG,
            x_amz_checksum_sha256=text,
        ))
    ]
    target = tmp_path / "f"
    done = s3("get", "s3://buck/k", str(target) if to == "file" else "-")
    if good:
        data = target.read_bytes() if to == "file" else done.stdout
        assert ok(done) is not None and data == DATA
    else:
        fails(done, 1, "the checksum of what came is not the store's")
        assert not target.exists()


def test_fields_of_the_object(s3, store):
    ok(s3("put", "--sse", "aws:kms", "--sse-kms-key-id", "key/1",
          "--storage-class", "GLACIER", "--content-type", "a/b",
          "-", "s3://buck/k", input=DATA))
    begun = [s[2] for s in store.seen if "uploads" in s[1]]
    assert begun[0]["x-amz-server-side-encryption"] == "aws:kms"
    assert begun[0]["x-amz-server-side-encryption-aws-kms-key-id"] == "key/1"
    assert begun[0]["x-amz-storage-class"] == "GLACIER"
    assert begun[0]["content-type"] == "a/b"


def test_one_version_of_an_object(s3, store):
    assert ok(s3("get", "--version-id", "v/1", "s3://buck/k", "-")) == DATA
    ok(s3("rm", "--version-id", "v/1", "s3://buck/k"))
    assert all("versionId=v%2F1" in s[1] for s in store.seen)


def listing(*keys):
    items = "".join(
        f"<Contents><Key>{k}</Key><Size>1</Size></Contents>" for k in keys
    )
    return f"<ListBucketResult>{items}</ListBucketResult>".encode()


@pytest.mark.parametrize("key", ["p/../../etc/x", "p/a/..", "p/" + "n" * 256])
def test_keys_that_no_file_can_have_are_named(s3, store, key):
    store.script = [step("GET", lambda h: h.answer(200, listing(key)), "list-type")]
    fails(s3("get", "--tar", "s3://buck/p", "-"), 1, key)


def test_an_error_in_a_good_answer(s3, store):
    broken = lambda h: h.error(200, "InternalError")  # noqa: E731
    store.script = [step("POST", broken, "uploadId")]
    ok(s3("put", "-", "s3://buck/k", input=DATA))
    refused = lambda h: h.error(200, "InvalidPart")  # noqa: E731
    store.script = [step("POST", refused, "uploadId")]
    fails(s3("put", "-", "s3://buck/k", input=DATA), 1, "s3://buck/k: InvalidPart")


@pytest.mark.parametrize("how", ["field", "body"])
def test_another_region(s3, store, how):
    if how == "field":
        moved = lambda h: h.error(301, "PermanentRedirect", x_amz_bucket_region="eu-x-1")  # noqa: E731
    else:
        extra = "<Region>eu-x-1</Region>"
        moved = lambda h: h.error(400, "AuthorizationHeaderMalformed", extra)  # noqa: E731
    store.script = [step("GET", moved)]
    ok(s3("ls", "s3://buck"))
    assert "/eu-x-1/s3/" in store.seen[-1][2]["authorization"]


def test_a_wrong_clock(s3, store):
    def skewed(h):
        h.date_time_string = lambda t=None: email.utils.formatdate(time.time() - 7200, usegmt=True)
        return h.error(403, "RequestTimeTooSkewed")

    store.script = [step("GET", skewed)]
    ok(s3("ls", "s3://buck"))
    first, second = (s[2]["x-amz-date"] for s in store.seen)
    assert first != second


def test_a_store_that_knows_no_checksums(s3, store):
    old = lambda h: h.error(501, "NotImplemented")  # noqa: E731
    store.script = [step("PUT", old)]
    ok(s3("put", "-", "s3://buck/k", input=b"x"))
    fields = [s[2] for s in store.seen]
    assert "x-amz-checksum-crc64nvme" in fields[0]
    assert "x-amz-checksum-crc64nvme" not in fields[1]


def test_keys_of_any_bytes(s3, store):
    for key in ("a//b", "./x", "a/../b", "new\nline", "tab\t", " "):
        ok(s3("put", "-", f"s3://buck/{key}", input=b"x"))
    targets = [s[1] for s in store.seen]
    assert targets == [
        "/buck/a//b", "/buck/./x", "/buck/a/../b", "/buck/new%0Aline", "/buck/tab%09", "/buck/%20",
    ]


def test_a_list_that_is_not_sound(s3, store):
    store.script = [step("GET", lambda h: h.answer(200, b"<ListBucketResult><Contents>"))]
    fails(s3("ls", "s3://buck"), 1, "cut short")


def keys(expires=3600):
    date = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + expires))
    return {"AccessKeyId": "TEMP", "SecretAccessKey": "s", "Token": "t0", "Expiration": date}


def test_keys_of_a_container(s3, store, tmp_path):
    token = tmp_path / "token"
    token.write_text("open sesame\n")
    give = lambda h: h.answer(200, json.dumps(keys()).encode())  # noqa: E731
    env = {
        "AWS_ACCESS_KEY_ID": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": store.url + "/creds",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token),
    }
    store.script = [step("GET", give, "/creds")]
    ok(s3("ls", "s3://buck", env=env))
    assert store.seen[0][2]["authorization"] == "open sesame"
    assert "Credential=TEMP/" in store.seen[1][2]["authorization"]
    assert store.seen[1][2]["x-amz-security-token"] == "t0"
    store.script = [step("GET", lambda h: h.answer(500), "/creds")]
    fails(s3("ls", "s3://buck", env=env), 4, "/creds: status 500")


def test_keys_of_an_instance(s3, store):
    def token(h):
        assert h.headers["X-aws-ec2-metadata-token-ttl-seconds"]
        return h.answer(200, b"the-token")

    def role(h):
        assert h.headers["X-aws-ec2-metadata-token"] == "the-token"
        return h.answer(200, b"my-role")

    give = lambda h: h.answer(200, json.dumps(keys()).encode())  # noqa: E731
    store.script = [
        step("PUT", token, "/latest/api/token"),
        step("GET", give, "/security-credentials/my-role"),
        step("GET", role, "/security-credentials/"),
    ]
    env = {
        "AWS_ACCESS_KEY_ID": "", "AWS_EC2_METADATA_DISABLED": "false",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": store.url + "/",
    }
    ok(s3("ls", "s3://buck", env=env))
    assert "Credential=TEMP/" in store.seen[-1][2]["authorization"]


@pytest.mark.parametrize("modal", [False, True])
def test_keys_of_a_web_identity(s3, store, tmp_path, modal):
    token = tmp_path / "token"
    token.write_text("jwt.jwt")
    body = "".join(f"<{k}>{v}</{k}>" for k, v in keys().items()).replace("Token>", "SessionToken>")
    body = (
        "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
        f"{body}</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
    )
    store.script = [step("GET", lambda h: h.answer(200, body.encode()), "WebIdentityToken=jwt.jwt")]
    env = {
        "AWS_ACCESS_KEY_ID": "", "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
        "AWS_ROLE_ARN": "arn:aws:iam::1:role/r", "AWS_ENDPOINT_URL_STS": store.url,
    }
    if modal:
        env = {
            "MODAL_IDENTITY_TOKEN": "jwt.jwt", "AWS_ENDPOINT_URL_STS": store.url,
            "MODAL_OIDC_ROLE_ARN": "arn:aws:iam::1:role/r",
        }
    ok(s3("ls", "s3://buck", env=env))
    assert "Credential=TEMP/" in store.seen[-1][2]["authorization"]


def test_the_store_says_when_to_come_back(s3, store):
    store.script = [step("GET", lambda h: h.error(503, "SlowDown", Retry_After="1"))]
    begin = time.monotonic()
    ok(s3("ls", "s3://buck"))
    assert time.monotonic() - begin >= 1
