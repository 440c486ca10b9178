"""What every record of a ledger is: a frozen dataclass of plain values, in the file of its kind.

Numbers: ``trial`` counts from 0 in the order of asking, ``fold`` from 0, ``attempt`` from 1 (a run
that is started again after a kill has a new attempt; results of an older attempt are refused).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, kw_only=True)
class Record:
    """Base of all records; ``kind`` is the name in the file, ``on_disk`` a field's key there if another."""

    kind: ClassVar[str]
    on_disk: ClassVar[Mapping[str, str]] = {}
