"""Showers as they are compared: features in memory, cells mapped from the cache, to be read when needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raysearch.data.showers.cells import load_cells
from raysearch.data.showers.files import ROWS
from raysearch.metrics.showers.classifier import LowLevel
from raysearch.metrics.showers.features import features_of
from raysearch.metrics.showers.sample import ShowerSample


@dataclass(frozen=True)
class ReadShowers:
    """Showers of one origin, some of which can be taken without reading cells.

    Attributes:
        sample: what is kept of each, (shower,).
        cells: of every shower of the files, (all, x, y, layer) GeV.
        rows: (shower,) places in ``cells``.
    """

    sample: ShowerSample
    cells: NDArray[np.float32]
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: Any) -> ReadShowers:  # noqa: ANN401 - numbers or a slice
        return replace(self, sample=self.sample[rows], rows=self.rows[rows])

    def pieces(self) -> Iterator[NDArray[np.float32]]:
        """Read the cells, some showers at a time."""
        for start in range(0, len(self.rows), ROWS):
            yield np.asarray(self.cells[self.rows[start : start + ROWS]])

    def low_level(self, sampling: float) -> LowLevel:
        """Inputs of a low-level classifier, see there."""
        return LowLevel(_Taken(self.cells, self.rows), self.sample.energy, sampling)


@dataclass(frozen=True)
class _Taken:
    """Some showers of mapped cells."""

    cells: NDArray[np.float32]
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: NDArray[np.int64], /) -> NDArray[np.float32]:
        return np.asarray(self.cells[self.rows[rows]])


def read_showers(path: Path, threshold_gev: float) -> ReadShowers:
    """Read files that were checked.

    Args:
        path: a file or a folder.
        threshold_gev: a cell above it is a hit.
    """
    found = load_cells(path)
    sample = ShowerSample(found.energy, features_of(found.cells, threshold_gev), found.theta)
    return ReadShowers(sample, found.cells, np.arange(len(sample)))
