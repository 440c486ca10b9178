"""Bins of primary energy, in which generated showers are compared with simulated ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raysearch.errors import InputError

PUBLISHED_GEV = (50.0, 100.0, 200.0, 250.0, 300.0, 400.0, 500.0)  # middles of the bins of 3DGAN's validation
HALF_WIDTH_GEV = 5.0  # of a published bin
SHARES = (0.1, 0.5, 0.9)  # of the energy range; of 100 to 200 GeV the published 110, 150 and 190
MIN_SHOWERS = 20  # of either origin; a mean over fewer says too little


@dataclass(frozen=True)
class EnergyBin:
    """Showers with energies within ``half_width_gev`` of ``center_gev``; a center of 0 means all showers."""

    center_gev: float
    half_width_gev: float = HALF_WIDTH_GEV

    def holds(self, energy_gev: ArrayLike) -> NDArray[np.bool_]:
        """Tell which energies (n,) lie inside, borders excluded as in the published code."""
        energy = np.asarray(energy_gev)
        if self.center_gev == 0:
            return np.ones(energy.shape, bool)
        return np.abs(energy - self.center_gev) < self.half_width_gev

    @property
    def name(self) -> str:
        """How a table calls it."""
        return f"{self.center_gev:g} GeV" if self.center_gev else "all"


@dataclass(frozen=True)
class FilledBins:
    """The bins that hold enough showers of both origins, and those that do not, which count for nothing."""

    used: tuple[EnergyBin, ...]
    left_out: tuple[EnergyBin, ...]


def energy_bins(low_gev: float, high_gev: float) -> tuple[EnergyBin, ...]:
    """Choose bins for energies in a range: all showers together, then single energies.

    The published ones that lie wholly inside, if there are two or more; else three, of a tenth of the range
    each, around 10, 50 and 90 % of it, which for 100 to 200 GeV are those that 3DGAN uses there. A range
    without width has one bin.

    Args:
        low_gev: least energy.
        high_gev: greatest energy.

    Raises:
        InputError: the range is turned round, or goes below 0.
    """
    if not 0 <= low_gev <= high_gev:
        raise InputError(f"energies: need a range above 0, got {low_gev} to {high_gev} GeV")
    everything, width = EnergyBin(0), high_gev - low_gev
    if width == 0:
        return (everything,)
    inside = [
        EnergyBin(center)
        for center in PUBLISHED_GEV
        if low_gev <= center - HALF_WIDTH_GEV and center + HALF_WIDTH_GEV <= high_gev
    ]
    if len(inside) < 2:
        inside = [EnergyBin(low_gev + share * width, 0.05 * width) for share in SHARES]
    return (everything, *inside)


def filled(bins: tuple[EnergyBin, ...], *energies_gev: ArrayLike) -> FilledBins:
    """Part bins by whether every sample has at least ``MIN_SHOWERS`` showers in them.

    Args:
        bins: to be parted.
        energies_gev: (n,) energies of each sample.

    Raises:
        InputError: none is filled.
    """
    used = [one for one in bins if all(one.holds(energy).sum() >= MIN_SHOWERS for energy in energies_gev)]
    if not used:
        counts = ", ".join(str(np.size(energy)) for energy in energies_gev)
        raise InputError(f"showers: no energy bin holds {MIN_SHOWERS} of each sample; there are {counts}")
    return FilledBins(tuple(used), tuple(one for one in bins if one not in used))
