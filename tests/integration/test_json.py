# SPDX-License-Identifier: MIT
"""The JSON reader and Python's agree on thousands of texts, good and bad."""

import json
import random
import struct
import subprocess

import pytest

DEPTH_MAX = 128
DUPLICATE = -7


class Twice(Exception):
    """An object has a key two times."""


def unique(pairs):
    if len({key for key, _ in pairs}) != len(pairs):
        raise Twice
    return dict(pairs)


def number(text):
    """A number is its text: 1.0 and 1.00 are two, and neither is "1"."""
    return ("number", text)


def refuse(word):
    raise ValueError(word)


def depth_of(value):
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


def lone_surrogates(value):
    if isinstance(value, dict):
        return any(map(lone_surrogates, [*value, *value.values()]))
    if isinstance(value, list):
        return any(map(lone_surrogates, value))
    return isinstance(value, str) and any(0xD800 <= ord(c) < 0xE000 for c in value)


def read(text, hook=unique):
    return json.loads(
        text.decode("utf-8"),
        parse_int=number,
        parse_float=number,
        parse_constant=refuse,
        object_pairs_hook=hook,
    )


def expected(text):
    """The value, or None when the text must be refused."""
    try:
        value = read(text)
    except (ValueError, RecursionError):
        return None
    # as a list, so that null is told from None
    if lone_surrogates(value) or depth_of(value) > DEPTH_MAX:
        return None
    return [value]


@pytest.fixture(scope="module")
def ask(top):
    program = top / "build" / "san" / "tests" / "json_oracle"
    if not program.exists():
        pytest.skip("json_oracle is not built")

    def ask(texts):
        rows = b"".join(struct.pack("<I", len(t)) + t for t in texts)
        done = subprocess.run([program], input=rows, capture_output=True)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        lines = done.stdout.split(b"\n")[:-1]
        assert len(lines) == len(texts)
        return lines

    return ask


def check(ask, texts):
    accepted = 0
    for text, line in zip(texts, ask(texts)):
        code = int(line) if line[:1] == b"-" and line[1:].isdigit() else 0
        try:
            want = expected(text)
        except Twice:
            # Python stops at the first pair; what follows may be bad too
            assert -9 < code < 0, text
            if text_is_valid(text):
                assert code == DUPLICATE, text
            continue
        if want is None:
            assert -9 < code < 0 and code != DUPLICATE, (text, line)
        elif text.strip(b" \t\r\n") == line:
            accepted += 1
        else:
            assert read(line) == want[0], (text, line)
            accepted += 1
    return accepted


def text_is_valid(text):
    pairs_kept = []

    def keep(pairs):
        pairs_kept.append(pairs)
        return [item for pair in pairs for item in pair]

    try:
        value = read(text, keep)
    except ValueError:
        return False
    return not lone_surrogates(value) and depth_of(value) < DEPTH_MAX // 2


# --- texts ----------------------------------------------------------------

CHARACTERS = (
    ["a", "b", "é", "€", "😀", "\x7f", "\u2028", "/", "'", "{", "]", ":", ","]
    + [chr(c) for c in range(0x20)]
    + ['"', "\\", "\ud7ff", "\ue000", "\uffff", "\U0010ffff", "\x80"]
)
NUMBERS = "0 -0 1 -1 10 1.5 -0.0 1e5 1E+5 2.50e-10 123456789012345678901".split()
NUMBERS += ["1e400", "-1e-400", "0.1", "18446744073709551616", "100000"]
SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f"}
SHORT |= {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
TOKENS = b'"\\{}[],:0-+.eE tfn\x00\x80\xed\xff'


def escaped(c):
    units = c.encode("utf-16-be").hex()
    return "".join("\\u" + units[i : i + 4] for i in range(0, len(units), 4))


class Writer:
    """Writes values in ways that a serializer would not think of."""

    def __init__(self, rng):
        self.rng = rng

    def space(self):
        if self.rng.random() < 0.8:
            return ""
        return "".join(self.rng.choices(" \t\r\n", k=self.rng.randint(1, 3)))

    def string(self):
        out = []
        for c in self.rng.choices(CHARACTERS, k=self.rng.randint(0, 6)):
            if c in SHORT and self.rng.random() < 0.6:
                out.append(SHORT[c])
            elif c in SHORT or ord(c) < 0x20 or self.rng.random() < 0.2:
                code = escaped(c)
                out.append(code.upper().replace("U", "u") if len(out) % 2 else code)
            elif c == "/" and self.rng.random() < 0.5:
                out.append("\\/")
            else:
                out.append(c)
        return '"' + "".join(out) + '"'

    def value(self, depth):
        kind = self.rng.randrange(6 if depth else 4)
        if kind == 0:
            return self.string()
        if kind == 1:
            return self.rng.choice(["true", "false", "null"])
        if kind < 4:
            return self.rng.choice(NUMBERS)
        n = self.rng.randint(0, 4)
        if kind == 4:
            items = [self.member(depth) for _ in range(n)]
            return "[" + (",".join(items) or self.space()) + "]"
        items = [
            self.space() + self.string() + self.space() + ":" + self.member(depth)
            for _ in range(n)
        ]
        return "{" + (",".join(items) or self.space()) + "}"

    def member(self, depth):
        return self.space() + self.value(depth - 1) + self.space()

    def text(self):
        return self.member(5).encode()


def mutated(rng, text):
    """One to three small changes of bytes."""
    data = bytearray(text)
    for _ in range(rng.randint(1, 3)):
        at = rng.randint(0, len(data))
        what = rng.randrange(5)
        if what == 0:
            data[at:at] = bytes([rng.choice(TOKENS)])
        elif what == 1:
            del data[at : at + rng.randint(1, 3)]
        elif what == 2 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif what == 3:
            del data[at:]
        else:
            data[at:at] = data[at : at + rng.randint(1, 8)]
    return bytes(data)


def test_valid_texts_have_the_same_values(ask):
    writer = Writer(random.Random(1))
    texts = [writer.text() for _ in range(4000)]
    accepted = check(ask, texts)
    assert accepted > 3000


def test_mutated_texts_are_judged_the_same(ask):
    rng = random.Random(2)
    writer = Writer(rng)
    texts = [mutated(rng, writer.text()) for _ in range(12000)]
    accepted = check(ask, texts)
    assert 500 < accepted < 11500


def test_every_cut_and_every_changed_byte_of_one_text(ask):
    text = (
        '{"a\\n\\u00e9":[1,-0.5e+3,true,null,{"\\ud83d\\ude00":"é€😀"}],"":{},"b":[[]]}'
    ).encode()
    texts = [text[:n] for n in range(len(text) + 1)]
    texts += [
        text[:n] + bytes([byte]) + text[n + 1 :]
        for n in range(len(text))
        for byte in range(0, 256, 3)
    ]
    check(ask, texts)


def test_depth(ask):
    texts = []
    for n in (1, 127, 128, 129, 1000, 100000):
        texts += [b"[" * n + b"]" * n, b'{"a":' * n + b"1" + b"}" * n, b"[" * n]
    lines = ask(texts)
    assert [line[:1] == b"-" for line in lines] == [
        bad for n in (1, 127, 128, 129, 1000, 100000) for bad in (n > 128, n > 128, True)
    ]
    assert lines[2] == b"-3" and lines[-1] == b"-6"
