# SPDX-License-Identifier: MIT
"""README and documentation agree with the program."""

import re


def table(top):
    text = (top / "README.md").read_text()
    part = text.split("<!-- applets:")[1].split("<!-- /applets -->")[0]
    return dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", part, re.M))


def test_readme_lists_every_applet_with_its_summary(run, top):
    text = run("--help").stdout.decode()
    listed = dict(re.findall(r"^  (\w+) +(\S.*)$", text.split("applets:")[1], re.M))
    assert table(top) == listed


def test_readme_links_lead_to_files(top):
    for page in [top / "README.md", *(top / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_option_of_the_help_is_accepted(run):
    for name in run("--list").stdout.decode().split():
        text = run(name, "--help").stdout.decode()
        options = re.findall(r"^  (?:-\w, |    )--([a-z-]+)", text, re.M)
        assert "help" in options and "version" in options, name
        version = run(name, "--version")
        assert version.returncode == 0 and b"coracle" in version.stdout
