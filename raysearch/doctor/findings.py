"""What a check of `raysearch doctor` says: all is well, a warning, or a fault; and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from raysearch.errors import ResourceError


@dataclass(frozen=True)
class Finding:
    """What a check found; ``advice`` says what to do, ``exit_code`` is 0 unless it is a fault."""

    level: Literal["ok", "warning", "fault"]
    name: str
    found: str
    advice: str = ""
    exit_code: int = 0


Check = Callable[[], Iterable[Finding]]


def ok(name: str, found: str) -> Finding:
    """Nothing to do."""
    return Finding("ok", name, found)


def warning(name: str, found: str, advice: str) -> Finding:
    """Studies run, but worse or less safely than they could."""
    return Finding("warning", name, found, advice)


def fault(name: str, found: str, advice: str, exit_code: int = ResourceError.exit_code) -> Finding:
    """Something will not work."""
    return Finding("fault", name, found, advice, exit_code)
