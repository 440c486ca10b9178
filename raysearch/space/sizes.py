"""Sizes of files as people write them: 500 MB, 2 GB, 1.5 GiB."""

from __future__ import annotations

import math
import re
from fractions import Fraction

from raysearch.errors import one_of

UNITS = {
    "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
}  # fmt: skip
_BY_LOWER = {unit.lower(): n_bytes for unit, n_bytes in UNITS.items()}
# Nine digits each, for the time to read a number grows with the square of its length.
_SIZE = re.compile(r"\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([A-Za-z]{2,3})\s*")


def parse_size(text: object) -> int:
    """Read a size in bytes.

    Args:
        text: a number above 0 and its unit, with a blank between them or without.

    Raises:
        ValueError: it is something else; the message says what is allowed.
    """
    found = _SIZE.fullmatch(text) if isinstance(text, str) else None
    # Fractions, since 1.1 GB must not be a byte less or more than it says.
    n_bytes = int(Fraction(found[1]) * _BY_LOWER.get(found[2].lower(), 0)) if found else 0
    if not n_bytes:
        raise ValueError(
            f"must be a number above 0 and {one_of(list(UNITS))}, such as 500 MB or 1.5 GiB, got {text!r:.60}"
        )
    return n_bytes


def written(n_bytes: int) -> str:
    """Write a size with three digits, rounded up so that what is said to be needed is enough: ``2.05 GB``."""
    unit = next((unit for unit in ("TB", "GB", "MB") if n_bytes >= UNITS[unit]), "kB")
    step = Fraction(UNITS[unit], 100)
    while n_bytes / step >= 1000:
        step *= 10
    return f"{float(math.ceil(n_bytes / step) * step / UNITS[unit]):g} {unit}"
