# SPDX-License-Identifier: MIT
"""The images: what is in them, and how they behave under a Docker Engine."""

import hashlib
import json
import re
import shutil
import subprocess
import tarfile
import time
import uuid

import pytest

from helpers.container import FLAVOURS

MEGABYTE = 1000 * 1000
USERS = {"root": 0, "environment": 10000, "agent": 10001, "verifier": 10002,
         "sandbox": 10003, "nobody": 65534}


def wait_for(predicate, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if predicate():
            return
        time.sleep(0.05)
    raise AssertionError("waited in vain")


# --- the archives ---------------------------------------------------------------


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_archives_are_reproducible(archives, tmp_path):
    for name, (rootfs, oci, _) in FLAVOURS.items():
        manifests = ["rootfs/manifest"]
        if name == "coracle:shell":
            manifests.append("rootfs/manifest.shell")
        again = tmp_path / "rootfs.tar"
        subprocess.run(["rootfs/assemble", again, *manifests], cwd=archives,
                       check=True, stdout=subprocess.DEVNULL)
        assert digest(again) == digest(archives / rootfs)
        image = tmp_path / "oci.tar"
        subprocess.run(["rootfs/image", image, name, again,
                        "Dockerfile.scratch"], cwd=archives, check=True,
                       stdout=subprocess.DEVNULL)
        assert digest(image) == digest(archives / oci)


def test_archives_have_the_manifests_owners_and_modes(archives):
    with tarfile.open(archives / "build/rootfs.tar") as tar:
        entries = {"/" if m.name == "." else "/" + m.name: m for m in tar}
    for line in open(archives / "rootfs/manifest"):
        words = line.split()
        if not words or words[0] not in "df":
            continue
        m = entries[words[3]]
        assert (f"{m.mode:04o}", f"{m.uid}:{m.gid}") == tuple(words[1:3])
        assert m.mtime == 0


def test_core_image_has_no_shell(archives):
    with tarfile.open(archives / "build/rootfs.tar") as tar:
        names = tar.getnames()
    assert not {"bin/sh", "bin/bash", "bin/busybox"} & set(names)
    assert "usr/bin/coracle" in names


def test_links_are_the_applets(archives):
    applets = subprocess.run([archives / "build/coracle", "--list"],
                             capture_output=True, text=True).stdout.split()
    for path in ("build/rootfs.tar", "build/rootfs-shell.tar"):
        with tarfile.open(archives / path) as tar:
            links = {m.name: m.linkname for m in tar if m.issym()}
        for name in applets:
            assert links[f"bin/{name}"] == "../usr/bin/coracle"
            # nothing else may answer to that name, whatever PATH says
            others = {n for n in links if n.rsplit("/", 1)[-1] == name}
            assert others <= {f"bin/{name}", name}


def test_oci_layout_is_sound(archives):
    for _, oci, _ in FLAVOURS.values():
        with tarfile.open(archives / oci) as tar:
            files = {m.name: tar.extractfile(m).read()
                     for m in tar if m.isfile()}
        for name, data in files.items():
            if name.startswith("blobs/"):
                assert name.endswith(hashlib.sha256(data).hexdigest())
        index = json.loads(files["index.json"])
        blob = index["manifests"][0]["digest"].split(":")[1]
        manifest = json.loads(files[f"blobs/sha256/{blob}"])
        docker = json.loads(files["manifest.json"])[0]
        assert docker["Config"].endswith(
            manifest["config"]["digest"].split(":")[1])
        assert docker["Layers"][0].endswith(
            manifest["layers"][0]["digest"].split(":")[1])


def test_certificates_are_the_packages_own(archives):
    with tarfile.open(archives / "build/rootfs.tar") as tar:
        text = tar.extractfile("etc/ssl/certs/ca-certificates.crt").read()
    assert text.count(b"BEGIN CERTIFICATE") > 50
    assert text.count(b"BEGIN CERT") == text.count(b"END CERT")


# --- under an engine --------------------------------------------------------------


@pytest.mark.docker
@pytest.mark.parametrize("name", FLAVOURS)
def test_size(loaded, name):
    size = int(loaded.run("image", "inspect", "-f", "{{.Size}}", name))
    print(f"{name}: {size:,} bytes")
    assert size <= FLAVOURS[name][2] * MEGABYTE


@pytest.mark.docker
def test_dockerfile_gives_the_same_configuration(loaded, archives):
    tag = f"coracle-test:{uuid.uuid4().hex[:12]}"
    loaded.run("build", "-q", "-f", archives / "Dockerfile.scratch", "-t",
               tag, archives)
    try:
        built = json.loads(loaded.run("image", "inspect", tag))[0]["Config"]
    finally:
        loaded.process("rmi", tag)
    ours = json.loads(
        loaded.run("image", "inspect", "coracle:latest"))[0]["Config"]
    for key in ("Env", "Entrypoint", "Cmd", "Healthcheck", "ExposedPorts"):
        assert built[key] == ours[key], key


@pytest.mark.docker
def test_default_run_is_quiet_and_healthy(start):
    c = start("coracle:latest")
    wait_for(lambda: c.inspect(".State.Health.Status") == "healthy")
    lines = [x for x in c.logs().splitlines() if x.startswith("init:")]
    assert lines == []
    seconds = c.stop()
    print(f"docker stop: {1000 * seconds:.0f} ms")
    assert seconds < 3
    assert c.inspect(".State.ExitCode") == "0"


@pytest.mark.docker
def test_kept_alive_as_harnesses_do(start):
    c = start("coracle:latest", "sh", "-c", "sleep infinity")
    for name in USERS:
        done = c.exec("coracle", "--version", user=name)
        assert done.returncode == 0, (name, done.stderr)
    seconds = c.stop()
    print(f"docker stop: {1000 * seconds:.0f} ms")
    assert seconds < 3
    assert c.inspect(".State.ExitCode") == "143"


@pytest.mark.docker
def test_exec_as_each_user(start):
    c = start("coracle:shell", "sleep", "infinity")
    for name, uid in USERS.items():
        done = c.exec("sh", "-c", "id -u; id -un; echo $HOME", user=name)
        got = done.stdout.split()
        assert got[:2] == [str(uid), name]
        assert got[2] == {"root": "/root", "nobody": "/"}.get(
            name, f"/home/{name}")
    groups = c.exec("id", "-Gn", user="environment").stdout.split()
    assert groups == ["environment", "agent"]


@pytest.mark.docker
def test_who_reaches_what(start):
    c = start("coracle:shell", "sleep", "infinity")

    def can(user, command):
        return c.exec("sh", "-c", command, user=user).returncode == 0

    assert can("agent", "echo x >/filesystem/new")
    assert can("environment", "cat /filesystem/new && rm /filesystem/new")
    assert can("environment", "echo x >/.apps_data/state")
    assert not can("agent", "ls /.apps_data")
    assert not can("sandbox", "ls /.apps_data")
    assert not can("agent", "ls /home/verifier")
    assert can("verifier", "ls /home/agent/workspace")
    assert not can("sandbox", "ls /home/agent")
    assert not can("agent", "cat /etc/shadow")
    assert can("agent", "echo x >/tmp/mine")
    assert not can("sandbox", "rm /tmp/mine")
    assert not can("agent", "kill -9 1")


@pytest.mark.docker
@pytest.mark.parametrize("args, status", [
    (["sh", "-c", "exit 7"], 7), (["sh", "-c", "kill -9 $$"], 137),
    (["nosuch"], 127), (["/etc/passwd"], 126),
])
def test_status(once, args, status):
    assert once("coracle:shell", *args).returncode == status


FLAGS = {
    "plain": [],
    "user": ["--user", "1000"],
    "user-group": ["--user", "1000:1000"],
    "agent": ["--user", "agent"],
    "read-only": ["--read-only"],
    "read-only-tmpfs": ["--read-only", "--tmpfs", "/run", "--tmpfs", "/tmp"],
    "no-capabilities": ["--cap-drop", "ALL"],
    "no-new-privileges": ["--security-opt", "no-new-privileges"],
    "all-at-once": ["--read-only", "--user", "1000", "--cap-drop", "ALL"],
    "init": ["--init"],
    "terminal": ["-t"],
    "no-network": ["--network", "none"],
    "few-processes": ["--pids-limit", "16"],
}


@pytest.mark.docker
@pytest.mark.parametrize("flags", FLAGS.values(), ids=FLAGS.keys())
def test_flags_boot_exec_stop(start, flags):
    c = start(*flags, "coracle:shell", "sh", "-c", "echo up; sleep infinity")
    wait_for(lambda: "up" in c.logs())
    check = "/usr/bin/coracle", "healthcheck"
    wait_for(lambda: c.exec(*check).returncode == 0)
    done = c.exec("sh", "-c", "cat /proc/1/comm; ps | wc -l")
    assert done.returncode == 0, done.stderr
    problems = [x for x in c.logs().splitlines() if "init: error" in x]
    assert problems == []
    seconds = c.stop()
    assert seconds < 3
    assert c.inspect(".State.ExitCode") == "143"


@pytest.mark.docker
def test_gateway_keeps_no_right_of_root(start):
    c = start("coracle:shell", "sleep", "infinity")
    done = c.exec("sh", "-c",
                  "for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline | "
                  "grep -q '^coracle gateway' && cat $p/status; done")
    assert "Uid:\t10000\t10000\t10000\t10000" in done.stdout
    assert "CapEff:\t0000000000000000" in done.stdout
    assert "CapPrm:\t0000000000000000" in done.stdout


@pytest.mark.docker
def test_orphans_of_exec_are_reaped(start):
    c = start("coracle:shell", "sleep", "infinity")
    for _ in range(5):
        c.exec("sh", "-c", "sleep 0.1 & sleep 0.1 & exit 0")
    time.sleep(0.5)
    done = c.exec("sh", "-c", "cat /proc/[0-9]*/stat")
    assert not re.search(r"\) Z ", done.stdout)


@pytest.mark.docker
def test_stop_lets_what_exec_started_end_by_itself(start, loaded):
    c = start("coracle:shell", "sleep", "infinity")
    shell = subprocess.Popen(
        ["docker", "exec", c.name, "sh", "-c",
         "trap 'sleep 0.3; exit 5' TERM; echo up; "
         "while :; do sleep 0.05; done"],
        env=loaded.env(), stdout=subprocess.PIPE, text=True)
    assert shell.stdout.readline() == "up\n"
    assert c.stop() < 4
    assert shell.wait(10) == 5


@pytest.mark.docker
def test_stubborn_command_does_not_take_ten_seconds(start):
    c = start("coracle:shell", "--grace", "1000", "sh", "-c",
              "trap '' TERM; echo up; while :; do sleep 0.1; done")
    wait_for(lambda: "up" in c.logs())
    assert c.stop() < 5
    assert c.inspect(".State.ExitCode") == "137"


@pytest.mark.docker
def test_second_init_starts_no_second_gateway(start):
    c = start("coracle:shell", "sleep", "infinity")
    done = c.exec("coracle", "init", "sh", "-c",
                  "grep -l '^coracle.gateway' /proc/[0-9]*/cmdline; exit 3")
    assert done.returncode == 3
    assert len(done.stdout.split()) == 1
    assert "no second gateway" in done.stderr


@pytest.mark.docker
def test_kill_by_name_reaches_the_command(start, loaded):
    c = start("coracle:shell", "sh", "-c",
              "trap 'echo usr1' USR1; echo up; while :; do sleep 0.05; done")
    wait_for(lambda: "up" in c.logs())
    loaded.run("kill", "-s", "USR1", c.name)
    wait_for(lambda: "usr1" in c.logs())


@pytest.mark.docker
def test_populate_and_snapshot(start, archives, tmp_path):
    c = start("-p", "127.0.0.1:0:8080", "coracle:latest")
    port = c.docker.run("port", c.name, "8080").rsplit(":", 1)[1]
    base = f"http://127.0.0.1:{port}"
    wait_for(lambda: c.inspect(".State.Health.Status") == "healthy")
    if not shutil.which("curl"):
        pytest.skip("no curl: run make test-deps")
    archive = tmp_path / "in.tar.gz"
    subprocess.run(["tar", "-cz", "-f", archive, "lib", "init"],
                   cwd=archives, check=True)
    curl = ["curl", "-sS", "-f", "--noproxy", "*", "--max-time", "20"]
    subprocess.run([*curl, "-F", f"archive=@{archive}",
                    f"{base}/data/populate?subsystem=filesystem"],
                   check=True, stdout=subprocess.DEVNULL)
    out = tmp_path / "out.tar.gz"
    subprocess.run([*curl, "-X", "POST", "-o", out, f"{base}/data/snapshot"],
                   check=True)
    with tarfile.open(out) as tar:
        names = {m.name.removeprefix("./") for m in tar}
    assert "filesystem/init/init.c" in names


# --- the program in somebody else's image -----------------------------------------


@pytest.mark.docker
def test_copied_into_another_image(loaded, archives, start, tmp_path):
    """A foreign base with users of its own, and one COPY."""
    busybox = subprocess.run(
        ["rootfs/fetch", "busybox-static"], cwd=archives, check=True,
        capture_output=True, text=True).stdout.strip() + "/bin/busybox"
    (tmp_path / "base/bin").mkdir(parents=True)
    (tmp_path / "base/etc").mkdir()
    shutil.copy(busybox, tmp_path / "base/bin/busybox")
    for name in ("sh", "id", "cat", "sleep", "ls", "stat"):
        (tmp_path / "base/bin" / name).symlink_to("busybox")
    foreign = "root:x:0:0:root:/:/bin/sh\nme:x:1000:1000::/:/bin/sh\n"
    (tmp_path / "base/etc/passwd").write_text(foreign)
    subprocess.run(["tar", "-c", "--owner=0", "--group=0", "-f",
                    tmp_path / "base.tar", "-C", tmp_path / "base", "."],
                   check=True)
    base = f"coracle-test-base:{uuid.uuid4().hex[:12]}"
    tag = base.replace("base", "copied")
    loaded.run("import", tmp_path / "base.tar", base)
    shutil.copy(archives / "build/coracle", tmp_path / "coracle")
    (tmp_path / "Dockerfile").write_text(
        f"FROM {base}\nCOPY coracle /usr/bin/\n"
        'HEALTHCHECK --interval=1s CMD ["/usr/bin/coracle","healthcheck"]\n'
        'ENTRYPOINT ["/usr/bin/coracle", "init"]\n')
    try:
        loaded.run("build", "-q", "-t", tag, tmp_path)
        c = start(tag, "sleep", "1000")
        wait_for(lambda: c.inspect(".State.Health.Status") == "healthy")
        text = c.exec("cat", "/etc/passwd").stdout
        assert text.startswith(foreign)
        assert "agent:x:10001:10001::/home/agent:/bin/sh\n" in text
        assert c.exec("id", "-u", user="10001").stdout.strip() == "10001"
        assert c.exec("stat", "-c", "%u:%g %a", "/filesystem"
                      ).stdout.strip() == "10000:10001 2775"
        assert c.stop() < 3
        c.remove()
    finally:
        loaded.process("rmi", "-f", tag, base)
