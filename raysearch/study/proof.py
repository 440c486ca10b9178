"""Which of a ledger's proposals need not be computed again at a resume: a file beside it that says so.

A replay proves that the search proposes what the ledger has, by asking for a part of it once more. Of a long
study that takes longer than all else. So a study notes, now and then, the sum of its ledger's bytes up to
there, and by which packages and processor its proposals were made, or proven by a replay. Where all of that
is still so, the search is told of those proposals; the last ones, which know all the others, are asked for
again in any case. The file holds no state of the search, and whoever deletes it loses seconds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from raysearch.errors import StorageError
from raysearch.files import write_durably
from raysearch.ledger.ledger import Ledger

FILE_NAME = "search-proof.json"
EVERY = 100  # trials between two notes, and in the smallest study that has one


class Proof:
    """What is proven of a ledger that this process holds.

    Args:
        ledger: of the study.
        here: versions of what decides proposals, and the processor.

    Attributes:
        n_records: so many of the ledger's first records hold proposals that are proven.
        refusal: why the file that is there proves nothing, for the user; empty where there is none.
    """

    def __init__(self, ledger: Ledger, here: Mapping[str, str]) -> None:
        self._ledger, self._here = ledger, dict(here)
        self._path = ledger.folder / FILE_NAME
        self._n_committed = 0  # when the file was written
        self.n_records, self.refusal = self._read()

    def keep(self, n_committed: int, every: int = EVERY) -> None:
        """Write down that all the ledger's proposals are proven, if enough has come to it; they have to be.

        Args:
            n_committed: trials that are committed by now.
            every: of them, for which it is worth it.
        """
        if n_committed < max(EVERY, self._n_committed + every):
            return
        size, ledger = self._ledger.summed()
        noted = {
            "records": len(self._ledger.entries),
            "committed": n_committed,
            "bytes": size,
            "ledger": ledger,
            "here": self._here,
        }
        # A disk that is full is told of by the ledger, which needs it; this saves time and no more.
        with suppress(StorageError):
            write_durably(self._path, json.dumps({**noted, "sum": _sum_of(noted)}).encode())
        self._n_committed = n_committed

    def _read(self) -> tuple[int, str]:
        if not self._path.is_file():
            return 0, ""
        noted = _sound(self._path)
        if noted is None:
            return 0, "it is damaged"
        if self._ledger.summed(noted["bytes"]) != (noted["bytes"], noted["ledger"]):
            return 0, "it is of another ledger"
        others = [name for name, now in self._here.items() if noted["here"].get(name) != now]
        if others:
            return 0, f"made with another {', another '.join(others)}"
        self._n_committed = noted["committed"]
        return noted["records"], ""


class Unproven:
    """Stands in where nothing is proven and nothing noted."""

    n_records = 0

    def keep(self, n_committed: int, every: int = EVERY) -> None:
        """Note nothing."""


def _sound(path: Path) -> dict[str, Any] | None:
    """What the file holds; None if that is not what was written."""
    try:
        noted = json.loads(path.read_bytes())
        is_sound = noted.pop("sum") == _sum_of(noted)
    except (OSError, ValueError, LookupError, AttributeError, TypeError):
        return None
    return noted if is_sound else None


def _sum_of(noted: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(noted, sort_keys=True).encode()).hexdigest()
