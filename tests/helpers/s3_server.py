# SPDX-License-Identifier: MIT
"""A store that verifies signatures, for tests: versitygw on a directory."""

import os
import pathlib
import shutil
import socket
import subprocess
import time

BUILD = pathlib.Path(__file__).resolve().parents[2] / "build"
KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
}


def program():
    """versitygw of build/go/bin or of PATH, or None."""
    own = BUILD / "go" / "bin" / "versitygw"
    return str(own) if own.exists() else shutil.which("versitygw")


class Store:
    """A running store; .url, .env (to reach it with keys), .stop()."""

    def __init__(self, where, certificate=None):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        data = where / "data"
        data.mkdir()
        keys = {
            "ROOT_ACCESS_KEY": KEYS["AWS_ACCESS_KEY_ID"],
            "ROOT_SECRET_KEY": KEYS["AWS_SECRET_ACCESS_KEY"],
        }
        options = ["--quiet", "--keep-alive", "--port", f"127.0.0.1:{port}"]
        if certificate:
            options += ["--cert", str(certificate[0]), "--key", str(certificate[1])]
        self.log = open(where / "log", "wb")
        self.process = subprocess.Popen(
            [program(), *options, "posix", str(data)],
            env=dict(os.environ, **keys), stdout=self.log, stderr=self.log,
            stdin=subprocess.DEVNULL,
        )
        scheme = "https" if certificate else "http"
        self.url = f"{scheme}://127.0.0.1:{port}"
        self.env = environment(self.url)
        self._wait(port)

    def _wait(self, port):
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("the store does not start")

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
        self.log.close()


def environment(url):
    """Variables for a store at url, and nothing from outside."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    env.update(KEYS, AWS_ENDPOINT_URL=url, AWS_EC2_METADATA_DISABLED="true")
    env["HOME"] = "/nonexistent"
    return env
