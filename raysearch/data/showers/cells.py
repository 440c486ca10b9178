"""All cells of showers, as a generator is trained on them; prepared once a node, see data/prepared.py.

Cells are kept in single precision. In half precision they would take half of the disk, but a batch of 64 from
mapped arrays half as much time again (0.97 ms against 0.66 ms, for the conversion), and cells of 1e-6 GeV,
which public files hold, would be right to 3 % only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raysearch.data.paths import DataPath
from raysearch.data.prepared import Arrays, Plan
from raysearch.data.prepared_files import prepared_of_files
from raysearch.data.showers.files import pieces, shower_files, shower_layouts
from raysearch.data.showers.layouts import Grid, Layout
from raysearch.errors import InputError

VERSION = 1  # of the definitions behind the arrays; a new one leaves old entries of the cache aside


@dataclass(frozen=True)
class ShowerCells:
    """Showers of all files in order, read-only.

    Attributes:
        cells: float32 (shower, x, y, layer), GeV.
        energy: float32 (shower,), GeV of the primary particle.
        events: int64 (shower,), event numbers, which decide the split.
        file_index: int64 (shower,), positions in the sorted files.
        theta: float32 (shower,), rad between particle and y axis; None where files tell no angles.
    """

    cells: NDArray[np.float32]
    energy: NDArray[np.float32]
    events: NDArray[np.int64]
    file_index: NDArray[np.int64]
    theta: NDArray[np.float32] | None = None


def load_cells(path: DataPath, window: Grid | None = None) -> ShowerCells:
    """Get the cells, mapped from the cache.

    Args:
        path: as for :func:`raysearch.data.showers.files.shower_files`.
        window: cells along x and y, and layers, that are kept: see :func:`middle`. None: all.

    Returns:
        Read-only arrays.

    Raises:
        InputError: a file is refused, grids differ, or the window is larger than they are; lists all.
        StorageError: see :func:`raysearch.data.prepared.prepared`.
    """
    layouts = shower_layouts(path)
    grid = next(iter(layouts.values())).grid
    if window is not None and not all(
        0 < wanted <= there for wanted, there in zip(window, grid, strict=True)
    ):
        raise InputError(f"window: needs 1 to {grid} cells, got {window}")
    identity = {"kind": "shower cells", "version": VERSION, "window": window or grid}
    arrays = prepared_of_files(shower_files(path), identity, lambda: _plan(layouts, window or grid))
    return ShowerCells(**arrays)


def middle(cells: NDArray[Any], window: Grid) -> NDArray[Any]:
    """Cut showers (shower, x, y, layer) down to cells in the middle along x and y, and the first layers."""
    x, y = ((there - wanted) // 2 for there, wanted in zip(cells.shape[1:3], window[:2], strict=True))
    return cells[:, x : x + window[0], y : y + window[1], : window[2]]


def _plan(layouts: dict[Path, Layout], window: Grid) -> Plan:
    n, f4, i8 = sum(layout.n for layout in layouts.values()), np.dtype("<f4"), np.dtype("<i8")
    arrays: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {
        "cells": ((n, *window), f4),
        "energy": ((n,), f4),
        "events": ((n,), i8),
        "file_index": ((n,), i8),
    }
    # Files that differ in it were refused before.
    if all(layout.has_theta for layout in layouts.values()):
        arrays["theta"] = ((n,), f4)

    def read() -> Iterator[Arrays]:
        for number, file in enumerate(layouts):
            for piece in pieces(file):
                theta = {} if piece.theta is None else {"theta": piece.theta}
                yield {
                    "cells": middle(piece.cells, window),
                    "energy": piece.energy,
                    "events": piece.events,
                    "file_index": np.full(len(piece.energy), number),
                    **theta,
                }

    return Plan(arrays, read)
