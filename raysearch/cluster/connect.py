"""Connects this process to a Ray that runs, or starts one, with one error for whatever stands against it."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray
from ray._private import ray_constants

from raysearch.errors import ResourceError

QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}


def connect(address: str) -> None:
    """Connect to the cluster at an address that answers.

    Raises:
        ResourceError: the token is wrong, or it is no Ray of this version.
    """
    with as_resource_error(f"the Ray cluster at {address!r}"), own_handler_after():
        ray.init(address=address, **QUIET)


@contextmanager
def on_loopback() -> Iterator[None]:
    """Have Ray take a loopback address for one, also in a process that had imported Ray before raysearch.

    Ray reads at its import whether it may form a cluster (see :func:`~.environment.prepare_environment`); if
    so it would look for a Ray of this machine's own at an address at which nothing listens.
    """
    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


@contextmanager
def own_handler_after() -> Iterator[None]:
    """Put back the handler of SIGTERM, for which Ray sets one that leaves the process as it is."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        # None: of a program that this interpreter is a part of.
        if before is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


@contextmanager
def as_resource_error(what: str) -> Iterator[None]:
    """Have Ray say nothing itself, and whatever it raises become one line.

    Raises:
        ResourceError: it raised something.
    """
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    try:
        yield
    except Exception as error:
        raise ResourceError(f"{what} cannot be used: {one_line(error)}") from error


def one_line(error: Exception) -> str:
    """An error's kind and the first line of what it says."""
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or ['no reason given'])[0]}"
