"""Notices that the head of the Ray cluster is gone: Ray itself would wait a minute, then kill the driver."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import ray

POLL_S = 2.0
ANSWER_S = 3.0
GONE_S, N_TRIES = 12.0, 4  # so long, and so often, without an answer


@contextmanager
def head_watched(gone: Callable[[str], None]) -> Iterator[None]:
    """Look after the head meanwhile, in a thread.

    Args:
        gone: called, in the thread, with the head's address when nothing answers there any more.
    """
    address = ray.get_runtime_context().gcs_address
    is_over = threading.Event()

    def watch() -> None:
        last_s, n_tries = time.monotonic(), 0
        while not is_over.wait(POLL_S):
            if answers(address):
                last_s, n_tries = time.monotonic(), 0
                continue
            n_tries += 1
            # Both: a process that was stopped itself has seen no try fail.
            if n_tries >= N_TRIES and time.monotonic() - last_s > GONE_S and not is_over.is_set():
                gone(address)
                return

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        is_over.set()


def answers(address: str, limit_s: float = ANSWER_S) -> bool:
    """Whether something takes a connection at ``HOST:PORT`` within so many seconds."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=limit_s).close()
    except OSError:
        return False
    return True
