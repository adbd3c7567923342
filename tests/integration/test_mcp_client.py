# SPDX-License-Identifier: MIT
"""The applet mcp: verbs, arguments, eras, people, hostile servers."""

import contextlib
import http.server
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
import time

import pytest

from helpers.gateway import HERE, full_server, server, wait_for


def argv_of(entry):
    return [entry["command"], *entry["args"]]


PLAIN = ["--", *argv_of(server())]
FULL = ["--", *argv_of(full_server())]
SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "title": "Your name"},
        "age": {"type": "integer", "default": 30},
        "boat": {"type": "string", "enum": ["coracle", "raft"]},
        "wet": {"type": "boolean"},
        "mail": {"type": "string"},
    },
    "required": ["name", "boat"],
}


def hostile(mode):
    return ["--", sys.executable, "-I", str(HERE / "mcp_hostile.py"), mode]


@pytest.fixture
def mcp(run):
    """mcp(*args) -> CompletedProcess with text."""

    def go(*args, input=b"", **kw):
        done = run("mcp", *args, input=input, **kw)
        done.out, done.err = done.stdout.decode(), done.stderr.decode()
        return done

    return go


def good(done):
    assert (done.returncode, done.err) == (0, ""), done
    return done.out


# --- verbs ---------------------------------------------------------------------


def test_tools_are_a_table_or_json_or_one_of_them(mcp):
    lines = good(mcp("tools", *PLAIN)).splitlines()
    assert "echo" in lines
    assert lines[-1].split()[:4] == ["odd", "[n]", "[big]", "[a\\tb]"]
    tools = json.loads(good(mcp("tools", "--json", *PLAIN)))["tools"]
    assert [t["name"] for t in tools][:2] == ["echo", "add"]
    assert '"big":{"const":12345678901234567890}' in mcp("tools", "-j", *PLAIN).out
    assert "caf\u00e9" in good(mcp("tools", "odd", *PLAIN))
    assert json.loads(good(mcp("tools", "-j", "add", *PLAIN)))["name"] == "add"
    done = mcp("tools", "absent", *PLAIN)
    assert (done.returncode, done.out) == (1, "")
    assert "no tool 'absent'" in done.err


def test_arguments_are_text_json_or_an_object_on_standard_input(mcp):
    call = ["call", "received"]
    line = good(mcp(*call, "a=1", "b:=[1.0e2, null]", "c=x=y", *PLAIN))
    sent = json.loads(line)["params"]
    assert sent["name"] == "received"
    assert sent["arguments"] == {"a": "1", "b": [100.0, None], "c": "x=y"}
    assert "1.0e2" in line  # as it was typed
    given = b'{"a":\n {"b": "\\u00e9"}}\n'
    sent = json.loads(good(mcp(*call, "-", "z=1", *PLAIN, input=given)))
    assert sent["params"]["arguments"] == {"a": {"b": "\u00e9"}, "z": "1"}
    assert json.loads(good(mcp(*call, *PLAIN)))["params"]["arguments"] == {}


@pytest.mark.parametrize(
    "args, why",
    [
        (["a"], "KEY=TEXT"),
        (["=1"], "KEY=TEXT"),
        (["a:=[1"], "no JSON behind :="),
        (["a=1", "a=2"], "given twice"),
        (["a=1", "-"], "given twice"),
    ],
)
def test_arguments_that_cannot_be_are_usage_errors(mcp, args, why):
    done = mcp("call", "echo", *args, *PLAIN, input=b'{"a": 2}')
    assert (done.returncode, done.out) == (2, "")
    assert why in done.err and "--help" in done.err


def test_standard_input_must_be_an_object(mcp):
    for text in (b"", b"[1]", b'{"a":1,"a":2}', b'{"a"'):
        assert mcp("call", "echo", "-", *PLAIN, input=text).returncode == 2


@pytest.mark.parametrize(
    "args, why",
    [
        ([], "it wants a verb"),
        (["dance"], "no verb 'dance'"),
        (["call"], "the NAME of a tool"),
        (["ping", "x"], "no argument"),
        (["ping", "--era", "new"], "--era"),
        (["log", "--level", "loud"], "--level"),
        (["tools", "-H", "x", "--", "true"], "Name: value"),
        (["tools", "-e", "x", "--", "true"], "NAME=VALUE"),
        (["tools", "--"], "no COMMAND"),
        (["complete", "greet", "name", "--", "true"], "NAME=BEGINNING"),
        (["get", "greet", "a:=1", "--", "true"], "KEY=TEXT"),
    ],
)
def test_usage_errors(mcp, args, why):
    done = mcp(*args)
    assert (done.returncode, done.out) == (2, "")
    assert why in done.err


def test_a_tool_s_error_is_status_1_and_its_text_is_shown(mcp):
    done = mcp("call", "fail", *PLAIN)
    assert (done.returncode, done.out) == (1, "this failed\n")
    done = mcp("call", "--json", "fail", *PLAIN)
    assert done.returncode == 1 and json.loads(done.out)["isError"] is True
    done = mcp("call", "error", *PLAIN)
    assert (done.returncode, done.out) == (1, "")
    assert done.err.count("\n") == 1 and "no such thing (-1)" in done.err


def test_resources_prompts_completion(mcp, tmp_path):
    assert "test://item/{id}/data" in good(mcp("resources", *FULL))
    shown = json.loads(good(mcp("resources", "-j", *FULL)))
    assert shown["resources"][0]["uri"] == "test://a"
    assert good(mcp("read", "test://a", *FULL)) == "full"
    file = tmp_path / "a"
    assert good(mcp("read", "test://a", "-o", file, *FULL)) == ""
    assert file.read_text() == "full"
    done = mcp("read", "x", *PLAIN)
    assert done.returncode == 1 and "resources/read" in done.err
    assert "greet" in good(mcp("prompts", *FULL))
    assert "ann" in good(mcp("get", "greet", "name=ann", *FULL))
    done = mcp("complete", "greet", "name=a", *FULL)
    assert done.returncode == 0 and done.out
    assert mcp("complete", "test://item/{id}/data", "id=", *FULL).returncode == 0


def test_bytes_of_a_resource_arrive_whole(mcp, node_modules):
    everything = node_modules / "@modelcontextprotocol/server-everything"
    command = ["--", "node", everything / "dist" / "index.js"]
    link = json.loads(
        good(mcp("call", "-j", "get-resource-reference",
                 "resourceType=Blob", "resourceId:=2", *command))
    )
    (uri,) = (
        c["resource"]["uri"] for c in link["content"] if "resource" in c
    )
    assert b"base64 blob" in mcp("read", uri, *command).stdout


# --- where the server is ----------------------------------------------------------


@pytest.mark.parametrize("era", ["legacy", "modern", "auto"])
def test_through_the_gateway_in_both_eras(mcp, gateway, era):
    gateway.serve(one=full_server())
    url = gateway.url + "/mcp"
    options = ["--era", era, url]
    assert "coracle" in good(mcp("ping", *options))
    assert "received" in good(mcp("tools", *options))
    assert good(mcp("read", *options, "test://a")) == "full"
    named = {"CORACLE_MCP": url}
    assert "received" in good(mcp("tools", "--era", era, env=named))
    port = {"CORACLE_PORT": str(gateway.port)}
    assert "received" in good(mcp("tools", "--era", era, env=port))
    assert gateway.request("GET", "/apps").json()["sessions"] == 0


def test_by_the_transport_of_2024(mcp, gateway):
    gateway.serve(one=server())
    url = gateway.url + "/sse"
    assert good(mcp("call", url, "echo", "text=a")) == "a\n"
    wait_for(
        lambda: gateway.request("GET", "/apps").json()["sessions"] == 0,
        what="its session ends",
    )


def test_headers_and_bearer_reach_the_server(mcp):
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            seen.append(self.headers)
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    with serving(Handler) as url:
        done = mcp("ping", url, "-b", "tok", "-H", "X-Boat: coracle")
    assert done.returncode == 1 and "HTTP 401" in done.err
    assert seen[0]["Authorization"] == "Bearer tok"
    assert seen[0]["X-Boat"] == "coracle"


def test_a_server_that_cannot_be_reached_is_one_line_and_status_1(mcp):
    for target in (["http://127.0.0.1:1/mcp"], ["unix:/no/such"],
                   ["--", "/no/such"], ["--", "false"]):
        done = mcp("ping", *target)
        assert (done.returncode, done.out) == (1, ""), done
        assert done.err.count("\n") == 1, done.err
    done = mcp("ping", "--", "sh", "-c", "echo leaking >&2; exit 4")
    assert "exit 4" in done.err and "leaking" in done.err


def test_the_command_gets_its_environment_and_roots(mcp, tmp_path):
    args = ["call", "env", "-e", "BOAT=coracle", *PLAIN]
    assert json.loads(good(mcp(*args)))["BOAT"] == "coracle"
    ask = ["call", "ask", "method=roots/list", "--root", tmp_path, *FULL]
    roots = json.loads(good(mcp(*ask)))["result"]["roots"]
    assert roots == [{"uri": f"file://{tmp_path}"}]


# --- what servers ask, tell, and how long they take ------------------------------------


def test_without_a_terminal_a_question_is_declined_and_that_is_said(mcp):
    params = json.dumps({"message": "who?", "requestedSchema": SCHEMA})
    done = mcp("call", "ask", "method=elicitation/create",
               f"params:={params}", *FULL)
    assert json.loads(done.out)["result"] == {"action": "decline"}
    assert "who?" in done.err and "declined" in done.err
    done = mcp("call", "ask", "method=sampling/createMessage", "params:={}",
               *FULL)
    assert json.loads(done.out)["error"]["code"] == -32601


def at_terminal(coracle, args, answers):
    """Run with a terminal on 0 and 2; (status, stdout, what was shown)."""
    ours, theirs = pty.openpty()
    out, out_end = os.pipe()
    process = subprocess.Popen(
        [coracle, "mcp", *map(str, args)],
        stdin=theirs, stdout=out_end, stderr=theirs, start_new_session=True,
    )
    os.close(theirs)
    os.close(out_end)
    shown, left = b"", list(answers)
    end = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < end:
        if select.select([ours], [], [], 0.05)[0]:
            with contextlib.suppress(OSError):
                shown += os.read(ours, 65536)
        if left and shown.endswith(left[0][0]):
            os.write(ours, left.pop(0)[1])
    process.kill()
    status = process.wait()
    text = b""
    while piece := os.read(out, 65536):
        text += piece
    os.close(out)
    os.close(ours)
    return status, text.decode(), shown.decode()


def test_a_person_at_a_terminal_is_asked(coracle):
    params = json.dumps(
        {"message": "who \x1b[31m are you?", "requestedSchema": SCHEMA}
    )
    args = ["call", "ask", "method=elicitation/create", f"params:={params}"]
    answers = [
        (b"string: ", b"Ann\n"),
        (b"(optional): ", b"old\n"),   # no integer: asked again
        (b"(optional): ", b"\n"),      # the default
        (b"string: ", b"2\n"),         # by number
        (b"(optional): ", b"yes\n"),
        (b"(optional): ", b"\n"),      # left out
    ]
    status, out, shown = at_terminal(coracle, args + FULL, answers)
    assert status == 0, shown
    assert json.loads(out)["result"] == {
        "action": "accept",
        "content": {"name": "Ann", "age": 30, "boat": "raft", "wet": True},
    }
    assert "\x1b[31m" not in shown and "that does not fit" in shown
    assert "1) coracle" in shown and "Your name" in shown


def test_the_end_of_input_declines_a_form(coracle):
    params = json.dumps({"message": "who?", "requestedSchema": SCHEMA})
    args = ["call", "ask", "method=elicitation/create", f"params:={params}"]
    status, out, _ = at_terminal(coracle, args + FULL, [(b"string: ", b"\x04")])
    assert status == 0
    assert json.loads(out)["result"] == {"action": "decline"}


def test_progress_is_shown_on_a_terminal_only(coracle, mcp):
    call = ["call", "progress", "steps:=3", "delay:=0.05"]
    assert good(mcp(*call, *PLAIN)) == "done\n"
    _, out, shown = at_terminal(coracle, call + PLAIN, [])
    assert out == "done\n" and "2/3" in shown
    _, out, shown = at_terminal(coracle, [*call, "-q", *PLAIN], [])
    assert out == "done\n" and "2/3" not in shown


def test_a_call_that_takes_too_long_is_given_up(mcp, tmp_path):
    record = tmp_path / "record"
    command = ["--", *argv_of(server(f"--record={record}"))]
    done = mcp("call", "never", "-t", "1", *command)
    assert done.returncode == 1 and "no answer in time" in done.err
    assert "notifications/cancelled" in record.read_text()
    # progress is a sign of life, but not for --max-time
    slow = ["call", "progress", "steps:=4", "delay:=0.5"]
    assert good(mcp(*slow, "-t", "1", *PLAIN)) == "done\n"
    assert mcp(*slow, "--max-time", "1", *PLAIN).returncode == 1
    # a server that says nothing at all is not waited for any longer either
    done = mcp("ping", "--max-time", "1", "--", "sleep", "100")
    assert done.returncode == 1 and "in time" in done.err


def test_ctrl_c_cancels_and_is_status_130(coracle, tmp_path):
    record = tmp_path / "record"
    command = argv_of(server(f"--record={record}"))
    process = subprocess.Popen(
        [coracle, "mcp", "call", "never", "--", *command]
    )
    wait_for(lambda: record.exists() and "tools/call" in record.read_text(),
             what="the call is under way")
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    assert "notifications/cancelled" in record.read_text()


@contextlib.contextmanager
def following(coracle, *args):
    """next_line() of a client that follows something; ended by Ctrl-C."""
    process = subprocess.Popen(
        [coracle, "mcp", *map(str, args)], stdout=subprocess.PIPE, text=True
    )

    def next_line(stir):
        while not select.select([process.stdout], [], [], 0.1)[0]:
            assert process.poll() is None
            stir()
        return process.stdout.readline()

    try:
        yield next_line
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        process.stdout.close()


def test_the_log_is_followed(coracle, gateway):
    gateway.serve(one=full_server())
    client = gateway.client()
    note = {
        "method": "notifications/message",
        "params": {"level": "error", "logger": "deck", "data": "pump \x1b"},
    }
    command = ["log", "--level", "warning", gateway.url + "/mcp"]
    with following(coracle, *command) as next_line:
        # between calls it goes to all that listen
        line = next_line(lambda: client.result("tell_later", notes=[note]))
        assert line == "error deck: pump \\x1b\n"


def test_changes_are_followed(coracle, gateway):
    gateway.serve(one=full_server())
    client = gateway.client()
    url = gateway.url + "/mcp"
    changed = {
        "method": "notifications/resources/updated",
        "params": {"uri": "test://a"},
    }
    with following(
        coracle, "watch", "--era", "legacy", url, "test://a"
    ) as next_line:
        line = next_line(lambda: client.result("tell", notes=[changed]))
        assert line == "notifications/resources/updated test://a\n"
    with following(
        coracle, "watch", "--json", "--era", "legacy", url
    ) as next_line:
        sets = [{"two": server("--tools=x")}, {"one": full_server()}] * 50
        line = next_line(lambda: gateway.serve(**sets.pop()))
        assert "list_changed" in json.loads(line)["method"]


# --- hostile servers --------------------------------------------------------------------


@contextlib.contextmanager
def serving(handler):
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    httpd.daemon_threads = True
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{httpd.server_port}/mcp"
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()


@pytest.mark.parametrize(
    "args, mode, why",
    [
        (["tools"], "same-cursor", "no end"),
        (["tools"], "endless-list", "no end"),
        (["tools"], "old", "no revision"),
        (["read", "x"], "any", "neither text nor base64"),
        (["ping"], "any", "-32601"),
        (["call", "x", "-t", "1"], "wrong-id", "no answer in time"),
        (["call", "x", "-t", "1"], "endless-notes", "no answer in time"),
        (["call", "x", "--max-time", "2"], "endless-questions", "in time"),
        (["call", "x"], "oversize", "64 MiB"),
        (["call", "x"], "oversize-tail", "64 MiB"),
    ],
)
def test_a_hostile_server_is_one_line_and_status_1(mcp, args, mode, why):
    done = mcp(*args, *hostile(mode))
    assert (done.returncode, done.out) == (1, ""), done
    assert why in done.err and "\x1b" not in done.err
    assert done.err.count("\n") == 1, done.err


@pytest.mark.parametrize(
    "args, mode, out",
    [
        (["tools"], "odd-shapes", "\n\n"),
        (["tools"], "not-a-list", ""),
        (["call", "x"], "garbage", "survived\n"),
        (["call", "x"], "two-answers", ""),
        (["call", "x"], "bad-base64", "[image]\n"),
        (["call", "x"], "no-shape", ""),
    ],
)
def test_odd_answers_are_shown_as_far_as_they_go(mcp, args, mode, out):
    done = mcp(*args, *hostile(mode))
    assert (done.returncode, done.out) == (0, out), done


def test_nothing_that_a_server_says_steers_the_terminal(mcp):
    out = good(mcp("tools", *hostile("escapes")))
    assert out.count("\n") == 1
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", out)
    assert "\\x1b" in out


@pytest.mark.parametrize("kind", ["comments", "notes", "data", "cut", "empty"])
def test_event_streams_without_an_answer(mcp, kind):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            note = b'data: {"jsonrpc":"2.0","method":"notifications/x"}\n\n'
            piece = {"comments": b": x\n" * 1000, "notes": note * 100,
                     "data": b"data: " + b"x" * 65536 + b"\n"}.get(kind)
            with contextlib.suppress(OSError):
                while piece:
                    self.wfile.write(piece)
                if kind == "cut":
                    self.wfile.write(b"data: {")

        do_GET = do_DELETE = lambda self: self.send_error(405)

        def log_message(self, *args):
            pass

    with serving(Handler) as url:
        done = mcp("ping", url, "--era", "legacy", "-t", "2")
    assert (done.returncode, done.out) == (1, ""), done
    assert done.err.count("\n") == 1, done.err
