# SPDX-License-Identifier: MIT
"""Routes, refusals, the token, the log and the end of the gateway."""

import json
import os
import re
import signal
import socket
import time

import pytest

from helpers.gateway import Gateway, alive, server, wait_for

CONTROL = ["/apps", "/data/populate", "/data/snapshot"]


# --- health and routes -------------------------------------------------------


def test_health_is_ok(gateway):
    answer = gateway.request("GET", "/health")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.body == b'{"status":"ok"}'


def test_health_answers_head_without_a_body(gateway):
    answer = gateway.request("HEAD", "/health")
    assert answer.status == 200
    assert answer.headers["Content-Length"] == "15"
    assert answer.body == b""


def test_health_ignores_a_query(gateway):
    assert gateway.request("GET", "/health?verbose=1").status == 200


@pytest.mark.parametrize(
    "path",
    ["/", "/nothing", "//health", "/Health", "/mcpx", "/mcp/foo", "/data"],
)
def test_unknown_path_is_404(gateway, path):
    answer = gateway.request("GET", path)
    assert answer.status == 404
    assert answer.json() == {"detail": "Not Found"}


@pytest.mark.parametrize(
    "method, path, allow",
    [
        ("POST", "/health", {"GET", "HEAD"}),
        ("DELETE", "/health", {"GET", "HEAD"}),
        ("OPTIONS", "/health", {"GET", "HEAD"}),
        ("PUT", "/apps", {"GET", "HEAD", "POST"}),
        ("OPTIONS", "/apps", {"GET", "HEAD", "POST"}),
        ("GET", "/data/populate", {"POST"}),
        ("GET", "/data/snapshot", {"POST"}),
        ("BREW", "/health", {"GET", "HEAD"}),
    ],
)
def test_wrong_method_is_405_and_names_the_right_ones(
    gateway, method, path, allow
):
    answer = gateway.request(method, path)
    assert answer.status == 405
    assert {m.strip() for m in answer.headers["Allow"].split(",")} == allow
    if method != "HEAD":
        assert answer.json() == {"detail": "Method Not Allowed"}


@pytest.mark.parametrize("path", ["/health", *CONTROL])
def test_a_trailing_slash_is_redirected_with_its_method(gateway, path):
    answer = gateway.request("POST", path + "/")
    assert answer.status == 307
    assert answer.body == b""
    assert answer.headers["Location"] == path


def test_a_redirect_keeps_the_query(gateway):
    answer = gateway.request("POST", "/data/populate/?subsystem=filesystem")
    assert answer.status == 307
    assert (
        answer.headers["Location"] == "/data/populate?subsystem=filesystem"
    )


def test_mcp_is_404_until_servers_are_configured(gateway):
    for path in ("/mcp", "/mcp/"):
        answer = gateway.request("POST", path, "{}")
        assert answer.status == 404
        assert "POST /apps" in answer.json()["detail"]
    gateway.serve()
    assert gateway.request("POST", "/mcp", "{}").status != 404


def test_mcp_has_two_spellings_and_no_redirect(gateway):
    gateway.serve(one=server())
    client = gateway.client()
    client.path = "/mcp/"
    assert client.text("echo", text="a") == "a"


def test_an_oversized_head_is_refused(gateway):
    answer = gateway.request("GET", "/health", headers={"X": "y" * 100000})
    assert answer.status == 431


def test_many_requests_share_a_connection(gateway):
    connection = gateway.connect()
    for _ in range(20):
        connection.request("GET", "/health")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b'{"status":"ok"}')
    connection.close()


def test_a_slow_client_does_not_stall_others(gateway):
    slow = socket.create_connection(("127.0.0.1", gateway.port))
    slow.sendall(b"POST /apps HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n")
    for _ in range(10):
        assert gateway.request("GET", "/health", timeout=5).status == 200
    slow.close()


# --- the token -----------------------------------------------------------------


def auth(text):
    return {"Authorization": text} if text is not None else {}


@pytest.fixture
def guarded(new_gateway):
    return new_gateway(env={"CORACLE_TOKEN": "s3cr3t-token"})


@pytest.mark.parametrize("path", CONTROL)
@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Bearer s3cr3t-toke",
        "Bearer s3cr3t-token-and-more",
        "Basic s3cr3t-token",
        "s3cr3t-token",
    ],
)
def test_control_routes_need_the_token(guarded, path, given):
    answer = guarded.request("POST", path, b"{}", auth(given))
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert "s3cr3t" not in answer.body.decode()


@pytest.mark.parametrize(
    "given", ["Bearer s3cr3t-token", "bearer s3cr3t-token"]
)
def test_the_right_token_opens_control_routes(guarded, given):
    assert guarded.apps({}, auth(given)).status == 200


def test_the_token_is_checked_before_the_body(guarded):
    assert guarded.request("POST", "/apps", b"{nonsense").status == 401


def test_health_and_mcp_need_no_token(guarded):
    assert guarded.request("GET", "/health").status == 200
    assert guarded.request("POST", "/mcp", "{}").status == 404
    guarded.apps({"one": server()}, auth("Bearer s3cr3t-token"))
    assert guarded.client().text("echo", text="hi") == "hi"


def test_the_token_is_never_logged_and_not_inherited(guarded):
    guarded.apps({"one": server()}, auth("Bearer s3cr3t-token"))
    environment = json.loads(guarded.client().text("env"))
    assert "CORACLE_TOKEN" not in environment
    assert "s3cr3t" not in guarded.log()


def test_an_empty_token_means_none(new_gateway):
    assert new_gateway(env={"CORACLE_TOKEN": ""}).apps({}).status == 200


# --- the log -------------------------------------------------------------------


def test_each_request_is_one_log_line(gateway):
    gateway.request("GET", "/health")
    gateway.request("POST", "/nothing?a=b", b"body")
    number = r"\d+\.\d{3} ms"
    gateway.wait_log(rf"GET /health 200 \d+ bytes {number}$")
    gateway.wait_log(rf"POST /nothing\?a=b 404 \d+ bytes {number}$")


def test_a_request_cannot_forge_log_lines(gateway):
    gateway.request("GET", "/%0agateway:%20info:%20forged")
    gateway.wait_log("GET /%0agateway")
    assert not re.search("^gateway: info: forged", gateway.log(), re.M)


# --- options and start -------------------------------------------------------


@pytest.mark.parametrize(
    "args",
    [
        ["--port", "65536"],
        ["--port", "-1"],
        ["--port", "eighty"],
        ["--port"],
        ["--nonsense"],
        ["surplus"],
    ],
)
def test_a_bad_option_is_a_usage_error(run, args):
    done = run("gateway", *args)
    assert done.returncode == 2
    lines = done.stderr.decode().splitlines()
    assert 1 <= len(lines) <= 2
    assert "--help" in done.stderr.decode()


def test_help_shows_usage(run):
    done = run("gateway", "--help")
    assert done.returncode == 0
    for word in (b"usage: gateway", b"--port", b"--listen", b"--root"):
        assert word in done.stdout


def test_a_port_in_use_is_named(run, gateway):
    done = run("gateway", "--port", gateway.port, "--root", gateway.root)
    assert done.returncode == 1
    text = done.stderr.decode()
    assert f"port {gateway.port}" in text
    assert "in use" in text


@pytest.mark.parametrize(
    "address", ["nonsense", "300.1.1.1", "203.0.113.77"]
)
def test_an_address_that_is_not_ours_is_named(run, address, tmp_path):
    done = run(
        "gateway", "--port", 0, "--listen", address, "--root", tmp_path
    )
    assert done.returncode == 1
    assert address in done.stderr.decode()


def test_a_missing_root_is_named(run, tmp_path):
    done = run("gateway", "--port", 0, "--root", tmp_path / "absent")
    assert done.returncode == 1
    assert "absent" in done.stderr.decode()


def test_listening_to_all_without_a_token_warns_once(new_gateway):
    log = new_gateway("--listen", "0.0.0.0").log
    wait_for(lambda: "CORACLE_TOKEN" in log(), what="a warning")
    assert log().count("CORACLE_TOKEN") == 1


def test_no_warning_on_loopback_or_with_a_token(new_gateway):
    quiet = [
        new_gateway(),
        new_gateway("--listen", "0.0.0.0", env={"CORACLE_TOKEN": "t"}),
    ]
    for gateway in quiet:
        assert gateway.request("GET", "/health").status == 200
        assert "CORACLE_TOKEN" not in gateway.log()


# --- the end ---------------------------------------------------------------------


def quick(gateway):
    status, seconds = gateway.stop()
    assert status == 0
    assert seconds < (8 if gateway.slow else 1.5), gateway.log()


def test_sigterm_ends_an_idle_gateway(gateway):
    quick(gateway)


def test_sigterm_ends_despite_idle_connections(gateway):
    connections = [gateway.connect() for _ in range(3)]
    for c in connections:
        c.request("GET", "/health")
        c.getresponse().read()
    fresh = socket.create_connection(("127.0.0.1", gateway.port))
    quick(gateway)
    for c in connections:
        c.close()
    fresh.close()


def test_sigterm_ends_open_event_streams(gateway):
    gateway.serve(one=server())
    streams = [gateway.client().listen() for _ in range(3)]
    quick(gateway)
    for s in streams:
        assert s.next() is None
        s.close()


def test_sigterm_ends_running_calls_with_an_answer(gateway):
    gateway.serve(one=server())
    client = gateway.client()
    call = client.message("tools/call", {"name": "never"})
    connection = gateway.connect()
    connection.request("POST", "/mcp", json.dumps(call), client.headers())
    time.sleep(0.1)
    quick(gateway)
    reply = json.loads(connection.getresponse().read())
    assert reply["result"]["isError"] is True
    connection.close()


def test_sigterm_during_a_swap_answers_it(gateway):
    connection = gateway.connect()
    body = json.dumps({"mcpServers": {"mute": server("--silent=initialize")}})
    connection.request("POST", "/apps", body)
    wait_for(gateway.children, what="the server runs")
    quick(gateway)
    answer = connection.getresponse()
    assert answer.status == 503
    connection.close()


def test_sigterm_takes_children_that_spawned_others(gateway, tmp_path):
    pid_file = tmp_path / "pid"
    gateway.serve(one=server("--grandchild", pid_file))
    pid = int(pid_file.read_text())
    assert alive(pid)
    gateway.stop()
    wait_for(lambda: not alive(pid), what="the grandchild is gone")


def test_sigterm_takes_children_that_refuse_to_leave(gateway):
    gateway.serve(one=server("--stubborn"))
    assert gateway.stop()[0] == 0
    assert not gateway.children()


def test_a_killed_gateway_takes_what_its_servers_started(coracle, tmp_path):
    pid_file = tmp_path / "pid"
    gateway = Gateway(coracle, tmp_path)
    gateway.serve(one=server("--grandchild", pid_file), two=server())
    pid = int(pid_file.read_text())
    assert alive(pid)
    gateway.process.kill()
    gateway.process.wait()
    wait_for(lambda: not alive(pid), what="the grandchild is gone")
    wait_for(lambda: not gateway.children(), what="the children are gone")


def keeper_of(gateway):
    """The child of the gateway that is no server."""
    task = f"/proc/{gateway.pid}/task/{gateway.pid}/children"
    with open(task) as f:
        pids = {int(pid) for pid in f.read().split()}
    (keeper,) = pids - set(gateway.children())
    return keeper


def test_a_keeper_that_was_killed_is_replaced(coracle, tmp_path):
    pid_file = tmp_path / "pid"
    one = server("--grandchild", pid_file)
    gateway = Gateway(coracle, tmp_path)
    gateway.serve(one=one)
    keeper = keeper_of(gateway)
    os.kill(keeper, signal.SIGKILL)
    wait_for(lambda: not alive(keeper), what="the keeper is gone")
    gateway.serve(one=one, two=server())
    assert keeper_of(gateway) != keeper
    gateway.process.kill()
    gateway.process.wait()
    pid = int(pid_file.read_text())
    wait_for(lambda: not alive(pid), what="the grandchild is gone")


def test_the_keeper_holds_no_secret_and_ends_with_the_gateway(new_gateway):
    gateway = new_gateway(env={"CORACLE_TOKEN": "s3cr3t"})
    bearer = {"Authorization": "Bearer s3cr3t"}
    assert gateway.apps({"one": server()}, bearer).status == 200
    keeper = keeper_of(gateway)
    with open(f"/proc/{keeper}/environ", "rb") as f:
        assert not f.read().strip(b"\0")
    assert len(os.listdir(f"/proc/{keeper}/fd")) == 1
    gateway.stop()
    assert not alive(keeper)


def test_children_do_not_outlive_a_killed_gateway(coracle, tmp_path):
    gateway = Gateway(coracle, tmp_path)
    gateway.serve(one=server(), two=server("--stubborn"))
    assert len(gateway.children()) == 2
    gateway.process.kill()
    gateway.process.wait()
    wait_for(lambda: not gateway.children(), what="the children are gone")
