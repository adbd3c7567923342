# SPDX-License-Identifier: MIT
"""A Docker Engine for the tests.

If one answers already it is used. Otherwise, as root and with dockerd
installed, a private one is started. All its state is in one temporary folder,
it listens on a socket there, it has a network bridge of its own and leaves the
packet filter alone (published ports go through its proxy), so several can run
side by side; containers reach this machine, not what lies beyond. stop()
removes everything again.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time

START_SECONDS = 30


def find(name):
    return shutil.which(
        name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    )


def ip(*args):
    return subprocess.run(
        [find("ip"), *args], stdout=subprocess.PIPE, text=True, check=False
    ).stdout


class Engine:
    def __init__(self):
        self.host = None
        self.folder = None
        self.daemon = None
        self.bridge = None

    # --- for tests -----------------------------------------------------------

    def run(self, *args, timeout=120, check=True, **kw):
        """docker ARGS...; returns its standard output as text."""
        done = self.process(*args, timeout=timeout, **kw)
        if check and done.returncode != 0:
            raise RuntimeError(
                f"docker {' '.join(map(str, args))}: exit {done.returncode}: "
                f"{done.stderr.strip()}"
            )
        return done.stdout.strip()

    def process(self, *args, timeout=120, **kw):
        """docker ARGS...; returns the CompletedProcess, never raises on it."""
        kw.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(
            ["docker", *map(str, args)],
            env=self.env(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=timeout,
            text=True,
            **kw,
        )

    def env(self):
        """An environment in which `docker` speaks to this engine."""
        env = dict(os.environ, DOCKER_BUILDKIT="0")
        if self.host:
            env["DOCKER_HOST"] = self.host
        return env

    # --- life ----------------------------------------------------------------

    def start(self):
        """Returns None, or the reason why there is no engine."""
        if not find("docker"):
            return "no docker client: run make test-deps"
        if self.answers():
            return None
        if os.environ.get("DOCKER_HOST"):
            return f"no engine answers at {os.environ['DOCKER_HOST']}"
        if os.geteuid() != 0:
            return "no engine answers and only root can start one"
        for tool in ("dockerd", "containerd", "runc", "ip"):
            if not find(tool):
                return f"no engine answers and {tool} is not installed"
        reasons = []
        for driver in ("overlay2", "vfs"):
            if self.launch(driver):
                return None
            reasons.append(f"{driver}: {self.last_error()}")
            self.stop()
        return "dockerd does not start: " + "; ".join(reasons)

    def launch(self, driver):
        self.folder = tempfile.mkdtemp(prefix="coracle-docker-", dir="/tmp")
        self.host = f"unix://{self.folder}/docker.sock"
        self.add_bridge()
        config = f"{self.folder}/daemon.json"
        with open(config, "w") as f:
            f.write("{}\n")  # not what the machine may have in /etc
        argv = [
            find("dockerd"),
            f"--host={self.host}",
            f"--data-root={self.folder}/data",
            f"--exec-root={self.folder}/exec",
            f"--pidfile={self.folder}/dockerd.pid",
            f"--storage-driver={driver}",
            f"--bridge={self.bridge}",
            "--iptables=false",
            "--ip-masq=false",
            "--ip-forward=false",
            f"--config-file={config}",
        ]
        env = dict(os.environ, PATH=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        with open(f"{self.folder}/dockerd.log", "wb") as log:
            self.daemon = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=env,
                start_new_session=True,
            )
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.daemon.poll() is None:
            if self.answers():
                return True
            time.sleep(0.1)
        return False

    def add_bridge(self):
        """A bridge with a /24 that no interface of this machine has."""
        used = ip("-4", "-o", "addr")
        number = os.getpid() % 250
        while f" 10.213.{number}." in used:
            number = (number + 1) % 250
        self.bridge = f"coracle{os.getpid()}"[:15]
        ip("link", "add", self.bridge, "type", "bridge")
        ip("addr", "add", f"10.213.{number}.1/24", "dev", self.bridge)
        ip("link", "set", self.bridge, "up")

    def answers(self):
        try:
            return self.process("info", "-f", "{{.ID}}", timeout=10).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def last_error(self):
        """The last line of the daemon's log that is an error."""
        with open(f"{self.folder}/dockerd.log", errors="replace") as log:
            lines = [x.strip() for x in log if x.strip()]
        errors = [x for x in lines if "level=error" in x or "failed" in x]
        return (errors or lines or ["no log"])[-1][:300]

    def stop(self):
        """Stop a private engine and remove all it left; safe to call twice."""
        if not self.folder:
            return
        if self.daemon and self.daemon.poll() is None:
            self.remove_containers()
            self.daemon.send_signal(signal.SIGTERM)
            try:
                self.daemon.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.daemon.pid, signal.SIGKILL)
                self.daemon.wait()
        for mount in reversed(self.mounts()):
            subprocess.run(["umount", "-l", mount], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.bridge:
            ip("link", "delete", self.bridge)
            self.bridge = None
        self.folder = self.daemon = self.host = None

    def remove_containers(self):
        try:
            ids = self.run("ps", "-aq", check=False).split()
            if ids:
                self.process("rm", "-f", *ids)
        except subprocess.TimeoutExpired:
            pass

    def mounts(self):
        """What is mounted below the folder, outermost first."""
        with open("/proc/self/mounts") as table:
            points = [line.split()[1] for line in table]
        return [p for p in points if p.startswith(self.folder + "/")]
