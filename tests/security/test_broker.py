# SPDX-License-Identifier: MIT
"""The broker under attack: PID 1 lives, answers, and serves the others."""

import os
import subprocess

import pytest

from helpers.arena import configuration
from helpers.box import wait_for
from helpers.container import Container

pytestmark = pytest.mark.docker

FRAMES = int(os.environ.get("BROKER_FRAMES", "1000000"))


@pytest.fixture
def place(arenas):
    return arenas("broker")


def flood(place, *words, user="agent"):
    done = place.exec("/usr/bin/flood", *map(str, words), user=user)
    assert done.returncode == 0, done.stderr
    return done.stdout


def memory(place):
    """Resident kilobytes of PID 1, and its open descriptors."""
    out = place.exec("sh", "-c", "grep VmRSS /proc/1/status; ls /proc/1/fd "
                     "| wc -l", user="root").stdout.split()
    return int(out[1]), int(out[3])


def serves(place):
    for user in ("agent", "verifier"):
        done = place.attack("server", user=user)
        assert done.returncode == 0, done.stderr
    done = place.exec("coracle", "ctl", "status", user="agent")
    assert done.returncode == 0


@pytest.mark.timeout(300)
def test_a_million_random_frames_leave_it_answering(place):
    rss, fds = memory(place)
    answered, _, sent = flood(place, "frames", FRAMES, 7).split()
    assert int(sent) >= FRAMES
    assert int(answered) >= int(sent) * 0.99
    serves(place)
    after, fds_after = memory(place)
    assert after < rss + 512
    wait_for(lambda: memory(place)[1] <= fds + 2)


def test_half_open_clients_do_not_keep_others_out(place):
    popen = subprocess.Popen(
        ["docker", "exec", "-u", "agent", place.name, "/usr/bin/flood", "half",
         "300", "3"], env=place.docker.env(), stdout=subprocess.PIPE, text=True)
    assert int(popen.stdout.readline()) > 0
    done = place.attack("server", user="verifier")
    assert done.returncode == 0, done.stderr
    popen.wait(20)
    popen.stdout.close()
    serves(place)


def test_agent_has_only_a_part_of_the_places(place):
    popen = subprocess.Popen(
        ["docker", "exec", "-i", "-u", "agent", place.name, "/usr/bin/flood",
         "programs", "128", "/usr/bin/hold"], env=place.docker.env(),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    started = int(popen.stdout.readline())
    assert 0 < started <= 40
    done = place.attack("server", user="verifier")
    assert done.returncode == 0, done.stderr
    popen.stdin.close()
    popen.wait(20)
    popen.stdout.close()
    wait_for(lambda: "probe" not in place.exec("ps", "-o", "args").stdout)
    serves(place)


def test_floods_of_descriptors_stay_nowhere(place):
    _, fds = memory(place)
    assert int(flood(place, "descriptors", 500)) > 0
    wait_for(lambda: memory(place)[1] <= fds + 2)
    serves(place)


def test_client_that_never_reads_is_cut_off(place):
    assert int(flood(place, "deaf", 20000)) > 0
    serves(place)


def test_socket_cannot_be_replaced_by_others(place):
    done = place.exec("sh", "-c", "rm -f /run/coracle/broker.sock; "
                      "mv /run/coracle /run/x; touch /run/coracle/y",
                      user="agent")
    assert done.returncode != 0
    modes = place.exec("stat", "-c", "%u %a %F", "/run/coracle",
                       "/run/coracle/broker.sock").stdout.splitlines()
    assert modes == ["0 755 directory", "0 777 socket"]
    serves(place)


def test_listener_that_is_not_roots_is_not_asked(arenas):
    """An impersonator would be handed the verifier's descriptors."""
    place = arenas("set-id")
    done = place.exec(
        "sh", "-c", "mkdir -m 777 -p /run/coracle; chmod 777 /run/coracle",
        user="root")
    assert done.returncode == 0
    subprocess.run(
        ["docker", "exec", "-d", "-u", "agent", place.name, "/usr/bin/flood",
         "impersonate", "1"], env=place.docker.env(), check=True)
    wait_for(lambda: place.exec("test", "-S",
                                "/run/coracle/broker.sock").returncode == 0)
    done = place.attack("server", user="verifier")
    place.exec("rm", "-rf", "/run/coracle", user="root")
    assert done.returncode == 0, done.stderr
    assert "status.Uid 10000\t10000" in done.stdout


def test_broker_can_be_turned_off(loaded, image, tmp_path):
    place = Container(loaded, *configuration(
        tmp_path, access={"enabled": False}), image)
    try:
        wait_for(lambda: place.exec("coracle", "ctl",
                                    "status").returncode == 0)
        assert place.exec("test", "-e",
                          "/run/coracle/broker.sock").returncode == 1
        done = place.exec("/usr/bin/server", user="agent")
        assert done.returncode == 0, done.stderr
    finally:
        place.remove()


def test_limits_and_namespaces_of_the_configuration(loaded, image, tmp_path):
    place = Container(loaded, *configuration(
        tmp_path, access={"programs": {"/usr/bin/server": {
            "limits": {"nofile": 55},
            "namespaces": {"mount": True, "pid": True, "network": True}}}}),
        "--cap-add", "SYS_ADMIN", "--security-opt", "apparmor=unconfined",
        image)
    try:
        wait_for(lambda: place.exec("coracle", "ctl",
                                    "status").returncode == 0)
        done = place.exec("/usr/bin/server", user="agent")
        assert done.returncode == 0, done.stderr
        assert "limit.nofile 55\n" in done.stdout
        assert "status.Pid 1\n" in done.stdout
        assert "status.Uid 10000\t10000\t10000\t10000" in done.stdout
    finally:
        place.remove()


@pytest.mark.parametrize("text, message", [
    ('{"access": {"program": {}}}', 'unknown key "access.program"'),
    ('{"access": {"programs": {"x": {}}}}', "absolute path"),
    ('{"access": {"programs": {"/x": {"namespaces": {"pids": true}}}}}',
     "pid"),
    ('{"access": {"stop_ms": -1}}', "stop_ms"),
])
def test_mistakes_in_the_configuration_are_named(run, tmp_path, text, message):
    path = tmp_path / "init.json"
    path.write_text(text)
    done = run("init", "--check", "--config", path)
    assert done.returncode == 78
    assert message in done.stderr.decode()
