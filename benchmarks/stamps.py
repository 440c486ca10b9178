"""A sleep that notes its beginning and end in a file, for ``whole_command.py``; imports nothing heavy."""

from __future__ import annotations

import os
import time
from pathlib import Path

STAMPS = "RAYSEARCH_BENCHMARK_STAMPS"  # begins as what runs may see


def stamped_sleep(x: float, seconds: float) -> float:
    """Sleep, note it where the environment names a file, and return the loss of a bowl."""
    _note("begin", x)
    time.sleep(seconds)
    _note("end", x)
    return (x - 0.5) ** 2


def _note(word: str, x: float) -> None:
    if path := os.environ.get(STAMPS):
        with Path(path).open("a", encoding="ascii") as file:
            file.write(f"{word} {time.time()} {x!r}\n")
