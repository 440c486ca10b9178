"""The number that 3DGAN's generators are chosen by: mean relative error of moments, profiles and angle.

After ``metric`` in svalleco/3Dgan, analysis/utils/GANutils.py (branch Anglegan), and the same function in
interTwin-eu/DetectorSim-3DGAN, with m = 2 moments as in SelectEpoch.py. A third moment is no part of it: the
third central moment of a symmetric profile is near 0, and its relative error says nothing.

The published code divides by means of the simulation, which are 0 where it never leaves energy, and is then
not a number. Here the relative error is 0 where both means are 0, and 1, that is 100 %, where only the
simulation's is: what a generator that leaves nothing has where the simulation leaves something. Everywhere
else it is the published value. Of a shower without energy the published code makes NaN moments; here they are
0, so that empty showers pull means down, and its angle is 100 rad, as published.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raysearch.errors import InputError
from raysearch.metrics.showers.bins import EnergyBin, FilledBins, energy_bins, filled
from raysearch.metrics.showers.sample import ShowerSample
from raysearch.seeds import generator

Floats = NDArray[np.float64]

AXES = ("x", "y", "z")
ZERO = {"profiles": 1e-9, "moments": 1e-6}  # GeV; cells and cells squared: below is rounding, and counts as 0
N_DRAWS = 20  # of a bootstrap


@dataclass(frozen=True)
class ScalarMetric:
    """The published scalar and its parts, each a mean over energy bins; lower is better.

    Attributes:
        total: moments + profiles + angle.
        moments: P, of the first two moments along three axes.
        profiles: E, of the mean profiles along three axes, cell by cell.
        angle: A, of the angle measured in generated showers; None at a fixed angle.
        bins: those that were used, and those left out because they hold too few showers.
        error: one standard deviation of the total by bootstrap; None where it was not asked for.
    """

    total: float
    moments: float
    profiles: float
    angle: float | None
    bins: FilledBins
    error: float | None = None


def scalar_metric(
    real: ShowerSample,
    made: ShowerSample,
    bins: tuple[EnergyBin, ...] | None = None,
    *,
    error_seed: int | None = None,
) -> ScalarMetric:
    """Compare generated showers with simulated ones.

    Args:
        real: simulated showers.
        made: generated ones, in the same grid, of energies (and angles) spread alike.
        bins: of primary energy; by default :func:`energy_bins` of the simulation.
        error_seed: if given, the error is estimated from samples drawn again with replacement.

    Raises:
        InputError: grids differ, or no bin holds enough showers.
    """
    _require_one_grid(real, made)
    bins = bins or energy_bins(float(real.energy.min()), float(real.energy.max()))
    chosen = filled(bins, real.energy, made.energy)
    parts = _parts(real, made, chosen.used)
    error = None
    if error_seed is not None:
        rng = generator(error_seed, "scalar metric")
        drawn = [
            _parts(_drawn(real, chosen.used, rng), _drawn(made, chosen.used, rng), chosen.used).sum()
            for _ in range(N_DRAWS)
        ]
        error = float(np.std(drawn, ddof=1))
    angle = None if made.theta is None else float(parts[2])
    return ScalarMetric(float(parts.sum()), float(parts[0]), float(parts[1]), angle, chosen, error)


def relative_deviation(real: ArrayLike, made: ArrayLike, zero: float) -> Floats:
    """Compute abs(real - made) / abs(real), 0 where both are 0 and 1 where only ``real`` is.

    Args:
        real: of any shape.
        made: the same shape.
        zero: what is below counts as 0.
    """
    true, other = np.asarray(real, np.float64), np.asarray(made, np.float64)
    none, nothing = np.abs(true) < zero, np.abs(other) < zero
    deviation = np.abs(true - other) / np.where(none, 1, np.abs(true))
    return np.where(none, np.where(nothing, 0.0, 1.0), deviation)


def sampling_fraction_error(
    real: ShowerSample, made: ShowerSample, bins: tuple[EnergyBin, ...] | None = None
) -> tuple[float, float]:
    """Mean over bins of abs(<f_real> - <f_made>) / <f_real>, f the energy in the cells over the particle's.

    Args:
        real: simulated showers.
        made: generated ones.
        bins: as for :func:`scalar_metric`.

    Returns:
        The value and one standard deviation, from the spread of f in each bin; bins that lie in another one
        count as if they were independent.

    Raises:
        InputError: no bin holds enough showers.
    """
    bins = bins or energy_bins(float(real.energy.min()), float(real.energy.max()))
    used = filled(bins, real.energy, made.energy).used
    values, variances = [], []
    for one in used:
        f_real, f_made = (part.sampling_fraction[one.holds(part.energy)] for part in (real, made))
        mean = f_real.mean()
        values.append(abs(mean - f_made.mean()) / mean)
        variances.append((f_real.var(ddof=1) / len(f_real) + f_made.var(ddof=1) / len(f_made)) / mean**2)
    return float(np.mean(values)), float(np.sqrt(np.sum(variances)) / len(used))


def _parts(real: ShowerSample, made: ShowerSample, bins: tuple[EnergyBin, ...]) -> Floats:
    """P, E and A, each a mean over bins; A is 0 at a fixed angle."""
    return np.mean(
        [_parts_of_bin(real[one.holds(real.energy)], made[one.holds(made.energy)]) for one in bins], axis=0
    )


def _parts_of_bin(real: ShowerSample, made: ShowerSample) -> tuple[float, float, float]:
    def deviation(name: str, kind: str) -> Floats:
        first, second = (np.mean(part.features[name], axis=0, dtype=np.float64) for part in (real, made))
        return relative_deviation(first, second, ZERO[kind])

    moments = np.mean([deviation(name, "moments") for name in ("mean", "variance")])  # GANutils: pos_total
    profiles = np.mean([deviation(f"profile_{axis}", "profiles").mean() for axis in AXES])  # eprofile_total
    angle = 0.0
    if made.theta is not None:  # angle_error: what was asked for against what is measured
        angle = float(np.mean(np.abs(made.theta - made.features["angle"]) / np.abs(made.theta)))
    return float(moments), float(profiles), angle


def _drawn(sample: ShowerSample, bins: tuple[EnergyBin, ...], rng: np.random.Generator) -> ShowerSample:
    """As many showers, drawn with replacement; drawn again in the rare case that a bin is left empty."""
    while True:
        drawn = sample[rng.integers(len(sample), size=len(sample))]
        if all(one.holds(drawn.energy).any() for one in bins):
            return drawn


def _require_one_grid(real: ShowerSample, made: ShowerSample) -> None:
    grids = [tuple(part.features[f"profile_{axis}"].shape[1] for axis in AXES) for part in (real, made)]
    if grids[0] != grids[1]:
        raise InputError(f"showers: grids differ, {grids[0]} cells simulated and {grids[1]} generated")
