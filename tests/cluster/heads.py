"""A Ray that somebody else started, as a study on a cluster finds it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
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
    (port,) = free_ports(1)
    home = tempfile.mkdtemp(prefix="rs-", dir="/tmp")  # Ray's sockets need a short path
    (Path(home) / "token").write_text("a" * 64)
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": f"{home}/token"}
    head = ("--head", f"--port={port}", "--num-cpus=2", f"--temp-dir={home}", "--include-dashboard=false")
    process = _started(head, {**os.environ, **environment, **token}, umask)
    try:
        yield f"127.0.0.1:{port}", token
    finally:
        process.terminate()  # it ends what it started
        process.wait(timeout=FAR_AWAY_S)
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def joined(address: str, token: dict[str, str], n_cpus: int) -> Iterator[Callable[[], None]]:
    """Another machine of a cluster, and what takes its power away."""
    process = _started((f"--address={address}", f"--num-cpus={n_cpus}"), {**os.environ, **token})

    def pull_the_plug() -> None:
        os.killpg(process.pid, signal.SIGKILL)  # workers end when they miss their raylet
        process.wait(timeout=FAR_AWAY_S)

    try:
        yield pull_the_plug
    finally:
        if process.poll() is None:
            pull_the_plug()


PORTS = ("--node-manager-port", "--object-manager-port", "--runtime-env-agent-port")


def _started(options: Sequence[str], environment: dict[str, str], umask: int = -1) -> subprocess.Popen[str]:
    """Start a machine's Ray on ports of its own, and wait until it is up."""
    command = [
        "ray",
        "start",
        "--block",
        "--disable-usage-stats",
        "--object-store-memory=100000000",
        *options,
    ]
    names = (*PORTS, "--ray-client-server-port") if "--head" in options else PORTS
    command += [f"{name}={port}" for name, port in zip(names, free_ports(len(names)), strict=True)]
    process = subprocess.Popen(
        [f"{Path(sys.executable).parent}/{command[0]}", *command[1:]],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        umask=umask,
        start_new_session=True,
    )
    assert process.stdout is not None
    printed = []
    for line in process.stdout:
        printed.append(line)
        if "Ray runtime started" in line:
            return process
    pytest.fail("".join(printed))
