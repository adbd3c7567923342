# SPDX-License-Identifier: MIT
"""The applet tools: commands as MCP tools over stdin and stdout."""

import contextlib
import json
import os
import signal
import subprocess
import time

import pytest

TEXT = {"type": "string"}


def schema(required=(), **properties):
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


SHOW = {
    "name": "show",
    "description": "Print words, one a line.",
    "inputSchema": schema(
        ["word"], word=TEXT, more={"type": "array", "items": TEXT}, n={"type": "integer"}
    ),
    "command": ["printf", "%s\\n", "first", ["-n", "{n}"], "{word}", "{more}"],
    "mutates": False,
}


class Server:
    """A running `coracle tools`, spoken to line by line."""

    def __init__(self, coracle, path, *args, env=None):
        self.p = subprocess.Popen(
            [coracle, "tools", *args, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], **(env or {})},
        )
        self.last = 0

    def send(self, method, params=None, **more):
        message = {"jsonrpc": "2.0", "method": method, **more}
        if params is not None:
            message["params"] = params
        self.p.stdin.write(json.dumps(message).encode() + b"\n")
        self.p.stdin.flush()

    def receive(self):
        return json.loads(self.p.stdout.readline())

    def ask(self, method, params=None):
        self.last += 1
        self.send(method, params, id=self.last)
        answer = self.receive()
        assert answer["id"] == self.last
        return answer

    def call(self, name, **arguments):
        return self.ask("tools/call", {"name": name, "arguments": arguments})[
            "result"
        ]

    def end(self):
        """Close its input; its exit status."""
        self.p.stdin.close()
        return self.p.wait(10)

    def kill(self):
        self.p.kill()
        for pipe in (self.p.stdin, self.p.stdout, self.p.stderr):
            with contextlib.suppress(OSError):
                pipe.close()
        self.p.wait()


@pytest.fixture
def serve(coracle, tmp_path):
    with contextlib.ExitStack() as stack:

        def start(*tools, args=(), env=None, **rest):
            path = tmp_path / "tools.json"
            path.write_text(json.dumps({"tools": tools, **rest}))
            s = Server(coracle, path, *args, env=env)
            stack.callback(s.kill)
            return s

        yield start


def texts(result):
    return [item["text"] for item in result["content"]]


def names(server):
    return [t["name"] for t in server.ask("tools/list")["result"]["tools"]]


# --- arguments and results ------------------------------------------------------


def test_arguments_become_whole_words(serve):
    s = serve(SHOW)
    result = s.call("show", word="a b; $(id) 'x' \"y\"\n*", more=["-p", "%s", ""])
    assert not result["isError"]
    assert texts(result) == [
        "first\na b; $(id) 'x' \"y\"\n*\n-p\n%s\n\n"
    ]
    assert s.end() == 0


def test_words_in_a_list_stand_or_fall_with_their_argument(serve):
    s = serve(SHOW)
    assert texts(s.call("show", word="w")) == ["first\nw\n"]
    assert texts(s.call("show", word="w", n=3)) == ["first\n-n\n3\nw\n"]


def test_stdin_is_an_argument(serve):
    s = serve(
        {
            "name": "put",
            "inputSchema": schema(["text"], text=TEXT),
            "command": ["wc", "-c"],
            "stdin": "{text}",
        }
    )
    assert texts(s.call("put", text="x" * 300000))[0].strip() == "300000"


@pytest.mark.parametrize(
    "arguments, what",
    [
        ({}, 'needs "word"'),
        ({"word": 3}, "word: must be of type"),
        ({"word": "w", "evil": 1}, "evil: is not known here"),
        ({"word": "a\0b"}, "NUL"),
    ],
)
def test_arguments_that_break_the_schema_are_told_and_run_nothing(
    serve, arguments, what
):
    result = serve(SHOW).call("show", **arguments)
    assert result["isError"]
    assert what in texts(result)[0]


def test_an_argument_given_twice_is_refused(serve):
    s = serve(SHOW)
    s.p.stdin.write(
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":'
        b'"show","arguments":{"word":"good","word":"evil"}}}\n'
    )
    s.p.stdin.flush()
    result = s.receive()["result"]
    assert result["isError"] and "show: the arguments" in texts(result)[0]


def test_exit_status_and_stderr_make_a_failed_result(serve):
    s = serve({"name": "bad", "command": ["sh", "-c", "echo out; echo why >&2; exit 3"]})
    result = s.call("bad")
    assert result["isError"]
    assert texts(result) == ["out\n", "exit 3\nwhy\n"]


def test_a_command_that_does_not_exist_is_a_result(serve):
    result = serve({"name": "none", "command": ["/does/not/exist"]}).call("none")
    assert result["isError"]
    assert texts(result) == [
        "none: cannot start /does/not/exist: No such file or directory"
    ]


def test_a_call_ends_with_its_time_and_all_it_started(serve, tmp_path):
    s = serve(
        {
            "name": "slow",
            "command": ["sh", "-c", f"sleep 77 & echo $! >{tmp_path}/pid; wait"],
            "timeout_ms": 300,
        }
    )
    result = s.call("slow")
    assert result["isError"] and texts(result) == ["ended after 300 ms"]
    assert is_gone(int((tmp_path / "pid").read_text()))


def is_gone(pid, seconds=5):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
            with open(f"/proc/{pid}/stat") as f:
                if f.read().rsplit(")", 1)[1].split()[0] == "Z":
                    return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.01)
    return False


def test_output_over_the_limit_is_cut_and_said(serve):
    s = serve({"name": "yes", "command": ["yes"], "output_max": 1000})
    result = s.call("yes")
    assert not result["isError"]
    assert texts(result) == ["y\n" * 500, "cut: the output is over 1000 bytes"]


def test_output_of_any_bytes_is_valid_json(serve):
    s = serve({"name": "raw", "command": ["printf", "a\\377\\001\\000b"]})
    assert texts(s.call("raw")) == ["a\ufffd\x01\x00b"]


# --- roles ----------------------------------------------------------------------

ROLES = [
    {"name": "all", "command": ["true"]},
    {"name": "work", "command": ["true"], "roles": ["agent"]},
    {"name": "judge", "command": ["true"], "roles": ["verifier", "sandbox"]},
]


@pytest.mark.parametrize(
    "caller, listed",
    [
        ("agent", ["all", "work"]),
        ("verifier", ["all", "judge"]),
        ("sandbox", ["all", "judge"]),
        ("remote", ["all"]),
        ("root", ["all"]),
        ("", ["all"]),
        (None, ["all"]),
    ],
)
def test_a_caller_sees_the_tools_of_its_role(serve, caller, listed):
    s = serve(*ROLES, env={} if caller is None else {"CORACLE_CALLER": caller})
    assert names(s) == listed
    for name in ("all", "work", "judge"):
        answer = s.ask("tools/call", {"name": name})
        if name in listed:
            assert answer["result"]["isError"] is False
        else:
            assert answer["error"]["code"] == -32602


def test_the_option_wins_over_the_variable(serve):
    s = serve(*ROLES, args=["--role", "agent"], env={"CORACLE_CALLER": "verifier"})
    assert names(s) == ["all", "work"]


# --- the protocol ---------------------------------------------------------------


@pytest.mark.parametrize(
    "asked, spoken",
    [("2024-11-05", "2024-11-05"), ("2025-11-25", "2025-11-25"), ("1999-01-01", "2025-11-25")],
)
def test_a_session_is_opened_in_the_revision_asked_for(serve, asked, spoken):
    s = serve(SHOW, name="demo", version="7", instructions="Be nice.")
    result = s.ask("initialize", {"protocolVersion": asked, "capabilities": {}})["result"]
    assert result == {
        "protocolVersion": spoken,
        "capabilities": {"tools": {}},
        "instructions": "Be nice.",
        "serverInfo": {"name": "demo", "version": "7"},
    }
    s.send("notifications/initialized")
    assert s.ask("ping")["result"] == {}


META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


def test_the_revision_without_sessions(serve):
    s = serve(SHOW)
    found = s.ask("server/discover", {"_meta": META})["result"]
    assert found["supportedVersions"] == ["2026-07-28"]
    assert found["resultType"] == "complete" and found["ttlMs"] >= 0
    listed = s.ask("tools/list", {"_meta": META})["result"]
    assert listed["cacheScope"] == "private" and len(listed["tools"]) == 1
    called = s.ask(
        "tools/call", {"name": "show", "arguments": {"word": "w"}, "_meta": META}
    )["result"]
    assert called["resultType"] == "complete" and texts(called) == ["first\nw\n"]
    for method in ("initialize", "ping"):
        assert s.ask(method, {"_meta": META})["error"]["code"] == -32601


def test_wrong_metadata_of_the_revision_without_sessions(serve):
    s = serve(SHOW)
    other = {**META, "io.modelcontextprotocol/protocolVersion": "2099-01-01"}
    error = s.ask("tools/list", {"_meta": other})["error"]
    assert error["code"] == -32022
    assert error["data"] == {"supported": ["2026-07-28"], "requested": "2099-01-01"}
    assert s.ask("server/discover", {})["error"]["code"] == -32602


def test_calls_run_beside_each_other(serve):
    s = serve(
        {
            "name": "wait",
            "inputSchema": schema(["s"], s=TEXT),
            "command": ["sleep", "{s}"],
        }
    )
    for i, seconds in enumerate(("0.6", "0.3", "0")):
        s.send("tools/call", {"name": "wait", "arguments": {"s": seconds}}, id=i)
    assert [s.receive()["id"] for _ in range(3)] == [2, 1, 0]


def test_too_many_calls_are_refused_and_the_rest_goes_on(serve):
    s = serve({"name": "wait", "command": ["sleep", "0.5"]})
    for i in range(70):
        s.send("tools/call", {"name": "wait"}, id=i)
    answers = [s.receive()["result"]["isError"] for _ in range(70)]
    assert answers.count(True) == 6 and answers.count(False) == 64


def test_a_cancelled_call_ends_without_an_answer(serve, tmp_path):
    s = serve(
        {"name": "long", "command": ["sh", "-c", f"echo $$ >{tmp_path}/pid; exec sleep 77"]}
    )
    s.send("tools/call", {"name": "long"}, id="x")
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        time.sleep(0.01)
    s.send("notifications/cancelled", {"requestId": "x"})
    assert s.ask("ping")["result"] == {}
    assert is_gone(int((tmp_path / "pid").read_text()))
    assert s.end() == 0


@pytest.mark.parametrize(
    "line, code",
    [
        (b"{", -32700),
        (b"\xff", -32700),
        (b"[]", -32600),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"nothing"}', -32601),
        (b'{"jsonrpc":"2.0","id":1,"method":"tools/call"}', -32602),
        (b"[" * 100000, -32700),
        (b"9" * (9 << 20), -32700),
    ],
)
def test_bad_messages_are_errors_and_it_serves_on(serve, line, code):
    s = serve(SHOW)
    s.p.stdin.write(line + b"\n")
    s.p.stdin.flush()
    assert s.receive()["error"]["code"] == code
    assert s.ask("ping")["result"] == {}
    assert s.end() == 0


def test_a_client_that_never_reads_does_not_make_it_grow(serve):
    s = serve(SHOW)
    line = b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}\n' * 1000
    os.set_blocking(s.p.stdin.fileno(), False)
    end = time.monotonic() + 1
    while time.monotonic() < end:
        try:
            if not os.write(s.p.stdin.fileno(), line):
                break
        except BlockingIOError:
            time.sleep(0.02)
    with open(f"/proc/{s.p.pid}/statm") as f:
        assert int(f.read().split()[1]) * 4096 < 64 << 20


def test_it_ends_with_its_client(serve, tmp_path):
    s = serve(
        {"name": "long", "command": ["sh", "-c", f"echo $$ >{tmp_path}/pid; exec sleep 77"]}
    )
    s.send("tools/call", {"name": "long"}, id=1)
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        time.sleep(0.01)
    s.p.stdout.close()
    assert s.end() == 0
    assert is_gone(int((tmp_path / "pid").read_text()))


def test_a_pipeline_gets_its_answers(coracle, tmp_path):
    (tmp_path / "t.json").write_text(json.dumps({"tools": [SHOW]}))
    (tmp_path / "in").write_text(
        '{"jsonrpc":"2.0","id":1,"method":"tools/call",'
        '"params":{"name":"show","arguments":{"word":"w"}}}\n'
    )
    with open(tmp_path / "in") as f:
        done = subprocess.run(
            [coracle, "tools", tmp_path / "t.json"],
            stdin=f,
            capture_output=True,
            timeout=10,
        )
    assert done.returncode == 0
    assert texts(json.loads(done.stdout)["result"]) == ["first\nw\n"]


def test_sigterm_ends_it(serve):
    s = serve(SHOW)
    assert s.ask("ping")["result"] == {}
    s.p.send_signal(signal.SIGTERM)
    assert s.p.wait(10) == 0


# --- definitions ----------------------------------------------------------------

GOOD = {"name": "t", "command": ["true"]}


@pytest.mark.parametrize(
    "definition, what",
    [
        ("{", "line 1 column 2"),
        ("[]", "the definition: must be an object"),
        ({}, "tools: is missing"),
        ({"tools": []}, "tools: must be a list of 1 to 256"),
        ({"tools": [GOOD], "tool": 1}, "tool: is not known here"),
        ({"tools": [{**GOOD, "name": "a b"}]}, "tools[0].name: must be 1 to 128"),
        ({"tools": [GOOD, GOOD]}, "tools[1].name: is that of an earlier tool"),
        ({"tools": [{"name": "t"}]}, "tools[0].command: must be a list"),
        ({"tools": [{**GOOD, "command": []}]}, "first word must be a program"),
        ({"tools": [{**GOOD, "command": ["{x}"]}]}, "names an argument"),
        ({"tools": [{**GOOD, "command": ["a", "{x}"]}]}, "names an argument"),
        ({"tools": [{**GOOD, "stdin": "x"}]}, "tools[0].stdin: must be {NAME}"),
        ({"tools": [{**GOOD, "roles": ["root"]}]}, "tools[0].roles: must be of agent"),
        ({"tools": [{**GOOD, "timeout_ms": 0}]}, "tools[0].timeout_ms: must be"),
        ({"tools": [{**GOOD, "mutates": "no"}]}, "tools[0].mutates: must be true"),
        ({"tools": [{**GOOD, "timout_ms": 5}]}, "tools[0].timout_ms: is not known"),
        (
            {"tools": [{**GOOD, "inputSchema": {"type": "string"}}]},
            'inputSchema: must be a schema of type "object"',
        ),
        (
            {"tools": [{**GOOD, "inputSchema": schema(x={"pattern": "a"})}]},
            "tools[0].inputSchema.properties.x.pattern: this keyword is not supported",
        ),
    ],
)
def test_mistakes_in_a_definition_are_named(run, tmp_path, definition, what):
    path = tmp_path / "t.json"
    path.write_text(
        definition if isinstance(definition, str) else json.dumps(definition)
    )
    for args in (["--check"], []):
        done = run("tools", *args, str(path))
        assert done.returncode == 78
        assert done.stdout == b""
        assert what in done.stderr.decode()
        assert done.stderr.count(b"\n") == 1


def test_check_is_silent_when_all_is_well(run, tmp_path):
    (tmp_path / "t.json").write_text(json.dumps({"tools": [SHOW, *ROLES]}))
    done = run("tools", "--check", str(tmp_path / "t.json"))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_usage_mistakes(run):
    assert run("tools").returncode == 2
    assert run("tools", "--role", "king", "x").returncode == 2
    assert run("tools", "/does/not/exist").returncode == 78


# --- behind the gateway, with a real client -------------------------------------


def test_behind_the_gateway(coracle, gateway, tmp_path):
    (tmp_path / "t.json").write_text(json.dumps({"tools": [SHOW]}))
    gateway.serve(
        t={
            "transport": "stdio",
            "command": coracle,
            "args": ["tools", str(tmp_path / "t.json")],
        }
    )
    client = gateway.client()
    assert client.names() == ["show"]
    assert client.text("show", word="w") == "first\nw\n"
