"""What CaloChallenge's two classifiers see of a shower; the classifier: metrics/generation/two_sample.py.

After arXiv:2410.21611 and CaloChallenge/homepage, code/evaluate.py. Where the published code leaves features
as they are, high-level ones are standardised here, since grids have no unit of length in common.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raysearch.metrics.generation.two_sample import Inputs, standardised
from raysearch.metrics.showers.high_level import high_level
from raysearch.metrics.showers.sample import ShowerSample


class LowLevel:
    """Log10 of the energy and all cells of a shower: 100 cells / (E sampling), as if cells held all energy.

    Args:
        cells: (n, x, y, layer) GeV, may be mapped.
        energy: (n,) GeV.
        sampling: the simulation's mean energy in the cells over the particle's; one number for both samples.
    """

    def __init__(self, cells: Inputs, energy: ArrayLike, sampling: float) -> None:
        self._cells = cells
        self._energy = np.asarray(energy, np.float64)
        self._sampling = sampling

    def __len__(self) -> int:
        return len(self._cells)

    def __getitem__(self, rows: NDArray[np.int64], /) -> NDArray[np.float32]:
        """Rows (n, 1 + cells)."""
        energy = self._energy[rows, None]
        cells = self._cells[rows].reshape(len(rows), -1).astype(np.float32)
        cells *= (100 / (energy * self._sampling)).astype(np.float32)
        return np.concatenate([np.log10(1e3 * energy).astype(np.float32), cells], axis=1)


def high_level_inputs(
    real: ShowerSample, made: ShowerSample
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """High-level features of both, standardised by the simulation."""
    return standardised(high_level(real), high_level(made))
