# SPDX-License-Identifier: MIT
"""A container of one of the images."""

import time
import uuid

FLAVOURS = {
    "coracle:latest": ("build/rootfs.tar", "build/coracle.oci.tar", 2),
    "coracle:shell": (
        "build/rootfs-shell.tar", "build/coracle-shell.oci.tar", 6),
}


class Container:
    def __init__(self, docker, *args):
        self.docker = docker
        self.name = f"coracle-test-{uuid.uuid4().hex[:12]}"
        docker.run("run", "-d", "--name", self.name, *args)

    def exec(self, *args, user=None):
        options = ["-u", user] if user else []
        return self.docker.process("exec", *options, self.name, *args)

    def logs(self):
        done = self.docker.process("logs", self.name)
        return done.stdout + done.stderr

    def inspect(self, what):
        return self.docker.run("inspect", "-f", "{{%s}}" % what, self.name)

    def stop(self):
        """Seconds that `docker stop` took."""
        begin = time.monotonic()
        self.docker.run("stop", self.name)
        return time.monotonic() - begin

    def remove(self):
        self.docker.process("rm", "-f", self.name)
