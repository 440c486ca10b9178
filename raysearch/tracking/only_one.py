"""Who may do what only one process may: the holder of a lock on a file, as long as it lives."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from raysearch.files import take

LOCK = "mirror.lock"
_POLL_S = 0.02


@contextmanager
def only_mirror(folder: Path) -> Iterator[bool]:
    """Tell whether this is the folder's only mirror, and keep it so meanwhile."""
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        take(handle)  # or who asks whether one is there would keep it away
    except BlockingIOError:
        is_mine = False
    else:
        is_mine = True
    try:
        yield is_mine
    finally:
        os.close(handle)


@contextmanager
def my_turn(folder: Path, deadline: float) -> Iterator[None]:
    """Wait until no other mirror is at the folder, and keep it so meanwhile.

    Args:
        folder: of a series.
        deadline: ``time.monotonic()`` after which to give up.

    Raises:
        TimeoutError: past the deadline.
    """
    while True:
        with only_mirror(folder) as is_mine:
            if is_mine:
                yield
                return
        if time.monotonic() > deadline:
            raise TimeoutError("another mirror of the series is at it")
        time.sleep(_POLL_S)
