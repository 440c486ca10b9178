"""What a check of files found; its kinds are in the folders of the kinds of data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class FileSummary(ABC):
    """What a check found in files without fault; a kind of data adds fields of plain values.

    Attributes:
        files: which were read, in order.
        sha256: a file's name to its sum in hexadecimal.
        n: how many examples they hold together.
        has_events: whether all of them bring event numbers of their own.
    """

    files: tuple[Path, ...]
    sha256: dict[str, str]
    n: int
    has_events: bool

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """Tell what ``raysearch data info`` prints beside the files and their number, as plain values."""
