# SPDX-License-Identifier: MIT
"""Fixtures of the black-box tests: the gateway as a process, the images."""

import pytest

from helpers.container import Container
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


@pytest.fixture
def start(loaded):
    """start(ARG...) -> a Container of `docker run -d ARG...`."""
    made = []

    def run(*args):
        made.append(Container(loaded, *args))
        return made[-1]

    yield run
    for container in made:
        container.remove()


@pytest.fixture
def once(loaded):
    """once(ARG...) -> CompletedProcess of `docker run --rm ARG...`."""
    return lambda *args, **kw: loaded.process("run", "--rm", *args, **kw)
