"""Whether made files begin with what the sample that ships holds: of the same seed and choices."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

from raysearch.data.hdf5_gate import open_hdf5
from raysearch.data.made_files import MADE

# How many, how they are packed, and by which versions: none of it makes other examples.
WHATEVER = ("first", "events", "showers", "jets", "compact", "versions")


def is_of_sample(made: Path, sample: Path) -> bool:
    """Tell it of the first of some files that were made."""
    how = [_how(file) for file in (made, sample)]
    return how[0] is not None and how[0] == how[1]


def _how(file: Path) -> dict[str, Any] | None:
    """How a file says that it was made; None if it does not."""
    with closing(open_hdf5(file)) as opened:
        told = opened.attrs.get(MADE)
    if not told:
        return None
    return {key: value for key, value in json.loads(told).items() if key not in WHATEVER}
