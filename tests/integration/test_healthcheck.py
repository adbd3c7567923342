# SPDX-License-Identifier: MIT
"""The applet healthcheck: silent when all is well, one line a failure."""

import http.server
import os
import socket
import threading
import time

import pytest


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/slow":
            time.sleep(2)
        self.send_response(200 if self.path == "/health" else 503)
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as s:
        threading.Thread(target=s.serve_forever, daemon=True).start()
        yield s.server_address[1]
        s.shutdown()


def check(run, url, *args):
    done = run("healthcheck", "--url", url, *args)
    return done.returncode, done.stderr.decode()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_silent_when_it_answers_200(run, server, host):
    assert check(run, f"http://{host}:{server}/health") == (0, "")


def test_other_status_fails(run, server):
    code, err = check(run, f"http://127.0.0.1:{server}/other")
    assert code == 1
    assert err.endswith("/other: status 503\n")
    assert err.count("\n") == 1


def test_nobody_there(run, free_port):
    code, err = check(run, f"http://127.0.0.1:{free_port}/")
    assert code == 1
    assert "refused" in err


def test_answer_that_comes_too_late(run, server):
    begin = time.monotonic()
    code, _ = check(run, f"http://127.0.0.1:{server}/slow", "--timeout", "200")
    assert code == 1
    assert time.monotonic() - begin < 1.5


@pytest.mark.parametrize("answer", [
    b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 99999 OK\r\n\r\n", b"\0" * 5000,
])
def test_answer_that_is_none(run, answer):
    with socket.create_server(("127.0.0.1", 0)) as s:

        def serve():
            connection, _ = s.accept()
            connection.recv(1000)
            connection.sendall(answer)
            connection.close()

        threading.Thread(target=serve, daemon=True).start()
        code, err = check(run, f"http://127.0.0.1:{s.getsockname()[1]}/")
        assert code == 1
        assert err.startswith("healthcheck: gateway: ")


@pytest.mark.parametrize("url", [
    "https://127.0.0.1/", "127.0.0.1", "http://example/", "http://", "",
    "http://127.0.0.1:0x1/", "http://127.0.0.1:65536/", "http://[::1]1/",
    "http://[::1/", "http://127.0.0.1/" + "a" * 2000,
])
def test_wrong_url(run, url):
    code, err = check(run, url)
    assert code == 2
    assert "--url wants" in err


def test_port_of_the_environment(run, server):
    done = run("healthcheck", env={**os.environ, "CORACLE_PORT": str(server)})
    assert "gateway" not in done.stderr.decode()
