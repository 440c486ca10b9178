"""Children around one centre, a whole round of them in two arrays.

Evolution strategies ask for thousands of children in a round, each a seed and a scale. One object for each
would take longer to make than the child takes to be evaluated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from raysearch.evolve.genome import Offspring, Vector


@dataclass(frozen=True, eq=False)
class Swarm(Sequence[Offspring]):
    """Children of a centre: its weights + scale * spread * step of the seed.

    Args:
        centre: the weights that they are steps away from.
        seeds: uint64 (child,).
        scales: float32 (child,), of the steps.
        spread: float32 (n,), of each weight in all steps; None: 1.
    """

    centre: Vector
    seeds: NDArray[np.uint64]
    scales: NDArray[np.float32]
    spread: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.seeds)

    @overload
    def __getitem__(self, place: int) -> Offspring: ...

    @overload
    def __getitem__(self, place: slice) -> Swarm: ...

    def __getitem__(self, place: int | slice) -> Offspring | Swarm:
        if isinstance(place, slice):
            return Swarm(self.centre, self.seeds[place], self.scales[place], self.spread)
        return Offspring(self.centre, int(self.seeds[place]), float(self.scales[place]), self.spread)


def mirrored(centre: Vector, seeds: NDArray[np.uint64], power: float) -> Swarm:
    """Give two children for each seed, one behind the other: a step forwards and the same step backwards."""
    scales = np.tile(np.array([power, -power], np.float32), len(seeds))
    return Swarm(centre, np.repeat(seeds, 2), scales)
