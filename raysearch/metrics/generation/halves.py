"""What a distance of real data from real data would be at their own number, from their halves.

For looking at a network while it trains, where all real rows that there are are compared with generated ones
and none is left to compare them with: a distance that falls as a known power of the number is that of two
halves, times 1/2 to that power. ``itself.py`` gives up half of the rows instead, and needs no power.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from raysearch.metrics.generation.itself import Measured, Rows
from raysearch.seeds import generator

S = TypeVar("S", bound=Rows)

DRAWS = 10
ROOT = 0.5  # Wasserstein-1 distances in one dimension fall with the root of the number
INVERSE = 1.0  # squared Frechet distances with the number


def from_halves(distance: Callable[[S, S], float], real: S, *, power: float, seed: int = 0) -> Measured:
    """Estimate the distance of real rows from as many other real ones.

    Args:
        distance: of two samples.
        real: real rows, two at least.
        power: by which it falls with the number of rows.
        seed: of the halves.

    Returns:
        Mean and standard deviation over ten ways to halve them: what a single comparison scatters by.
    """
    rng, half = generator(seed, "halves"), len(real) // 2
    found = []
    for _ in range(DRAWS):
        order = rng.permutation(len(real))
        found.append(distance(real[order[:half]], real[order[half : 2 * half]]) * 0.5**power)
    return Measured(float(np.mean(found)), float(np.std(found, ddof=1)))
