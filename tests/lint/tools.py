# SPDX-License-Identifier: MIT
"""The rules that other programs check: format, static analysis, syntax."""

import os
import re
import shutil
import subprocess
import sys
from urllib.parse import urlsplit

from rules import rule
from source import LAYERS, TOP, sources, texts, tracked


def output(*argv):
    """(exit status, output of both kinds) of a command run at the top."""
    done = subprocess.run(
        argv,
        cwd=TOP,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return done.returncode, done.stdout.decode(errors="replace")


def complaints(text):
    """FILE:LINE: MESSAGE lines of a tool's output as findings."""
    for match in re.finditer(r"^([^\s:][^:\n]*):(\d+):(.*)$", text, re.M):
        yield match[1], int(match[2]), match[3].lstrip("0123456789: ")


def checked(status, text):
    """The findings in a tool's output; one at least when it failed."""
    found = list(complaints(text))
    if status != 0 and not found:
        found = [("-", 0, text.strip()[-400:])]
    return found


@rule
def format():
    """clang-format has nothing to change"""
    files = [s.name for s in sources((*LAYERS, "tests"))]
    if files:
        yield from checked(
            *output("clang-format", "--dry-run", "-Werror", *files)
        )


@rule
def cppcheck():
    """cppcheck has nothing to say"""
    folders = [d for d in LAYERS if any((TOP / d).rglob("*.c"))]
    if folders:
        (TOP / "build" / "cppcheck").mkdir(parents=True, exist_ok=True)
        yield from checked(
            *output(
                "cppcheck",
                "--quiet",
                "--enable=warning,performance,portability",
                "--inline-suppr",
                "--std=c11",
                "--platform=unix64",
                "--library=posix,gnu",
                "--template={file}:{line}: {id}: {message}",
                "--template-location=",
                "--error-exitcode=1",
                "--cppcheck-build-dir=build/cppcheck",
                "-D_GNU_SOURCE",
                "-I.",
                *folders,
            )
        )


@rule
def scripts():
    """shell and Python scripts parse; Python has no unused names"""
    python = []
    for path, text in texts():
        name = path.relative_to(TOP).as_posix()
        first = text.split("\n", 1)[0]
        if path.suffix == ".py" or "python" in first and first[:2] == "#!":
            python.append(name)
        elif first.startswith(("#!/bin/sh", "#!/bin/bash")):
            shell = first.split("/")[2].split()[0]
            status, text = output(shell, "-n", name)
            if status != 0:
                yield name, 1, text.strip()
    if python:
        yield from checked(*output(sys.executable, "-m", "pyflakes", *python))


def registry_hosts():
    """Host names of the package registries that this machine is set up with."""
    urls = []
    lists = ["/etc/apt/sources.list"]
    if os.path.isdir("/etc/apt/sources.list.d"):
        lists += [
            os.path.join("/etc/apt/sources.list.d", f)
            for f in os.listdir("/etc/apt/sources.list.d")
        ]
    for name in lists:
        if os.path.isfile(name):
            with open(name, errors="replace") as f:
                urls += re.findall(r"\w+://[^\s\]]+", f.read())
    urls += [v for k, v in os.environ.items() if k.endswith("INDEX_URL")]
    if shutil.which("npm"):
        urls += output("npm", "config", "get", "registry")[1].split()
    index = "from pip._internal.models.index import PyPI; print(PyPI.url)"
    urls += output(sys.executable, "-c", index)[1].split()
    urls += output(sys.executable, "-m", "pip", "config", "list")[1].split("'")
    hosts = {urlsplit(u).hostname for u in urls if "://" in u}
    return {h for h in hosts if h and "." in h and not h[-1].isdigit()}


@rule
def places():
    """no file names a package registry or the place of this checkout"""
    words = registry_hosts()
    if len(TOP.parts) > 2:  # "/src" alone would be found everywhere
        words.add(str(TOP))
    for path, text in texts():
        for word in words:
            found = re.search(re.escape(word) + r"(?![\w-])", text)
            if found:
                line = text.count("\n", 0, found.start()) + 1
                yield path.relative_to(TOP).as_posix(), line, f"names {word}"


@rule
def size():
    """nothing big or built is in the tree"""
    for path in tracked():
        name = path.relative_to(TOP).as_posix()
        if path.stat().st_size > 256 * 1024:
            yield name, 0, f"{path.stat().st_size} bytes"
        if path.read_bytes()[:4] == b"\x7fELF":
            yield name, 0, "is a built program"
