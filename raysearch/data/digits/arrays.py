"""Digits as point clouds for networks, prepared once a node, see data/prepared.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raysearch.data.digits.brightest import brightest
from raysearch.data.digits.files import digit_events, digit_files, load_digits
from raysearch.data.paths import DataPath
from raysearch.data.prepared import Arrays, Plan
from raysearch.data.prepared_files import prepared_of_files
from raysearch.errors import InputError

VERSION = 1  # of the definitions behind the arrays; a new one leaves old entries of the cache aside


@dataclass(frozen=True)
class DigitClouds:
    """Digits of all files in order, read-only.

    Attributes:
        points: float32 (digit, point, 3), column and row in pixels and intensity from 0 to 1, see
            raysearch/data/digits/brightest.py.
        labels: int64 (digit,), 0 to 9.
        events: int64 (digit,), which decide the split.
        file_index: int64 (digit,), positions in the sorted files.
    """

    points: NDArray[np.float32]
    labels: NDArray[np.int64]
    events: NDArray[np.int64]
    file_index: NDArray[np.int64]


def digit_clouds(path: DataPath, points: int) -> DigitClouds:
    """Get the brightest pixels of every digit, mapped from the cache.

    Args:
        path: as for :func:`raysearch.data.digits.files.digit_files`.
        points: of a digit; where it has fewer pixels above 0, zeros.

    Raises:
        InputError: a file is refused, or ``points`` is below 1; lists all.
        StorageError: see :func:`raysearch.data.prepared.prepared`.
    """
    if points < 1:
        raise InputError(f"points: must be at least 1, got {points}")
    identity = {"kind": "digit clouds", "version": VERSION, "points": points}
    arrays = prepared_of_files(digit_files(path), identity, lambda: _plan(path, points))
    return DigitClouds(**arrays)


def _plan(path: DataPath, points: int) -> Plan:
    found, files = load_digits(path)
    events, file_index = digit_events(found, files)
    n, whole = len(events), np.dtype("<i8")

    def read() -> Iterator[Arrays]:
        yield {
            "points": brightest(np.concatenate([digits.images for digits in found]), points),
            "labels": np.concatenate([digits.labels for digits in found]),
            "events": events,
            "file_index": file_index,
        }

    shapes = {"points": ((n, points, 3), np.dtype("<f4"))}
    return Plan({**shapes, **dict.fromkeys(("labels", "events", "file_index"), ((n,), whole))}, read)
