# SPDX-License-Identifier: MIT
"""The main job, end to end and with nobody's program changed.

The official servers need node, and a scratch image has none: node, the
libraries it is linked with and the servers are part of what is populated.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import urllib.error
import urllib.request

import pytest

from helpers.gateway import HERE, wait_for
from helpers.sdk import SdkClient

# where the archive's files are inside of the container
OPT = "/filesystem/opt"


def libraries(program):
    """Every library of a program, the loader too, as ldd finds them."""
    out = subprocess.run(
        ["ldd", program], check=True, capture_output=True, text=True
    ).stdout
    return [pathlib.Path(p) for p in re.findall(r"(/\S+) \(0x", out)]


@pytest.fixture(scope="session")
def cargo(node_modules, tmp_path_factory):
    """A tar.gz of node, the official servers and a file to work on."""
    top = tmp_path_factory.mktemp("cargo")
    lib = top / "opt/lib"
    lib.mkdir(parents=True)
    node = pathlib.Path(shutil.which("node")).resolve()
    shutil.copy(node, top / "opt/node")
    for path in libraries(node):
        shutil.copy(path, lib / path.name)
    (top / "work").mkdir()
    (top / "work/hello.txt").write_text("ahoy from the archive\n")
    archive = top / "cargo.tar.gz"
    subprocess.run(
        ["tar", "-c", "-I", "gzip -1", "-f", archive,
         "-C", top, "opt", "work",
         "--transform", "s,^node_modules,opt/node_modules,",
         "-C", node_modules.parent, "node_modules"],
        check=True,
    )
    return archive


def loader(cargo):
    names = os.listdir(cargo.parent / "opt/lib")
    return next(n for n in names if n.startswith("ld-"))


def official(cargo, name, *args, **fields):
    program = (
        f"{OPT}/node_modules/@modelcontextprotocol/server-{name}/dist/index.js"
    )
    return {
        "transport": "stdio",
        "command": f"{OPT}/lib/{loader(cargo)}",
        "args": ["--library-path", f"{OPT}/lib", f"{OPT}/node", program, *args],
        **fields,
    }


def post(url, body, timeout=60):
    """Status and JSON of a POST."""
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def curl(*args):
    done = subprocess.run(
        ["curl", "-sS", "-f", "--noproxy", "*", "--max-time", "120", *args],
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.docker
@pytest.mark.slow
def test_official_client_and_servers_meet_in_a_scratch_container(
    start, cargo, node_modules, tmp_path
):
    c = start("-p", "127.0.0.1:0:8080", "coracle:latest")
    port = c.docker.run("port", c.name, "8080").rsplit(":", 1)[1]
    url = f"http://127.0.0.1:{port}"
    wait_for(
        lambda: c.inspect(".State.Health.Status") == "healthy", what="healthy"
    )
    curl("-F", f"archive=@{cargo}", f"{url}/data/populate")

    status, answer = post(
        f"{url}/apps",
        {"mcpServers": {
            "files": official(cargo, "filesystem", "/filesystem/work"),
            "memory": official(
                cargo, "memory",
                env={"MEMORY_FILE_PATH": "/.apps_data/memory.jsonl"},
            ),
            "all": official(cargo, "everything"),
        }},
    )
    assert status == 200, (answer, c.logs())
    assert answer["servers"] == ["files", "memory", "all"]

    client = SdkClient(
        ["node", HERE / "sdk_client.mjs", node_modules, f"{url}/mcp"],
        {}, tmp_path / "client.log",
    )
    names = client.names()
    for name in ("files_read_text_file", "memory_read_graph", "all_echo"):
        assert name in names
    read = client.text("files_read_text_file", path="/filesystem/work/hello.txt")
    assert "ahoy from the archive" in read
    client.text(
        "files_write_file", path="/filesystem/work/new.txt", content="made inside"
    )
    client.text(
        "memory_create_entities",
        entities=[{"name": "coracle", "entityType": "boat", "observations": []}],
    )
    assert "ahoy" in client.text("all_echo", message="ahoy")

    status, answer = post(
        f"{url}/apps",
        {"mcpServers": {"gone": {"transport": "stdio", "command": "nonesuch"}}},
    )
    assert status == 503 and "nonesuch" in json.dumps(answer)
    assert "ahoy" in client.text("all_echo", message="ahoy")

    status, answer = post(
        f"{url}/apps",
        {"mcpServers": {"only": official(cargo, "everything")}},
    )
    assert status == 200
    assert "echo" in client.names()
    assert "ahoy" in client.text("echo", message="ahoy")
    client.close()

    snapshot = tmp_path / "snapshot.tar.gz"
    curl("-X", "POST", "-o", snapshot, f"{url}/data/snapshot")
    with tarfile.open(snapshot) as tar:
        made = tar.extractfile("filesystem/work/new.txt").read()
        memory = tar.extractfile(".apps_data/memory.jsonl").read()
    assert made == b"made inside"
    assert b"coracle" in memory
    seconds = c.stop()
    print(f"docker stop: {seconds * 1000:.0f} ms")
    assert seconds < 5
