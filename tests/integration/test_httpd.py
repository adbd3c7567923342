# SPDX-License-Identifier: MIT
"""httpd: files, ranges, conditions, and paths that try to lead elsewhere."""

import email
import gzip
import os
import random
import re
import signal
import socket
import subprocess
import threading
import time

import pytest


class Server:
    def __init__(self, coracle, root, *options):
        self.p = subprocess.Popen(
            [coracle, "httpd", "-p", "0", *options, root],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        line = self.p.stderr.readline().decode()
        found = re.search(r"listening on (?:http://\S+:(\d+)|(\S+))", line)
        assert found, line
        self.port = int(found[1] or 0)
        self.path = found[2]

    def connect(self):
        if self.path:
            s = socket.socket(socket.AF_UNIX)
            s.connect(self.path)
            return s
        return socket.create_connection(("127.0.0.1", self.port), 10)

    def raw(self, data):
        """Everything that comes back until the server closes."""
        with self.connect() as s:
            s.settimeout(10)
            s.sendall(data)
            got = b""
            while chunk := s.recv(1 << 16):
                got += chunk
        return got

    def ask(self, target="/", method="GET", **fields):
        """(status, fields, body) of one request."""
        head = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\n"
        for name, value in fields.items():
            head += f"{name.replace('_', '-')}: {value}\r\n"
        data = self.raw((head + "Connection: close\r\n\r\n").encode())
        return split(data)

    def stop(self):
        self.p.send_signal(signal.SIGTERM)
        out, err = self.p.communicate(timeout=10)
        assert self.p.returncode == 0, err
        return out


def split(data):
    head, _, body = data.partition(b"\r\n\r\n")
    status, _, lines = head.partition(b"\r\n")
    fields = email.message_from_bytes(lines)
    return int(status.split()[1]), fields, body


BIG = random.Random(1).randbytes(3_000_001)
DATE = "Sun, 13 Sep 2020 12:26:40 GMT"  # 1600000000


@pytest.fixture
def root(tmp_path):
    """What is served, with a secret beside it."""
    top = tmp_path / "outer" / "root"
    (top / "dir" / "deep").mkdir(parents=True)
    (top.parent / "secret").write_text("secret")
    for name, data in {
        "index.html": b"<p>index",
        "small.txt": b"0123456789",
        "big.bin": BIG,
        "empty": b"",
        "a b&<c>'.txt": b"odd",
        "dir/x.json": b"{}",
        ".hidden": b"hidden",
        "app.js": b"plain",
        "app.js.gz": gzip.compress(b"packed"),
    }.items():
        (top / name).write_bytes(data)
        os.utime(top / name, (1_600_000_000, 1_600_000_000))
    os.symlink("small.txt", top / "inside")
    os.symlink("../secret", top / "outside")
    os.symlink("/etc/passwd", top / "absolute")
    os.symlink("loop", top / "loop")
    os.symlink("../..", top / "dir" / "up")
    os.mkfifo(top / "fifo")
    return top


@pytest.fixture
def server(coracle, root):
    s = Server(coracle, root)
    yield s
    s.stop()


# --- files -------------------------------------------------------------------------


def test_files_with_their_fields(server):
    status, fields, body = server.ask("/small.txt")
    assert (status, body) == (200, b"0123456789")
    assert fields["Content-Type"] == "text/plain; charset=utf-8"
    assert fields["Content-Length"] == "10"
    assert fields["Last-Modified"] == DATE
    assert fields["X-Content-Type-Options"] == "nosniff"
    assert "Server" not in fields
    assert server.ask("/")[2] == b"<p>index"
    assert server.ask("/big.bin")[2] == BIG
    assert server.ask("/big.bin")[1]["Content-Type"] == (
        "application/octet-stream"
    )
    status, fields, body = server.ask("/empty")
    assert (status, fields["Content-Length"], body) == (200, "0", b"")
    assert server.ask("/inside")[2] == b"0123456789"
    assert server.ask("/a%20b%26%3Cc%3E'.txt?query")[2] == b"odd"
    assert server.ask("//dir///x.json")[2] == b"{}"


def test_head_is_get_without_the_body(server):
    for path in ("/small.txt", "/big.bin", "/empty", "/missing", "/"):
        status, fields, body = server.ask(path, method="HEAD")
        want = server.ask(path)
        assert (status, body) == (want[0], b"")
        assert fields["Content-Length"] == str(len(want[2]))
        assert fields["ETag"] == want[1]["ETag"]


def test_many_requests_on_one_connection(server):
    """Pipelined, large and small in turns: all answers, in order."""
    paths = ["small.txt", "big.bin", "missing", "big.bin", "empty", "app.js"]
    asked = b"".join(
        b"GET /%b HTTP/1.1\r\nHost: localhost\r\n\r\n" % p.encode() for p in paths
    )
    end = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    data = server.raw(asked + end)
    bodies = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        n = int(re.search(rb"Content-Length: (\d+)", head)[1])
        bodies.append((int(head.split()[1]), data[:n]))
        data = data[n:]
    assert [s for s, _ in bodies] == [200, 200, 404, 200, 200, 200, 200]
    assert bodies[1][1] == bodies[3][1] == BIG
    assert bodies[5][1] == b"plain"


def test_other_methods(server):
    for method in ("POST", "PUT", "DELETE", "TRACE", "BREW"):
        status, fields, _ = server.ask("/small.txt", method=method)
        assert (status, fields["Allow"]) == (405, "GET, HEAD, OPTIONS")
    assert server.ask("*", method="OPTIONS")[0] == 204


def test_http_1_0(server):
    data = server.raw(b"GET /big.bin HTTP/1.0\r\n\r\n")
    assert split(data)[2] == BIG
    assert b"chunked" not in data[:1000]


# --- paths ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/../secret",
        "/dir/../../secret",
        "/%2e%2e/secret",
        "/.%2e/secret",
        "/dir/..%2f..%2fsecret",
        "/dir%2f..%2f..%2fsecret",
        "/..%5csecret",
        "/..\\secret",
        "/small.txt%00.html",
        "/%00",
        "/%",
        "/%zz",
        "/small.txt%0d%0aX: y",
        "/./small.txt",
    ],
)
def test_paths_that_are_refused(server, path):
    status, fields, body = server.ask(path)
    assert status == 400
    assert b"secret" not in body and "X" not in fields


@pytest.mark.parametrize(
    "path, want",
    [
        ("/outside", 403),
        ("/absolute", 403),
        ("/loop", 403),
        ("/dir/up/secret", 403),
        ("/dir/up/root/small.txt", 403),
        ("/%252e%252e/secret", 404),
        ("/.hidden", 404),
        ("/dir/.hidden/x", 404),
        ("/missing", 404),
        ("/small.txt/", 404),
        ("/small.txt/x", 404),
        ("/fifo", 403),
        ("/" + "n" * 300, 404),
        ("/" + "d/" * 2100, 414),
        ("/dir/", 403),
    ],
)
def test_paths_that_lead_nowhere(server, path, want):
    status, _, body = server.ask(path)
    assert status == want
    assert b"secret" not in body and b"root:" not in body


@pytest.mark.parametrize(
    "path, want",
    [
        ("/dir", "/dir/"),
        ("/dir?a=%20b", "/dir/?a=%20b"),
        ("//dir", "/dir/"),
        ("/dir/deep", "/dir/deep/"),
        ("http://localhost//dir", "/dir/"),
        ("/%2fdir", "/dir/"),
    ],
)
def test_a_directory_without_its_slash(server, path, want):
    """Elsewhere on this server, whatever the path looks like."""
    status, fields, _ = server.ask(path)
    assert (status, fields["Location"]) == (301, want)


def test_hidden_names_by_option(coracle, root):
    (root / ".well-known").mkdir()
    (root / ".well-known" / "x").write_text("known")
    for options, want in (([], 404), (["--hidden"], 200)):
        s = Server(coracle, root, *options)
        assert s.ask("/.hidden")[0] == want
        assert s.ask("/.well-known/x")[2] == b"known"
        s.stop()


def test_a_swapped_link_never_leads_out(coracle, root):
    """A name that is a directory and a link out of the root in turns."""
    s = Server(coracle, root)
    (root / "sub").mkdir()
    (root / "sub" / "secret").write_text("inside")
    os.symlink("..", root / "out")
    done = threading.Event()

    def swap():
        while not done.is_set():
            os.rename(root / "sub", root / "t")
            os.rename(root / "out", root / "sub")
            os.rename(root / "sub", root / "out")
            os.rename(root / "t", root / "sub")

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for i in range(300):
            status, _, body = s.ask("/sub/secret")
            assert body == b"inside" or status in (403, 404)
    finally:
        done.set()
        thread.join()
        s.stop()


# --- conditions ----------------------------------------------------------------


def test_conditional_requests(server):
    tag = server.ask("/small.txt")[1]["ETag"]
    assert re.fullmatch(r'"[\w-]+"', tag)
    before, after = DATE.replace("2020", "2019"), DATE.replace("2020", "2021")
    for fields, want in (
        ({"If_None_Match": tag}, 304),
        ({"If_None_Match": f'"x", W/{tag}'}, 304),
        ({"If_None_Match": "*"}, 304),
        ({"If_None_Match": '"x"'}, 200),
        ({"If_Modified_Since": DATE}, 304),
        ({"If_Modified_Since": after}, 304),
        ({"If_Modified_Since": before}, 200),
        ({"If_Modified_Since": "yesterday"}, 200),
        # the tag decides, the date is not looked at
        ({"If_None_Match": '"x"', "If_Modified_Since": DATE}, 200),
        ({"If_Match": tag}, 200),
        ({"If_Match": "*"}, 200),
        ({"If_Match": '"x"'}, 412),
        ({"If_Match": f"W/{tag}"}, 412),
        ({"If_Unmodified_Since": DATE}, 200),
        ({"If_Unmodified_Since": before}, 412),
        ({"If_Match": tag, "If_Unmodified_Since": before}, 200),
        ({"If_Match": '"x"', "If_None_Match": tag}, 412),
    ):
        status, got, body = server.ask("/small.txt", **fields)
        assert status == want, fields
        if status == 304:
            assert body == b"" and got["ETag"] == tag
            assert "Content-Length" not in got


def test_changes_are_seen(server, root):
    first = server.ask("/small.txt")[1]["ETag"]
    (root / "small.txt").write_text("changed in place")
    status, fields, body = server.ask("/small.txt")
    assert body == b"changed in place" and fields["ETag"] != first
    (root / "new").write_text("another file of that name")
    os.rename(root / "new", root / "small.txt")
    end = time.monotonic() + 10
    while server.ask("/small.txt")[2] != b"another file of that name":
        assert time.monotonic() < end
        time.sleep(0.05)
    os.remove(root / "small.txt")
    while server.ask("/small.txt")[0] != 404:
        assert time.monotonic() < end
        time.sleep(0.05)


# --- ranges -----------------------------------------------------------------------


@pytest.mark.parametrize("path, data", [("/small.txt", b"0123456789"),
                                        ("/big.bin", BIG)])
def test_one_range(server, path, data):
    n = len(data)
    for value, first, last in (
        ("0-0", 0, 0),
        ("2-5", 2, 5),
        ("5-", 5, n - 1),
        ("-3", n - 3, n - 1),
        (f"0-{n + 5}", 0, n - 1),
    ):
        status, fields, body = server.ask(path, Range=f"bytes={value}")
        assert (status, body) == (206, data[first : last + 1])
        assert fields["Content-Range"] == f"bytes {first}-{last}/{n}"
    status, fields, _ = server.ask(path, Range=f"bytes={n}-")
    assert (status, fields["Content-Range"]) == (416, f"bytes */{n}")
    for value in ("bytes=5-2", "lines=1-2", "bytes=0-,0-", "x"):
        assert server.ask(path, Range=value)[0] == 200
    assert server.ask(path, method="HEAD", Range="bytes=0-1")[0] == 200


@pytest.mark.parametrize("path, data", [("/small.txt", b"0123456789"),
                                        ("/big.bin", BIG)])
def test_several_ranges(server, path, data):
    status, fields, body = server.ask(path, Range="bytes=0-1, 4-6,-2")
    assert status == 206 and "Content-Range" not in fields
    text = f"Content-Type: {fields['Content-Type']}\r\n\r\n".encode() + body
    parts = email.message_from_bytes(text).get_payload()
    n = len(data)
    want = [(0, 1), (4, 6), (n - 2, n - 1)]
    assert len(parts) == 3
    for part, (first, last) in zip(parts, want):
        assert part["Content-Range"] == f"bytes {first}-{last}/{n}"
    for first, last in want:
        assert b"\r\n\r\n" + data[first : last + 1] + b"\r\n--" in body
    assert int(fields["Content-Length"]) == len(body)


def test_if_range(server):
    tag = server.ask("/small.txt")[1]["ETag"]
    for value, want in (
        (tag, 206),
        (DATE, 206),
        ('"x"', 200),
        (f"W/{tag}", 200),
        (DATE.replace("2020", "2021"), 200),
    ):
        status, _, _ = server.ask(
            "/small.txt", Range="bytes=0-1", If_Range=value
        )
        assert status == want, value


# --- packed files -------------------------------------------------------------


def test_packed_files_for_who_accepts_them(server):
    plain = server.ask("/app.js")
    for value, packed in (
        ("gzip", True),
        ("deflate, GZIP;q=0.5, br", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("identity", False),
        ("xgzip", False),
    ):
        status, fields, body = server.ask("/app.js", Accept_Encoding=value)
        assert status == 200 and fields["Vary"] == "Accept-Encoding"
        assert fields["Content-Type"] == plain[1]["Content-Type"]
        if packed:
            assert fields["Content-Encoding"] == "gzip"
            assert gzip.decompress(body) == b"packed"
            assert fields["ETag"] != plain[1]["ETag"]
        else:
            assert body == b"plain" and "Content-Encoding" not in fields
    assert server.ask("/app.js.gz")[1]["Content-Type"] == "application/gzip"


# --- lists, options ---------------------------------------------------------------


def test_a_list_escapes_what_names_hold(coracle, root):
    (root / "dir" / "<script>alert(1)").write_text("")
    (root / "dir" / "a\"b'c&d").mkdir()
    (root / "dir" / "javascript:x").write_text("")
    s = Server(coracle, root, "--list")
    status, fields, body = s.ask("/dir/")
    assert status == 200
    assert fields["Content-Type"] == "text/html; charset=utf-8"
    assert b"<script>" not in body
    assert b'href="./%3Cscript%3Ealert(1)"' in body
    assert b'href="./a%22b\'c%26d/"' in body
    assert b'href="./javascript:x"' in body
    assert b'href="../"' in body and b'href="./x.json"' in body
    assert b".hidden" not in s.ask("/dir/..%2f")[2]
    assert s.ask("/")[2] == b"<p>index"
    s.stop()


def test_options(coracle, root, tmp_path):
    sock = tmp_path / "s"
    for _ in range(2):  # the second time, the file of the first is gone
        s = Server(
            coracle,
            root,
            f"--unix-socket={sock}",
            "--index=small.txt",
            "--max-age=60",
            "--type=bin=x/y",
        )
        status, fields, body = s.ask("/")
        assert body == b"0123456789"
        assert fields["Cache-Control"] == "max-age=60"
        assert s.ask("/big.bin")[1]["Content-Type"] == "x/y"
        s.stop()
        assert not sock.exists()


@pytest.mark.parametrize(
    "options, host, want",
    [
        ([], "localhost:8000", 200),
        ([], "127.0.0.1", 200),
        ([], "[::1]:80", 200),
        ([], "evil.example", 421),
        ([], "evil.example:8000", 421),
        (["--hosts=a.example,b.example"], "b.example", 200),
        (["--hosts=a.example,b.example"], "c.example", 421),
        (["--hosts=*"], "any.example", 200),
        (["--listen=0.0.0.0"], "any.example", 200),
        (["--listen=0.0.0.0", "--hosts=a.example"], "any.example", 421),
    ],
)
def test_names_that_host_may_have(coracle, root, options, host, want):
    """A name that was rebound to this machine reads nothing from it."""
    s = Server(coracle, root, *options)
    line = f"GET /small.txt HTTP/1.1\r\nHost: {host}\r\n"
    data = s.raw(f"{line}Connection: close\r\n\r\n".encode())
    assert split(data)[0] == want
    s.stop()


def test_a_socket_that_a_killed_server_left(coracle, root, tmp_path):
    sock = tmp_path / "s"
    s = Server(coracle, root, f"--unix-socket={sock}")
    done = subprocess.run(
        [coracle, "httpd", "--unix-socket", sock, root], capture_output=True
    )
    assert done.returncode == 1 and b"in use" in done.stderr
    s.p.kill()
    s.p.communicate()
    s = Server(coracle, root, f"--unix-socket={sock}")
    assert s.ask("/small.txt")[0] == 200
    s.stop()


def test_the_log_is_one_line_a_request(coracle, root):
    s = Server(coracle, root, "--log")
    s.ask("/small.txt", User_Agent='evil"\\agent\x7f')
    s.ask("/missing", Referer="http://r/")
    s.ask("/big.bin", method="HEAD")
    lines = s.stop().decode().splitlines()
    form = r'127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:[\d:]{8} \+0000\] '
    assert len(lines) >= 2
    assert re.match(form + r'"GET /missing HTTP/1.1" 404 \d+ "http://r/" "-"',
                    lines[-2])
    assert re.match(form + r'"HEAD /big.bin HTTP/1.1" 200 \d+ "-" "-"',
                    lines[-1])


def test_mistakes(run, tmp_path):
    for args, status, text in (
        ((tmp_path / "missing",), 1, b"No such file"),
        (("--listen", "nowhere", tmp_path), 1, b"numeric address"),
        (("--index", "a/b", tmp_path), 2, b"--index"),
        (("--type", "x", tmp_path), 2, b"--type"),
        (("--type", "x=a\nb", tmp_path), 2, b"--type"),
        ((tmp_path, tmp_path), 2, b"unexpected"),
    ):
        done = run("httpd", *args)
        assert done.returncode == status and text in done.stderr


# --- trouble ------------------------------------------------------------------


def test_a_file_that_shrinks_while_it_is_sent(server, root):
    """The connection is cut: the client can tell that it has not got all."""
    (root / "huge").write_bytes(bytes(60 << 20))
    with server.connect() as s:
        s.settimeout(10)
        s.sendall(b"GET /huge HTTP/1.1\r\nHost: localhost\r\n\r\n")
        got = len(s.recv(1000))
        os.truncate(root / "huge", 1000)
        try:
            while chunk := s.recv(1 << 20):
                got += len(chunk)
        except ConnectionResetError:
            pass
    assert got < 60 << 20
    assert server.ask("/small.txt")[0] == 200


def test_clients_that_go_away_leave_nothing_open(server, root):
    (root / "huge").write_bytes(bytes(60 << 20))
    fds = f"/proc/{server.p.pid}/fd"
    server.ask("/small.txt")
    before = len(os.listdir(fds))
    for _ in range(50):
        with server.connect() as s:
            s.sendall(b"GET /huge HTTP/1.1\r\nHost: localhost\r\n\r\n")
            s.recv(10)
    end = time.monotonic() + 10
    while len(os.listdir(fds)) > before + 1:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_slow_client_does_not_hold_up_others(server, root):
    (root / "huge").write_bytes(bytes(60 << 20))
    with server.connect() as slow:
        slow.sendall(b"GET /huge HTTP/1.1\r\nHost: localhost\r\n\r\n")
        slow.recv(10)
        for _ in range(20):
            assert server.ask("/small.txt")[0] == 200
        slow.settimeout(10)
        got = 10
        want = (60 << 20) + 200
        while got < want and (chunk := slow.recv(1 << 20)):
            got += len(chunk)
            if got > 60 << 20:
                break
        assert got > 60 << 20


def test_term_ends_what_is_under_way_first(coracle, root):
    (root / "huge").write_bytes(bytes(30 << 20))
    s = Server(coracle, root)
    with s.connect() as c:
        c.settimeout(10)
        c.sendall(b"GET /huge HTTP/1.1\r\nHost: localhost\r\n\r\n")
        got = len(c.recv(10))
        s.p.send_signal(signal.SIGTERM)
        while chunk := c.recv(1 << 20):
            got += len(chunk)
    assert got > 30 << 20
    s.p.communicate(timeout=10)
    assert s.p.returncode == 0


def test_memory_does_not_grow_with_files(server, root, sanitized):
    if sanitized:
        pytest.skip("sanitizers have their own memory")
    for i in range(1500):
        (root / f"f{i}").write_bytes(bytes(12_000))
    for i in range(1500):
        assert server.ask(f"/f{i}")[0] == 200
    with open(f"/proc/{server.p.pid}/status") as file:
        rss = int(re.search(r"VmHWM:\s+(\d+)", file.read())[1])
    assert rss < 12_000
