"""What a check of files found; its kinds are in the folders of the kinds of data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Twins = tuple[tuple[int, int], ...]
"""Places (example, the first one that is equal to it), in order; empty if all examples differ."""


@dataclass(frozen=True)
class FileSummary(ABC):
    """What a check found in files without fault; a kind of data adds fields of plain values.

    Attributes:
        files: which were read, in order.
        sha256: a file's name to its sum in hexadecimal.
        n: how many examples they hold together.
        has_events: whether all of them bring event numbers of their own.
        warnings: what is odd and may be meant, a line each.
        twins: equal examples, see raysearch/data/twins.py.
        spread: of quantities by which other data are compared, see raysearch/data/spread.py.
    """

    files: tuple[Path, ...]
    sha256: dict[str, str]
    n: int
    has_events: bool
    warnings: tuple[str, ...] = field(default=(), kw_only=True)
    twins: Twins = field(default=(), kw_only=True)
    spread: dict[str, dict[str, float]] = field(default_factory=dict, kw_only=True)

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """Tell what ``raysearch data info`` prints beside the files and their number, as plain values."""
