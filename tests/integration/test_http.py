# SPDX-License-Identifier: MIT
"""The applet http: methods, bodies, redirects, retries, TLS and its errors."""

import http.server
import json
import os
import pytest
import shutil
import signal
import socket
import socketserver
import ssl
import subprocess
import threading
import time

from helpers.certs import Authority


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    failures = {}

    def answer(self, status, body=b"", **fields):
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            out = b""
            while size := int(self.rfile.readline(), 16):
                out += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return out
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def handle_any(self):
        body = self.body()
        path = self.path
        if path == "/echo":
            fields = {k.lower(): v for k, v in self.headers.items()}
            size = len(body)
            seen = {"method": self.command, "fields": fields, "size": size}
            seen["text"] = body[:1000].decode("latin-1")
            self.answer(200, json.dumps(seen).encode())
        elif path.startswith("/to/"):
            status, _, where = path[4:].partition("/")
            self.answer(int(status), b"moved", Location=where.replace("@", "/"))
        elif path.startswith("/flaky/"):
            left = self.failures.setdefault(path, int(path.split("/")[2]))
            self.failures[path] = left - 1
            if left > 0:
                self.answer(503, b"not now", Retry_After="0")
            else:
                self.answer(200, b"at last")
        elif path == "/cut":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"half")
            self.close_connection = True
        elif path == "/big":
            self.answer(200, bytes(20_000_000))
        else:
            self.answer(404, b"nothing here")

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = handle_any

    def finish(self):
        super().finish()
        # a session whose connection did not end in order is forgotten
        if isinstance(self.connection, ssl.SSLSocket):
            try:
                self.connection.unwrap()
            except OSError:
                pass

    def log_message(self, *args):
        pass


def serving(server, context=None):
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture
def server():
    Handler.failures = {}
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as s:
        serving(s)
        yield f"http://127.0.0.1:{s.server_address[1]}"
        s.shutdown()


@pytest.fixture
def ask(run, server):
    def ask(*args, path="/echo", **kw):
        return run("http", *args, server + path, **kw)

    return ask


def echoed(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_get(ask):
    seen = echoed(ask())
    assert seen["method"] == "GET"
    assert seen["fields"]["user-agent"] == "coracle-http"
    assert seen["fields"]["accept"] == "*/*"


def test_methods_fields_and_data(ask, tmp_path):
    seen = echoed(ask("-d", "a=1&b=2", "-H", "X-One: 1", "-H", "User-Agent: me"))
    assert seen["method"] == "POST" and seen["text"] == "a=1&b=2"
    assert seen["fields"]["content-type"] == "application/x-www-form-urlencoded"
    assert seen["fields"]["x-one"] == "1" and seen["fields"]["user-agent"] == "me"
    assert echoed(ask("-X", "PATCH", "-d", ""))["method"] == "PATCH"
    file = tmp_path / "data"
    file.write_bytes(b"from a file")
    assert echoed(ask("-d", f"@{file}"))["text"] == "from a file"
    assert echoed(ask("-d", "@-", input=b"from stdin"))["text"] == "from stdin"


def test_uploads_of_known_and_unknown_length(ask, tmp_path):
    data = os.urandom(3_000_000)
    file = tmp_path / "data"
    file.write_bytes(data)
    seen = echoed(ask("-T", file))
    assert seen["method"] == "PUT" and seen["size"] == len(data)
    assert seen["fields"]["content-length"] == str(len(data))
    seen = echoed(ask("-T", "-", input=data))
    assert seen["size"] == len(data)
    assert seen["fields"]["transfer-encoding"] == "chunked"


def test_output_to_a_file_and_heads(ask, tmp_path):
    out = tmp_path / "out"
    done = ask("-o", out, path="/big")
    assert done.returncode == 0 and out.stat().st_size == 20_000_000
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    done = ask("-I", path="/big")
    assert b"Content-Length: 20000000\r\n" in done.stdout
    assert ask("-i", path="/none").stdout.endswith(b"\r\n\r\nnothing here")


def test_status_matters_with_fail_only(ask):
    done = ask(path="/none")
    assert (done.returncode, done.stdout) == (0, b"nothing here")
    done = ask("-f", path="/none")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"404 Not Found" in done.stderr and done.stderr.count(b"\n") == 1


def test_a_cut_answer_leaves_no_file(ask, tmp_path):
    out = tmp_path / "out"
    out.write_text("old")
    done = ask("-o", out, path="/cut")
    assert done.returncode == 1 and b"cut short" in done.stderr
    assert out.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_no_file(coracle, tmp_path, sig):
    """The server sends a part of the body and waits."""
    out = tmp_path / "out"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        p = subprocess.Popen([coracle, "http", "-o", out, url])
        with listener.accept()[0] as s:
            s.recv(10_000)
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
            while not list(tmp_path.glob("out.*.part")):
                assert p.poll() is None
                time.sleep(0.001)
            p.send_signal(sig)
            assert p.wait(10) == -sig
    assert list(tmp_path.iterdir()) == []


def test_redirects(ask):
    assert ask(path="/to/302/@echo").stdout == b"moved"
    assert echoed(ask("-L", path="/to/302/@echo"))["method"] == "GET"
    seen = echoed(ask("-L", "-d", "x", path="/to/302/@echo"))
    assert (seen["method"], seen["size"]) == ("GET", 0)
    seen = echoed(ask("-L", "-d", "x", path="/to/307/@echo"))
    assert (seen["method"], seen["text"]) == ("POST", "x")
    done = ask("-L", path="/to/302/@to@302@@")
    assert done.returncode == 0
    done = ask("-L", "-T", "-", path="/to/307/@echo", input=b"once")
    assert done.returncode == 1 and b"twice" in done.stderr


def test_endless_redirects_end(run, server):
    Handler.failures = {}
    done = run("http", "-L", server + "/to/302/302")
    assert done.returncode == 1 and b"redirections" in done.stderr


def test_secrets_stay_with_their_server(run, server):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as other:
        serving(other)
        where = f"http:@@127.0.0.1:{other.server_address[1]}@echo"
        done = run(
            "http", "-L", "-u", "me:secret", "-H", "Cookie: c", f"{server}/to/302/{where}"
        )
        other.shutdown()
    fields = echoed(done)["fields"]
    assert "authorization" not in fields and "cookie" not in fields
    fields = echoed(run("http", "-u", "me:secret", server + "/echo"))["fields"]
    assert fields["authorization"] == "Basic bWU6c2VjcmV0"
    url = server.replace("//", "//a%40b:c@")
    fields = echoed(run("http", url + "/echo"))["fields"]
    assert fields["authorization"] == "Basic YUBiOmM="


def test_retries(ask):
    assert ask("--retry", "3", path="/flaky/2/a").stdout == b"at last"
    done = ask("-f", "--retry", "1", path="/flaky/5/b")
    assert done.returncode == 1 and b"503" in done.stderr
    assert echoed(ask("--retry", "2", "-d", "again"))["text"] == "again"


def test_nobody_there(run, free_port):
    done = run("http", f"http://127.0.0.1:{free_port}/")
    assert done.returncode == 1 and b"refused" in done.stderr
    done = run("http", "http://no-such-host.invalid/")
    assert done.returncode == 1 and b"no-such-host.invalid" in done.stderr


def test_time_limits(run):
    with socketserver.TCPServer(("127.0.0.1", 0), None) as silent:
        url = f"http://127.0.0.1:{silent.server_address[1]}/"
        for option in ("--max-time", "--idle-timeout"):
            done = run("http", option, "1", url)
            assert done.returncode == 1 and b"timed out" in done.stderr


def test_unix_socket(run, tmp_path):
    class Server(socketserver.ThreadingUnixStreamServer):
        def get_request(self):
            request, _ = super().get_request()
            return request, ("unix", 0)

    path = tmp_path / "s"
    with Server(str(path), Handler) as s:
        serving(s)
        done = run("http", "--unix-socket", path, "http://localhost/echo")
        s.shutdown()
    assert echoed(done)["fields"]["host"] == "localhost"


def test_usage_errors(run):
    for args in (
        [], ["ftp://x/"], ["nonsense"], ["http://"], ["http://a:99999/"],
        ["http://a/ b"], ["-d", "x", "-T", "y", "http://a/"], ["-H", "x", "http://a/"],
    ):
        done = run("http", *args)
        assert done.returncode == 2, args
        assert done.stderr.count(b"\n") <= 2, args


def test_full_disk(ask):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    done = ask("-o", "/dev/full", path="/big")
    assert done.returncode == 1 and b"/dev/full: No space left" in done.stderr


# --- TLS -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    if not shutil.which("openssl"):
        pytest.skip("no openssl")
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def other_authority(tmp_path_factory, authority):
    return Authority(tmp_path_factory.mktemp("other"), "Nobody's Authority")


@pytest.fixture
def tls(run):
    servers = []

    def start(pair, maximum=ssl.TLSVersion.TLSv1_2, ciphers=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*map(str, pair))
        context.maximum_version = maximum
        if maximum == ssl.TLSVersion.TLSv1_3:
            context.minimum_version = maximum
        if ciphers:
            context.set_ciphers(ciphers)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(serving(server, context))
        start.context = context
        return server.server_address[1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


ALT = "DNS:localhost,IP:127.0.0.1"


@pytest.mark.parametrize("ec", [False, True], ids=["rsa", "ecdsa"])
def test_tls(run, tls, authority, ec, tmp_path):
    port = tls(authority.server(f"good{ec}", ALT, ec=ec))
    for host in ("localhost", "127.0.0.1"):
        done = run("http", "--cacert", authority.file, f"https://{host}:{port}/echo")
        assert echoed(done)["method"] == "GET"
    env = dict(os.environ, SSL_CERT_FILE=str(authority.file))
    env.pop("AWS_CA_BUNDLE", None)
    url = f"https://localhost:{port}"
    done = run("http", url + "/big", env=env)
    assert len(done.stdout) == 20_000_000
    data = os.urandom(2_000_000)
    assert echoed(run("http", "-T", "-", url + "/echo", env=env, input=data))["size"] == len(data)


@pytest.mark.parametrize(
    "suite",
    [
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-RSA-CHACHA20-POLY1305",
        "AES128-GCM-SHA256",
    ],
)
def test_tls_suites(run, tls, authority, suite):
    port = tls(authority.server("suites", ALT), ciphers=suite)
    done = run("http", "--cacert", authority.file, f"https://localhost:{port}/echo")
    assert echoed(done)["method"] == "GET"


def test_tls_sessions_are_resumed(run, tls, authority):
    port = tls(authority.server("resume", ALT))
    url = f"https://localhost:{port}/to/302/@echo"
    assert echoed(run("http", "-L", "--cacert", authority.file, url))
    stats = tls.context.session_stats()
    assert (stats["accept_good"], stats["hits"]) == (2, 1)


def failure(run, port, *args, host="localhost"):
    done = run("http", *args, f"https://{host}:{port}/echo")
    assert done.returncode == 1 and done.stdout == b""
    assert done.stderr.count(b"\n") == 1
    return done.stderr.decode()


def test_tls_errors_say_what_is_wrong(run, tls, authority, other_authority):
    ca = ["--cacert", authority.file]
    old = tls(authority.server("old", ALT, ("20200101000000Z", "20210101000000Z")))
    text = failure(run, old, *ca)
    assert "'old' of localhost" in text and "expired Fri, 01 Jan 2021" in text
    early = tls(authority.server("early", ALT, ("20390101000000Z", "20400101000000Z")))
    assert "is not good before Sat, 01 Jan 2039" in failure(run, early, *ca)
    wrong = tls(authority.server("wrong", "DNS:a.example,DNS:b.example"))
    text = failure(run, wrong, *ca)
    assert "is for a.example, b.example, not for localhost" in text
    text = failure(run, wrong, *ca, host="127.0.0.1")
    assert "not for 127.0.0.1" in text
    other = tls(other_authority.server("other", ALT))
    text = failure(run, other, *ca)
    assert "issuer 'Nobody's Authority', which is not trusted" in text


def test_tls_insecure_accepts_all(run, tls, other_authority):
    port = tls(other_authority.server("any", "DNS:a.example", ("20200101000000Z", "20210101000000Z")))
    done = run("http", "-k", f"https://localhost:{port}/echo")
    assert echoed(done)["method"] == "GET"


def test_tls_with_nothing_in_common(run, tls, authority, server):
    ca = ["--cacert", authority.file]
    new = tls(authority.server("new", ALT), ssl.TLSVersion.TLSv1_3)
    assert "TLS" in failure(run, new, *ca)
    plain = server.rsplit(":", 1)[1]
    assert "TLS" in failure(run, plain, *ca)


def test_a_bundle_that_is_none(run, tmp_path):
    done = run("http", "--cacert", tmp_path / "none", "https://localhost:1/")
    assert done.returncode == 1 and b"none: No such file" in done.stderr
    empty = tmp_path / "empty"
    empty.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    done = run("http", "--cacert", empty, "https://localhost:1/")
    assert done.returncode == 1 and b"empty: no certificate" in done.stderr
