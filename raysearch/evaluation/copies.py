"""Examples that are on both sides of a comparison, or more than once on one, whatever files they are in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raysearch.data.twins import TwinSearch

MOST_SHARED = 0.01  # of a side; with more a comparison is one of the same with the same


@dataclass(frozen=True)
class Copies:
    """What was found.

    Attributes:
        problems: sides that hold what another one holds.
        warnings: a few that are on two sides, or repeated on one.
    """

    problems: tuple[str, ...]
    warnings: tuple[str, ...]


def find_copies(sides: Mapping[str, Iterable[NDArray[Any]]], paths: Mapping[str, Path], noun: str) -> Copies:
    """Look for equal examples among all sides.

    Args:
        sides: examples by name of the side, in pieces (example, ...) of one width; empty ones are equal to
            none.
        paths: where they come from.
        noun: what an example is called.
    """
    search = TwinSearch()
    counts_of = dict.fromkeys(sides, 0)
    for name, pieces in sides.items():
        for rows in pieces:
            search.add(rows, np.asarray(~rows.reshape(len(rows), -1).any(axis=1)))
            counts_of[name] += len(rows)
    of = np.repeat(list(sides), list(counts_of.values()))
    counts = Counter((str(of[later]), str(of[first])) for later, first in search.found())
    problems, warnings = [], []
    for (name, other), n in counts.items():
        told = f"{n:,} of {counts_of[name]:,} {noun}s"
        if name == other:
            warnings.append(f"{name}: {told} are equal to others of it")
        elif n > MOST_SHARED * counts_of[name]:
            problems.append(
                f"{paths[name]}: {told} are also in {paths[other]}; both need {noun}s of their own"
            )
        else:
            warnings.append(f"{name}: {told} are also among the {other} ones")
    return Copies(tuple(problems), tuple(warnings))
