"""The high-level features that CaloChallenge compares showers by, as one row of numbers a shower.

After arXiv:2410.21611 and CaloChallenge/homepage, code/HighLevelFeatures.py and
``prepare_high_data_for_classifier`` of code/evaluate.py: log10 of energies in MeV, lengths from the middle of
the detector. Lengths are in units of twenty cells, which for cells of 5 mm are the 100 mm of that code.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from raysearch.metrics.showers.sample import ShowerSample

MEV = 1e3  # in a GeV
FLOOR_MEV = 1e-8  # added to layers, so that an empty one has -8
LENGTH = 20.0  # cells
LENGTHS = tuple(f"layer_{what}_{axis}" for what in ("center", "width") for axis in ("x", "y", "r"))


def high_level(sample: ShowerSample) -> NDArray[np.float64]:
    """Lay the features of each shower side by side.

    Returns:
        (n, 2 + 8 layers): log10 of the particle's energy and of all cells; then for each layer log10 of its
        energy, sparsity, and centre of energy and width in x, y and r. See :func:`names`.
    """
    features = sample.features
    columns = [
        np.log10(MEV * np.asarray(sample.energy, np.float64))[:, None],
        np.log10(MEV * features["total"].astype(np.float64).clip(0) + FLOOR_MEV)[:, None],
        np.log10(MEV * features["profile_z"].astype(np.float64).clip(0) + FLOOR_MEV),
        features["sparsity"],
        *(features[name] / LENGTH for name in LENGTHS),
    ]
    return np.concatenate(columns, axis=1)


def names(layers: int) -> list[str]:
    """Name the columns of :func:`high_level` for a detector of so many layers."""
    by_layer = ("log10 E", "sparsity", *(name.removeprefix("layer_").replace("_", " ") for name in LENGTHS))
    return [
        "log10 E particle",
        "log10 E total",
        *(f"{name}, layer {layer}" for name in by_layer for layer in range(layers)),
    ]
