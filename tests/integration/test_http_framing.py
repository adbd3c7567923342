# SPDX-License-Identifier: MIT
"""HTTP/1.1 on the wire: what is refused, where messages end, what stays open.

Each case is bytes on a raw socket to the running gateway. A message whose end
two parties could see in two places must be refused, and the connection closed,
so that nothing behind it is taken for another request.
"""

import re
import socket
import time

import pytest

SECONDS = 10


class Wire:
    """A connection that shows every byte."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), SECONDS)
        self.got = b""

    def send(self, data):
        self.sock.sendall(data)

    def more(self):
        """One more piece; False at the end."""
        try:
            piece = self.sock.recv(65536)
        except ConnectionResetError:
            piece = b""
        self.got += piece
        return bool(piece)

    def all(self):
        """Everything until the server closes."""
        while self.more():
            pass
        return self.got

    def until(self, text):
        while text not in self.got:
            assert self.more(), f"closed after {self.got!r}"
        return self.got

    def response(self):
        """The next response: (status, head, body); its bytes are consumed."""
        head, _, rest = self.until(b"\r\n\r\n").partition(b"\r\n\r\n")
        match = re.search(rb"\r\ncontent-length: *(\d+)", head, re.I)
        length = int(match[1]) if match else 0
        while len(rest) < length:
            assert self.more()
            rest = self.got[len(head) + 4 :]
        self.got = rest[length:]
        return int(head.split(b" ")[1]), head, rest[:length]

    def close(self):
        self.sock.close()


@pytest.fixture
def wire(gateway):
    opened = []

    def connect():
        opened.append(Wire(gateway.port))
        return opened[-1]

    yield connect
    for one in opened:
        one.close()


def statuses(answer):
    return [int(s) for s in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
HEALTH = b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n"


def request(*lines, body=b""):
    return b"\r\n".join([*lines, b"", b""]) + body


def post(*fields, body=b""):
    return request(b"POST /apps HTTP/1.1", b"Host: h", *fields, body=body)


# --- refused, with this status, and closed ------------------------------------

FRAMING = {
    "length and chunked": post(
        b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"
    ),
    "chunked and length": post(
        b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n"
    ),
    "two lengths that differ": post(
        b"Content-Length: 5", b"Content-Length: 6", body=b"hello!"
    ),
    "two lengths that agree": post(
        b"Content-Length: 5", b"Content-Length: 5", body=b"hello"
    ),
    "a list as length": post(b"Content-Length: 5, 5", body=b"hello"),
    "a signed length": post(b"Content-Length: +5", body=b"hello"),
    "a negative length": post(b"Content-Length: -1"),
    "a hexadecimal length": post(b"Content-Length: 0x5", body=b"hello"),
    "an empty length": post(b"Content-Length:"),
    "a length with a space": post(b"Content-Length: 1 0"),
    "a length with a point": post(b"Content-Length: 5.0", body=b"hello"),
    "a length over 63 bits": post(b"Content-Length: 9223372036854775808"),
    "a length over 64 bits": post(b"Content-Length: 18446744073709551621"),
    "two transfer codings": post(
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: chunked",
        body=b"0\r\n\r\n",
    ),
    "chunked in HTTP/1.0": request(
        b"POST /apps HTTP/1.0", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"
    ),
    "a space before the colon": post(
        b"Transfer-Encoding : chunked", body=b"0\r\n\r\n"
    ),
    "a tab before the colon": post(b"Content-Length\t: 5", body=b"hello"),
    "a folded field": post(b"X: a", b" Content-Length: 5", body=b"hello"),
    "a folded first field": request(
        b"GET /health HTTP/1.1", b" Host: h", b"Host: h"
    ),
    "a bare LF behind a field": b"GET /health HTTP/1.1\r\nHost: h\nX: y\r\n\r\n",
    "bare LFs only": b"GET /health HTTP/1.1\nHost: h\n\n",
    "a bare LF behind the request line": (
        b"GET /health HTTP/1.1\nHost: h\r\n\r\n"
    ),
    "a bare LF at the end": b"GET /health HTTP/1.1\r\nHost: h\r\n\n",
    "a bare CR in a field": post(b"X: a\rTransfer-Encoding: chunked"),
    "a bare CR in the request line": request(
        b"GET /health\r HTTP/1.1", b"Host: h"
    ),
    "two CRs": b"GET /health HTTP/1.1\r\nHost: h\r\r\n\r\n",
    "a NUL in a value": post(b"X: a\0b"),
    "a NUL in a name": post(b"X\0: a"),
    "a NUL in the target": request(b"GET /hea\0lth HTTP/1.1", b"Host: h"),
    "a control character": post(b"X: \x1b[0m"),
    "a DEL": post(b"X: \x7f"),
    "an empty field name": post(b": x"),
    "a field without colon": post(b"nonsense"),
    "a space in a field name": post(b"X Y: z"),
    "a separator in a field name": post(b"X(Y): z"),
    "a byte over 127 in a field name": post(b"X\xe4: z"),
}

CODINGS = {
    "an unknown coding": (b"xchunked", 400),
    "another coding": (b"gzip", 400),
    "another coding first": (b"gzip, chunked", 501),
    "another coding last": (b"chunked, gzip", 400),
    "chunked twice": (b"chunked, chunked", 400),
    "chunked and a comma": (b"chunked,", 400),
    "identity": (b"identity", 400),
    "a parameter": (b"chunked;x=y", 400),
    "a quoted coding": (b'"chunked"', 400),
    "a vertical tab": (b"\x0bchunked", 400),
    "no coding": (b"", 400),
}

CHUNKS = {
    "a bare LF behind the size": b"5\nhello\r\n0\r\n\r\n",
    "a bare LF behind the data": b"5\r\nhello\n0\r\n\r\n",
    "a bare CR behind the size": b"5\rhello\r\n0\r\n\r\n",
    "two other bytes behind the data": b"5\r\nhelloXX0\r\n\r\n",
    "nothing behind the data": b"5\r\nhello0\r\n\r\n",
    "a space before the size": b" 5\r\nhello\r\n0\r\n\r\n",
    "a space behind the size": b"5 \r\nhello\r\n0\r\n\r\n",
    "a sign": b"+5\r\nhello\r\n0\r\n\r\n",
    "a minus": b"-5\r\nhello\r\n0\r\n\r\n",
    "a prefix": b"0x5\r\nhello\r\n0\r\n\r\n",
    "an underscore": b"0_5\r\nhello\r\n0\r\n\r\n",
    "no size": b"\r\nhello\r\n0\r\n\r\n",
    "17 digits": b"00000000000000005\r\nhello\r\n0\r\n\r\n",
    "a size over 63 bits": b"8000000000000000\r\nhello\r\n0\r\n\r\n",
    "a size over 64 bits": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "a LF in an extension": b"5;a\nb\r\nhello\r\n0\r\n\r\n",
    "a CR in an extension": b"5;a\rb\r\nhello\r\n0\r\n\r\n",
    "a NUL in an extension": b"5;a\0b\r\nhello\r\n0\r\n\r\n",
    "a long extension": b"5;" + b"x" * 5000 + b"\r\nhello\r\n0\r\n\r\n",
    "a bare LF at the end": b"0\r\n\n",
    "a malformed trailer": b"0\r\nX : y\r\n\r\n",
    "a folded trailer": b"0\r\nX: y\r\n z\r\n\r\n",
    "a bare LF in the trailer": b"0\r\nX: y\n\r\n",
    "a long trailer": b"0\r\n" + b"X: " + b"y" * 9000 + b"\r\n\r\n",
}

REQUEST_LINES = {
    "two spaces": (b"GET  /health HTTP/1.1", 400),
    "two spaces behind the target": (b"GET /health  HTTP/1.1", 400),
    "a leading space": (b" GET /health HTTP/1.1", 400),
    "a trailing space": (b"GET /health HTTP/1.1 ", 400),
    "tabs": (b"GET\t/health\tHTTP/1.1", 400),
    "no version": (b"GET /health", 400),
    "no target": (b"GET HTTP/1.1", 400),
    "a space in the target": (b"GET /hea lth HTTP/1.1", 400),
    "a fragment": (b"GET /health#x HTTP/1.1", 400),
    "a raw byte over 127": (b"GET /h\xc3\xa4 HTTP/1.1", 400),
    "a target without slash": (b"GET health HTTP/1.1", 400),
    "an asterisk for GET": (b"GET * HTTP/1.1", 400),
    "user info": (b"GET http://u:p@h/health HTTP/1.1", 400),
    "another scheme": (b"GET file:///etc/passwd HTTP/1.1", 400),
    "a tunnel": (b"CONNECT h:443 HTTP/1.1", 501),
    "a separator in the method": (b"G(T /health HTTP/1.1", 400),
    "a long method": (b"G" * 33 + b" /health HTTP/1.1", 501),
    "HTTP/2.0": (b"GET /health HTTP/2.0", 505),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0", 505),
    "HTTP/0.9": (b"GET /health HTTP/0.9", 505),
    "HTTP/1.2": (b"GET /health HTTP/1.2", 505),
    "a version of two digits": (b"GET /health HTTP/1.10", 400),
    "a lower-case version": (b"GET /health http/1.1", 400),
    "another protocol": (b"GET /health HTCPCP/1.0", 400),
    "a long target": (b"GET /" + b"a" * 8192 + b" HTTP/1.1", 414),
}

HOSTS = {
    "none": [],
    "two": [b"Host: h", b"Host: h"],
    "an empty one": [b"Host:"],
    "a list": [b"Host: a, b"],
    "a path": [b"Host: h/health"],
    "user info": [b"Host: u@h"],
    "a port that is no number": [b"Host: h:x"],
    "a port over 65535": [b"Host: h:65536"],
    "an open bracket": [b"Host: [::1"],
    "a space": [b"Host: a b"],
}

HEADS = {
    "too many fields": (post(*[b"X: y"] * 100), 431),
    "a big field": (post(b"X: " + b"y" * 40000), 431),
    "many big fields": (post(*[b"X: " + b"y" * 4000] * 10), 431),
    "an unknown expectation": (post(b"Expect: 200-ok"), 417),
}


def check_refused(wire, data, status):
    """One answer of that status, a JSON detail, and then the end."""
    w = wire()
    w.send(data + SMUGGLED)
    answer = w.all()
    assert statuses(answer) == [status], answer
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"\r\nConnection: close" in head
    assert b"\r\nContent-Type: application/json" in head
    assert body.startswith(b'{"detail":"') and body.endswith(b'"}')


@pytest.mark.parametrize("case", FRAMING)
def test_refuses_ambiguous_or_malformed_heads(wire, case):
    check_refused(wire, FRAMING[case], 400)


@pytest.mark.parametrize("case", CODINGS)
def test_refuses_transfer_codings_other_than_one_chunked(wire, case):
    coding, status = CODINGS[case]
    data = post(b"Transfer-Encoding: " + coding, body=b"0\r\n\r\n")
    check_refused(wire, data, status)


@pytest.mark.parametrize("case", CHUNKS)
def test_refuses_malformed_chunks(wire, case):
    data = post(
        b"Content-Type: application/json",
        b"Transfer-Encoding: chunked",
        body=CHUNKS[case],
    )
    check_refused(wire, data, 400)


@pytest.mark.parametrize("case", REQUEST_LINES)
def test_refuses_request_lines(wire, case):
    line, status = REQUEST_LINES[case]
    check_refused(wire, request(line, b"Host: h"), status)


@pytest.mark.parametrize("case", HOSTS)
def test_refuses_hosts(wire, case):
    check_refused(wire, request(b"GET /health HTTP/1.1", *HOSTS[case]), 400)


@pytest.mark.parametrize("case", HEADS)
def test_limits_heads(wire, case):
    data, status = HEADS[case]
    check_refused(wire, data, status)


def test_refuses_tls_at_once(wire):
    w = wire()
    w.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
    assert statuses(w.all()) == [400]


def test_refuses_two_leading_empty_lines(wire):
    check_refused(wire, b"\r\n\r\n" + HEALTH, 400)


# --- accepted -------------------------------------------------------------------

SOUND = {
    "plain": HEALTH,
    "one leading empty line": b"\r\n" + HEALTH,
    "absolute form": request(
        b"GET http://other:1/health?x HTTP/1.1", b"Host: h"
    ),
    "a query": request(b"GET /health?a=b HTTP/1.1", b"Host: h"),
    "an IPv6 host": request(b"GET /health HTTP/1.1", b"Host: [::1]:8080"),
    "values with tabs and bytes over 127": request(
        b"GET /health HTTP/1.1", b"Host:\th ", b"X:\t a\tb \xe4 "
    ),
    "an empty value": request(b"GET /health HTTP/1.1", b"Host: h", b"X:"),
    "a body on GET": request(
        b"GET /health HTTP/1.1", b"Host: h", b"Content-Length: 2", body=b"ab"
    ),
    "99 fields": request(
        b"GET /health HTTP/1.1", b"Host: h", *[b"X: y"] * 99
    ),
    "a target of 8 KiB": request(
        b"GET /health?" + b"x" * 8180 + b" HTTP/1.1", b"Host: h"
    ),
}


@pytest.mark.parametrize("case", SOUND)
def test_accepts_and_keeps_the_connection(wire, case):
    w = wire()
    for _ in range(2):
        w.send(SOUND[case])
        status, head, body = w.response()
        assert status == 200
        assert body == b'{"status":"ok"}'
        assert b"\r\nConnection:" not in head
        assert re.search(rb"\r\nDate: \w{3}, \d\d \w{3} \d{4} ", head)
        assert b"\r\nServer:" not in head


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16])
def test_a_request_may_come_in_pieces(wire, size):
    w = wire()
    data = b"\r\n" + HEALTH
    for i in range(0, len(data), size):
        w.send(data[i : i + size])
        time.sleep(0.001)
    assert w.response()[0] == 200


def test_pipelined_requests_are_answered_in_order(wire):
    w = wire()
    missing = HEALTH.replace(b"/health", b"/missing")
    w.send((HEALTH + missing) * 50)
    assert [w.response()[0] for _ in range(100)] == [200, 404] * 50


def test_unknown_paths_and_methods(wire):
    w = wire()
    w.send(HEALTH.replace(b"/health", b"/nothing"))
    status, _, body = w.response()
    assert (status, body) == (404, b'{"detail":"Not Found"}')
    w.send(request(b"POST /health HTTP/1.1", b"Host: h", b"Content-Length: 0"))
    status, head, body = w.response()
    assert (status, body) == (405, b'{"detail":"Method Not Allowed"}')
    assert b"\r\nAllow:" in head


def test_head_gives_the_fields_of_get_without_a_body(wire):
    w = wire()
    w.send(HEALTH)
    _, get, _ = w.response()
    w.send(HEALTH.replace(b"GET", b"HEAD") + HEALTH)
    head, _, rest = w.until(b'{"status":"ok"}').partition(b"\r\n\r\n")
    date = re.compile(rb"Date: [^\r]*")
    assert date.sub(b"", head) == date.sub(b"", get)
    assert rest.startswith(b"HTTP/1.1 200 ")


def test_a_refused_request_does_not_disturb_answers_before_it(wire):
    w = wire()
    w.send(HEALTH + b"GET / HTTP/1.1\r\nBad\r\n\r\n" + SMUGGLED)
    assert statuses(w.all()) == [200, 400]


# --- connections ------------------------------------------------------------------


@pytest.mark.parametrize("option", [b"close", b"Close", b"foo, close"])
def test_closes_when_asked_to(wire, option):
    w = wire()
    w.send(
        request(b"GET /health HTTP/1.1", b"Host: h", b"Connection: " + option)
    )
    answer = w.all()
    assert statuses(answer) == [200]
    assert b"\r\nConnection: close\r\n" in answer


def test_closes_behind_a_1_0_request(wire):
    w = wire()
    w.send(b"GET /health HTTP/1.0\r\n\r\n")
    answer = w.all()
    assert statuses(answer) == [200]
    assert b"\r\nTransfer-Encoding" not in answer


def test_keeps_a_1_0_connection_when_asked_to(wire):
    w = wire()
    for _ in range(2):
        w.send(b"GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        status, head, _ = w.response()
        assert status == 200
        assert b"\r\nConnection: keep-alive" in head


def test_answers_a_client_that_closed_its_sending_side(wire):
    w = wire()
    w.send(HEALTH + HEALTH)
    w.sock.shutdown(socket.SHUT_WR)
    assert statuses(w.all()) == [200, 200]


# --- bodies -------------------------------------------------------------------------


def chunked(*pieces):
    lines = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces)
    return lines + b"0\r\n\r\n"


def test_both_framings_of_a_body_get_the_same_answer(wire):
    """A body that is no JSON; what matters is that it is read to its end."""
    w = wire()
    kind = b"Content-Type: application/json"
    w.send(post(kind, b"Content-Length: 7", body=b"{nojson"))
    first = w.response()
    assert 400 <= first[0] < 500
    w.send(
        post(
            kind,
            b"Transfer-Encoding: chunked",
            body=chunked(b"{no", b"j", b"son"),
        )
    )
    second = w.response()
    assert (second[0], second[2]) == (first[0], first[2])
    w.send(HEALTH)
    assert w.response()[0] == 200


def test_says_continue_before_it_reads_a_body(wire):
    w = wire()
    w.send(
        post(
            b"Content-Type: application/json",
            b"Content-Length: 7",
            b"Expect: 100-continue",
        )
    )
    assert w.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    w.got = b""
    w.send(b"{nojson")
    assert 400 <= w.response()[0] < 500


def test_does_not_say_continue_for_a_body_that_it_will_not_read(wire):
    w = wire()
    w.send(
        request(
            b"POST /missing HTTP/1.1",
            b"Host: h",
            b"Content-Length: 5",
            b"Expect: 100-continue",
        )
    )
    answer = w.all()
    assert statuses(answer) == [404]
    assert b"\r\nConnection: close\r\n" in answer


def test_ignores_an_expectation_of_1_0(wire):
    w = wire()
    w.send(
        request(
            b"POST /missing HTTP/1.0",
            b"Content-Length: 5",
            b"Expect: 100-continue",
            body=b"hello",
        )
    )
    assert statuses(w.all()) == [404]


def test_skips_a_small_body_that_nobody_reads(wire):
    w = wire()
    data = request(
        b"POST /missing HTTP/1.1", b"Host: h", b"Content-Length: 5"
    )
    w.send(data + b"he")
    assert w.response()[0] == 404
    w.send(b"llo" + HEALTH)
    assert w.response()[0] == 200


def test_an_answer_survives_a_big_body_that_nobody_reads(wire):
    w = wire()
    size = 8 << 20
    w.send(
        request(
            b"POST /missing HTTP/1.1",
            b"Host: h",
            b"Content-Length: %d" % size,
        )
    )
    w.send(bytes(size))
    assert statuses(w.all()) == [404]


def test_a_cut_body_is_refused(wire):
    w = wire()
    w.send(
        post(
            b"Content-Type: application/json", b"Content-Length: 5", body=b"he"
        )
    )
    w.sock.shutdown(socket.SHUT_WR)
    assert w.all().startswith(b"HTTP/1.1 400 ")


def test_the_gateway_is_well_after_all_that(wire):
    w = wire()
    w.send(HEALTH)
    assert w.response()[0] == 200
