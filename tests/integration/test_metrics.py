# SPDX-License-Identifier: MIT
"""GET /metrics and /status, the log of calls, trace context, unix sockets."""

import json
import re
import socket

import pytest

from helpers.gateway import server

SAMPLE = re.compile(
    r'^([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? ([0-9.]+)$'
)
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def scrape(gateway):
    """{(name, labels): value}; every line is one that Prometheus takes."""
    answer = gateway.request("GET", "/metrics")
    assert answer.status == 200
    kind = answer.headers["Content-Type"]
    assert kind == "text/plain; version=0.0.4; charset=utf-8"
    types, samples = {}, {}
    for line in answer.body.decode().splitlines():
        if line.startswith("# TYPE "):
            name, kind = line.split()[2:]
            assert name not in types
            types[name] = kind
        elif not line.startswith("# HELP "):
            m = SAMPLE.match(line)
            assert m, line
            name, labels = m[1], m[2] or ""
            base = re.sub("_(bucket|sum|count)$", "", name)
            assert name in types or types[base] == "histogram"
            assert (name, labels) not in samples
            samples[name, labels] = float(m[3])
    return samples


def calls(samples, outcome, name="one"):
    return samples[
        "coracle_mcp_calls_total", f'server="{name}",outcome="{outcome}"'
    ]


def test_calls_are_counted_by_server_and_outcome(gateway):
    gateway.serve(one=server(), two=server("--tools=echo"))
    client = gateway.client()
    for _ in range(3):
        client.text("one_echo", text="a")
    client.result("one_fail")  # the tool failed, the call did not
    client.failure("one_error")
    client.failure("one_crash", status=1)
    with client.begin("one_progress", steps=1000, delay=0.01) as stream:
        client.notify("notifications/cancelled", {"requestId": client.last_id})
        stream.next()
    s = scrape(gateway)
    assert calls(s, "ok") == 4
    assert [calls(s, k) for k in ("error", "failed", "cancelled")] == [1, 1, 1]
    assert calls(s, "ok", "two") == 0
    assert s["coracle_mcp_calls_open", 'server="one"'] == 0
    assert s["coracle_mcp_server_ready", 'server="two"'] == 1
    assert s["coracle_mcp_bytes_total", 'server="one",direction="out"'] > 300
    assert s["coracle_mcp_bytes_total", 'server="one",direction="in"'] > 300
    assert s["coracle_mcp_server_restarts_total", 'server="one"'] == 1
    assert s["coracle_mcp_sessions", ""] == 1
    assert s["coracle_mcp_connections", ""] == 2
    assert s["coracle_http_requests_total", 'status="2xx"'] >= 9
    assert s["process_resident_memory_bytes", ""] > 100_000


def test_a_timeout_is_an_outcome(gateway):
    gateway.serve(one=server(call_timeout=1))
    gateway.client().failure("never")
    assert calls(scrape(gateway), "timeout") == 1
    assert calls(scrape(gateway), "cancelled") == 0


def test_durations_are_a_histogram(gateway):
    gateway.serve(one=server())
    client = gateway.client()
    client.result("echo", text="a")
    client.result("sleep", seconds=0.3)
    s = scrape(gateway)
    name = "coracle_mcp_call_duration_seconds"
    buckets = [
        (float(re.search('le="([0-9.]+|[+]Inf)"', labels)[1].strip("+")), v)
        for (n, labels), v in s.items()
        if n == name + "_bucket"
    ]
    assert buckets == sorted(buckets) and len(buckets) > 20
    values = dict(buckets)
    assert values[0.000016] == 0 and values[float("inf")] == 2
    assert values[0.262144] == 1 and values[134.217728] == 2
    assert s[name + "_count", 'server="one"'] == 2
    assert 0.3 <= s[name + "_sum", 'server="one"'] < 30


def test_names_of_servers_are_escaped_labels(gateway):
    odd = 'a"b\\c'
    answer = gateway.apps({odd: server()})
    if answer.status != 200:
        pytest.skip("such a name is no name of a server")
    assert calls(scrape(gateway), "ok", 'a\\"b\\\\c') == 0


def test_metrics_before_any_server(gateway):
    assert scrape(gateway)["coracle_mcp_sessions", ""] == 0


def test_status_says_how_it_is(gateway):
    assert gateway.request("GET", "/status").json()["configured"] is False
    gateway.serve(one=server())
    gateway.client()
    status = gateway.request("GET", "/status").json()
    assert status["configured"] is True and status["pid"] == gateway.pid
    assert status["mcp"]["sessions"] == 1
    assert status["mcp"]["servers"][0]["name"] == "one"
    for key in ("version", "uptime_ms", "resident_bytes", "cpu_us",
                "requests", "connections", "workers"):
        assert key in status
    assert gateway.request("POST", "/status").status == 405


@pytest.mark.parametrize("path", ["/metrics", "/status"])
def test_they_need_the_token_when_there_is_one(new_gateway, path):
    gateway = new_gateway(env={"CORACLE_TOKEN": "tok"})
    assert gateway.request("GET", path).status == 401
    auth = {"Authorization": "Bearer tok"}
    assert gateway.request("GET", path, None, auth).status == 200


# --- the log of calls, trace context ---------------------------------------------


def test_each_call_is_a_line_of_json(new_gateway):
    gateway = new_gateway("--log-calls", env={"CORACLE_LOG_FORMAT": "json"})
    gateway.serve(one=server())
    client = gateway.client()
    client.post(
        client.message("tools/call", {"name": "echo", "arguments": {}}, "r\n1"),
        traceparent=PARENT,
    )
    client.failure("crash", status=1)
    gateway.wait_log('"outcome":"failed"')
    client.text("echo", text="back")
    lines = [json.loads(x) for x in gateway.log().splitlines() if x[0] == "{"]
    first, last, _ = (x for x in lines if x["message"] == "call")
    assert int(first.pop("us")) >= 0 and first.pop("time")
    assert first == {
        "program": "gateway",
        "level": "info",
        "message": "call",
        "server": "one",
        "method": "tools/call",
        "name": "echo",
        "outcome": "ok",
        "request": '"r\\n1"',
        "session": client.session[:8],
        "trace": PARENT,
    }
    assert last["name"] == "crash" and "exit 1" in last["why"]


def test_calls_are_not_logged_unasked(gateway):
    gateway.serve(one=server())
    gateway.client().result("echo")
    assert "outcome=" not in gateway.log()


def test_trace_context_of_fields_reaches_the_server(gateway):
    gateway.serve(one=server())
    client = gateway.client()

    def meta(params, **fields):
        m = client.message("tools/call", {"name": "received", **params})
        (reply,) = client.post(m, **fields).messages()
        sent = json.loads(reply["result"]["content"][0]["text"])
        return sent["params"].get("_meta")

    assert meta({}, traceparent=PARENT, tracestate="a=1") == {
        "traceparent": PARENT,
        "tracestate": "a=1",
    }
    own = {"_meta": {"traceparent": "own", "x": 1}}
    assert meta(own, traceparent=PARENT) == own["_meta"]
    assert meta({}, traceparent="nonsense") is None


# --- a unix socket -----------------------------------------------------------------


def test_a_unix_socket_serves_the_same(new_gateway, run, tmp_path):
    path = tmp_path / "gw.sock"
    gateway = new_gateway("--socket", path)
    gateway.serve(one=server())
    for era in ("legacy", "modern"):
        done = run("mcp", "call", "--era", era, f"unix:{path}", "echo", "text=a")
        assert (done.returncode, done.stdout) == (0, b"a\n"), done
    done = run("http", "--unix-socket", path, "http://localhost/health")
    assert done.stdout == b'{"status":"ok"}'
    gateway.stop()
    assert not path.exists()


def test_a_socket_is_named_by_the_environment_and_replaced_when_left_over(
    new_gateway, tmp_path
):
    path = tmp_path / "gw.sock"
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(path))
    gateway = new_gateway(env={"CORACLE_SOCKET": str(path)})
    gateway.wait_log("listening on unix:")
    with socket.socket(socket.AF_UNIX) as c:
        c.connect(str(path))


def test_a_socket_in_use_or_another_file_is_not_replaced(
    new_gateway, run, tmp_path
):
    path = tmp_path / "gw.sock"
    gateway = new_gateway("--socket", path)
    gateway.wait_log("listening on unix:")
    file = tmp_path / "file"
    file.write_text("keep")
    for taken in (path, file):
        done = run("gateway", "--port", "0", "--socket", taken,
                   "--root", tmp_path)
        assert done.returncode == 1 and b"in use" in done.stderr
    assert file.read_text() == "keep" and path.exists()
    done = run("gateway", "--port", "0", "--socket", "/x" * 100)
    assert done.returncode == 1
