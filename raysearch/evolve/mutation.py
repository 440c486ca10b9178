"""Mutations of weights, each a function of one seed.

- Point mutation: section 5 and Table 1 of the 3DGAN contribution (1 + lambda evolution of a calorimeter
  regressor), with a rate (the share of weights that change) and a power (the largest change):
  update = U[-1, 1] * power.
- Gaussian mutation: Such et al., Deep Neuroevolution, arXiv:1712.06567, section 3.1 and equation 1:
  theta_n = theta_(n-1) + sigma * epsilon(tau_n).

A seed gives the same bits on every machine with the same NumPy: the bit generator is SFC64 (a third faster
here than PCG64), seeded as PractRand does, with one word three times. NumPy's own seeding costs four times as
much as that, which is as much as the rest of a draw.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.random.bit_generator import ISeedSequence
from numpy.typing import DTypeLike, NDArray

from raysearch.errors import InputError


@dataclass(frozen=True)
class Step:
    """What one mutation adds to the weights.

    Args:
        places: int64 (k,), strictly increasing positions of the weights that change; None for all of them.
        deltas: float32 (k,), or (n,) for all, what is added.
    """

    places: NDArray[np.int64] | None
    deltas: NDArray[np.float32]

    def add_to(self, weights: NDArray[np.float32]) -> None:
        """Add the step to weights, float32 (n,), in place."""
        if self.places is None:
            weights += self.deltas
        else:
            weights[self.places] += self.deltas  # right as no place comes twice: += would add one of two only


STILL = Step(np.empty(0, np.int64), np.empty(0, np.float32))  # changes nothing


class Mutation(Protocol):
    """A way to draw steps."""

    def draw(self, seed: int, n: int) -> Step:
        """Draw the step of a seed, in [0, 2**64), for n weights; the same arguments give the same bits."""
        ...


@dataclass(frozen=True)
class PointMutation:
    """Each weight changes with probability ``rate``, by U[-1, 1] * ``power``.

    The positions are drawn by the gaps between them, which are geometric in a row of Bernoulli draws; a gap
    is the whole part of an exponential of mean -1 / log(1 - rate) (Devroye, Non-Uniform Random Variate
    Generation, 1986, X.2). So a draw costs what changes, not what is there.

    Raises:
        InputError: if the rate is not in (0, 1] or the power not above 0.
    """

    rate: float
    power: float

    def __post_init__(self) -> None:
        problems = []
        if not 0 < self.rate <= 1:
            problems.append(f"rate: must be above 0 and at most 1, got {self.rate!r}")
        if not 0 < self.power < math.inf:
            problems.append(f"power: must be a finite number above 0, got {self.power!r}")
        if problems:
            raise InputError(*problems)

    def draw(self, seed: int, n: int) -> Step:
        """Draw a step; see :class:`Mutation`."""
        generator = _generator(seed)
        # log(1 - rate) is infinite for a rate of 1. Places are drawn before deltas; another order would be
        # other weights for the same seed, in every checkpoint that there is.
        places = None if self.rate == 1 else self._places(generator, n)
        deltas = generator.random(n if places is None else len(places), dtype=np.float32)
        self.scale(deltas)
        return Step(places, deltas)

    @property
    def mean_gap(self) -> float:
        """What an exponential is multiplied with; its whole part is then a gap."""
        return -1 / math.log1p(-self.rate)  # Devroye, X.2: floor(E / -log(1 - p)) is geometric

    def gaps(self, n: int) -> int:
        """Say how many gaps are drawn at once for n weights."""
        expected = n * self.rate
        # Five standard deviations more than are expected, so that one draw nearly always reaches the end.
        return int(expected + 5 * math.sqrt(expected) + 5)

    def scale(self, deltas: NDArray[np.float32]) -> None:
        """Make changes of uniform numbers, in place: U[0, 1) -> U[-1, 1) * power, as in section 5."""
        deltas *= np.float32(2 * self.power)
        deltas -= np.float32(self.power)

    def _places(self, generator: np.random.Generator, n: int) -> NDArray[np.int64]:
        mean = self.mean_gap
        found: list[NDArray[np.int64]] = []
        last = -1
        while last < n:  # one round but for three draws in ten million
            gaps = generator.standard_exponential(self.gaps(n - 1 - last))
            gaps *= mean
            # A gap beyond the end is cut there, so that the sum of gaps cannot overflow.
            places = np.minimum(gaps, n, out=gaps).astype(np.int64)
            places += 1  # a gap of 0 is the very next weight
            np.cumsum(places, out=places)
            places += last
            found.append(places)
            last = int(places[-1])
        places = found[0] if len(found) == 1 else np.concatenate(found)
        return places[: places.searchsorted(n)]


@dataclass(frozen=True)
class GaussianMutation:
    """Every weight changes by ``power`` * N(0, 1).

    Raises:
        InputError: if the power is not above 0.
    """

    power: float

    def __post_init__(self) -> None:
        if not 0 < self.power < math.inf:
            raise InputError(f"power: must be a finite number above 0, got {self.power!r}")

    def draw(self, seed: int, n: int) -> Step:
        """Draw a step; see :class:`Mutation`."""
        deltas = _generator(seed).standard_normal(n, dtype=np.float32)  # epsilon(tau_n) of Eq. (1)
        deltas *= np.float32(self.power)  # sigma of Eq. (1)
        return Step(None, deltas)


class _OneWord(ISeedSequence):
    """Hands one 64-bit seed to SFC64, whose own twelve rounds of seeding spread it over the state."""

    __slots__ = ("_word",)

    def __init__(self, word: int) -> None:
        self._word = word

    def generate_state(self, n_words: int, dtype: DTypeLike = np.uint32) -> NDArray[Any]:
        """Repeat the seed, as PractRand seeds sfc64 with a single word."""
        return np.full(n_words, self._word, dtype)


def _generator(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.SFC64(_OneWord(seed)))  # type: ignore[arg-type] # not in the stubs
