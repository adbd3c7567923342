# SPDX-License-Identifier: MIT
"""What a program behind the trampoline must find, whatever its caller did."""

ENV = [
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/home/environment",
    "USER=environment",
    "LOGNAME=environment",
    "SHELL=/bin/sh",
    "LANG=C.UTF-8",
    "CORACLE_CALLER=agent",
    "CORACLE_CALLER_UID=10001",
    "SERVER=1",
]

HOSTILE = {
    "python": ["PYTHONPATH=/tmp/evil", "PYTHONHOME=/tmp", "PYTHONSTARTUP=/x"],
    "uv": ["UV_PROJECT=/tmp", "UV_PYTHON=/tmp/p", "UV_CONFIG_FILE=/tmp/c"],
    "loader": ["LD_PRELOAD=/tmp/x.so", "LD_LIBRARY_PATH=/tmp", "LD_AUDIT=x",
               "GCONV_PATH=/tmp", "MALLOC_CHECK_=3"],
    "shell": ["BASH_ENV=/tmp/x", "ENV=/tmp/x", "IFS=/", "SHELLOPTS=xtrace",
              "BASH_FUNC_f%%=() { echo forged; }", "PS4=$(id)"],
    "places": ["HOME=/tmp", "TMPDIR=/tmp", "PATH=/tmp", "XDG_CONFIG_HOME=/tmp",
               "SSL_CERT_FILE=/tmp/c", "HTTPS_PROXY=http://x", "GIT_DIR=/tmp"],
    "forged": ["CORACLE_CALLER=verifier", "CORACLE_CALLER_UID=10002",
               "CORACLE_CALLER_UID=0"],
    "twice": ["PATH=/tmp", "PATH=/tmp/b", "A=1", "A=2"],
    "odd": ["noequals", "=empty", "=", "A=B=C", "PATH"],
}


def check(state, user="agent", uid="10001"):
    env = [x.replace("CORACLE_CALLER=agent", f"CORACLE_CALLER={user}")
           .replace("10001", uid) for x in ENV]
    assert state.env == env
    assert state.args == ["/usr/bin/probe", "dump"]
    assert state.fds == ["0", "1", "2"]
    assert state["status.Uid"] == "10000\t10000\t10000\t10000"
    assert state["status.Gid"] == "10000\t10000\t10000\t10000"
    for caps in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(state[f"status.{caps}"], 16) == 0
    for signals in ("SigBlk", "SigIgn", "SigPnd", "ShdPnd", "SigCgt"):
        assert int(state[f"status.{signals}"], 16) == 0, signals
    assert state["status.NoNewPrivs"] == "1"
    assert state["cwd"] == "/opt/server"
    assert int(state["umask"]) == 0o077
    assert state["limit.core"] == "0"
    assert state["timer"] == "0"
    assert state["session"] == "1"
    assert state["secure"] == "0"
    assert state["regain"] == "0"
