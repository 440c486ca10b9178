"""A Ray that somebody else started, as a study on a cluster finds it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from waiting import FAR_AWAY_S


def free_ports(n_ports: int) -> list[int]:
    sockets = [socket.socket() for _ in range(n_ports)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@contextmanager
def running_head(umask: int = -1, **environment: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The address and the token of a cluster of one machine, on ports of its own.

    Args:
        umask: of its processes, if not this one's.
        environment: variables of its processes beside this one's.
    """
    port, *others = free_ports(5)
    home = tempfile.mkdtemp(prefix="rs-", dir="/tmp")  # Ray's sockets need a short path
    names = (
        "--node-manager-port",
        "--object-manager-port",
        "--runtime-env-agent-port",
        "--ray-client-server-port",
    )
    command = ["ray", "start", "--head", "--block", f"--port={port}", "--num-cpus=2", f"--temp-dir={home}"]
    command += ["--include-dashboard=false", "--disable-usage-stats", "--object-store-memory=100000000"]
    command += [f"{name}={other}" for name, other in zip(names, others, strict=True)]
    (Path(home) / "token").write_text("a" * 64)
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": f"{home}/token"}
    process = subprocess.Popen(
        [f"{Path(sys.executable).parent}/{command[0]}", *command[1:]],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **environment, **token},
        umask=umask,
    )
    try:
        assert process.stdout is not None
        printed = []
        for line in process.stdout:
            printed.append(line)
            if "Ray runtime started" in line:
                break
        else:
            pytest.fail("".join(printed))
        yield f"127.0.0.1:{port}", token
    finally:
        process.terminate()  # it ends what it started
        process.wait(timeout=FAR_AWAY_S)
        shutil.rmtree(home, ignore_errors=True)
