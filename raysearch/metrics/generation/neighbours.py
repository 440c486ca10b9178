"""Precision, recall, density and coverage of rows of features, by their nearest neighbours.

M. Naeem et al., arXiv:2002.09797, with k = 5; a ball is what lies around a row as near as its k-th neighbour
in its own sample. Precision and recall (T. Kynkaanniemi et al., arXiv:1904.06991) take one outlier's large
ball for a whole region; density and coverage do not. With rows of one origin density is 1 on average, and
the others are not.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from raysearch.metrics.generation.batches import over_batches
from raysearch.metrics.generation.comparison import Figures

Floats = NDArray[np.float64]

NEIGHBOURS = 5
BATCHES, MOST = 5, 10_000
LEAST = 100  # rows of a batch
AT_ONCE = 1000  # rows whose distances to all others are held


def neighbour_figures(real: Floats, made: Floats, *, seed: int = 0) -> Figures:
    """Compute all four, mean and error over five batches of up to 10,000 rows.

    Args:
        real: (n, f), of one scale.
        made: (m, f).
        seed: of the batches.

    Raises:
        InputError: fewer than 200 rows on a side.
    """
    return over_batches(of_neighbours, real, made, batches=BATCHES, most=MOST, least=LEAST, seed=seed)


def of_neighbours(real: Floats, made: Floats) -> dict[str, float]:
    """Compute them of two whole samples (n, f) and (m, f), more than ``NEIGHBOURS`` rows each.

    Returns:
        ``precision``: share of generated rows in the ball of any real one; ``recall``: the same the other way
        round; ``density``: real balls that a generated row lies in, over k; ``coverage``: share of real balls
        with a generated row in them.
    """
    real_reach, made_reach = _reach(real), _reach(made)
    n_balls, recalled, covered = np.zeros(len(made)), [], []
    for rows, distances in _distances(real, made):
        inside = distances <= real_reach[rows, None]
        n_balls += inside.sum(axis=0)
        covered.append(inside.any(axis=1))
        recalled.append((distances <= made_reach).any(axis=1))
    return {
        "precision": float((n_balls > 0).mean()),
        "recall": float(np.concatenate(recalled).mean()),
        "density": float(n_balls.mean() / NEIGHBOURS),
        "coverage": float(np.concatenate(covered).mean()),
    }


def _reach(sample: Floats) -> Floats:
    """Squared distance of each row to its k-th nearest other one."""
    # One more than k, for each row is among its own neighbours.
    found = [
        np.partition(distances, NEIGHBOURS, axis=1)[:, NEIGHBOURS]
        for _, distances in _distances(sample, sample)
    ]
    return np.concatenate(found)


def _distances(first: Floats, second: Floats) -> Iterator[tuple[slice, Floats]]:
    """Squared distances of some rows at a time to all of ``second``."""
    second_squares = (second**2).sum(axis=1)
    for start in range(0, len(first), AT_ONCE):
        rows = slice(start, start + AT_ONCE)
        squares = (first[rows] ** 2).sum(axis=1)[:, None]
        yield rows, (squares + second_squares - 2 * first[rows] @ second.T).clip(0)
