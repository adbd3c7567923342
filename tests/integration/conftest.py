# SPDX-License-Identifier: MIT
"""Fixtures of the black-box tests: the gateway as a process."""

import pytest

from helpers.gateway import Gateway


@pytest.fixture
def new_gateway(coracle, sanitized, tmp_path):
    """new_gateway(*options, env={...}) -> Gateway; ended with the test."""
    started = []

    def start(*options, env=None):
        root = tmp_path / f"gateway-{len(started)}"
        root.mkdir()
        gateway = Gateway(
            coracle, root, [str(o) for o in options], env, slow=sanitized
        )
        started.append(gateway)
        return gateway

    yield start
    errors = []
    for gateway in started:
        try:
            gateway.finish()
        except AssertionError as error:
            errors.append(str(error))
    assert not errors, "\n".join(errors)


@pytest.fixture
def gateway(new_gateway):
    """A gateway with nothing special about it.

    .port .url .root .pid .log() .request() .apps() .client() ...; it is ended
    by SIGTERM and must be gone in good order, with all its processes.
    """
    return new_gateway()
