# SPDX-License-Identifier: MIT
"""Reading C well enough to check habits: no comments, no strings, functions.

This leans on the layout that clang-format enforces: a function's braces are
alone on their lines, in the first column.
"""

import pathlib
import re
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[2]
LAYERS = ("lib", "net", "init", "applets", "trampoline")

_TOKEN = re.compile(
    r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S
)


def _blank(match):
    """A comment or string as spaces; lines and columns stay."""
    text = match.group()
    if text[0] in "\"'":
        return text[0] + re.sub(r"[^\n]", " ", text[1:-1]) + text[-1]
    return re.sub(r"[^\n]", " ", text)


class Function:
    def __init__(self, name, line, signature, body):
        self.name = name
        self.line = line  # of its opening brace
        self.signature = signature
        self.body = body  # lines between the braces

    def parameters(self):
        inside = self.signature[self.signature.find("(") + 1 :]
        inside = inside[: inside.rfind(")")].strip()
        if inside in ("", "void"):
            return 0
        depth = 0
        count = 1
        for c in inside:
            depth += (c in "([") - (c in ")]")
            count += c == "," and depth == 0
        return count


class Source:
    """One .c or .h file."""

    def __init__(self, path):
        self.path = path
        self.name = path.relative_to(TOP).as_posix()
        self.text = path.read_text()
        self.lines = self.text.split("\n")
        self.code = _TOKEN.sub(_blank, self.text)
        self.code_lines = self.code.split("\n")

    @property
    def layer(self):
        return self.name.split("/")[0]

    def includes(self):
        """(line number, path, is it in quotes?) of each #include."""
        pattern = re.compile(r'\s*#\s*include\s*(["<])([^">]+)')
        for number, line in enumerate(self.lines, 1):
            match = pattern.match(line)
            if match:
                yield number, match[2], match[1] == '"'

    def calls(self, names):
        """(line number, name, text of the arguments) of each call."""
        pattern = re.compile(r"(?<![\w.>])(%s)\s*\(" % "|".join(names))
        for match in pattern.finditer(self.code):
            end = self._closing(match.end() - 1)
            yield (
                self.code.count("\n", 0, match.start()) + 1,
                match[1],
                self.code[match.end() : end],
            )

    def _closing(self, start):
        depth = 0
        for i in range(start, len(self.code)):
            depth += (self.code[i] == "(") - (self.code[i] == ")")
            if depth == 0:
                return i
        return len(self.code)

    def functions(self):
        start = None
        for i, line in enumerate(self.code_lines):
            if line == "{":
                start = i
            elif line == "}" and start is not None:
                signature = self._signature(start)
                name = re.search(r"(\w+)\s*\(", signature)
                if name:
                    body = self.lines[start + 1 : i]
                    yield Function(name[1], start + 1, signature, body)
                start = None

    def _signature(self, brace):
        lines = []
        for line in reversed(self.code_lines[:brace]):
            if not line.strip() or line.rstrip()[-1] in ";}" or line[0] == "#":
                break
            lines.insert(0, line)
        return " ".join(lines)

    def excepted(self, rule, line):
        """Does a comment at, in or just above say `lint: RULE because`?"""
        near = "\n".join(self.lines[max(0, line - 6) : line + 4])
        return f"lint: {rule} because" in near


def sources(folders=LAYERS):
    """All .c and .h files of the given top-level folders."""
    for folder in folders:
        for path in sorted((TOP / folder).rglob("*.[ch]")):
            yield Source(path)


def tracked():
    """Paths of all files that belong to the project."""
    listing = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=TOP,
        stdout=subprocess.PIPE,
        check=False,
    ).stdout
    if listing:
        paths = [TOP / p for p in listing.decode().split("\0") if p]
    else:  # not a checkout
        paths = [
            p for p in TOP.rglob("*") if "build" not in p.relative_to(TOP).parts
        ]
    return [p for p in paths if p.is_file() and not p.is_symlink()]


def texts():
    """(path, text) of each file that is text."""
    for path in tracked():
        data = path.read_bytes()
        if b"\0" not in data:
            yield path, data.decode(errors="replace")
