"""Whether made files begin with what the sample that ships holds: of the same seed and choices."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from raysearch.data.made_files import made_as

# How many, how they are packed, and by which versions: none of it makes other examples.
WHATEVER = ("first", "events", "showers", "jets", "compact", "versions")


def is_of_sample(made: Path, sample: Path) -> bool:
    """Tell it of the first of some files that were made."""
    how = _how(made)
    return how is not None and how == _how(sample)


def _how(file: Path) -> dict[str, Any] | None:
    """How a file says that it was made; None if it does not."""
    if not (told := made_as(file)):
        return None
    return {key: value for key, value in json.loads(told).items() if key not in WHATEVER}
