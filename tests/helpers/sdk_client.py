# SPDX-License-Identifier: MIT
"""The official Python client, 1.x or 2.x, steered by JSON lines on stdin.

    python sdk_client.py URL

Speaks like sdk_client.mjs, also the transport of 2024-11-05 (1.x). Which version it is depends on PYTHONPATH.
"""

import asyncio
import contextlib
import json
import sys
import threading


class Changes:
    """Counts what the server says about its list of tools."""

    def __init__(self):
        self.count = 0

    async def __call__(self, message):
        message = getattr(message, "root", message)
        if "list_changed" in str(getattr(message, "method", "")):
            self.count += 1

    async def follow(self, events):
        async for _ in events:
            self.count += 1


@contextlib.asynccontextmanager
async def connect(url, changes):
    try:
        from mcp import Client
    except ImportError:
        from mcp import ClientSession, StdioServerParameters, stdio_client
        from mcp.client.sse import sse_client
        from mcp.client.streamable_http import streamable_http_client

        if url.startswith("["):
            command, *args = json.loads(url)
            transport = stdio_client(
                StdioServerParameters(command=command, args=args)
            )
        elif url.endswith("/sse"):
            transport = sse_client(url)
        else:
            transport = streamable_http_client(url)
        async with transport as (read, write, *_):
            async with ClientSession(
                read, write, message_handler=changes
            ) as session:
                await session.initialize()
                yield session
    else:
        async with Client(url, message_handler=changes) as client:
            # 2026-07-28 tells only those who listen
            async with client.listen(tools_list_changed=True) as events:
                listener = asyncio.create_task(changes.follow(events))
                yield client
                listener.cancel()


def plain(value):
    return value.model_dump(mode="json", by_alias=True, exclude_none=True)


async def act(client, changes, m):
    if m["do"] == "list":
        return plain(await client.list_tools())["tools"]
    if m["do"] == "changes":
        return changes.count
    progress = []

    async def on_progress(done, total=None, message=None):
        progress.append({"progress": done, "total": total})

    more = {"progress_callback": on_progress} if m.get("progress") else {}
    result = await client.call_tool(m["name"], m.get("arguments"), **more)
    return {**plain(result), "progress": progress}


def say(m):
    print(json.dumps(m), flush=True)


async def main():
    lines = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read():
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        loop.call_soon_threadsafe(lines.put_nowait, None)

    threading.Thread(target=read, daemon=True).start()
    changes = Changes()
    async with connect(sys.argv[1], changes) as client:
        say({"ok": "connected"})
        while line := await lines.get():
            try:
                say({"ok": await act(client, changes, json.loads(line))})
            except Exception as error:
                say({"error": repr(error)})
    say({"ok": "closed"})


asyncio.run(main())
