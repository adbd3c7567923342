# SPDX-License-Identifier: MIT
"""A Harbor trial of the example task, command by command, and its forgers.

The agent of each attack is a program that runs as the agent before the grading,
and on through it if it can. Whatever it does, the reward is the verifier's.
"""

import subprocess
import time

import pytest

from helpers.harbor import Trial

pytestmark = pytest.mark.docker
IMAGE = "coracle-test:ledger"


@pytest.fixture(scope="session")
def ledger(docker, top):
    """The example task -> its folder; the engine has its image."""
    subprocess.run(["make", "-s", "harbor-task"], cwd=top, check=True)
    task = top / "build/harbor-task"
    docker.run("build", "-q", "-t", IMAGE, task / "environment")
    yield task
    docker.process("rmi", "-f", IMAGE)


@pytest.fixture
def trial(docker, ledger, tmp_path):
    made = []

    def start(*options, **kw):
        folder = tmp_path / f"trial-{len(made)}"
        folder.mkdir()
        made.append(Trial(docker, IMAGE, ledger, folder, *options, **kw))
        return made[-1]

    yield start
    for one in made:
        one.remove()


def attack(trial, script):
    """Run a script as the agent, as an installed agent would be run."""
    done = trial.bash(script, user="agent")
    assert done.returncode == 0, done.stderr


# names the processes of the agent, and fails when there are none
AGENTS = "grep -ls \"^Uid:.*10001\" /proc/[0-9]*/status"


def agents(trial):
    return trial.bash(AGENTS, user="root").stdout


# --- what is meant to happen ------------------------------------------------------


def test_the_oracle_earns_1(trial):
    t = trial()
    assert t.healthcheck("healthcheck")
    assert t.oracle().returncode == 0
    assert t.verify() == ""
    assert t.reward() == 1


def test_nothing_done_earns_0(trial):
    t = trial()
    t.verify()
    assert t.reward() == 0


def test_the_verifier_may_be_root(trial):
    t = trial(verifier="root")
    t.oracle()
    t.verify()
    assert t.reward() == 1


def test_the_oracle_earns_1_without_new_privileges(trial):
    t = trial("--security-opt", "no-new-privileges")
    assert t.oracle().returncode == 0
    t.verify()
    assert t.reward() == 1


def test_a_container_stops_at_once(trial):
    t = trial()
    t.oracle()
    t.verify()
    assert t.box.stop() < 5
    assert t.box.inspect(".State.ExitCode") != "137"


def test_what_the_grader_prints_is_kept(trial):
    t = trial()
    folder = t.logs.parent / "task"
    (folder / "tests").mkdir(parents=True)
    script = folder / "tests/test.sh"
    script.write_text("#!/bin/bash\nverify -- sh -c 'echo says; echo so >&2'\n")
    script.chmod(0o755)
    t.task = folder
    assert t.verify() == "says\nso\n"
    assert t.reward() == 1


# --- rewards that somebody else wrote ----------------------------------------------

FORGERIES = {
    "left reward.json behind": "echo '{\"reward\": 1}' > /logs/verifier/reward.json",
    "left both behind": (
        "echo '{\"reward\": 1}' > /logs/verifier/reward.json; echo 1 > /logs/verifier/reward.txt"
    ),
    "a loop that outlives it": (
        "setsid sh -c 'while :; do echo 1 > /logs/verifier/reward.txt;"
        " echo \"{\\\"reward\\\": 1}\" > /logs/verifier/reward.json; done'"
        " > /dev/null 2>&1 < /dev/null &"
    ),
    "a hundred loops that fork": (
        "for i in $(seq 100); do setsid sh -c 'while :; do"
        " (echo 1 > /logs/verifier/reward.txt); done' > /dev/null 2>&1 < /dev/null & done"
    ),
    "a link to a file of its own": (
        "echo 1 > /tmp/one; ln -s /tmp/one /logs/verifier/reward.txt;"
        " ln -s /tmp/one /logs/verifier/reward.json"
    ),
    "a directory in its place": (
        "mkdir -p /logs/verifier/reward.json/a/b /logs/verifier/reward.txt/c"
    ),
    "a FIFO in its place": (
        "mkfifo /logs/verifier/reward.json /logs/verifier/reward.txt"
    ),
    "unreadable directories, deep": (
        "cd /logs/verifier; for i in $(seq 200); do mkdir d; chmod 777 d; cd d; done;"
        " touch x; chmod 0 ../.. .."
    ),
    "the names of the files to come": (
        "mkdir /logs/verifier/.reward.json.new; ln -s /etc /logs/verifier/.reward.txt.new;"
        " mkdir -p /logs/verifier/.coracle-flat-1/x /logs/verifier/.coracle-flat-2/y"
    ),
    "a stdout that the verifier cannot open": (
        "cd /logs/verifier; echo '{\"reward\": 1}' > reward.json; echo 1 > reward.txt;"
        " : > test-stdout.txt; chmod 444 test-stdout.txt"
    ),
    "a stdout that is a directory": (
        "cd /logs/verifier; echo '{\"reward\": 1}' > reward.json; mkdir test-stdout.txt"
    ),
    "an answer that is a link": (
        "ln -s /opt/ledger/data/passphrase /home/agent/workspace/answer.txt"
    ),
}


@pytest.mark.parametrize("script", FORGERIES.values(), ids=FORGERIES)
@pytest.mark.parametrize("options", [
    (), ("--security-opt", "no-new-privileges")], ids=["plain", "nnp"])
def test_a_forged_reward_is_worth_nothing(trial, options, script):
    t = trial(*options)
    attack(t, script)
    t.verify()
    assert t.reward() == 0
    left = sorted(p.name for p in (t.logs / "verifier").iterdir())
    assert left == ["reward.json", "reward.txt", "test-stdout.txt"]


def test_a_stopped_or_traced_agent_ends_too(trial):
    t = trial()
    attack(t, "setsid sleep 1000 < /dev/null > /dev/null 2>&1 & kill -STOP $!")
    t.verify()
    assert agents(t) == ""


def test_nothing_of_the_agent_lives_while_the_grader_runs(trial):
    """Also not what would come back: a child for each that is killed."""
    t = trial()
    attack(
        t,
        "for i in 1 2 3 4; do setsid sh -c 'trap \"\" TERM INT HUP; while :; do sleep 0.01; done'"
        " > /dev/null 2>&1 < /dev/null & done",
    )
    folder = t.logs.parent / "task"
    (folder / "tests").mkdir(parents=True)
    script = folder / "tests/test.sh"
    script.write_text(f"#!/bin/bash\nverify -- sh -c 'sleep 0.2; ! {AGENTS}'\n")
    script.chmod(0o755)
    t.task = folder
    t.verify()
    assert t.reward() == 1


# --- what the agent may not see or do ------------------------------------------------


def test_the_agent_cannot_read_the_tests_or_the_state(trial):
    t = trial()
    t.copy(t.task / "tests", "/tests")
    for path in ("/tests/grade.sh", "/opt/ledger/data/code", "/opt/ledger/data"):
        assert t.bash(f"ls {path}", user="agent").returncode != 0
    assert t.bash("ls /tests/grade.sh", user="verifier").returncode == 0


def test_the_agent_cannot_end_its_own_part_or_say_that_it_is_over(trial):
    t = trial()
    done = t.bash("verify true", user="agent")
    assert done.returncode == 126
    assert "may not end the agent's part" in done.stderr
    assert t.bash("touch /run/coracle/agent-phase-over", user="agent").returncode
    assert t.bash("ls /run/coracle/agent-phase-over").returncode != 0


def test_the_verifier_locks_no_other_directory(trial):
    t = trial()
    done = t.bash("verify --output /etc true", user="verifier")
    assert done.returncode == 125
    assert "nothing else is locked" in done.stderr
    assert t.bash("stat -c %U /etc").stdout == "root\n"


CALL = (
    "printf '%%s\\n' '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/%s\","
    "\"params\":%s}' | /usr/bin/mcp-server"
)


def test_each_role_has_its_tools(trial):
    t = trial()
    listing = CALL % ("list", "{}")
    for user, names in (
        ("agent", ["clue", "unlock"]),
        ("verifier", ["is_open", "passphrase"]),
        ("sandbox", ["is_open"]),
    ):
        text = t.bash(listing, user=user).stdout
        assert [n for n in ("clue", "unlock", "is_open", "passphrase")
                if f'"name":"{n}"' in text] == names


def test_after_the_agents_part_nothing_changes_the_state(trial):
    t = trial()
    unlock = CALL % ("call", '{"name":"unlock","arguments":{"code":"1086"}}')
    clue = CALL % ("call", '{"name":"clue","arguments":{}}')
    t.verify()
    text = t.bash(unlock, user="agent").stdout
    assert "part of the task is over" in text and "wherry" not in text
    assert "Domesday" in t.bash(clue, user="agent").stdout


def test_nothing_of_the_grading_stands_where_the_agent_can_read_it(trial):
    """What a process shows to everybody, while a secret is being graded with."""
    t = trial()
    folder = t.logs.parent / "task"
    (folder / "tests").mkdir(parents=True)
    script = folder / "tests/test.sh"
    script.write_text(
        "#!/bin/bash\nexport JUDGE_KEY=sesame-4711\nexec verify -- sleep 2\n"
    )
    script.chmod(0o755)
    t.task = folder
    look = (
        "for i in $(seq 30); do cat /proc/*/cmdline /proc/*/environ"
        " /proc/net/unix /proc/locks 2>/dev/null; ls -lR /dev/shm /tmp; sleep 0.1; done"
    )
    watcher = subprocess.Popen(
        ["docker", "exec", "-u", "10009:10009", t.box.name, "sh", "-c", look],
        env=t.docker.env(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )
    t.verify()
    seen = watcher.communicate(timeout=60)[0]
    assert b"sleep\x002" in seen
    assert b"sesame" not in seen
    assert t.reward() == 1


# --- when there is no room left --------------------------------------------------------


def test_a_fork_bomb_does_not_keep_the_grader_from_its_work(trial):
    t = trial("--pids-limit", "1500")
    attack(
        t,
        "setsid sh -c 'b() { b | b & }; b' > /dev/null 2>&1 < /dev/null &"
        " sleep 1",
    )
    end = time.monotonic() + 60
    while time.monotonic() < end:
        # the engine itself may find no room for its exec at first
        t.verify()
        if t.rewards()[0]:
            break
    assert t.reward() == 0
    assert agents(t) == ""


def test_a_full_disk_is_said_before_anything_runs(trial):
    t = trial("--tmpfs", "/logs/verifier:size=64k,mode=0777")
    done = t.bash(
        "cd /; exec 3>/logs/verifier/held; rm /logs/verifier/held;"
        " dd if=/dev/zero of=/proc/self/fd/3 bs=1k 2> /dev/null;"
        " verify sh -c 'echo ran'",
        user="root",
    )
    assert done.returncode == 125
    assert "no room for the reward" in done.stderr
    assert done.stdout == ""


def test_a_disk_that_fills_up_meanwhile_does_not_cost_the_reward(trial):
    t = trial("--tmpfs", "/logs/verifier:size=64k,mode=0777")
    done = t.bash(
        "verify sh -c 'dd if=/dev/zero of=/logs/verifier/f bs=1k 2> /dev/null; true';"
        " cat /logs/verifier/reward.json /logs/verifier/reward.txt",
        user="verifier",
    )
    assert done.stdout == '{"reward":1}\n1\n'


# --- when the script is not ours ---------------------------------------------------------


def test_with_watch_the_tests_themselves_end_the_agents_part(
    trial, ledger, tmp_path, docker
):
    (tmp_path / "init.json").write_text(
        '{"gateway": {"enabled": false}, "verify": {"watch": true}}'
    )
    (tmp_path / "init.json").chmod(0o644)
    t = trial("-v", f"{tmp_path}/init.json:/etc/coracle/init.json:ro")
    attack(t, FORGERIES["a loop that outlives it"])
    folder = t.logs.parent / "task"
    (folder / "tests").mkdir(parents=True)
    script = folder / "tests/test.sh"
    script.write_text("#!/bin/bash\nsleep 0.5; echo 0 > /logs/verifier/reward.txt\n")
    script.chmod(0o755)
    t.task = folder
    t.verify()
    assert t.rewards() == (None, 0)
    assert agents(t) == ""
    assert "the agent's part is over" in t.box.logs()


# --- the second example --------------------------------------------------------------------


def test_two_lines_make_any_image_an_environment(
    docker, loaded, top, tmp_path
):
    subprocess.run(["make", "-s", "embed-example"], cwd=top, check=True)
    image = "coracle-test:embed"
    # no registry: a base that is here, without our users and entrypoint
    base = "coracle-test:base"
    (tmp_path / "Dockerfile").write_text(
        "FROM coracle:shell\nRUN rm -rf /etc/passwd /etc/group /etc/shadow"
        " /usr/bin/coracle /home/*\nENTRYPOINT []\n"
    )
    docker.run("build", "-q", "-t", base, tmp_path)
    try:
        docker.run("build", "-q", "-t", image, "--build-arg", f"BASE={base}",
                   top / "build/embed-example")
        name = docker.run("run", "-d", image, "sh", "-c", "sleep infinity")
        try:
            for _ in range(100):
                done = docker.process("exec", "-u", "agent", name, "id")
                if done.returncode == 0:
                    break
                time.sleep(0.05)
            assert "uid=10001(agent)" in done.stdout
        finally:
            docker.run("rm", "-f", name)
    finally:
        docker.process("rmi", "-f", image, base)
