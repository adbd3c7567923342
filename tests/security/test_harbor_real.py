# SPDX-License-Identifier: MIT
"""The example task in Harbor itself, where it and Compose v2 are installed.

`harbor` is looked for in PATH, or HARBOR_BIN names it (a package of PyPI that
wants Python 3.12); Compose must answer as `docker compose`.
"""

import json
import os
import shutil
import subprocess

import pytest

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def harbor(docker):
    program = os.environ.get("HARBOR_BIN") or shutil.which("harbor")
    if not program:
        pytest.skip("no harbor: pip install harbor, or set HARBOR_BIN")
    if docker.process("compose", "version").returncode:
        pytest.skip("no Compose v2: `docker compose` does not answer")
    return program


@pytest.mark.parametrize("agent, reward", [("oracle", 1), ("nop", 0)])
def test_harbor_gives_the_reward(harbor, docker, top, tmp_path, agent, reward):
    subprocess.run(["make", "-s", "harbor-task"], cwd=top, check=True)
    done = subprocess.run(
        [harbor, "run", "-p", top / "build/harbor-task", "-a", agent,
         "-e", "docker", "-n", "1", "-o", tmp_path, "-y"],
        env={**docker.env(), "HARBOR_TELEMETRY": "off",
             "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=280,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    (trial,) = tmp_path.glob("*/*__*/result.json")
    result = json.loads(trial.read_text())
    assert result["verifier_result"]["rewards"] == {"reward": reward}
