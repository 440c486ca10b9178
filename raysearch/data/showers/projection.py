"""Showers as images: one transverse axis summed, the axis along the shower kept.

So the showers of a study are 625 numbers each and not 15,625; prepared once a node, see
raysearch/data/prepared.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from raysearch.data.paths import DataPath
from raysearch.data.prepared import Arrays, Plan
from raysearch.data.prepared_files import prepared_of_files
from raysearch.data.showers.files import n_showers, pieces, shower_files
from raysearch.data.showers.layouts import SHAPE

VERSION = 1  # of the definitions behind the arrays; a new one leaves old entries of the cache aside
SUMMED = {"x": 1, "y": 2}  # axes of ECAL (shower, x, y, layer)


@dataclass(frozen=True)
class Projections:
    """Showers of all files in order, read-only.

    Attributes:
        images: float32 (shower, 25 layers, 25 cells across), GeV in the sensors.
        energy: float32 (shower,), GeV of the primary electron.
        events: int64 (shower,), event numbers, which decide the split.
        file_index: int64 (shower,), positions in the sorted files.
    """

    images: NDArray[np.float32]
    energy: NDArray[np.float32]
    events: NDArray[np.int64]
    file_index: NDArray[np.int64]


def load_projections(path: DataPath, axis: Literal["x", "y"]) -> Projections:
    """Get the projections, mapped from the cache.

    Args:
        path: as for :func:`raysearch.data.showers.files.shower_files`.
        axis: the transverse axis that is summed; the other one is kept.

    Returns:
        Read-only arrays.

    Raises:
        InputError: a file is refused; lists all.
        StorageError: see :func:`raysearch.data.prepared.prepared`.
    """
    files = shower_files(path)
    identity = {"kind": "shower projections", "version": VERSION, "summed": axis}
    return Projections(**prepared_of_files(files, identity, lambda: _plan(path, axis)))


def project(cells: NDArray[np.float32], axis: Literal["x", "y"]) -> NDArray[np.float64]:
    """Sum cells of showers (shower, x, y, layer) over a transverse axis: (shower, layer, the other one)."""
    return cells.sum(axis=SUMMED[axis], dtype=np.float64).swapaxes(1, 2)


def _plan(path: DataPath, axis: Literal["x", "y"]) -> Plan:
    files = n_showers(path, SHAPE)
    n, f4, i8 = sum(files.values()), np.dtype("<f4"), np.dtype("<i8")
    arrays: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {
        "images": ((n, SHAPE[2], SHAPE[0]), f4),
        "energy": ((n,), f4),
        "events": ((n,), i8),
        "file_index": ((n,), i8),
    }

    def read() -> Iterator[Arrays]:
        for number, file in enumerate(files):
            for piece in pieces(file):
                yield {
                    "images": project(piece.cells, axis),
                    "energy": piece.energy,
                    "events": piece.events,
                    "file_index": np.full(len(piece.energy), number),
                }

    return Plan(arrays, read)
