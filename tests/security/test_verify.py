# SPDX-License-Identifier: MIT
"""The applet verify: scores, failures, statuses, bad input."""

import pytest

from helpers.container import Container

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def box(loaded):
    made = Container(
        loaded, "--tmpfs", "/logs:mode=0755", "coracle:shell",
        "sh", "-c", "sleep infinity",
    )
    yield made
    made.remove()


@pytest.fixture(params=["root", "verifier"])
def grade(request, box):
    """grade(OPTION..., command) -> CompletedProcess, as root and verifier."""

    def run(*args):
        return box.exec("verify", *args, user=request.param)

    box.exec("rm", "-rf", "/logs/verifier")
    return run


def files(box):
    """Name and content of what stands in the output directory."""
    done = box.exec(
        "sh", "-c", "cd /logs/verifier && for f in $(ls -A);"
        " do echo $f $(cat $f); done",
    )
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


def gave(box, number, as_json=None):
    expected = {"reward.txt": number}
    expected["reward.json"] = as_json or '{"reward":%s}' % number
    return files(box) == expected


# --- scores -------------------------------------------------------------------------


@pytest.mark.parametrize("status, number", [(0, "1"), (3, "0")])
def test_the_exit_status_is_the_score(grade, box, status, number):
    done = grade("--", "sh", "-c", f"exit {status}")
    assert done.returncode == status
    assert gave(box, number)


def test_the_last_line_is_the_score(grade, box):
    done = grade("--score", "last-line", "sh", "-c", "echo 0.1; echo ' 0.250 '; echo")
    assert done.returncode == 0
    assert done.stdout == "0.1\n 0.250 \n\n"
    assert gave(box, "0.250")


def test_an_object_keeps_its_other_numbers(grade, box):
    line = '{"reward": 0.5, "style": 2}'
    assert grade("--score", "last-line", "echo", line).returncode == 0
    assert gave(box, "0.5", line)


def test_a_long_output_does_not_cost_the_score(grade, box):
    grade("--score", "last-line", "sh", "-c", "yes | head -c 3000000; echo; echo 0.5")
    assert gave(box, "0.5")


def test_a_file_is_the_score(grade, box):
    done = grade(
        "--score", "file:/home/verifier/score", "sh", "-c",
        'rm -f "$VERIFY_SCORE"; echo 0.75 > "$VERIFY_SCORE"',
    )
    assert done.returncode == 0, done.stderr
    assert gave(box, "0.75")


@pytest.mark.parametrize(
    "make, why",
    [
        ("ln -s /etc/passwd s", "symbolic link"),
        ("mkfifo s", "no regular file"),
        ("mkdir s", "no regular file"),
        ("head -c 70000 /dev/zero > s", "larger than 64 KiB"),
        ("true", "No such file"),
    ],
)
def test_a_score_that_is_no_file_is_a_failure(grade, box, make, why):
    box.exec("sh", "-c", "rm -rf /home/verifier/s")
    done = grade(
        "--score", "file:/home/verifier/s", "sh", "-c", f"cd /home/verifier; {make}"
    )
    assert done.returncode == 1
    assert why in done.stderr and done.stderr.count("\n") == 1
    assert gave(box, "0")


def test_verdicts_are_weighed(grade, box):
    rubric = '[{"criterion":"a","weight":3},{"criterion":"b","weight":1}]'
    box.exec("sh", "-c", f"echo '{rubric}' > /rubric.json")
    grade("--rubric", "/rubric.json", "--score", "last-line", "echo", "[true, false]")
    assert gave(box, "0.7500")


# --- failures -----------------------------------------------------------------------

FAILURES = {
    "no score": (("echo", "fine"), 1, "not JSON"),
    "a crash": (("sh", "-c", "echo 1; kill -SEGV $$"), 139, "the command failed"),
    "a status": (("sh", "-c", "echo 1; exit 4"), 4, "the command failed"),
    "its time": (("sh", "-c", "echo 1; sleep 60"), 124, "ended after 500 ms"),
    "no program": (("/nowhere",), 127, "the command cannot be run"),
    "no executable": (("/etc/passwd",), 126, "the command cannot be run"),
}


@pytest.mark.parametrize("policy", ["zero", "none"])
@pytest.mark.parametrize("command, status, why", FAILURES.values(), ids=FAILURES)
def test_a_failure_is_worth_what_the_policy_says(
    box, policy, command, status, why
):
    box.exec("rm", "-rf", "/logs/verifier")
    if status == 124:
        # whole seconds are what the option takes
        command, why = ("sh", "-c", "echo 1; sleep 60"), "ended after 1000 ms"
    done = box.exec(
        "verify", "--on-failure", policy, "--score", "last-line",
        "--timeout", "1", "--", *command,
    )
    assert done.returncode == status
    assert why in done.stderr
    if policy == "zero":
        assert gave(box, "0")
    else:
        assert files(box) == {}


def test_what_the_command_started_ends_with_it(grade, box):
    grade("--", "sh", "-c", "setsid sleep 4711 > /dev/null 2>&1 & (setsid sh -c 'sleep 4711 & sleep 4711' &) ; sleep 0.2")
    assert gave(box, "1")
    assert "4711" not in box.exec("ps", "-o", "args").stdout


def test_a_grader_that_leaves_something_in_the_rewards_place(grade, box):
    grade(
        "--", "sh", "-c",
        "cd $VERIFY_OUTPUT; mkdir -p reward.json/a/b; ln -s /etc/passwd reward.txt",
    )
    assert gave(box, "1")
    assert "root" in box.exec("cat", "/etc/passwd").stdout


def test_the_command_is_the_verifier(grade):
    done = grade("--", "sh", "-c", "id -u; id -g; id -G; echo $HOME; umask")
    assert done.stdout.split() == ["10002", "10002", "10002", "10001", "/home/verifier", "0022"]


# --- bad input ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "args",
    [
        [], ["--score", "best", "true"], ["--score", "file:x", "true"],
        ["--on-failure", "one", "true"], ["--rubric", "/x", "true"],
        ["--output", "logs", "true"], ["--timeout", "x", "true"],
        ["--end-phase", "now"],
    ],
)
def test_usage_mistakes(run, args):
    done = run("verify", *args)
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 2


@pytest.mark.parametrize("link", ["ln -s /etc /logs/verifier", "echo > /logs/verifier"])
def test_an_output_that_is_no_directory_is_refused(grade, box, link):
    before = box.exec("ls", "-lR", "/etc").stdout
    box.exec("sh", "-c", link)
    done = grade("--", "echo", "ran")
    assert done.returncode == 125
    assert "no directory" in done.stderr and done.stdout == ""
    assert box.exec("ls", "-lR", "/etc").stdout == before


def test_without_init_only_root_can_do_it(loaded):
    box = Container(loaded, "--entrypoint", "/bin/sleep", "coracle:shell", "1000")
    try:
        done = box.exec("verify", "echo", "ran", user="verifier")
        assert done.returncode == 125
        assert "neither are we root" in done.stderr and done.stdout == ""
        assert box.exec("verify", "echo", "ran").returncode == 0
        assert gave(box, "1")
    finally:
        box.remove()


def test_without_the_capability_it_says_so(loaded):
    box = Container(loaded, "--cap-drop", "ALL", "coracle:shell")
    try:
        done = box.exec("verify", "echo", "ran")
        assert done.returncode == 125
        assert "capability setuid" in done.stderr and done.stdout == ""
    finally:
        box.remove()


def test_with_a_read_only_root(loaded):
    box = Container(
        loaded, "--read-only", "--tmpfs", "/logs", "coracle:shell"
    )
    try:
        assert box.exec("verify", "true").returncode == 0
        assert gave(box, "1")
    finally:
        box.remove()


def test_without_proc_it_says_so(loaded):
    box = Container(loaded, "--cap-add", "SYS_ADMIN", "--security-opt",
                    "apparmor=unconfined", "coracle:shell")
    try:
        done = box.exec("sh", "-c", "umount -l /proc && verify echo ran")
        assert done.returncode == 125, done.stderr
        assert "there is no /proc" in done.stderr and done.stdout == ""
    finally:
        box.remove()
