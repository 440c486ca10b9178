"""Steps of many seeds at once: each part of the weights changes one of them.

The weights are parted into k strata of equal size, give or take one, and a step changes one weight in each:
k = rate * n of them, and every weight with the same probability. It is point mutation with as many places in
every step. By +-1 it is the simultaneous perturbation of Spall, IEEE Trans. Autom. Control 37 (1992) 332, of
some weights at a time.

Chance is SplitMix64 (Steele, Lea, Flood, OOPSLA 2014, figure 17), whose i-th number is a function of its seed
and i: whole numbers only and no state, so that NumPy draws all steps of a generation in one pass, with the
same bits on every machine.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raysearch.errors import InputError
from raysearch.evolve.mutation import Step

AT_ONCE = 2**21  # changes of weights in memory: some 100 MB

GOLDEN_GAMMA = np.uint64(0x9E3779B97F4A7C15)
NORMAL = (64 / 4 + 1 / 12) ** -0.5  # of 64 bits' count, whose variance is 64 / 4, plus a uniform number


@dataclass(frozen=True)
class Steps:
    """Steps of equal length, see :class:`~raysearch.evolve.mutation.Step`.

    Args:
        places: int64 (step, k), increasing in every row.
        deltas: float32 (step, k).
    """

    places: NDArray[np.int64]
    deltas: NDArray[np.float32]


def numbers_of(seeds: NDArray[np.uint64], count: int) -> NDArray[np.uint64]:
    """Give the first numbers of each seed, uint64 (seed, count)."""
    return _mixed_bits(
        seeds[:, None] + np.arange(1, count + 1, dtype=np.uint64) * GOLDEN_GAMMA  # figure 17: nextSeed
    )


def _mixed_bits(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)  # figure 17: mix64, variant 13
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@dataclass(frozen=True)
class Stratified(ABC):
    """One weight of each stratum changes.

    Args:
        rate: the share of the weights that change.

    Raises:
        InputError: if the rate is not in (0, 1].
    """

    rate: float

    def __post_init__(self) -> None:
        if not 0 < self.rate <= 1:
            raise InputError(f"rate: must be above 0 and at most 1, got {self.rate!r}")

    def draw(self, seed: int, n: int) -> Step:
        """Draw the step of a seed, in [0, 2**64), for n weights; the same arguments give the same bits."""
        drawn = self.draw_all(np.array([seed], np.uint64), n)
        return Step(drawn.places[0], drawn.deltas[0])

    def draw_all(self, seeds: NDArray[np.uint64], n: int) -> Steps:
        """Draw the steps of many seeds, each as :meth:`draw` gives it."""
        k = self.changed(n)
        edges = np.arange(k + 1, dtype=np.int64) * n // k
        drawn = numbers_of(seeds, k)
        # The upper half of a number chooses the place, the lower one the change: they share no bit.
        within = ((drawn >> np.uint64(32)) * np.diff(edges).astype(np.uint64)) >> np.uint64(32)
        return Steps(edges[:-1] + within.astype(np.int64), self._deltas(drawn))

    def mixed(
        self, seeds: NDArray[np.uint64], weights: NDArray[np.float64], n: int, *, power: int = 1
    ) -> NDArray[np.float64]:
        """Add up the seeds' steps, each change to a power and times its step's weight; float64 (n,)."""
        mixture: NDArray[np.float64] = np.zeros(n)
        rows = self.at_once(n)
        for first in range(0, len(seeds), rows):
            drawn = self.draw_all(seeds[first : first + rows], n)
            terms = weights[first : first + rows, None] * drawn.deltas.astype(float) ** power
            # What is there comes first in its sum, so that parts add up to the bits of the whole.
            places = np.concatenate([np.arange(n), drawn.places.ravel()])
            mixture = np.bincount(places, weights=np.concatenate([mixture, terms.ravel()])).astype(float)
        return mixture

    def at_once(self, n: int) -> int:
        """How many steps of n weights one may have in memory."""
        return max(1, AT_ONCE // self.changed(n))

    def changed(self, n: int) -> int:
        """How many of n weights a step changes."""
        return min(n, max(1, round(self.rate * n)))

    @abstractmethod
    def _deltas(self, drawn: NDArray[np.uint64]) -> NDArray[np.float32]:
        """Make changes of random numbers, by their lower halves."""


class StratifiedSigns(Stratified):
    """One weight of each stratum changes by +-1."""

    def _deltas(self, drawn: NDArray[np.uint64]) -> NDArray[np.float32]:
        return 2 * (drawn & np.uint64(1)).astype(np.float32) - 1


class StratifiedNormals(Stratified):
    """One weight of each stratum changes, by nearly a standard normal number.

    It is how many of 64 bits are set, smeared over the step from one count to the next: mean 0, variance 1,
    excess kurtosis -0.03, at most 8.1.
    """

    def _deltas(self, drawn: NDArray[np.uint64]) -> NDArray[np.float32]:
        # Of whole numbers, unlike logarithms or quantiles, so that the bits are the same on every machine.
        counts = np.bitwise_count(_mixed_bits(drawn + GOLDEN_GAMMA)).astype(np.float32)
        smear = (drawn & np.uint64(0xFFFFFFFF)).astype(np.float32) * np.float32(2.0**-32)
        return (counts + smear - np.float32(32.5)) * np.float32(NORMAL)
