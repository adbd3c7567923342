# SPDX-License-Identifier: MIT
"""Each rule of the house as one test."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import rules  # noqa: E402 (lies beside this file)
import tools  # noqa: E402 (adds its rules)

assert tools


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda r: r.__name__)
def test_lint(rule):
    findings = [f"{file}:{line}: {text}" for file, line, text in rule()]
    assert not findings, "\n" + "\n".join(findings)
