# SPDX-License-Identifier: MIT
"""The engine that other tests rely on runs a FROM scratch image."""

import pytest

pytestmark = pytest.mark.docker


def test_engine_runs_the_program_from_scratch(docker, coracle, tmp_path, sanitized):
    if sanitized:
        pytest.skip("the sanitizer build needs shared libraries")
    (tmp_path / "coracle").write_bytes(open(coracle, "rb").read())
    (tmp_path / "coracle").chmod(0o755)
    (tmp_path / "Dockerfile").write_text("FROM scratch\nADD coracle /coracle\n")
    docker.run("build", "-q", "-t", "coracle-engine-test", tmp_path)
    try:
        out = docker.run(
            "run", "--rm", "-p", "127.0.0.1::8080",
            "coracle-engine-test", "/coracle", "--version",
        )
        assert out.startswith("coracle")
    finally:
        docker.run("rmi", "-f", "coracle-engine-test")
