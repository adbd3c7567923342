# SPDX-License-Identifier: MIT
"""A container with programs behind trampolines, and what one finds there."""

import io
import json
import subprocess
import tarfile

from helpers.container import Container

IMAGE = "coracle-test:security"
ENVIRONMENT, AGENT, VERIFIER, SANDBOX = 10000, 10001, 10002, 10003
ROLES = "allow agent\nallow verifier\nallow sandbox as verifier\n"

# what each command runs: its policy, besides who may run it
COMMANDS = {
    "server": "command /usr/bin/probe dump\ndirectory /opt/server\n"
              "env SERVER=1\n",
    "hold": "command /usr/bin/probe hold\n",
    "crash": "command /usr/bin/probe crash\ndirectory /tmp\n",
    "stubborn": "command /usr/bin/probe stubborn\n",
    "tree": "command /usr/bin/probe tree\n",
    "shell": "command /bin/busybox sh\narg -c\narg id -u; env; echo $IFS\n",
    "bash": "command /bin/bash -c\narg id -u; env; type f\n",
    "python": "command /usr/bin/python3 /opt/python/server.py\n"
              "directory /opt/server\n",
    "tools": "command /usr/bin/coracle tools /opt/tools.json\n",
    "keep": "command /usr/bin/probe dump\nreal-uid caller\n",
    "limited": "command /usr/bin/probe dump\nlimit nofile 99\n",
    "missing": "command /usr/bin/nothing\n",
    "directory": "command /usr/bin\n",
    "plain": "command /etc/passwd\n",
    "lost": "command /usr/bin/probe dump\ndirectory /nowhere\n",
    "quits": "command /bin/busybox sh -c\narg exit 7\n",
    "loose": "command /opt/loose/probe dump\n",
    "broken": "comand /usr/bin/probe\n",
    "empty": "",
    "nobody": "command /usr/bin/probe dump\nuser ghost\n",
}


# with the modules that every server has, and a shell of its own
SERVER = b"""import json, os, random
uid = int(os.popen("id -u").read())
print(os.getuid(), uid, os.environ["CORACLE_CALLER"], end=" ")
print(open("secret").read().strip())
"""


TOOLS = {"tools": [
    {"name": "secret", "description": "What the verifier may know.",
     "command": ["cat", "/opt/server/secret"], "roles": ["verifier"],
     "mutates": False},
    {"name": "wait", "description": "Take a second.",
     "command": ["sleep", "1"], "roles": ["agent"], "mutates": False},
]}


class Tar:
    """An archive of files with owners and modes of our choice."""

    def __init__(self, path):
        self.tar = tarfile.open(path, "w")

    def put(self, path, data, mode=0o644, uid=0, gid=0):
        info = tarfile.TarInfo(path.lstrip("/"))
        info.mode, info.uid, info.gid = mode, uid, gid
        if data is None:
            info.type = tarfile.DIRTYPE
            self.tar.addfile(info)
        else:
            info.size = len(data)
            self.tar.addfile(info, io.BytesIO(data))

    def close(self):
        self.tar.close()


def put_command(tar, name, policy, trampoline):
    """By each way that needs a file of its own: set-id to user, and root."""
    folder = "/etc/coracle/trampoline/usr/bin/"
    for prefix, uid in (("", ENVIRONMENT), ("root-", 0)):
        tar.put(f"/usr/bin/{prefix}{name}", trampoline, 0o6755, uid, uid)
        tar.put(f"{folder}{prefix}{name}",
                (ROLES + policy).encode() if policy else b"")


class Arena(Container):
    """A container; .way is how its commands reach their programs."""

    def __init__(self, docker, way, *options):
        self.way = way
        if way == "broker":
            command = [IMAGE]
        else:  # somebody else's PID 1
            options += ("--entrypoint", "/bin/sleep")
            command = [IMAGE, "1000"]
        super().__init__(docker, *options, *command)

    def path(self, name):
        return f"/usr/bin/{'root-' if self.way == 'set-id-root' else ''}{name}"

    def attack(self, name, *steps, user="agent"):
        """Run a command after the steps -> CompletedProcess."""
        return self.exec("/usr/bin/attack", *steps, "--", self.path(name),
                         user=user)

    def state(self, name, *steps, user="agent"):
        """What the probe found, started that way."""
        done = self.attack(name, *steps, user=user)
        assert done.returncode == 0, done.stderr
        return State(done.stdout)

    def holding(self, name, user="agent"):
        """A command that goes on -> (the exec's Popen, the program's pid)."""
        popen = subprocess.Popen(
            ["docker", "exec", "-i", "-u", user, self.name, self.path(name)],
            env=self.docker.env(), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        return popen, int(popen.stdout.readline())


class State:
    def __init__(self, text):
        self.lists = {"arg": [], "env": [], "fd": []}
        self.values = {}
        for line in text.splitlines():
            key, _, value = line.partition(" ")
            if key in self.lists:
                self.lists[key].append(bytes.fromhex(value).decode())
            elif key == "cwd":
                self.values[key] = bytes.fromhex(value).decode()
            else:
                self.values[key] = value.strip()

    def __getitem__(self, key):
        return self.values[key]

    @property
    def args(self):
        return self.lists["arg"]

    @property
    def env(self):
        return self.lists["env"]

    @property
    def fds(self):
        return sorted(self.lists["fd"])


WAYS = ("broker", "set-id", "set-id-root")


def ready(arena):
    for _ in range(100):
        if arena.exec("coracle", "ctl", "status", "--json").returncode == 0:
            return
    raise AssertionError(arena.logs())


def configuration(tmp_path, **keys):
    """Options that give a container this init.json."""
    path = tmp_path / "init.json"
    path.write_text(json.dumps(keys))
    path.chmod(0o644)
    tmp_path.chmod(0o755)
    return ["-v", f"{path}:/etc/coracle/init.json:ro"]
