"""Correlations between features of showers, as the 3DGAN validation compares them (RootPlotsGAN.py)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from raysearch.metrics.showers.sample import ShowerSample

NAMES = (
    "energy",
    "sampling fraction",
    "hits",
    "mean x",
    "mean y",
    "mean z",
    "variance x",
    "variance y",
    "variance z",
    "first third",
    "middle third",
    "last third",
)
LEAST = 1e-12  # standard deviation of a column that is constant but for rounding, relative to its size


def correlations(sample: ShowerSample) -> NDArray[np.float64]:
    """Compute the correlation of every feature in ``NAMES`` with every other.

    The thirds are shares of the energy by depth.

    Returns:
        (12, 12), 1 on the diagonal; a feature that is the same in all showers is correlated with nothing, 0.
    """
    columns = _columns(sample)
    centered = columns - columns.mean(axis=0)
    sizes = np.sqrt((centered**2).sum(axis=0))
    constant = sizes <= LEAST * np.sqrt((columns**2).sum(axis=0))
    scaled = np.where(constant, 0, centered / np.where(constant, 1, sizes))
    found = scaled.T @ scaled
    np.fill_diagonal(found, 1.0)
    return found


def correlation_difference(real: ShowerSample, made: ShowerSample) -> float:
    """Root mean square of r_made - r_real over all pairs of features, so that a few lost ones show."""
    pairs = np.triu_indices(len(NAMES), 1)
    return float(np.sqrt(np.mean((correlations(made) - correlations(real))[pairs] ** 2)))


def _columns(sample: ShowerSample) -> NDArray[np.float64]:
    features = sample.features
    layers = features["profile_z"].astype(np.float64)
    whole = layers.sum(axis=1, keepdims=True)
    depths = np.array_split(np.arange(layers.shape[1]), 3)
    thirds = np.stack([layers[:, part].sum(axis=1) for part in depths], axis=1)
    columns = [
        sample.energy,
        sample.sampling_fraction,
        features["hits"],
        *features["mean"].T,
        *features["variance"].T,
        *np.divide(thirds, whole, out=np.zeros_like(thirds), where=whole > 0).T,
    ]
    return np.stack([np.asarray(column, np.float64) for column in columns], axis=1)
