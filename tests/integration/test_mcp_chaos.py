# SPDX-License-Identifier: MIT
"""Clients, swaps, crashes and broken connections, all at once.

What is promised: every call that is waited for is answered, nothing hangs, and
the gateway ends in good order (the fixture sees to that).
"""

import json
import random
import socket
import threading
import time

import pytest

from helpers.gateway import server

SECONDS = 2.5


class Storm:
    def __init__(self, gateway, seed):
        self.gateway = gateway
        self.seed = seed
        self.end = time.monotonic() + SECONDS
        self.errors = []
        self.answered = 0
        self.swaps = 0

    def run(self, name, body):
        dice = random.Random(f"{self.seed} {name}")
        try:
            while time.monotonic() < self.end:
                body(dice)
        except Exception as error:
            self.errors.append(f"{name}: {error!r}")

    def call(self, dice):
        tool, arguments = dice.choice(
            [
                ("echo", {"text": "x" * dice.randrange(20_000)}),
                ("sleep", {"seconds": dice.random() / 20}),
                ("progress", {"steps": dice.randrange(20)}),
                ("big", {"bytes": dice.randrange(300_000)}),
                ("crash", {"status": 1}),
                ("twice", {}),
                ("error", {}),
                ("nothing", {}),
            ]
        )
        m = {
            "jsonrpc": "2.0",
            "id": dice.randrange(5),
            "method": "tools/call",
            "params": {
                "name": dice.choice(["", "one_", "two_"]) + tool,
                "arguments": arguments,
                "_meta": {"progressToken": dice.randrange(3)},
            },
        }
        return m

    def client(self, dice):
        """A session that behaves."""
        client = self.gateway.client()
        for _ in range(dice.randrange(1, 10)):
            m = self.call(dice)
            batch = dice.random() < 0.1
            answer = client.post([m, self.call(dice)] if batch else m)
            assert answer.status == 200, answer
            replies = [r for r in answer.messages() if "id" in r]
            assert len(replies) == (2 if batch else 1)
            self.answered += len(replies)
        if dice.random() < 0.5:
            assert client.delete().status == 200

    def leaver(self, dice):
        """A session that sends calls and does not wait."""
        client = self.gateway.client()
        streams = [client.listen()] if dice.random() < 0.5 else []
        for _ in range(dice.randrange(1, 6)):
            body = json.dumps(self.call(dice)).encode()
            fields = client.headers(Content_Length=str(len(body)))
            head = "".join(f"{k}: {v}\r\n" for k, v in fields.items())
            data = b"POST /mcp HTTP/1.1\r\nHost: x\r\n%b\r\n%b" % (
                head.encode(),
                body,
            )
            s = socket.create_connection(("127.0.0.1", self.gateway.port))
            s.sendall(data[: dice.randrange(1, len(data) + 1)])
            if dice.random() < 0.5:
                s.settimeout(0.02)
                try:
                    s.recv(100)
                except OSError:
                    pass
            s.close()
        client.post(
            {
                "jsonrpc": "2.0",
                "method": "notifications/cancelled",
                "params": {"requestId": dice.randrange(5)},
            }
        )
        if dice.random() < 0.5:
            client.delete()
        for stream in streams:
            stream.close()

    def swapper(self, dice):
        one, two = server(), server(env={"N": str(dice.randrange(3))})
        answer = self.gateway.apps(
            dice.choice(
                [
                    {"one": one},
                    {"one": one, "two": two},
                    {"two": two, "one": one},
                    {},
                    {"one": one, "bad": server("--exit=1")},
                    {"one": {"transport": "stdio", "command": "no-such"}},
                ]
            )
        )
        assert answer.status in (200, 503), answer
        self.swaps += 1
        time.sleep(dice.random() / 10)


@pytest.mark.parametrize("seed", [1, 2])
def test_everything_at_once(gateway, seed):
    gateway.serve(one=server())
    storm = Storm(gateway, seed)
    bodies = [storm.client] * 4 + [storm.leaver] * 2 + [storm.swapper] * 2
    threads = [
        threading.Thread(target=storm.run, args=(f"{b.__name__} {i}", b))
        for i, b in enumerate(bodies)
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not storm.errors
    assert storm.answered > 20
    assert storm.swaps > 5
    gateway.serve(last=server("--tools=t"))
    assert gateway.client().text("t") == "called t"
