# SPDX-License-Identifier: MIT
"""The names of tools of many servers, and which of them are served."""

import json

import pytest

from helpers.gateway import server


def configure(gateway, servers, **top):
    answer = gateway.post_json("/apps", {"mcpServers": servers, **top})
    assert answer.status == 200, answer
    return answer.json()


TWO = {"one": server("--tools", "a,b"), "two": server("--tools", "b,c")}


@pytest.mark.parametrize(
    "top,names",
    [
        ({}, ["one_a", "one_b", "two_b", "two_c"]),
        ({"prefix": "never"}, ["a", "b", "c"]),
        ({"prefix": "on-collision"}, ["a", "one_b", "two_b", "c"]),
        (
            {"prefix": "always", "separator": "."},
            ["one.a", "one.b", "two.b", "two.c"],
        ),
    ],
)
def test_prefixes_as_configured(gateway, top, names):
    configure(gateway, TWO, **top)
    client = gateway.client()
    assert client.names() == names
    for name in names:
        assert client.text(name) == "called " + name[-1]


def test_one_server_can_have_a_prefix_too(gateway):
    one = {"one": TWO["one"]}
    configure(gateway, one)
    assert gateway.client().names() == ["a", "b"]
    configure(gateway, one, prefix="always", separator="__")
    assert gateway.client().names() == ["one__a", "one__b"]


def test_another_naming_keeps_the_processes(gateway):
    configure(gateway, TWO)
    pids = sorted(gateway.children())
    configure(gateway, TWO, prefix="never")
    assert sorted(gateway.children()) == pids
    assert configure(gateway, TWO, prefix="never")["duration_ms"] == 0


def test_long_names_are_cut_the_same_way_each_time(new_gateway):
    long = ["x" * 70, "x" * 69 + "y", "é" * 40]
    servers = {"server": server("--tools", ",".join(long)), **TWO}
    seen = []
    for gateway in (new_gateway(), new_gateway()):
        configure(gateway, servers)
        client = gateway.client()
        names = client.names()
        assert len(set(names)) == 7
        assert all(len(n.encode()) <= 64 for n in names)
        for name, own in zip(names, long):
            assert client.text(name) == "called " + own
        seen.append(names)
    assert seen[0] == seen[1]


@pytest.mark.parametrize(
    "allowed,names",
    [
        (None, ["one_a", "one_b", "two_b", "two_c"]),
        ([], ["one_a", "one_b", "two_b", "two_c"]),
        (["b"], ["one_b", "two_b"]),
        (["one_a", "c"], ["one_a", "two_c"]),
        (["one_*"], ["one_a", "one_b"]),
        (["[ac]"], ["one_a", "two_c"]),
        (["nothing"], []),
    ],
)
def test_only_allowed_tools_are_served(gateway, allowed, names):
    configure(gateway, TWO, allowed_tool_names=allowed)
    client = gateway.client()
    assert client.names() == names
    for name in ["one_a", "one_b", "two_b", "two_c"]:
        if name in names:
            assert client.text(name) == "called " + name[-1]
        else:
            text = client.failure(name)
            assert "not in the allowlist" in text
            assert f"({len(allowed)} tools allowed)" in text


def test_a_prefixed_entry_means_nothing_to_a_single_server(gateway):
    one = {"one": TWO["one"]}
    configure(gateway, one, allowed_tool_names=["one_a", "b"])
    assert gateway.client().names() == ["b"]


def test_another_allow_list_is_another_configuration(gateway):
    configure(gateway, TWO)
    client = gateway.client()
    with client.listen() as stream:
        configure(gateway, TWO, allowed_tool_names=["a"])
        stream.until("notifications/tools/list_changed")
    assert client.names() == ["one_a"]


def test_enums_of_other_things_than_strings_are_left_out(gateway, tmp_path):
    schema = {
        "type": "object",
        "properties": {
            "n": {"type": "integer", "enum": [1, 2]},
            "s": {"enum": ["a", "b"]},
            "deep": {"anyOf": [{"enum": ["a", None], "title": "t"}]},
            "enum": {"type": "string"},
        },
    }
    tool = {
        "name": "t",
        "inputSchema": schema,
        "outputSchema": {"type": "object", "properties": {"x": {"enum": [1]}}},
    }
    script = tmp_path / "server.py"
    script.write_text(
        "import json, sys\n"
        "for line in sys.stdin:\n"
        "    m = json.loads(line)\n"
        "    r = {'capabilities': {'tools': {}}, 'serverInfo': {},"
        " 'protocolVersion': '2025-11-25'}\n"
        "    if m['method'] == 'tools/list':\n"
        f"        r = {{'tools': [json.loads({json.dumps(json.dumps(tool))})]}}\n"
        "    if 'id' in m:\n"
        "        print(json.dumps({'jsonrpc': '2.0', 'id': m['id'],"
        " 'result': r}), flush=True)\n"
    )
    entry = server()
    entry["args"] = [str(script)]
    gateway.serve(one=entry)
    (got,) = gateway.client().ask("tools/list")["tools"]
    assert got["outputSchema"] == tool["outputSchema"]
    properties = got["inputSchema"]["properties"]
    assert properties == {
        "n": {"type": "integer"},
        "s": {"enum": ["a", "b"]},
        "deep": {"anyOf": [{"title": "t"}]},
        "enum": {"type": "string"},
    }


@pytest.mark.parametrize(
    "field,value",
    [
        ("prefix", "sometimes"),
        ("prefix", 1),
        ("separator", ""),
        ("separator", "123456789"),
        ("allowed_tool_names", "a"),
        ("allowed_tool_names", [1]),
    ],
)
def test_wrong_options_are_refused(gateway, field, value):
    answer = gateway.post_json("/apps", {"mcpServers": TWO, field: value})
    assert answer.status == 422
    assert answer.json()["detail"][0]["loc"][:2] == ["body", field]
