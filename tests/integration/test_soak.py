# SPDX-License-Identifier: MIT
"""A slice of `make soak`, and what the gateway costs when much is asked."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading

import pytest

from helpers.gateway import Gateway, server, wait_for

SOAK = pathlib.Path(__file__).resolve().parents[1] / "soak" / "soak.py"


def test_a_slice_of_the_soak(coracle, sanitized):
    calls = "1500" if sanitized else "5000"
    # sanitizers keep what was freed for a while
    growth = "100000" if sanitized else "2048"
    done = subprocess.run(
        [sys.executable, "-B", SOAK, "--program", coracle, "--calls", calls,
         "--sessions", "100", "--kill-every", "0.3", "--swap-every", "0.3",
         "--look-every", "0.1", "--growth", growth],
        capture_output=True,
        text=True,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def plain(sanitized):
    if sanitized:
        pytest.skip("sanitizers have memory of their own")


def test_ten_thousand_idle_sessions_cost_under_40_mb(gateway, plain):
    gateway.serve(one=server())
    before = gateway.memory_kb()
    body = json.dumps(
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": {"name": "idle", "version": "1"},
            },
        }
    )
    c = gateway.connect()
    headers = {"Content-Type": "application/json"}
    for _ in range(10_000):
        c.request("POST", "/mcp", body, headers)
        answer = c.getresponse()
        answer.read()
        assert answer.status == 200
    c.close()
    assert gateway.request("GET", "/apps").json()["sessions"] == 10_000
    assert gateway.memory_kb() - before < 40 * 1024


def test_a_reader_that_never_reads_delays_nobody(gateway):
    gateway.serve(one=server())
    deaf, client = gateway.client(), gateway.client()
    params = {"name": "big", "arguments": {"bytes": 20_000_000}}
    body = json.dumps(deaf.message("tools/call", params)).encode()
    with socket.create_connection(("127.0.0.1", gateway.port)) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        head = [b"POST /mcp HTTP/1.1", b"Host: localhost"]
        head += [f"{k}: {v}".encode() for k, v in deaf.headers().items()]
        head.append(b"Content-Length: %d" % len(body))
        s.sendall(b"\r\n".join(head) + b"\r\n\r\n" + body)
        wait_for(
            lambda: gateway.request("GET", "/apps").json()["servers"][0]["calls"],
            what="its answer has come from the server",
        )
        for i in range(50):
            assert client.text("echo", text=str(i)) == str(i)


def test_a_gateway_killed_during_many_calls_leaves_nothing(coracle, tmp_path):
    gateway = Gateway(coracle, tmp_path)
    gateway.serve(one=server(), two=server(session="per-session"))
    clients = [gateway.client() for _ in range(8)]
    for client in clients:
        for name in ("one_never", "two_never"):
            params = {"name": name, "arguments": {}}
            body = json.dumps(client.message("tools/call", params))
            threading.Thread(
                target=lambda c=client, b=body: pytest.raises(
                    OSError, c.post, b
                ),
                daemon=True,
            ).start()
    wait_for(
        lambda: sum(
            s["open"]
            for s in gateway.request("GET", "/apps").json()["servers"]
        )
        >= 8,
        what="calls are under way",
    )
    assert len(gateway.children()) > 2
    os.kill(gateway.pid, signal.SIGKILL)
    gateway.process.wait()
    wait_for(lambda: not gateway.children(), what="no process is left")
