"""Separation power of two histograms, and of the high-level features of showers, as in CaloChallenge.

After arXiv:2009.03796, and CaloChallenge/homepage, code/evaluate_plotting_helper.py, whose numbers
of bins are kept. Its ranges are those of its detectors; here they follow from the simulation and the grid. A
shower outside a range counts in the outermost bin, so that none is lost: histograms that leave such showers
out call a generator good for those of its showers that are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raysearch.metrics.generation.separation import separation_power
from raysearch.metrics.showers.high_level import LENGTHS
from raysearch.metrics.showers.sample import ShowerSample

Floats = NDArray[np.float64]

RATIO_BINS, LAYER_BINS, LENGTH_BINS, SPARSITY_BINS = 100, 39, 100, 20
LEAST_GEV = 1e-6  # of a layer's energy in its histogram; what is below counts in the first bin


def histogram(values: ArrayLike, edges: ArrayLike) -> NDArray[np.int64]:
    """Count values (n,) between edges (bin + 1,); what lies outside counts in the outermost bins."""
    borders = np.asarray(edges, np.float64)
    places = np.searchsorted(borders, np.asarray(values, np.float64).ravel(), side="right") - 1
    return np.bincount(places.clip(0, len(borders) - 2), minlength=len(borders) - 1)


def separation_powers(real: ShowerSample, made: ShowerSample) -> dict[str, float]:
    """Compute the separation power of each kind of high-level feature; of those by layer the mean.

    Args:
        real: simulated showers, which also decide the ranges.
        made: generated ones, in the same grid.

    Returns:
        ``sampling fraction``, ``cell energy``, ``layer energy``, ``sparsity``, and centres and widths such as
        ``layer center x``.
    """
    middle = float(real.sampling_fraction.mean())
    ratio_edges = np.linspace(0.5 * middle, 1.5 * middle, RATIO_BINS + 1)
    spectra = (part.features["spectrum"].sum(axis=0, dtype=np.int64) for part in (real, made))
    found = {
        "sampling fraction": _power(real.sampling_fraction, made.sampling_fraction, ratio_edges),
        "cell energy": separation_power(*spectra),
    }
    for name, edges in _edges_by_layer(real).items():
        first, second = (part.features[name] for part in (real, made))
        powers = [_power(first[:, layer], second[:, layer], each) for layer, each in enumerate(edges)]
        found[name.replace("profile_z", "layer energy").replace("_", " ")] = float(np.mean(powers))
    return found


def _edges_by_layer(real: ShowerSample) -> dict[str, list[Floats]]:
    """Edges for each feature that is by layer, a list of one array for each layer."""
    layers = real.features["profile_z"].shape[1]
    side = max(real.features[f"profile_{axis}"].shape[1] for axis in ("x", "y"))
    greatest = np.maximum(real.features["profile_z"].max(axis=0), 10 * LEAST_GEV)
    found = {
        "profile_z": [np.geomspace(LEAST_GEV, top, LAYER_BINS + 1) for top in greatest],
        "sparsity": [np.linspace(0, 1, SPARSITY_BINS + 1)] * layers,
    }
    for name in LENGTHS:
        low = 0 if "width" in name or name.endswith("_r") else -side / 2
        found[name] = [np.linspace(low, side / 2, LENGTH_BINS + 1)] * layers
    return found


def _power(real: ArrayLike, made: ArrayLike, edges: Floats) -> float:
    return separation_power(histogram(real, edges), histogram(made, edges))
