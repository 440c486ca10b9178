"""How far point clouds, and samples of them, are from each other: the nearest-neighbour distance as a metric.

Of two clouds it is the mean over the points of each of the distance to the other's nearest, half of both; so
it is in the points' unit, does not grow with their number, and is the same whichever form of it a network
learns by. Of two samples it is the mean over the clouds of each of the distance to the other's nearest, half
of both: far where made clouds are like no real one, and where real ones have no made one near them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from raysearch.metrics.generation.itself import BesideItself, beside_itself

Clouds = NDArray[np.floating[Any]]

MOST = 2000  # clouds that are looked at, evenly over all
PAIRED = 100  # of a sample: all pairs are compared, in every epoch
FAR = 1e9  # where padding is put: nobody's nearest


def mean_distance(real: Clouds, made: Clouds) -> float:
    """Compute the mean distance of clouds to those in their places.

    Args:
        real: (cloud, point, feature), zeros where there is no point.
        made: the same; which of its points are there is taken from ``real``. Clouds without points are left
            out.

    Returns:
        NaN if no cloud has points.
    """
    chosen = np.unique(np.linspace(0, len(real) - 1, MOST).round().astype(int))
    pairs = [
        _distance(one[there], other[there])
        for one, other in zip(real[chosen], made[chosen], strict=True)
        if (there := (one != 0).any(axis=1)).any()
    ]
    return float(np.mean(pairs)) if pairs else float("nan")


def sample_distance(real: Clouds, made: Clouds, *, seed: int = 0) -> BesideItself:
    """Compute the distance of two samples, and that of real clouds from other real ones at the same size.

    Args:
        real: (cloud, point, feature), zeros where there is no point; clouds without any are left out.
        made: as many, with points where the real ones have some.
        seed: of the halves.

    Raises:
        InputError: fewer than two real clouds have points.
    """
    there = np.flatnonzero((real != 0).any(axis=(1, 2)))
    chosen = there[np.unique(np.linspace(0, len(there) - 1, 2 * PAIRED).round().astype(int))]
    return beside_itself(_of_samples, real[chosen], made[chosen], seed=seed)


def _of_samples(one: Clouds, other: Clouds) -> float:
    apart = np.stack([_to_all(cloud[(cloud != 0).any(axis=1)], other) for cloud in one])
    return float(apart.min(axis=0).mean() + apart.min(axis=1).mean()) / 2


def _to_all(mine: Clouds, others: Clouds) -> NDArray[np.float64]:
    """Distances of a cloud without padding, (point, feature), to others (cloud, point, feature)."""
    there = (others != 0).any(axis=2)
    places = np.where(there[..., None], others, FAR).reshape(-1, mine.shape[1])
    apart = cdist(mine, places).reshape(len(mine), *there.shape)
    from_others = (apart.min(axis=0) * there).sum(axis=1) / there.sum(axis=1)
    return (apart.min(axis=2).mean(axis=0) + from_others) / 2


def _distance(one: Clouds, other: Clouds) -> float:
    apart = cdist(one, other)
    return float(apart.min(axis=0).mean() + apart.min(axis=1).mean()) / 2
