"""Spans of time as people write them: 30s, 10m, 2h, 1.5 d, or a number of seconds."""

from __future__ import annotations

import math
import re

UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([smhd]|min|)\s*")


def parse_duration(value: object) -> float:
    """Read a span of time, in seconds.

    Args:
        value: a number of seconds above 0, or a text of a number and its unit, without one seconds.

    Raises:
        ValueError: it is something else; the message says what is allowed.
    """
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found:
        seconds = float(found[1]) * UNITS_S[found[2][:1] or "s"]
    else:
        # Not isinstance, for which True is a number.
        seconds = float(value) if type(value) in {int, float} else 0.0  # type: ignore[arg-type]
    if not (0 < seconds < math.inf):
        raise ValueError(
            f"must be above 0: a number of seconds, or one with its unit, such as 30s, 10m, 2h or 1d; "
            f"got {value!r:.60}"
        )
    return seconds


def written_duration(seconds: float) -> str:
    """Write a span of time in its largest unit of which there is a whole one: ``1.5 h``, ``40 s``."""
    unit = next((unit for unit in ("d", "h", "m") if seconds >= UNITS_S[unit]), "s")
    return f"{seconds / UNITS_S[unit]:.3g} {'min' if unit == 'm' else unit}"
