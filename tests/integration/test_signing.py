# SPDX-License-Identifier: MIT
"""Requests that have to be signed, with openssl as the other side."""

import base64
import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import time

import pytest

ZIP = {"Content-Type": "application/gzip"}


class Signer:
    def __init__(self, where):
        self.where = where
        self.key = where / "key.pem"
        self.run("genpkey", "-algorithm", "ed25519", "-out", self.key)
        der = self.run("pkey", "-in", self.key, "-pubout", "-outform", "DER")
        self.public = base64.b64encode(der[-32:]).decode()

    def run(self, *args):
        return subprocess.run(
            ["openssl", *map(str, args)], check=True, capture_output=True
        ).stdout

    def fields(self, method, target, body=b"", age=0, nonce="n 1"):
        when = str(int(time.time()) - age)
        digest = hashlib.sha256(body).hexdigest()
        message = self.where / "message"
        message.write_text(f"{method}\n{target}\n{when}\n{nonce}\n{digest}")
        signature = self.run(
            "pkeyutl", "-sign", "-inkey", self.key, "-rawin", "-in", message
        )
        return {
            "X-Studio-Timestamp": when,
            "X-Studio-Nonce": nonce,
            "X-Studio-Signature": base64.b64encode(signature).decode(),
        }


@pytest.fixture
def signer(tmp_path):
    if not shutil.which("openssl"):
        pytest.skip("no openssl")
    return Signer(tmp_path)


@pytest.fixture
def gateway(new_gateway, signer):
    return new_gateway(env={"API_SIGNING_PUBLIC_KEY": signer.public})


def archive(size):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", compresslevel=1) as tar:
        info = tarfile.TarInfo("f")
        info.size = size
        tar.addfile(info, io.BytesIO(os.urandom(size)))
    return out.getvalue()


def test_signed_requests_are_served(gateway, signer):
    target = "/data/populate?subsystem=.apps_data"
    body = archive(3_000_000)
    answer = gateway.request(
        "POST", target, body, {**ZIP, **signer.fields("POST", target, body)}
    )
    assert answer.status == 200, answer
    assert (gateway.root / ".apps_data/f").stat().st_size == 3_000_000
    answer = gateway.request("GET", "/apps", None, signer.fields("GET", "/apps"))
    assert answer.status == 200, answer
    body = b'{"mcpServers": {}}'
    answer = gateway.request(
        "POST", "/apps", body,
        {"Content-Type": "application/json",
         **signer.fields("POST", "/apps", body)},
    )
    assert answer.status == 200, answer


def test_a_body_that_was_changed_changes_nothing(gateway, signer):
    body = archive(500_000)
    fields = signer.fields("POST", "/data/populate", archive(500_000))
    answer = gateway.request("POST", "/data/populate", body, {**ZIP, **fields})
    assert answer.status == 403, answer
    assert "/data/populate" in answer.json()["detail"]
    for _ in range(100):
        if not gateway.children():
            break
        time.sleep(0.05)
    assert not (gateway.root / "filesystem").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"X-Studio-Signature": None},
        {"X-Studio-Nonce": None},
        {"X-Studio-Nonce": "another"},
        {"X-Studio-Timestamp": "soon"},
        {"X-Studio-Signature": "####"},
        {"X-Studio-Signature": "AAAA"},
    ],
)
def test_what_is_no_signature_is_403(gateway, signer, change):
    fields = {**signer.fields("GET", "/apps"), **change}
    fields = {k: v for k, v in fields.items() if v is not None}
    assert gateway.request("GET", "/apps", None, fields).status == 403


@pytest.mark.parametrize("age, status", [(280, 200), (320, 403), (-320, 403)])
def test_signatures_are_good_for_five_minutes(gateway, signer, age, status):
    fields = signer.fields("GET", "/apps", age=age)
    assert gateway.request("GET", "/apps", None, fields).status == status


def test_another_path_or_query_needs_another_signature(gateway, signer):
    fields = signer.fields("GET", "/apps")
    assert gateway.request("GET", "/apps?x", None, fields).status == 403
    assert gateway.request("POST", "/data/snapshot", None, fields).status == 403


def test_a_body_where_none_is_read_is_403(gateway, signer):
    fields = signer.fields("GET", "/apps", b"1")
    assert gateway.request("GET", "/apps", b"1", fields).status == 403


def test_health_and_mcp_need_no_signature(gateway):
    assert gateway.request("GET", "/health").status == 200
    assert gateway.request("GET", "/mcp").status not in (401, 403)


@pytest.mark.parametrize("key", ["x", "AAAA", "AgAA" + "A" * 39 + "="])
def test_a_key_that_is_none_ends_the_start(run, key):
    done = run("gateway", "--port", "0", env={"API_SIGNING_PUBLIC_KEY": key})
    assert done.returncode == 78
    assert b"API_SIGNING_PUBLIC_KEY" in done.stderr
