# SPDX-License-Identifier: MIT
"""Signatures against the published ones: the signing suite and S3's pages."""

import hashlib
import json
import subprocess
import urllib.parse

import pytest


@pytest.fixture(scope="module")
def oracle(top):
    program = top / "build" / "san" / "tests" / "sigv4_oracle"
    if not program.exists():
        pytest.skip("sigv4_oracle is not built")

    def ask(*texts):
        row = b"".join(
            (t if isinstance(t, bytes) else str(t).encode()) + b"\0" for t in texts
        )
        done = subprocess.run([program], input=row, capture_output=True)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return done.stdout.decode()

    return ask


def flat(pairs):
    return [len(pairs)] + [text for pair in pairs for text in pair]


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def split_request(text):
    """Method, path, parameters, fields and body of a request of the suite."""
    head, _, body = text.partition(b"\n\n")
    lines = head.split(b"\n")
    method, target = lines[0].split(b" ", 1)
    target = target.removesuffix(b" HTTP/1.1")
    path, _, query = target.partition(b"?")
    params = []
    for part in query.split(b"&") if query else []:
        name, _, value = part.partition(b"=")
        params.append(
            (urllib.parse.unquote_to_bytes(name), urllib.parse.unquote_to_bytes(value))
        )
    fields = []
    for line in lines[1:]:
        if line[:1] in b" \t" and fields:
            fields[-1][1] += b" " + line.strip()
        elif line:
            fields.append(line.split(b":", 1))
    return method, path, params, [tuple(f) for f in fields], body


class Case:
    def __init__(self, where):
        self.where = where
        self.context = json.loads((where / "context.json").read_text())
        keys = self.context["credentials"]
        self.date = self.context["timestamp"].replace("-", "").replace(":", "")
        self.token = keys.get("token", "")
        self.signer = [keys["access_key_id"], keys["secret_access_key"]]
        self.place = [self.context["region"], self.context["service"], self.date]
        self.method, self.path, self.params, self.fields, self.body = split_request(
            (where / "request.txt").read_bytes()
        )
        self.payload = sha256(self.body)

    def text(self, name):
        return (self.where / name).read_text().rstrip("\n")

    def rest(self, fields):
        return [
            self.method,
            self.path,
            "1" if self.context["normalize"] else "0",
            self.payload,
            self.context["expiration_in_seconds"],
            *flat(self.params),
            *flat(fields),
        ]


def cases(shared):
    found = sorted((shared / "data" / "sigv4" / "v4").glob("*/context.json"))
    assert len(found) == 38
    return [Case(path.parent) for path in found]


def test_the_signing_suite_in_headers(oracle, shared):
    for case in cases(shared):
        fields = case.fields + [("X-Amz-Date", case.date)]
        if case.token and not case.context.get("omit_session_token"):
            fields.append(("X-Amz-Security-Token", case.token))
        if case.context["sign_body"]:
            fields.append(("x-amz-content-sha256", case.payload))
        answer = oracle("header", *case.signer, "", *case.place, *case.rest(fields))
        authorization, *lines = answer.split("\n")
        name = case.where.name
        assert "\n".join(lines[4:]) == case.text("header-canonical-request.txt"), name
        assert "\n".join(lines[:4]) == case.text("header-string-to-sign.txt"), name
        signed = case.text("header-signed-request.txt")
        assert f"Authorization:{authorization}\n" in signed + "\n", name
        assert authorization.endswith(case.text("header-signature.txt")), name


def test_the_signing_suite_in_queries(oracle, shared):
    for case in cases(shared):
        token = "" if case.context.get("omit_session_token") else case.token
        rest = case.rest(case.fields)
        answer = oracle("query", *case.signer, token, *case.place, *rest)
        canonical = case.text("query-canonical-request.txt").split("\n")[2]
        signature = case.text("query-signature.txt")
        assert answer == f"{canonical}&X-Amz-Signature={signature}", case.where.name


def test_the_signatures_of_the_object_store(oracle, shared):
    text = (shared / "data" / "sigv4" / "s3-docs" / "s3-vectors.json").read_text()
    vectors = json.loads(text)
    signer = [vectors["access_key"], vectors["secret_key"], ""]
    place = [vectors["region"], vectors["service"], vectors["timestamp"]]
    checked = 0
    for case in vectors["cases"]:
        query = urllib.parse.parse_qsl(case["canonical_query"], keep_blank_values=True)
        presigned = case["name"].startswith("presigned")
        rest = [
            case["method"],
            urllib.parse.unquote(case["canonical_uri"]),
            "0",
            case["payload_hash"],
            86400,
            *flat([] if presigned else query),
            *flat(list(case["headers"].items())),
        ]
        answer = oracle("query" if presigned else "header", *signer, *place, *rest)
        assert answer.split("\n")[0].endswith(f"ignature={case['signature']}")
        checked += 1
        if "chunks" not in case:
            continue
        trailer = case.get("trailer")
        answer = oracle(
            "chunks",
            *signer,
            *place,
            case["signature"],
            trailer["line"] if trailer else "",
            *[chunk["size"] for chunk in case["chunks"]],
        ).split()
        want = [chunk["signature"] for chunk in case["chunks"]]
        want.append(trailer["signature"] if trailer else want[-1])
        assert answer == want
        checked += len(want) - (0 if trailer else 1)
    assert checked == 14
