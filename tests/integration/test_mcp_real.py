# SPDX-License-Identifier: MIT
"""Official clients through the gateway to the official servers, unmodified."""

import json
import sys
import time

import pytest

from helpers.gateway import HERE, server, wait_for
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
    }


def test_three_official_servers_behind_one_endpoint(
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
