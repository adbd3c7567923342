# SPDX-License-Identifier: MIT
"""Many sessions, many calls, and everything that can go wrong meanwhile.

    python tests/soak/soak.py --program build/coracle --calls 1000000

Clients call, hang up in the middle, delete their sessions; servers are killed;
the configuration is swapped every second. Every request must get exactly one
answer, and it must be its own; memory and descriptors must not grow; nothing
may be left at the end. Prints what it saw; exit status 1 when it was wrong.
"""

import argparse
import asyncio
import collections
import json
import os
import pathlib
import random
import resource
import signal
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from helpers.gateway import Gateway, server  # noqa: E402


class Wrong(Exception):
    pass


class Connection:
    """One keep-alive connection, HTTP/1.1 as plain as it gets."""

    def __init__(self, port):
        self.port = port
        self.reader = self.writer = None

    async def open(self):
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", self.port, limit=1 << 22
        )

    def close(self):
        if self.writer:
            self.writer.transport.abort()
        self.reader = self.writer = None

    async def send(self, method, path, body, headers):
        if not self.writer:
            await self.open()
        head = [f"{method} {path} HTTP/1.1", "Host: localhost"]
        head += [f"{k}: {v}" for k, v in headers.items()]
        head.append(f"Content-Length: {len(body)}")
        self.writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        await self.writer.drain()

    async def answer(self):
        """(status, headers, body)"""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        status = int(head[0].split()[1])
        headers = {}
        for line in head[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while True:
                size = int(await self.reader.readuntil(b"\r\n"), 16)
                body += (await self.reader.readexactly(size + 2))[:-2]
                if size == 0:
                    break
        else:
            n = int(headers.get("content-length", 0))
            body = await self.reader.readexactly(n)
        return status, headers, body

    async def ask(self, *args):
        await self.send(*args)
        return await self.answer()


def messages(headers, body):
    if headers.get("content-type", "").startswith("text/event-stream"):
        lines = body.decode().split("\n")
        return [json.loads(x[6:]) for x in lines if x.startswith("data: {")]
    return [json.loads(body)] if body else []


class Session:
    """One client: a session and its connection."""

    def __init__(self, soak, number):
        self.soak = soak
        self.number = number
        self.connection = Connection(soak.gateway.port)
        self.headers = {}
        self.last = 0

    async def begin(self):
        self.headers = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
        }
        params = {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "soak", "version": "1"},
        }
        m = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
        status, headers, _ = await self.post(m)
        if status != 200:
            raise Wrong(f"initialize: {status}")
        self.headers["Mcp-Session-Id"] = headers["mcp-session-id"]

    async def post(self, m):
        body = json.dumps(m).encode()
        return await self.connection.ask("POST", "/mcp", body, self.headers)

    def call(self, tool, **arguments):
        self.last += 1
        return {
            "jsonrpc": "2.0",
            "id": f"{self.number}-{self.last}",
            "method": "tools/call",
            "params": {"name": tool, "arguments": arguments},
        }

    async def step(self):
        chance = random.random()
        if chance < 0.005:
            await self.connection.ask("DELETE", "/mcp", b"", self.headers)
            self.soak.seen["deleted"] += 1
            await self.begin()
            return
        text = f"{self.number}:{self.last}:" + "x" * random.choice((1, 9, 4000))
        m = self.call("steady_echo", text=text)
        if chance < 0.02:
            # it must not disturb anybody that nobody waits for the answer
            body = json.dumps(m).encode()
            await self.connection.send("POST", "/mcp", body, self.headers)
            self.connection.close()
            self.soak.seen["hung up"] += 1
            return
        self.check(m, text, await self.post(m))

    def check(self, m, text, answer):
        status, headers, body = answer
        found = [x for x in messages(headers, body) if "id" in x]
        if status != 200 or len(found) != 1 or found[0]["id"] != m["id"]:
            raise Wrong(f"{m['id']}: {status} {body[:300]}")
        result = found[0].get("result", {})
        got = result.get("content", [{}])[0].get("text", "")
        if not result.get("isError"):
            if got != text:
                raise Wrong(f"{m['id']}: another's answer: {got[:80]}")
            self.soak.seen["answered"] += 1
        elif "steady" in got and "killed by" in got:
            self.soak.seen["failed with the server"] += 1
        else:
            raise Wrong(f"{m['id']}: {got[:300]}")

    async def run(self):
        await self.begin()
        while self.soak.take():
            try:
                await self.step()
            except (OSError, asyncio.IncompleteReadError) as e:
                raise Wrong(f"session {self.number}: {e!r}") from e
        await self.connection.ask("DELETE", "/mcp", b"", self.headers)
        self.connection.close()


class Soak:
    def __init__(self, gateway, options):
        self.gateway = gateway
        self.o = options
        self.left = options.calls
        self.seen = collections.Counter()
        self.memory = []
        self.done = False

    def take(self):
        self.left -= 1
        return self.left >= 0

    def servers(self, other):
        return {
            "steady": server("--tools", "echo"),
            other: server("--tools", "t"),
        }

    async def swaps(self):
        c = Connection(self.gateway.port)
        fields = {"Content-Type": "application/json"}
        turn = 0
        while not self.done:
            turn += 1
            servers = self.servers("left" if turn % 2 else "right")
            body = json.dumps({"mcpServers": servers}).encode()
            status, _, text = await c.ask("POST", "/apps", body, fields)
            # one that is killed while it starts fails its swap, and only that
            if status not in (200, 503):
                raise Wrong(f"swap: {status} {text[:300]}")
            self.seen["swaps" if status == 200 else "failed swaps"] += 1
            await asyncio.sleep(self.o.swap_every)
        c.close()

    async def kills(self):
        while not self.done:
            await asyncio.sleep(self.o.kill_every)
            pids = self.gateway.children()
            if pids:
                try:
                    os.kill(random.choice(pids), signal.SIGKILL)
                    self.seen["kills"] += 1
                except ProcessLookupError:
                    pass

    async def watch(self):
        while not self.done:
            self.memory.append(self.gateway.memory_kb())
            await asyncio.sleep(self.o.look_every)

    async def run(self):
        sessions = [Session(self, i) for i in range(self.o.sessions)]
        trouble = [
            asyncio.create_task(t)
            for t in (self.swaps(), self.kills(), self.watch())
        ]
        clients = asyncio.gather(*(s.run() for s in sessions))
        done, _ = await asyncio.wait(
            [clients, *trouble], return_when=asyncio.FIRST_COMPLETED
        )
        self.done = True
        for task in done:
            task.result()
        await clients
        await asyncio.gather(*trouble)


def fds(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def status(gateway):
    return gateway.request("GET", "/apps").json()


def check_end(soak, gateway, before):
    """Nothing is left of what the clients did."""
    import time

    gateway.apps(soak.servers("left"))
    end = time.monotonic() + 30
    while time.monotonic() < end:
        left = {
            "sessions": status(gateway)["sessions"],
            "descriptors over": fds(gateway.pid) - before,
            "servers over": len(gateway.children()) - 2,
        }
        if not any(left.values()):
            break
        time.sleep(0.2)
    else:
        raise Wrong(f"left: {left}")
    n = len(soak.memory)
    early, late = soak.memory[n // 4 : n // 2], soak.memory[3 * n // 4 :]
    if early and late:
        growth = sum(late) // len(late) - sum(early) // len(early)
        print(f"memory: {max(soak.memory)} KiB at most, {growth:+} KiB "
              "from the second quarter to the last")
        if growth > soak.o.growth:
            raise Wrong(f"memory grew by {growth} KiB")


def read_options(argv):
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--program", required=True)
    p.add_argument("--calls", type=int, default=1_000_000)
    p.add_argument("--sessions", type=int, default=1000)
    p.add_argument("--swap-every", type=float, default=1)
    p.add_argument("--kill-every", type=float, default=2)
    p.add_argument("--look-every", type=float, default=0.5)
    p.add_argument("--growth", type=int, default=2048, help="KiB allowed")
    p.add_argument("--seed", type=int, default=1)
    return p.parse_args(argv)


def main(argv=None):
    o = read_options(argv)
    random.seed(o.seed)
    need = o.sessions * 3 + 200
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(need, hard), hard))
    with tempfile.TemporaryDirectory() as work:
        root = pathlib.Path(work) / "root"
        root.mkdir()
        gateway = Gateway(o.program, root)
        try:
            soak = Soak(gateway, o)
            gateway.serve(**soak.servers("left"))
            before = fds(gateway.pid)
            asyncio.run(soak.run())
            print(", ".join(f"{n} {k}" for k, n in sorted(soak.seen.items())))
            check_end(soak, gateway, before)
            gateway.finish()
        except (Wrong, AssertionError) as e:
            print(f"wrong: {e}\n--- log ---\n{gateway.log()[-3000:]}")
            return 1
        finally:
            if gateway.process.poll() is None:
                gateway.process.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main())
