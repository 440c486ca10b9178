"""Cuts a jet sample into training, validation and test, the same way at every start and with every seed.

Two jets of one event share their underlying event and often their parent, so they must not be on two sides. Files
without event numbers are cut between files, since neighbours in a file may come from one event.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from raysearch.errors import InputError

MIN_FILES = 5
PARTS = ("training", "validation", "test")


@dataclass(frozen=True)
class Split:
    """Positions of the jets of each part, int64 and rising; ``by`` says what was kept together."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    by: Literal["event", "file", "rows"]


def split_jets(
    events: NDArray[np.int64] | None,
    file_index: NDArray[np.int64],
    n: int,
    fractions: tuple[float, float, float] = (0.6, 0.2, 0.2),
) -> Split:
    """Cut ``n`` jets by event number; without them by file, for at least 5 files; else into blocks of rows.

    An event's side follows from its number alone: not from a seed, the order of rows, or other jets.

    Args:
        events: (jet,) event numbers, or None.
        file_index: (jet,) number of the jet's file, rising with the sorted names.
        n: number of jets.
        fractions: for training, validation, test; they sum to 1.

    Returns:
        The three parts, which share no jet and leave none out.

    Raises:
        InputError: the fractions do not sum to 1, or a part that was asked for gets no jet.
    """
    if min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-9:
        raise InputError(f"fractions: must be at least 0 and sum to 1, got {fractions}")
    bounds = np.cumsum(fractions)[:2]
    by: Literal["event", "file", "rows"]
    if events is not None:
        by, place = "event", event_place(events)
    elif (n_files := len(np.unique(file_index))) >= MIN_FILES:
        by, place = "file", _middle_of_file(file_index, n_files)
    else:
        by, place = "rows", (np.arange(n) + 0.5) / n
    part = np.searchsorted(bounds, place, side="right")
    train, validation, test = (np.flatnonzero(part == number).astype(np.int64) for number in range(3))
    for name, share, found in zip(PARTS, fractions, (train, validation, test), strict=True):
        if share > 0 and len(found) == 0:
            raise InputError(
                f"{name}: {share:.0%} of {n} jets, split by {by}, is no jet; give more jets or files"
            )
    return Split(train, validation, test, by)


def event_place(events: NDArray[np.int64]) -> NDArray[np.float64]:
    """Spread event numbers evenly over [0, 1): the SplitMix64 finaliser (Steele, Lea, Flood, OOPSLA 2014)."""
    z = events.astype(np.int64).view(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _middle_of_file(file_index: NDArray[np.int64], n_files: int) -> NDArray[np.float64]:
    rank = np.unique(file_index, return_inverse=True)[1]
    return (rank + 0.5) / n_files
