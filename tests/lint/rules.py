# SPDX-License-Identifier: MIT
"""The rules of the house that a reader of text can check.

A rule is a generator of (file, line, message) in RULES; its first line of
documentation is what `make lint` prints. An exception is a comment beside the
place, `lint: WORD because REASON`, where the message names the word.
"""

import re

from source import LAYERS, TOP, sources, texts

RULES = []
MAY_INCLUDE = {
    "lib": ("lib",),
    "net": ("lib", "net"),
    "init": ("lib", "init"),
    "applets": ("lib", "net"),
    "trampoline": ("lib", "trampoline"),
}
WRAPPED = {
    "bearssl": ("lib/hash.c", "net/tls.c"),
    "jsmn": ("lib/json.c",),
    "isa-l": ("lib/gzip.c", "lib/crc.c"),
}
BANNED = (
    "strcpy strcat sprintf vsprintf gets strtok strtok_r atoi atol atoll "
    "strncpy strncat stpcpy system popen alloca signal setjmp longjmp "
    "siglongjmp rand srand random tmpnam tempnam mktemp asctime ctime"
).split()
ALLOCATE = "malloc calloc realloc reallocarray free strdup strndup".split()
STDIO = (
    "printf fprintf vprintf vfprintf dprintf vdprintf snprintf vsnprintf "
    "asprintf vasprintf puts putchar fputs fputc putc fopen fdopen freopen "
    "fclose fread fwrite fgets fgetc getc getchar getline getdelim fscanf "
    "sscanf scanf perror fflush setvbuf"
).split()
MAKES_FD = (
    "open openat socket socketpair accept4 pipe2 epoll_create1 signalfd "
    "eventfd timerfd_create memfd_create inotify_init1"
).split()
NEVER_CLOEXEC = "pipe accept dup dup2 epoll_create inotify_init creat".split()
FUNCTION_LINES = 60
FILE_LINES = 600
PARAMETERS = 5


def rule(function):
    RULES.append(function)
    return function


@rule
def layers():
    """lib <- net <- init, applets; lib <- trampoline; never sideways"""
    for s in sources():
        own = s.name.split("/")[1].removesuffix(".c").removesuffix(".h")
        for line, path, quoted in s.includes():
            parts = path.split("/")
            if not quoted or parts[:2] == ["build", "gen"]:
                continue
            if parts[0] in MAY_INCLUDE[s.layer]:
                if path == "lib/applet.h" and s.layer in ("lib", "net"):
                    if s.name != "lib/applet.c":
                        yield s.name, line, f"{path} is for programs"
                continue
            if s.layer == parts[0] == "applets" and (
                parts[1].removesuffix(".h") == own
            ):
                continue
            yield s.name, line, f"{s.layer}/ may not include {path}"


@rule
def wrapped():
    """each upstream library is included by its wrapper only"""
    for s in sources():
        for line, path, _ in s.includes():
            for library, wrappers in WRAPPED.items():
                if path.startswith((library, "igzip")) and (
                    s.name not in wrappers
                ):
                    yield s.name, line, f"{path} belongs to {wrappers[0]}"


@rule
def banned():
    """no function that is unsafe, allocates or prints behind our back"""
    for s in sources():
        names = list(BANNED) + STDIO
        if s.name != "lib/mem.c":
            names += ALLOCATE
        if s.layer in ("lib", "net") and s.name != "lib/applet.c":
            names.append("exit")
        for line, name, _ in s.calls(names):
            if not s.excepted("banned", line):
                yield s.name, line, f"banned: {name}"


@rule
def cloexec():
    """every descriptor is made with CLOEXEC"""
    for s in sources():
        for line, name, arguments in s.calls(MAKES_FD):
            if "CLOEXEC" not in arguments and not s.excepted("cloexec", line):
                yield s.name, line, f"cloexec: {name} without it"
        for line, name, _ in s.calls(NEVER_CLOEXEC):
            if name == "dup2" and s.name == "lib/spawn.c":
                continue
            if not s.excepted("cloexec", line):
                yield s.name, line, f"cloexec: {name} cannot set it"


@rule
def limits():
    """functions of 60 lines and 5 parameters, files of 600 lines at most"""
    for s in sources():
        if len(s.lines) - 1 > FILE_LINES and "lint: long because" not in s.text:
            yield s.name, FILE_LINES, f"long: {len(s.lines) - 1} lines"
        for f in s.functions():
            # signature and body; comments inside count, as readers do
            n = len(f.body)
            said = "lint: long because" in "\n".join(f.body) or s.excepted(
                "long", f.line
            )
            if n > FUNCTION_LINES and not said:
                yield s.name, f.line, f"long: {f.name} has {n} lines"
            if f.parameters() > PARAMETERS and not said:
                yield s.name, f.line, f"long: {f.name} has {f.parameters()} parameters"


@rule
def header():
    """every C file starts with its licence and says what it is"""
    for s in sources((*LAYERS, "tests")):
        if s.lines[0] != "/* SPDX-License-Identifier: MIT */":
            yield s.name, 1, "no SPDX line"
        elif s.name not in "\n".join(s.lines[1:4]):
            yield s.name, 2, f"the header comment does not start with {s.name}"


@rule
def whitespace():
    """no trailing blanks, no CR, one newline at the end"""
    for path, text in texts():
        name = path.relative_to(TOP).as_posix()
        if name.startswith(("tests/fuzz/corpus/", "tests/data/")):
            continue
        for number, line in enumerate(text.split("\n"), 1):
            if line != line.rstrip(" \t\r"):
                yield name, number, "trailing blanks"
        if text and (not text.endswith("\n") or text.endswith("\n\n")):
            yield name, text.count("\n"), "does not end with one newline"


@rule
def applets():
    """every applet has a usage text and a test that names it"""
    tests = "\n".join(
        text
        for path, text in texts()
        if path.is_relative_to(TOP / "tests")
        and not path.is_relative_to(TOP / "tests" / "lint")
    )
    pattern = re.compile(r"^APPLET(?:_NAMED)?\((\w+),(.*?)\);?$", re.M | re.S)
    for s in sources(("init", "applets")):
        for match in pattern.finditer(s.text):
            line = s.text.count("\n", 0, match.start()) + 1
            named = re.match(r'\s*"([\w-]+)"', match[2])
            is_named = match[0].startswith("APPLET_NAMED")
            name = named[1] if is_named else match[1]
            if f"usage: {name}" not in match[2]:
                yield s.name, line, f"{name}: no text with 'usage: {name}'"
            if not re.search(r"\b%s\b" % name, tests):
                yield s.name, line, f"{name}: no file in tests/ names it"
