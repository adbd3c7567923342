# SPDX-License-Identifier: MIT
"""The official conformance suite, through the gateway.

In front of a server that has what the scenarios need (from the shared data),
in the session-based protocol.
"""

import re

import pytest

pytestmark = pytest.mark.timeout(400)
# names that a scenario expects, and how many of them count
SCORED = 30


@pytest.fixture
def url(gateway, shared, conformance):
    fixture = shared / "tools" / "mcp" / "fixture-stdio.mjs"
    if not fixture.exists():
        pytest.skip(f"no {fixture}")
    gateway.serve(
        fixture={
            "transport": "stdio",
            "command": conformance.node,
            "args": [str(fixture)],
            "env": {"FIXTURE_ERA": "legacy"},
        }
    )
    return gateway.url + "/mcp"


def scenarios(text):
    """{name: passed?} of the suite's summary."""
    rows = re.findall(r"^(\S) (\S+): \d+ passed, (\d+) failed", text, re.M)
    return {name: mark == "\u2713" and bad == "0" for mark, name, bad in rows}


def test_the_released_suite_passes(url, conformance, tmp_path):
    status, text = conformance("stable", url, "-o", str(tmp_path / "out"))
    found = scenarios(text)
    assert [n for n, passed in found.items() if not passed] == [], text
    assert len(found) == SCORED, text
    assert status == 0


def test_the_coming_suite_passes_for_2025_11_25(url, conformance, tmp_path):
    status, text = conformance(
        "next",
        url,
        "--requirements",
        "2025-11-25",
        "-o",
        str(tmp_path / "out"),
    )
    found = scenarios(text)
    assert [n for n, passed in found.items() if not passed] == [], text
    # beside those that count, three that do not yet
    assert len(found) == SCORED + 3, text
    assert status == 0
