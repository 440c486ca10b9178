"""What every record of a ledger is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, kw_only=True)
class Record:
    """Base of all records; ``kind`` is the name in the file, ``on_disk`` a field's key there if another."""

    kind: ClassVar[str]
    on_disk: ClassVar[Mapping[str, str]] = {}
