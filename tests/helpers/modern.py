# SPDX-License-Identifier: MIT
"""A client of MCP 2026-07-28 made of plain HTTP requests."""

import shutil

import pytest
from helpers.gateway import FIXTURE

META = "io.modelcontextprotocol/"
VERSION = "2026-07-28"


class Modern:
    """A client that says everything in each request."""

    def __init__(self, gateway, capabilities=None, **headers):
        self.gateway = gateway
        self.capabilities = capabilities or {}
        self.headers = headers

    def message(self, method, params=None, **meta):
        params = dict(params or {})
        params["_meta"] = {
            META + "protocolVersion": VERSION,
            META + "clientCapabilities": self.capabilities,
            **meta,
        }
        return {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}

    def fields(self, message, **other):
        params = message["params"]
        name = params.get("name") or params.get("uri")
        fields = {
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": VERSION,
            "Mcp-Method": message["method"],
            **({"Mcp-Name": name} if name else {}),
            **self.headers,
            **{k.replace("_", "-"): v for k, v in other.items()},
        }
        return {k: v for k, v in fields.items() if v is not None}

    def send(self, message, **fields):
        return self.gateway.post_json(
            "/mcp", message, self.fields(message, **fields)
        )

    def ask(self, method, params=None, **fields):
        return self.send(self.message(method, params), **fields)

    def call(self, tool, arguments=None, **params):
        params = {"name": tool, "arguments": arguments or {}, **params}
        answer = self.ask("tools/call", params)
        return answer.messages()[-1] if answer.messages() else answer.json()

    def again(self, tool, first, responses, **params):
        return self.call(
            tool,
            inputResponses=responses,
            requestState=first["result"]["requestState"],
            **params,
        )


def fixture(era):
    if not shutil.which("node"):
        pytest.skip("no node")
    return {
        "transport": "stdio",
        "command": "node",
        "args": [str(FIXTURE)],
        "env": {"FIXTURE_ERA": era},
    }
