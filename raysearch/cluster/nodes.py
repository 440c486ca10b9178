"""The machines of a cluster: how many there are, what each says, and the wait until all have joined."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import ray
from ray._private.services import canonicalize_bootstrap_address
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from raysearch.cluster.connect import connect
from raysearch.errors import InputError, ResourceError

PAUSE_S = 0.2


def alive_nodes() -> dict[str, str]:
    """The nodes of the cluster that is connected: Ray's id of each, and its host name with address."""
    return {
        node["NodeID"]: f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
        for node in ray.nodes()
        if node["Alive"]
    }


def ask_nodes(
    work: Callable[..., Any],
    nodes: Iterable[str],
    limit_s: float,
    *arguments: Any,
) -> dict[str, Any]:
    """What a function returns on each node, or the reason why it did not.

    Args:
        work: given the arguments, and the node's id as the last one.
        nodes: their ids.
        limit_s: how long all of them may take.
        arguments: the same for all.
    """
    remote = ray.remote(num_cpus=0, max_retries=0)(work)
    calls = {
        remote.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)).remote(
            *arguments, node
        ): node
        for node in nodes
    }
    done, late = ray.wait(list(calls), num_returns=len(calls), timeout=limit_s)
    answers: dict[str, Any] = {}
    for call in done:
        try:
            answers[calls[call]] = ray.get(call)
        except ray.exceptions.RayError as error:
            answers[calls[call]] = (str(error).strip().splitlines() or [type(error).__name__])[-1]
    for call in late:
        ray.cancel(call, force=True)
        answers[calls[call]] = f"no answer within {limit_s:g} s"
    return answers


def wait_for_nodes(address: str, n_nodes: int, timeout_s: float) -> list[str]:
    """Wait until so many machines have joined a cluster, and name them.

    Args:
        address: HOST:PORT of the head, or ``auto`` for the cluster that this machine belongs to.
        n_nodes: how many machines, the head among them.
        timeout_s: how long to wait in all.

    Raises:
        InputError: the address is none.
        ResourceError: there are fewer when the time is up, the token is wrong, or nothing listens there.
    """
    deadline = time.monotonic() + timeout_s
    with connected(address, timeout_s):
        while len(nodes := alive_nodes()) < n_nodes:
            if time.monotonic() > deadline:
                there = ", ".join(sorted(nodes.values()))
                raise ResourceError(
                    f"{n_nodes} machines are wanted, {len(nodes)} are there after {timeout_s:g} s: {there}"
                )
            time.sleep(PAUSE_S)
    return sorted(nodes.values())


@contextmanager
def connected(address: str, timeout_s: float) -> Iterator[None]:
    """Connect to a cluster for a while; see :func:`wait_for_nodes`."""
    address = _found(address)
    _wait_for_port(address, time.monotonic() + timeout_s)
    connect(address)
    try:
        yield
    finally:
        ray.shutdown()


def _found(address: str) -> str:
    if address != "auto":
        return address
    with contextlib.suppress(ConnectionError):  # no Ray, or several
        if found := canonicalize_bootstrap_address(address):
            return found
    raise ResourceError("--address auto: no Ray runs on this machine, or several do; give HOST:PORT")


def _wait_for_port(address: str, deadline: float) -> None:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise InputError(f"--address {address}: must be HOST:PORT")
    while True:
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=PAUSE_S * 10).close()
        except OSError as error:
            if time.monotonic() > deadline:
                raise ResourceError(f"nothing answers at {address}: {error.strerror or error}") from error
            time.sleep(PAUSE_S)
        else:
            return
