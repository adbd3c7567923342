# SPDX-License-Identifier: MIT
"""The commands that Harbor gives to a container, in its order.

One trial in the shared mode: the image's entrypoint with `sh -c "sleep
infinity"` as its arguments, the three log directories as bind mounts, every
step an exec of `bash -c`. What Harbor ignores is ignored here.
"""

import json
import os
import pathlib

from helpers.container import Container

LOGS = "/logs/verifier /logs/agent /logs/artifacts"


class Trial:
    def __init__(self, docker, image, task, folder, *options, verifier="verifier"):
        self.docker = docker
        self.task = pathlib.Path(task)
        self.logs = folder / "logs"
        self.verifier = verifier
        for name in ("verifier", "agent", "artifacts"):
            (self.logs / name).mkdir(parents=True)
            (self.logs / name).chmod(0o777)
        for part in (folder, *folder.parents[:1]):
            part.chmod(0o755)
        self.box = Container(
            docker, "-v", f"{self.logs}:/logs", *options, image,
            "sh", "-c", "sleep infinity",
        )
        self.bash(f"mkdir -p {LOGS} && chmod 777 {LOGS}", user="root")

    def bash(self, command, user=None, **env):
        options = [x for k, v in env.items() for x in ("-e", f"{k}={v}")]
        options += ["-u", user] if user else []
        return self.docker.process(
            "exec", *options, self.box.name, "bash", "-c", command
        )

    def healthcheck(self, command):
        return self.bash(command).returncode == 0

    def copy(self, folder, to):
        self.docker.run("cp", f"{folder}/.", f"{self.box.name}:{to}")

    def oracle(self):
        """The agent that does the task's own solution."""
        self.copy(self.task / "solution", "/solution")
        self.bash("chmod +x /solution/solve.sh", user="root")
        return self.bash(
            "(/solution/solve.sh) > /logs/agent/oracle.txt 2>&1",
            user="agent", DEBIAN_FRONTEND="noninteractive",
        )

    def give_back(self):
        owner = f"{os.getuid()}:{os.getgid()}"
        for name in LOGS.split():
            self.bash(f"chown -R {owner} {name}", user="root")

    def verify(self):
        """The grading; what the test script printed."""
        self.give_back()
        self.copy(self.task / "tests", "/tests")
        self.bash("chmod +x /tests/test.sh", user="root")
        self.bash(
            "(/tests/test.sh) > /logs/verifier/test-stdout.txt 2>&1",
            user=self.verifier,
        )
        self.give_back()
        return (self.logs / "verifier/test-stdout.txt").read_text()

    def rewards(self):
        """What Harbor reads: (of reward.json, of reward.txt), None: absent."""
        found = []
        for name, read in (("reward.json", json.loads), ("reward.txt", float)):
            path = self.logs / "verifier" / name
            if path.is_symlink() or not path.exists():
                found.append(None)
            else:
                found.append(read(path.read_text()))
        return tuple(found)

    def reward(self):
        """The one value that both files have."""
        as_json, as_text = self.rewards()
        assert as_json is not None and as_json["reward"] == as_text
        return as_text

    def remove(self):
        self.box.remove()
