# SPDX-License-Identifier: MIT
"""Official clients through the gateway to the official servers, unmodified."""

import json
import os
import subprocess
import sys
import time

import pytest

from helpers.gateway import HERE, full_server, server, wait_for
from helpers.sdk import SdkClient


def client_program(request, kind, url):
    """(argv, environment) of an official client of this kind."""
    if kind == "node":
        modules = request.getfixturevalue("node_modules")
        return ["node", HERE / "sdk_client.mjs", modules, url], {}
    build = request.getfixturevalue("top") / "build"
    place = build / f"mcp-client-{kind[-1]}"
    if not (place / "mcp").is_dir():
        pytest.skip(f"no {place.name}: run make test-deps")
    argv = [sys.executable, HERE / "sdk_client.py", url]
    return argv, {"PYTHONPATH": str(place)}


@pytest.fixture(
    params=["node", "python-1", "python-2", "node-sse", "python-1-sse"]
)
def connect(request, gateway, tmp_path):
    """connect() -> SdkClient, in each of the kinds there are."""
    clients = []
    kind = request.param.removesuffix("-sse")
    url = gateway.url + ("/mcp" if kind == request.param else "/sse")
    argv, env = client_program(request, kind, url)

    def start():
        log = tmp_path / f"client-{len(clients)}.log"
        clients.append(SdkClient(argv, env, log))
        clients[-1].kind = request.param
        return clients[-1]

    yield start
    for c in clients:
        if not c.process.stdin.closed:
            c.process.kill()
        c.process.wait()


@pytest.fixture
def official(node_modules, tmp_path):
    """Configurations of the official servers."""
    place = node_modules / "@modelcontextprotocol"
    files = tmp_path / "files"
    files.mkdir()
    (files / "hello.txt").write_text("ahoy from a file\n")

    def entry(name, *args, **more):
        program = place / f"server-{name}" / "dist" / "index.js"
        return {
            "transport": "stdio",
            "command": "node",
            "args": [str(program), *(str(a) for a in args)],
            **more,
        }

    memory = tmp_path / "memory.jsonl"
    return {
        "filesystem": entry("filesystem", files),
        "memory": entry("memory", env={"MEMORY_FILE_PATH": str(memory)}),
        "everything": entry("everything"),
        "thinking": entry("sequential-thinking"),
    }


def test_four_official_servers_behind_one_endpoint(
    gateway, official, connect, tmp_path
):
    gateway.serve(**official)
    client = connect()
    names = client.names()
    for expected in (
        "filesystem_read_text_file",
        "memory_create_entities",
        "everything_echo",
        "everything_get-sum",
    ):
        assert expected in names
    # schemas arrive whole
    tools = {t["name"]: t for t in client.do("list")}
    schema = tools["everything_get-sum"]["inputSchema"]
    assert set(schema["properties"]) == {"a", "b"}

    path = str(tmp_path / "files" / "hello.txt")
    text = client.text("filesystem_read_text_file", path=path)
    assert text == "ahoy from a file\n"
    outside = client.call("filesystem_read_text_file", path="/etc/passwd")
    assert outside["isError"] is True

    boat = {"name": "coracle", "entityType": "boat", "observations": ["floats"]}
    client.text("memory_create_entities", entities=[boat])
    graph = client.call("memory_read_graph")
    assert graph["structuredContent"]["entities"][0]["name"] == "coracle"

    assert "ahoy" in client.text("everything_echo", message="ahoy")
    assert "5" in client.text("everything_get-sum", a=2, b=3)
    image = client.call("everything_get-tiny-image")
    assert "image" in [c["type"] for c in image["content"]]

    thought = client.call(
        "thinking_sequentialthinking",
        thought="it floats",
        thoughtNumber=1,
        totalThoughts=1,
        nextThoughtNeeded=False,
    )
    assert json.loads(thought["content"][0]["text"])["thoughtNumber"] == 1

    result = client.call(
        "everything_trigger-long-running-operation",
        progress=True,
        duration=1,
        steps=4,
    )
    steps = [p["progress"] for p in result["progress"]]
    # this client may settle a call before it has told of the last progress
    if client.kind == "node-sse":
        steps = steps[:3] + [4]
    assert steps == [1, 2, 3, 4]
    assert "completed" in result["content"][0]["text"]
    client.close()


@pytest.mark.parametrize("kind", ["node", "python-1"])
def test_the_same_over_stdio(
    request, coracle, official, node_modules, tmp_path, kind
):
    config = tmp_path / "servers.json"
    config.write_text(json.dumps({"mcpServers": official}))
    url = json.dumps([str(coracle), "mcp", "serve", "-c", str(config)])
    argv, env = client_program(request, kind, url)
    client = SdkClient(argv, env, tmp_path / "client.log")
    assert "everything_echo" in client.names()
    path = str(tmp_path / "files" / "hello.txt")
    text = client.text("filesystem_read_text_file", path=path)
    assert text == "ahoy from a file\n"
    assert "ahoy" in client.text("everything_echo", message="ahoy")
    client.close()


def test_a_client_stays_connected_across_swaps(gateway, official, connect):
    gateway.serve(everything=official["everything"], memory=official["memory"])
    client = connect()
    assert "memory_read_graph" in client.names()
    gateway.serve(filesystem=official["filesystem"])
    wait_for(lambda: client.do("changes") >= 1, what="the client hears of it")
    assert "read_text_file" in client.names()
    assert "memory_read_graph" not in client.names()
    assert client.call("list_allowed_directories")["content"]

    seen = client.do("changes")
    broken = server("--exit=3", "--stderr=cannot find the paddle\n")
    began = time.monotonic()
    answer = gateway.apps({"broken": broken, "memory": official["memory"]})
    assert time.monotonic() - began < (5 if gateway.slow else 1)
    assert answer.status == 503
    text = answer.json()["detail"]["details"]["broken"]["error"]
    for part in ("broken", "exit 3", "cannot find the paddle"):
        assert part in text
    assert "read_text_file" in client.names()
    assert client.call("list_allowed_directories")["content"]
    assert client.do("changes") == seen
    client.close()


def test_a_failure_of_a_server_is_a_result_to_the_client(gateway, connect):
    gateway.serve(one=server())
    client = connect()
    result = client.call("crash", status=4, stderr="holed below\n")
    assert result["isError"] is True
    assert "exit 4" in result["content"][0]["text"]
    assert "holed below" in result["content"][0]["text"]
    assert client.text("echo", text="afloat") == "afloat"
    if client.kind == "python-2":
        # it speaks 2026-07-28, where a name that nobody has is bad params
        with pytest.raises(AssertionError, match="-32602"):
            client.call("no_such_tool")
    else:
        assert client.call("no_such_tool")["isError"] is True
    client.close()


@pytest.mark.parametrize(
    "mode, version",
    [
        ("legacy", "2025-11-25"),
        ("auto", "2026-07-28"),
        ("modern", "2026-07-28"),
    ],
)
def test_the_second_javascript_client_in_every_mode(
    gateway, official, node_modules, tmp_path, mode, version
):
    gateway.serve(everything=official["everything"], asker=full_server())
    program = HERE / "sdk_client_2.mjs"
    argv = ["node", program, node_modules, gateway.url + "/mcp", mode]
    client = SdkClient(argv, {}, tmp_path / "client.log")
    assert client.do("version") == version
    assert "everything_echo" in client.names()
    assert "ahoy" in client.text("everything_echo", message="ahoy")
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    params = {"message": "who?", "requestedSchema": schema}
    asked = client.text("asker_ask", method="elicitation/create", params=params)
    assert json.loads(asked)["result"]["content"] == {"name": "Ann"}
    result = client.call(
        "everything_trigger-long-running-operation",
        progress=True,
        duration=0.3,
        steps=3,
    )
    assert [p["progress"] for p in result["progress"]][:2] == [1, 2]
    client.close()


@pytest.mark.parametrize("era", ["legacy", "auto", "modern"])
def test_the_inspector_s_command_line(
    gateway, official, inspector, tmp_path, era
):
    gateway.serve(everything=official["everything"])

    def inspect(*args):
        done = subprocess.run(
            [*inspector, gateway.url + "/mcp", "--protocol-era", era, *args],
            env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
        )
        assert done.returncode == 0, done
        return json.loads(done.stdout)

    tools = inspect("--method", "tools/list")["tools"]
    assert "echo" in [t["name"] for t in tools]
    call = ["--method", "tools/call", "--tool-name", "echo"]
    result = inspect(*call, "--tool-arg", "message=ahoy")
    assert "ahoy" in result["content"][0]["text"]


def test_the_client_applet_at_official_servers(run, official, tmp_path):
    """Directly, without the router."""
    path = str(tmp_path / "files" / "hello.txt")
    for server_name, *args, expected in (
        ("filesystem", "call", "read_text_file", f"path={path}", "ahoy from"),
        ("memory", "call", "read_graph", "entities"),
        ("everything", "call", "get-sum", "a:=2", "b:=3", "5"),
        ("everything", "get", "simple-prompt", "prompt"),
        ("everything", "ping", "everything"),
        ("thinking", "tools", "sequentialthinking"),
    ):
        entry = official[server_name]
        env = [f"--env={k}={v}" for k, v in entry.get("env", {}).items()]
        done = run(
            "mcp", *args, *env, "--", entry["command"], *entry["args"]
        )
        assert done.returncode == 0, done
        assert expected in done.stdout.decode(), done
