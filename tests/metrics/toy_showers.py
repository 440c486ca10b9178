"""Showers of a toy calorimeter, and the ways in which a generator gets them wrong."""

import numpy as np

from raysearch.metrics.showers.features import features_of
from raysearch.metrics.showers.sample import ShowerSample

GRID = (13, 13, 12)
SAMPLING = 0.02
LOW_GEV, HIGH_GEV = 10.0, 500.0


def toy_cells(n, seed, theta=None):
    """Gamma profiles in depth with fluctuating maximum, Gaussian across; deep showers leave less in cells."""
    rng = np.random.default_rng(seed)
    energy = rng.uniform(LOW_GEV, HIGH_GEV, n)
    depth = rng.normal(0, 0.5, n)
    peak = np.log(energy) * 0.7 + 1 + depth
    z = np.arange(GRID[2]) + 0.5
    layers = z ** (3 * peak[:, None] / 4) * np.exp(-z * 0.75)
    layers /= layers.sum(1, keepdims=True)
    fraction = SAMPLING * (1 - 0.1 * depth + 0.17 / np.sqrt(energy) * rng.standard_normal(n))
    x = np.arange(GRID[0]) - (GRID[0] - 1) / 2
    slope = 0 if theta is None else (1 / np.tan(theta))[:, None] * (z - z.mean())
    across = [rng.uniform(-0.5, 0.5, (n, 1)), rng.uniform(-0.5, 0.5, (n, 1)) + slope]
    core, tail = 0.7 + 0.06 * z, 3.5
    sides = [
        np.exp(-(((x[:, None] - place[:, None]) / core) ** 2) / 2)
        + 0.1 * np.exp(-(((x[:, None] - place[:, None]) / tail) ** 2) / 2)
        for place in across
    ]
    cells = np.einsum("nxz,nyz,nz->nxyz", sides[0] / sides[0].sum(1, keepdims=True), sides[1], layers)
    cells *= rng.gamma(4, 0.25, cells.shape)  # cells fluctuate
    cells *= (energy * fraction / cells.sum((1, 2, 3)))[:, None, None, None]
    cells[cells < 1e-5] = 0
    return cells.astype(np.float32), energy


def sample(cells, energy, theta=None):
    return ShowerSample(energy, features_of(cells), theta)


def louder(cells, energy, rng):
    return 1.03 * cells


def deeper(cells, energy, rng):
    return np.concatenate([np.zeros_like(cells[..., :1]), cells[..., :-1]], axis=3)


def wider(cells, energy, rng):
    return 0.6 * cells + 0.2 * np.roll(cells, 1, axis=1) + 0.2 * np.roll(cells, -1, axis=1)


def uncorrelated(cells, energy, rng):
    """A shower gets the sum of another one of nearly the same energy: each feature for itself stays right."""
    order = np.argsort(energy)
    totals = cells.sum((1, 2, 3))
    fraction = (totals / energy)[order]
    for start in range(0, len(fraction), 50):
        rng.shuffle(fraction[start : start + 50])
    wanted = np.empty_like(fraction)
    wanted[order] = fraction
    return cells * (wanted * energy / totals)[:, None, None, None].astype(np.float32)


def noisy(cells, energy, rng):
    return cells + np.where(rng.random(cells.shape, np.float32) < 0.02, np.float32(3e-4), np.float32(0))


def dead_layer(cells, energy, rng):
    found = cells.copy()
    found[..., 6] = 0
    return found
