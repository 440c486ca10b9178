"""What a report shows of generated showers: the quantities of the 3DGAN validation, in bins of energy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from raysearch.metrics.showers.bins import PUBLISHED_GEV
from raysearch.metrics.showers.correlation import NAMES, correlations
from raysearch.metrics.showers.features import LOG_EDGES
from raysearch.metrics.showers.sample import ShowerSample
from raysearch.metrics.shown import Condition, Coordinate, Pictures, Spectra

Edges = NDArray[np.float64]

AXES = {"x": "x", "y": "y", "z": "layer"}  # as features and as readers call them
MOMENTS = (("mean", "mean", "cells"), ("variance", "variance along", "cells squared"))
N_TREND = 10  # bins in which the sampling fraction follows the energy
N_BINS = 4  # of energy, where the published ones do not fit
FEWEST_PUBLISHED = 3
N_PICTURES = 5
PICTURED = (0.05, 0.95)  # quantiles of the energy between which showers are pictured


def shower_spectra(real: ShowerSample, made: ShowerSample) -> list[Spectra]:
    """Lay features of simulated and generated showers side by side.

    Args:
        real: simulated showers.
        made: generated ones, in the same grid.

    Returns:
        Sampling fraction against energy, as in Figure 2 of the 3DGAN paper; profiles along and across;
        moments, positions of the maximum, hits, sampling fractions and the spectrum of cells, each in bins of
        energy; at variable angle the measured angle against the true one.
    """
    over = _condition(real, made, _edges(real))
    found = [_sampling_trend(real, made)]
    found += [_profile(real, made, axis, over) for axis in ("z", "x", "y")]
    for name, what, unit in (*MOMENTS, ("peak", "maximum at", "cell")):
        first, second = (sample.features[name] for sample in (real, made))
        found += [
            Spectra(f"{what} {axis}", unit, first[:, k], second[:, k], over)
            for k, axis in enumerate(AXES.values())
        ]
    fractions = real.sampling_fraction, made.sampling_fraction
    found += [
        Spectra("hits", "", real.features["hits"], made.features["hits"], over),
        Spectra("energy in the cells / E", "", fractions[0], fractions[1], over),
        _cell_spectrum(real, made, over),
    ]
    return found + _angles(real, made)


def correlation_pictures(real: ShowerSample, made: ShowerSample) -> Pictures:
    """Correlations between features, see :func:`raysearch.metrics.showers.correlation.correlations`."""
    first, second = (correlations(sample)[None].astype(np.float32) for sample in (real, made))
    return Pictures("correlations between features", "", first, second, ("",), names=tuple(NAMES))


def shower_pictures(
    real_images: NDArray[Any], made_images: NDArray[Any], energy_gev: NDArray[Any]
) -> Pictures:
    """A few showers from the side, from low to high energies, simulated ones above generated ones.

    Args:
        real_images: (shower, x, layer) GeV, cells summed over y.
        made_images: the same.
        energy_gev: (shower,).
    """
    wanted = np.quantile(energy_gev, np.linspace(*PICTURED, N_PICTURES))
    chosen = [int(np.abs(energy_gev - each).argmin()) for each in wanted]
    return Pictures(
        "showers from the side, summed over y",
        "GeV",
        real_images[chosen],
        made_images[chosen],
        captions=tuple(f"{energy_gev[row]:.0f} GeV" for row in chosen),
        x="layer",
        y="x [cell]",
        log=True,
    )


def _sampling_trend(real: ShowerSample, made: ShowerSample) -> Spectra:
    over = _condition(real, made, _trend_edges(real))
    fractions = real.sampling_fraction, made.sampling_fraction
    return Spectra("sampling fraction", "", fractions[0], fractions[1], over, trend=True)


def _profile(real: ShowerSample, made: ShowerSample, axis: str, over: Condition) -> Spectra:
    first, second = (sample.features[f"profile_{axis}"] for sample in (real, made))
    along = Coordinate(AXES[axis], "" if axis == "z" else "cell", np.arange(first.shape[1] + 1) - 0.5)
    return Spectra(f"energy along {AXES[axis]}", "GeV", first, second, over, along, log=axis != "z")


def _cell_spectrum(real: ShowerSample, made: ShowerSample, over: Condition) -> Spectra:
    first, second = (sample.features["spectrum"] for sample in (real, made))
    along = Coordinate("energy of a cell", "GeV", 10.0**LOG_EDGES, log=True)
    return Spectra("cells", "", first, second, over, along, log=True)


def _angles(real: ShowerSample, made: ShowerSample) -> list[Spectra]:
    if real.theta is None or made.theta is None:
        return []
    edges = _linear(float(real.theta.min()), float(real.theta.max()), N_TREND)
    over = Condition("angle", "rad", real.theta, made.theta, edges)
    first, second = (sample.features["angle"] for sample in (real, made))
    return [Spectra("measured angle", "rad", first, second, over, trend=True)]


def _condition(real: ShowerSample, made: ShowerSample, edges: Edges) -> Condition:
    return Condition("energy", "GeV", real.energy, made.energy, edges)


def _edges(real: ShowerSample) -> Edges:
    """Borders of a few bins: the published energies inside the range, or equal ones."""
    low, high = float(real.energy.min()), float(real.energy.max())
    inside = [center for center in PUBLISHED_GEV if low < center < high]
    if len(inside) < FEWEST_PUBLISHED:
        return _linear(low, high, N_BINS)
    return np.array([low, *inside, high])


def _trend_edges(real: ShowerSample) -> Edges:
    """Borders of equal bins in the logarithm of the energy, as biases are greatest at its low end."""
    low, high = float(real.energy.min()), float(real.energy.max())
    return np.geomspace(low, high, N_TREND + 1) if low < high else _linear(low, high, 1)


def _linear(low: float, high: float, n: int) -> Edges:
    return np.linspace(low, high, n + 1) if low < high else np.array([0.999 * low, 1.001 * high])
