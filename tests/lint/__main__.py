# SPDX-License-Identifier: MIT
"""`make lint`: every rule, or those named; findings as FILE:LINE: MESSAGE."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import rules  # noqa: E402 (lies beside this file)
import tools  # noqa: E402 (adds its rules)

assert tools


def main(wanted):
    found = 0
    for rule in rules.RULES:
        if wanted and rule.__name__ not in wanted:
            continue
        findings = list(rule())
        found += len(findings)
        mark = "FAIL" if findings else "ok"
        print(f"{mark:4}  {rule.__name__:10}  {rule.__doc__}", flush=True)
        for file, line, message in findings:
            print(f"{file}:{line}: {message}", flush=True)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
