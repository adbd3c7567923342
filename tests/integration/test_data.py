# SPDX-License-Identifier: MIT
"""Files into the gateway and out of it again."""

import http.client
import io
import json
import os
import pathlib
import socket
import subprocess
import tarfile
import zipfile

import pytest

from helpers.gateway import wait_for

BOUNDARY = "----boundary7MA4YWxkTrZu0gW"


def archive(*members, mode="w:gz"):
    """A tar.gz of (name, bytes) files and TarInfo objects."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:
        for m in members:
            if isinstance(m, tarfile.TarInfo):
                tar.addfile(m)
                continue
            info = tarfile.TarInfo(m[0])
            info.size = len(m[1])
            info.mtime = 1_700_000_000
            tar.addfile(info, io.BytesIO(m[1]))
    return out.getvalue()


def form(data, name="archive", filename='; filename="a.tar.gz"', close=True):
    head = (
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; "
        f'name="{name}"{filename}\r\n\r\n'
    )
    tail = f"\r\n--{BOUNDARY}--\r\n" if close else ""
    return head.encode() + data + tail.encode()


HEADERS = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def populate(gateway, data, query="", **kw):
    return gateway.request(
        "POST", f"/data/populate{query}", form(data, **kw), HEADERS
    )


def tree(root):
    """Every path below root with what matters about it."""
    out = {}
    for at, dirs, files in os.walk(root):
        for name in dirs + files:
            path = pathlib.Path(at) / name
            try:
                st = path.lstat()
            except FileNotFoundError:
                continue  # somebody cleans up while we look
            kind = (
                os.readlink(path)
                if path.is_symlink()
                else path.read_bytes()
                if path.is_file()
                else None
            )
            out[str(path.relative_to(root))] = (kind, oct(st.st_mode))
    return out


def link(name, target, kind=tarfile.SYMTYPE):
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info


def special(name, kind):
    info = tarfile.TarInfo(name)
    info.type = kind
    return info


# --- populate ----------------------------------------------------------------


def test_populate_counts_and_writes(gateway):
    answer = populate(gateway, archive(("a.txt", b"hello"), ("d/b", b"12345")))
    assert answer.status == 200
    assert answer.json() == {
        "objects_added": 2,
        "subsystem": "filesystem",
        "extracted_bytes": 10,
        "hook_timings": [],
    }
    assert (gateway.root / "filesystem/a.txt").read_bytes() == b"hello"
    assert (gateway.root / "filesystem/a.txt").stat().st_mtime == 1_700_000_000


@pytest.mark.parametrize("name", [".apps_data", "filesystem/x/y", "filesystem/"])
def test_populate_into_a_named_subsystem(gateway, name):
    answer = populate(gateway, archive(("f", b"1")), f"?subsystem={name}")
    assert answer.status == 200 and answer.json()["subsystem"] == name
    assert (gateway.root / name / "f").read_bytes() == b"1"


@pytest.mark.parametrize(
    "query, words",
    [
        ("?subsystem=", "empty"),
        ("?subsystem=%20", "empty"),
        ("?subsystem=/filesystem", "start with"),
        ("?subsystem=filesystem/../x", ".."),
        ("?subsystem=filesystem%2f..%2fx", ".."),
        ("?subsystem=filesystem%5Cx", "\\"),
        ("?subsystem=etc", "'filesystem' or '.apps_data'"),
        ("?subsystem=filesystemX", "'filesystem' or '.apps_data'"),
        ("?subsystem=%zz", "badly encoded"),
    ],
)
def test_unknown_subsystem_is_400_with_the_reason(gateway, query, words):
    answer = populate(gateway, archive(("f", b"1")), query)
    assert answer.status == 400 and words in answer.json()["detail"]
    assert os.listdir(gateway.root) == []


def refused(gateway, data, *words, status=400):
    """populate answers `status`, says words, and changes nothing."""
    (gateway.root / "filesystem").mkdir(exist_ok=True)
    (gateway.root / "filesystem/old").write_text("was here")
    before = tree(gateway.root)
    canary = tree(gateway.root.parent / "canary")
    answer = populate(gateway, data)
    assert answer.status == status, answer
    for word in words:
        assert word in answer.json()["detail"], answer
    wait_for(lambda: tree(gateway.root) == before, what="nothing changed")
    assert tree(gateway.root.parent / "canary") == canary
    return answer


def test_body_that_is_not_gzip(gateway):
    refused(gateway, b"hello, this is no archive", "gzip")


@pytest.mark.parametrize(
    "mode, kind",
    [("w:gz", "application/gzip"), ("w:gz", "application/octet-stream"),
     ("w", "application/x-tar"), ("w", "application/tar; charset=binary")],
)
def test_the_body_may_be_the_archive(gateway, mode, kind):
    answer = gateway.request(
        "POST", "/data/populate?subsystem=.apps_data/x",
        archive(("a/b", b"12"), mode=mode), {"Content-Type": kind},
    )
    assert answer.status == 200, answer
    assert answer.json()["objects_added"] == 1
    assert (gateway.root / ".apps_data/x/a/b").read_bytes() == b"12"


def test_a_body_that_is_cut_short_changes_nothing(gateway):
    data = archive(("a", b"1" * 100000))
    answer = gateway.request(
        "POST", "/data/populate", data[:-9], {"Content-Type": "application/gzip"}
    )
    assert answer.status == 400, answer
    assert tree(gateway.root) == {}


def test_plain_tar_is_not_gzip(gateway):
    refused(gateway, archive(("a", b"1"), mode="w"), "gzip")


def test_empty_archive_part(gateway):
    refused(gateway, b"", "archive")


def test_truncated_gzip(gateway):
    data = archive(("a", os.urandom(50_000)), ("b", os.urandom(50_000)))
    refused(gateway, data[:60_000], "unexpected end")


def test_gzip_with_a_wrong_checksum(gateway):
    data = bytearray(archive(("a", b"hello")))
    data[-8] ^= 1
    refused(gateway, bytes(data), "archive")


def test_gzip_of_something_else(gateway):
    import gzip

    refused(gateway, gzip.compress(os.urandom(5000)), "archive")


@pytest.mark.parametrize(
    "member",
    [
        ("../evil", b"x"),
        ("a/../../evil", b"x"),
        ("/etc/evil", b"x"),
        ("..", b"x"),
    ],
)
def test_member_that_leads_outside_is_named(gateway, member):
    refused(gateway, archive(("good", b"1"), member), member[0])
    assert not (gateway.root.parent / "evil").exists()


def test_hard_link_to_outside(gateway):
    secret = gateway.root.parent / "secret"
    secret.write_text("s")
    bad = link("x", "../../secret", tarfile.LNKTYPE)
    refused(gateway, archive(("good", b"1"), bad), "x")


@pytest.mark.parametrize("kind", [tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_special_files_are_refused(gateway, kind):
    refused(gateway, archive(special("odd", kind)), "odd")


def test_file_where_a_directory_is(gateway):
    populate(gateway, archive(("d/f", b"1")))
    refused(gateway, archive(("new", b"1"), ("d", b"file")), "d")


def test_symlinks_are_kept_and_never_followed(gateway):
    outside = gateway.root.parent / "outside"
    outside.mkdir()
    members = [link("out", str(outside)), link("rel", "nowhere/../x")]
    assert populate(gateway, archive(*members)).status == 200
    assert os.readlink(gateway.root / "filesystem/out") == str(outside)
    answer = populate(gateway, archive(("out/planted", b"x")))
    assert os.listdir(outside) == []
    assert answer.status in (200, 400)


def test_a_failed_upload_keeps_what_was_there(gateway):
    populate(gateway, archive(("a", b"old"), ("b", b"old")))
    data = archive(("a", b"new"), ("b", os.urandom(100_000)))
    refused(gateway, data[:-20_000])
    assert (gateway.root / "filesystem/a").read_bytes() == b"old"


def test_upload_replaces_files_and_keeps_the_others(gateway):
    populate(gateway, archive(("a", b"old"), ("b", b"old")))
    assert populate(gateway, archive(("a", b"new"))).status == 200
    files = gateway.root / "filesystem"
    assert (files / "a").read_bytes() == b"new"
    assert (files / "b").read_bytes() == b"old"


def test_missing_archive_part_is_422_with_its_place(gateway):
    answer = gateway.request(
        "POST", "/data/populate", form(b"x", name="other"), HEADERS
    )
    assert answer.status == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "archive"]
    assert answer.json()["detail"][0]["type"] == "missing"


def test_archive_as_a_text_field_is_422(gateway):
    answer = populate(gateway, b"x", filename="")
    assert answer.status == 422 and "filename" in answer.json()["detail"]


def test_body_that_is_no_form_is_422(gateway):
    answer = gateway.request(
        "POST", "/data/populate", b"{}", {"Content-Type": "application/json"}
    )
    assert answer.status == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "archive"]


def test_form_without_boundary_is_400(gateway):
    answer = gateway.request(
        "POST", "/data/populate", b"x", {"Content-Type": "multipart/form-data"}
    )
    assert answer.status == 400 and "boundary" in answer.json()["detail"]


def test_form_without_its_end_is_400_and_changes_nothing(gateway):
    data = form(archive(("a", b"1")), close=False)
    answer = gateway.request("POST", "/data/populate", data, HEADERS)
    assert answer.status == 400 and "boundary" in answer.json()["detail"]
    wait_for(
        lambda: tree(gateway.root / "filesystem") == {}, what="left as it was"
    )


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_form_in_tiny_chunks(gateway, size):
    data = form(archive(("a", b"hello\r\n--" + os.urandom(200))))
    head = (
        "POST /data/populate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked"
        f"\r\nContent-Type: {HEADERS['Content-Type']}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as s:
        s.sendall(head.encode())
        for at in range(0, len(data), size):
            piece = data[at : at + size]
            s.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        s.sendall(b"0\r\n\r\n")
        raw = http.client.HTTPResponse(s)
        raw.begin()
        assert raw.status == 200, raw.read()


def half_closed(gateway, data):
    """What comes back when our side is shut after data."""
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as s:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        out = b""
        while piece := s.recv(65536):
            out += piece
    return out


def test_upload_cut_short_is_400_with_the_reason(gateway):
    data = form(archive(("a", os.urandom(300_000))))
    head = (
        "POST /data/populate?subsystem=filesystem/x/y HTTP/1.1\r\nHost: x\r\n"
        f"Content-Length: {len(data)}\r\n"
        f"Content-Type: {HEADERS['Content-Type']}\r\n\r\n"
    )
    answer = half_closed(gateway, head.encode() + data[:200_000])
    assert answer.startswith(b"HTTP/1.1 400 ") and b"ends before" in answer
    wait_for(lambda: tree(gateway.root) == {}, what="nothing is left")


def test_half_closed_client_gets_its_answer(gateway):
    body = b'{"mcpServers":{}}'
    head = b"POST /apps HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    assert b"HTTP/1.1 200 " in half_closed(gateway, head % len(body) + body)


@pytest.mark.parametrize("path", ["/apps", "/data/populate", "/data/snapshot", "/mcp"])
@pytest.mark.parametrize(
    "origin, host",
    [
        ("http://evil.example", "127.0.0.1"),
        ("http://evil.example", "evil.example"),
        ("null", "127.0.0.1"),
    ],
)
def test_pages_of_other_sites_are_refused(gateway, path, origin, host):
    answer = gateway.request(
        "POST", path, b'{"mcpServers":{}}', {"Origin": origin, "Host": host}
    )
    assert answer.status == 403
    assert b"Origin" in answer.body or b"Host" in answer.body


def test_failed_upload_leaves_no_new_directory(gateway):
    answer = populate(gateway, b"no archive", "?subsystem=filesystem/a/b")
    assert answer.status == 400
    assert answer.json()["detail"] == "archive: not in gzip format"
    assert tree(gateway.root) == {}
    (gateway.root / "filesystem/a").mkdir(parents=True)
    populate(gateway, b"no archive", "?subsystem=filesystem/a/b/c")
    assert set(tree(gateway.root)) == {"filesystem", "filesystem/a"}


@pytest.mark.parametrize("name", ["a", "link", "a/b", "n" * 300])
def test_subsystem_that_is_no_directory_is_400(gateway, name):
    populate(gateway, archive(("a", b"1"), link("link", "/")))
    answer = populate(gateway, archive(("x", b"1")), f"?subsystem=filesystem/{name}")
    assert answer.status == 400, answer


def test_names_like_the_staging_directory_are_kept(gateway):
    mine = gateway.root / "filesystem/.coracle-stage-notes"
    mine.mkdir(parents=True)
    (mine / "t.txt").write_text("thesis")
    assert populate(gateway, archive(("a", b"1"))).status == 200
    assert (mine / "t.txt").read_text() == "thesis"
    assert any(m.name.endswith("t.txt") for m in members(snapshot(gateway)))


def test_client_that_goes_away_leaves_nothing(gateway):
    data = form(archive(("a", os.urandom(300_000))))
    head = (
        "POST /data/populate HTTP/1.1\r\nHost: x\r\n"
        f"Content-Length: {len(data)}\r\n"
        f"Content-Type: {HEADERS['Content-Type']}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as s:
        s.sendall(head.encode() + data[:200_000])
        files = gateway.root / "filesystem"
        wait_for(lambda: files.exists() and os.listdir(files), what="begun")
    wait_for(lambda: tree(files) == {}, what="cleaned up")
    assert populate(gateway, archive(("b", b"1"))).status == 200


def test_two_uploads_at_once_do_not_mix(gateway):
    import concurrent.futures

    def upload(letter):
        members = [(f"{letter}/{i}", letter.encode() * 1000) for i in range(200)]
        return populate(gateway, archive(*members)).status

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert list(pool.map(upload, "abcd")) == [200] * 4
    names = tree(gateway.root / "filesystem")
    assert len(names) == 4 * 201


# --- snapshot ----------------------------------------------------------------


def snapshot(gateway, body=b"", headers=None):
    answer = gateway.request("POST", "/data/snapshot", body, headers or {})
    assert answer.status == 200, answer
    return answer


def members(answer):
    return tarfile.open(fileobj=io.BytesIO(answer.body)).getmembers()


def test_snapshot_of_nothing_is_an_empty_archive(gateway):
    assert members(snapshot(gateway)) == []


@pytest.mark.parametrize("body", [b"", b"null", b"{}", b'{"pre_snapshot_hooks":[]}'])
def test_snapshot_has_both_subsystems(gateway, body):
    populate(gateway, archive(("a", b"1")))
    populate(gateway, archive(("b", b"2")), "?subsystem=.apps_data")
    answer = snapshot(gateway, body)
    assert answer.headers["Content-Type"] == "application/gzip"
    name = answer.headers["Content-Disposition"]
    assert name.startswith('attachment; filename="snap_')
    names = {m.name for m in members(answer) if m.isfile()}
    assert names == {"filesystem/a", ".apps_data/b"}


@pytest.mark.parametrize(
    "body, status",
    [(b"{", 422), (b"[]", 422), (b'{"pre_snapshot_hooks":[{"name":"x"}]}', 422)],
)
def test_snapshot_with_a_bad_body(gateway, body, status):
    answer = gateway.request("POST", "/data/snapshot", body)
    assert answer.status == status


def test_snapshot_as_zip(gateway):
    place = gateway.root / "filesystem"
    place.mkdir()
    (place / "f").write_text("1")
    (place / "l").symlink_to("f")
    answer = gateway.request("POST", "/data/snapshot?format=zip")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Content-Disposition"].endswith('.zip"')
    with zipfile.ZipFile(io.BytesIO(answer.body)) as z:
        assert z.testzip() is None
        assert z.read("filesystem/f") == b"1"
    answer = gateway.request("POST", "/data/snapshot?format=rar")
    assert answer.status == 400 and "format" in answer.json()["detail"]


def test_snapshot_of_nothing_as_zip(gateway):
    answer = gateway.request("POST", "/data/snapshot?format=zip")
    assert zipfile.ZipFile(io.BytesIO(answer.body)).namelist() == []


def test_a_sparse_file_there_and_back(gateway):
    place = gateway.root / "filesystem"
    place.mkdir()
    with open(place / "big", "wb") as f:
        f.seek(10 << 30)
        f.write(b"end")
    data = gateway.request("POST", "/data/snapshot").body
    assert len(data) < 1 << 20
    answer = gateway.request(
        "POST", "/data/populate?subsystem=.apps_data", data,
        {"Content-Type": "application/gzip"},
    )
    assert answer.status == 200, answer
    st = (gateway.root / ".apps_data/filesystem/big").stat()
    assert st.st_size == (10 << 30) + 3
    assert st.st_blocks * 512 < 1 << 20


def test_what_is_left_out_is_named_in_a_trailer_and_the_log(gateway):
    place = gateway.root / "filesystem"
    place.mkdir()
    (place / "file").write_text("1")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(place / "so\ncket"))
        with socket.create_connection(("127.0.0.1", gateway.port)) as c:
            c.sendall(
                b"POST /data/snapshot HTTP/1.1\r\nHost: x\r\n"
                b"Content-Length: 0\r\nConnection: close\r\n\r\n"
            )
            answer = c.makefile("rb").read()
    assert b"\r\nTrailer: X-Snapshot-Incomplete\r\n" in answer
    trailer = answer[answer.rindex(b"\r\n0\r\n") + 5:].decode()
    name, _, value = trailer.partition(": ")
    assert name == "X-Snapshot-Incomplete"
    (note,) = json.loads(value)
    assert note == {
        "member": "filesystem/so\ncket", "why": "socket ignored"
    }
    gateway.wait_log(r"filesystem/so\\ncket: socket ignored")


def test_snapshot_does_not_see_an_upload_under_way(gateway):
    stage = gateway.root / "filesystem/.coracle-stage-0123456789abcdef"
    stage.mkdir(parents=True)
    (stage / "half").write_text("x")
    assert not any("stage" in m.name for m in members(snapshot(gateway)))


def test_slow_reader_of_a_snapshot_delays_nobody(gateway):
    files = gateway.root / "filesystem"
    files.mkdir()
    (files / "big").write_bytes(os.urandom(30_000_000))
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as s:
        s.sendall(b"POST /data/snapshot HTTP/1.1\r\nHost: x\r\n\r\n")
        s.recv(1000)
        for _ in range(20):
            assert gateway.request("GET", "/health").status == 200
        status = pathlib.Path(f"/proc/{gateway.pid}/status").read_text()
        high = int(status.split("VmHWM:")[1].split()[0])
        if not gateway.slow:
            assert high < 12_000, "the gateway buffers what is not read"
    wait_for(lambda: not workers(gateway), what="the worker is gone")


def workers(gateway):
    children = f"/proc/{gateway.pid}/task/{gateway.pid}/children"
    return pathlib.Path(children).read_text().split()


# --- there and back, for real ------------------------------------------------


def real_tree(tmp_path):
    """At least 20,000 entries of what this machine has, links included."""
    src = tmp_path / "src"
    src.mkdir()
    for part in ("/usr/include", "/usr/lib/python3", "/usr/share/doc"):
        if os.path.isdir(part):
            subprocess.run(["cp", "-a", part, src], check=True)
    for i in range(400):
        d = src / "made" / f"dir-{i:03}" / "nested"
        d.mkdir(parents=True)
        for k in range(40):
            (d / f"file {k}").write_text(f"{i} {k}\n" * (k + 1))
        (d / "sym").symlink_to("../../dir-000/nested/file 1")
        os.link(d / "file 0", d / "hard")
        (d / "x").write_text("#!/bin/sh\n")
        (d / "x").chmod(0o755)
    return src


def listing(root):
    """As GNU find prints it: type, mode, mtime, links, size, target, name."""
    form = "%y %m %T@ %n %s %l %P\\0"
    out = subprocess.run(
        ["find", ".", "-mindepth", "1", "-type", "d", "-printf", "%y %m %P\\0",
         "-o", "-mindepth", "1", "-printf", form],
        cwd=root, check=True, capture_output=True,
    ).stdout
    return sorted(out.split(b"\0"))


@pytest.mark.slow
def test_twenty_thousand_entries_there_and_back_as_gnu_tar_has_them(
    gateway, tmp_path
):
    src = real_tree(tmp_path)
    data = tmp_path / "src.tar.gz"
    subprocess.run(
        ["tar", "--format=posix", "-czf", data, "-C", src, "."], check=True
    )
    want = tmp_path / "gnu"
    want.mkdir()
    subprocess.run(["tar", "-xzf", data, "-C", want], check=True)
    done = subprocess.run(
        ["curl", "-sS", "-F", f"archive=@{data}", f"{gateway.url}/data/populate"],
        capture_output=True, check=True,
    )
    count = len(listing(want))
    assert b'"objects_added"' in done.stdout, done.stdout
    assert count >= 20_000
    files = gateway.root / "filesystem"
    assert listing(files) == listing(want)
    subprocess.run(["diff", "-r", "--no-dereference", files, want], check=True)

    subprocess.run(
        ["curl", "-sS", "-f", "-X", "POST", "-o", tmp_path / "snap.tgz",
         f"{gateway.url}/data/snapshot"],
        check=True,
    )
    back = tmp_path / "back"
    back.mkdir()
    subprocess.run(["tar", "-xzf", tmp_path / "snap.tgz", "-C", back], check=True)
    assert listing(back / "filesystem") == listing(want)
    subprocess.run(
        ["diff", "-r", "--no-dereference", back / "filesystem", want], check=True
    )
