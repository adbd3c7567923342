# SPDX-License-Identifier: MIT
"""The official conformance suite, through the gateway.

In front of a server that has what the scenarios need, of each of three kinds:
one that speaks session-based revisions only, one that speaks 2026-07-28 only,
one that speaks both. Which of them it is must make no difference.
"""

import re

import pytest
from helpers.gateway import FIXTURE

pytestmark = pytest.mark.timeout(400)
# scenarios that count, by the revision that they are about
SCORED = {"2025-11-25": 30, "2026-07-28": 37}
# further ones that pass: sessions, polling and schemas; headers and schemas
UNSCORED = {"2025-11-25": 3, "2026-07-28": 3}
# of the tasks extension, which servers of sessions do not have
TASKS = 10


@pytest.fixture(params=["legacy", "modern", "both"])
def era(request):
    return request.param


@pytest.fixture
def url(era, gateway, conformance):
    gateway.serve(
        fixture={
            "transport": "stdio",
            "command": conformance.node,
            "args": [str(FIXTURE)],
            "env": {"FIXTURE_ERA": era},
        }
    )
    return gateway.url + "/mcp"


def scenarios(text, *left_out):
    """{name: passed?} of the suite's summary, without those of extensions."""
    rows = re.findall(r"^(\S) (\S+): \d+ passed, (\d+) failed", text, re.M)
    return {
        name: mark == "\u2713" and bad == "0"
        for mark, name, bad in rows
        if not name.startswith(("sep-2640-", *left_out))
    }


def test_the_released_suite_passes(url, conformance, tmp_path):
    status, text = conformance("stable", url, "-o", str(tmp_path / "out"))
    found = scenarios(text, "tasks-")
    assert [n for n, passed in found.items() if not passed] == [], text
    assert len(found) == SCORED["2025-11-25"], text
    assert status == 0


@pytest.mark.parametrize("revision", sorted(SCORED))
def test_the_coming_suite_passes(url, era, revision, conformance, tmp_path):
    status, text = conformance(
        "next",
        url,
        "--requirements",
        revision,
        "-o",
        str(tmp_path / "out"),
    )
    tasks = revision == "2026-07-28" and era != "legacy"
    found = scenarios(text, *(() if tasks else ("tasks-",)))
    assert [n for n, passed in found.items() if not passed] == [], text
    n = SCORED[revision] + UNSCORED[revision] + (TASKS if tasks else 0)
    assert len(found) == n, text
    assert status == 0
