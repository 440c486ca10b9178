"""The record of a study that is a copy of another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from raysearch.ledger.record import Record


@dataclass(frozen=True, kw_only=True)
class Copied(Record):
    """The study was found to be a copy of one that is still there: it is a study of its own from here on.

    Attributes:
        id: what tells it from the original and from other copies.
        name: that of its folder.
        original: the folder of the one that it was copied from.
    """

    kind: ClassVar[str] = "copied"
    id: str
    name: str
    original: str
