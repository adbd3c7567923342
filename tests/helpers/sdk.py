# SPDX-License-Identifier: MIT
"""The official SDK clients as child processes."""

import json
import os
import subprocess


class SdkClient:
    """One of the helpers/sdk_client programs."""

    def __init__(self, argv, env, log):
        with open(log, "wb") as err:
            self.process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=err,
                env={**os.environ, **env},
                text=True,
            )
        self.log = log
        assert self.answer() == "connected"

    def answer(self):
        line = self.process.stdout.readline()
        assert line, f"the client ended: {self.log.read_text()}"
        m = json.loads(line)
        assert "ok" in m, m
        return m["ok"]

    def do(self, what, **more):
        self.process.stdin.write(json.dumps({"do": what, **more}) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def names(self):
        return [t["name"] for t in self.do("list")]

    def call(self, name, progress=False, **arguments):
        return self.do(
            "call", name=name, arguments=arguments, progress=progress
        )

    def text(self, name, **arguments):
        result = self.call(name, **arguments)
        assert not result.get("isError"), result
        return result["content"][0]["text"]

    def close(self):
        self.process.stdin.close()
        assert self.answer() == "closed"
        assert self.process.wait(30) == 0
