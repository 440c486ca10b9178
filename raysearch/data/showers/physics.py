"""What showers should not be: more energy in the cells than the particle had, other units, nothing at all.

It may be meant, and a network may learn from it, so that it is told and not refused.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from raysearch.data.spread import Quantities

MOST_SHARE = 1.3  # of a particle's energy that cells may hold at the median, calibrated as they may be
LEAST_SHARE = 1e-4  # thinner than any sampling calorimeter
MOST_ENERGY_GEV = 20_000.0  # of particles at the median

SUM_NAME, ENERGY_NAME = "sum of the cells in GeV", "energy of the particle in GeV"


class ShowerPhysics:
    """Looks at the showers of one file, piece by piece.

    Args:
        name: of the file, without its folder: warnings are kept for this content, wherever it lies.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._sums: list[NDArray[np.float64]] = []
        self._energies: list[NDArray[np.float64]] = []

    def look(self, sums: NDArray[np.float64], energy: NDArray[np.float64]) -> None:
        """Look at the sums of cells and the energies of some showers, (shower,) in GeV."""
        self._sums.append(sums)
        self._energies.append(energy)

    def warned(self) -> Iterator[str]:
        """Tell what is odd, after the last shower."""
        share, energy = self._medians()
        if energy > MOST_ENERGY_GEV:
            yield (
                f"{self._name}: the median energy of the particles is {energy:.3g} GeV, if it is in GeV as "
                "it must be; is it in MeV?"
            )
        if not LEAST_SHARE <= share <= MOST_SHARE:
            yield (
                f"{self._name}: cells hold {share:.3g} times the energy of the particle at the median; are "
                "both in GeV?"
            )
        n_empty = sum(int((sums == 0).sum()) for sums in self._sums)
        if n_empty:
            showers = "showers" if n_empty > 1 else "shower"
            yield f"{self._name}: {n_empty:,} {showers} without energy in any cell"

    def _medians(self) -> tuple[float, float]:
        """Medians of the share of energy in the cells, of showers with any, and of energies."""
        sums, energy = np.concatenate(self._sums), np.concatenate(self._energies)
        good = (energy > 0) & (sums > 0) & np.isfinite(energy) & np.isfinite(sums)
        if not good.any():
            return 1.0, 0.0
        return float(np.median(sums[good] / energy[good])), float(np.median(energy[good]))


def of_sums(sums: NDArray[np.floating]) -> Quantities:
    """Quantities of showers by which data are compared."""
    return {SUM_NAME: sums}
