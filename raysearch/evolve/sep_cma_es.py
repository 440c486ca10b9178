"""Separable CMA-ES: Ros, Hansen, PPSN 2008, LNCS 5199, p. 296, with its default parameters.

A generation draws children around a mean, with a length of its own for each weight. The better half moves the
mean; the lengths follow what the better children did, along the path of the mean (rank one) and by themselves
(rank mu); all of them grow or shrink together as the mean goes straight on or to and fro (cumulative
step-size adaptation). Without the correlations of CMA-ES, everything is linear in the number of weights, and
the lengths can be learnt (n + 2) / 3 times as fast.

One thing is added: a child need not change all weights (``rate``; see :mod:`~raysearch.evolve.strata`). Those
that it changes it changes by more, so that each has the variance that it would have with all of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raysearch.evolve import around_centre, strategy
from raysearch.evolve.around_centre import AroundCentre, share_kept, vector_of
from raysearch.evolve.strata import StratifiedNormals, numbers_of
from raysearch.evolve.strategy import Round, comparable
from raysearch.evolve.swarm import Swarm


@dataclass(frozen=True)
class Settings(strategy.Settings):
    """Settings of the strategy.

    Args:
        population: lambda, the children of a generation; 0: 4 + 3 ln n.
        parents: mu, the best of them, which move the mean; 0: half of them.
        sigma: the standard deviation of a weight's change at first.
        rate: the share of the weights that a child changes.
        averaging: decay rate of the average of means, which is the result; 0: the last mean.
    """

    population: int = 0
    parents: int = 0
    sigma: float = 0.02
    rate: float = 1.0
    averaging: float = 0.0

    def problems(self) -> list[str]:
        """List the faults."""
        found = super().problems()
        if found:
            return found
        if self.population and self.population < 2:
            found.append(f"population: must be at least 2, or 0 for 4 + 3 ln n, got {self.population}")
        elif self.parents and not 1 <= self.parents < self.population:
            found.append(
                f"parents: must lie in 1 to below population = {self.population}, or be 0 for half of it, "
                f"got {self.parents}"
            )
        if not 0 < self.rate <= 1:
            found.append(f"rate: must be above 0 and at most 1, got {self.rate!r}")
        if not 0 <= self.averaging < 1:
            found.append(f"averaging: must be at least 0 and below 1, got {self.averaging!r}")
        return [*found, *self.above_zero("sigma")]


@dataclass(frozen=True)
class State(around_centre.State):
    """Where the strategy is, beside what every state around a centre holds.

    Args:
        sigma: the step size.
        mean: float32 (n,), m, what is added to the initial weights.
        variances: float32 (n,), the diagonal of C.
        of_sigma: float32 (n,), p_sigma, the path that decides whether sigma grows.
        of_variances: float32 (n,), p_c, the path of the rank-one update.
    """

    sigma: float
    mean: NDArray[np.float32]
    variances: NDArray[np.float32]
    of_sigma: NDArray[np.float32]
    of_variances: NDArray[np.float32]


@dataclass(frozen=True)
class Rates:
    """What follows from mu and n.

    Args:
        weights: float64 (parent,), of the better children, the best first.
        path_of_sigma, damping: c_sigma and d_sigma.
        path_of_variances: c_c.
        rank_one, rank_mu: the parts of c_cov that go to the two updates.
    """

    weights: NDArray[np.float64]
    path_of_sigma: float
    damping: float
    path_of_variances: float
    rank_one: float
    rank_mu: float


def rates_of(parents: int, n: int) -> Rates:
    """Give the paper's rates for n weights and so many parents."""
    weights = math.log(parents + 1) - np.log(np.arange(1, parents + 1))
    weights /= weights.sum()
    mu_eff = _mu_eff(weights)
    of_sigma = (mu_eff + 2) / (n + mu_eff + 3)
    full = min(1.0, (2 * mu_eff - 1) / ((n + 2) ** 2 + mu_eff))
    c_cov = 2 / (mu_eff * (n + math.sqrt(2)) ** 2) + (1 - 1 / mu_eff) * full
    c_cov = min(1.0, c_cov * (n + 2) / 3)  # n lengths are learnt faster than n^2 covariances
    return Rates(
        weights,
        path_of_sigma=of_sigma,
        damping=1 + 2 * max(0.0, math.sqrt((mu_eff - 1) / (n + 1)) - 1) + of_sigma,
        path_of_variances=4 / (n + 4),
        rank_one=c_cov / mu_eff,
        rank_mu=c_cov * (1 - 1 / mu_eff),
    )


@dataclass(frozen=True)
class SepCMAES(AroundCentre[State]):
    """The strategy; each of its rounds are children of the mean.

    Args:
        settings: see :class:`Settings`.
        dimension: n, the number of weights.
    """

    settings: Settings
    dimension: int
    state = State

    @cached_property
    def mutation(self) -> StratifiedNormals:
        """What draws a child's step."""
        return StratifiedNormals(self.settings.rate)

    @cached_property
    def population(self) -> int:
        """Children of a generation."""
        return self.settings.population or 4 + int(3 * math.log(self.dimension))

    @cached_property
    def rates(self) -> Rates:
        """What follows from the settings and the number of weights."""
        return rates_of(self.settings.parents or self.population // 2, self.dimension)

    def begin(self, seed: int) -> State:
        """Give the first state."""
        zeros, ones = (np.full(self.dimension, value, np.float32) for value in (0, 1))
        return State(
            None,
            seed,
            generation=0,
            drawn=0,
            average=zeros,
            sigma=self.settings.sigma,
            mean=zeros,
            variances=ones,
            of_sigma=zeros,
            of_variances=zeros,
        )

    def tell(self, state: State, losses: ArrayLike) -> State:
        """Move the mean; a generation whose losses are all equal, or not finite, moves nothing."""
        known = comparable(state, losses)
        finite = known[np.isfinite(known)]
        if not len(finite) or (known == known[0]).all():
            return replace(state, asked=None)
        return self._moved(state, self._weights(known))

    def _weights(self, losses: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weights (child,) in the mean: of equal children equal ones, of failed children none."""
        _, level, sizes = np.unique(losses, return_inverse=True, return_counts=True)
        by_rank = np.zeros(len(losses))
        taken = self.rates.weights[: int(np.isfinite(losses).sum())]
        by_rank[: len(taken)] = taken / taken.sum()
        of_levels: NDArray[np.float64] = np.add.reduceat(by_rank, np.cumsum(sizes) - sizes) / sizes
        return of_levels[level]

    def _moved(self, state: State, weights: NDArray[np.float64]) -> State:
        """Carry out a generation; equations (1) to (6) are this file's numbers."""
        told, n, t = self.rates, self.dimension, state.generation + 1
        chosen = weights > 0
        seeds, weights = self._seeds(state.drawn)[chosen], weights[chosen]
        mu_eff = _mu_eff(weights)
        # Sums of w_i z_i and w_i z_i^2 over the children, whose weights are m + sigma D z_i.
        z = self.mutation.mixed(seeds, weights, n) * self._stretch
        squares = self.mutation.mixed(seeds, weights, n, power=2) * self._stretch**2
        lengths = np.sqrt(state.variances.astype(float))  # D
        y = lengths * z
        mean = state.mean + state.sigma * y  # (1)
        kept = share_kept(self.settings.averaging, t)
        c = told.path_of_sigma
        of_sigma = (1 - c) * state.of_sigma.astype(float) + math.sqrt(c * (2 - c) * mu_eff) * z  # (2)
        expected = math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n**2))  # E |N(0, I)|
        length = float(np.linalg.norm(of_sigma))
        growth = c / told.damping * (length / expected - 1)  # (3): ln of sigma's growth
        # (4): a path that is so long waits until sigma has grown
        is_short = length / math.sqrt(1 - (1 - c) ** (2 * (t + 1))) < (1.4 + 2 / (n + 1)) * expected
        c = told.path_of_variances
        of_variances = (1 - c) * state.of_variances.astype(float)
        of_variances += is_short * math.sqrt(c * (2 - c) * mu_eff) * y  # (5)
        lost = 0.0 if is_short else told.rank_one * c * (2 - c)
        variances = (1 - told.rank_one - told.rank_mu + lost) * state.variances.astype(float)
        variances += told.rank_one * of_variances**2 + told.rank_mu * lengths**2 * squares  # (6)
        return State(
            None,
            state.seed,
            generation=t,
            drawn=state.drawn,
            average=(mean + kept * (state.average - mean)).astype(np.float32),
            sigma=state.sigma * math.exp(growth),
            mean=mean.astype(np.float32),
            variances=variances.astype(np.float32),
            of_sigma=of_sigma.astype(np.float32),
            of_variances=of_variances.astype(np.float32),
        )

    def round_of(self, state: State, drawn: int) -> Round:
        """Give the round of a seed."""
        mean, lengths = vector_of(state, state.mean), np.sqrt(state.variances)
        scales = np.full(self.population, state.sigma * self._stretch, np.float32)
        return Round(Swarm(mean, self._seeds(drawn), scales, lengths))

    @cached_property
    def _stretch(self) -> float:
        """How many times a step's changes, with which every weight of z has the variance 1."""
        return math.sqrt(self.dimension / self.mutation.changed(self.dimension))

    def _seeds(self, drawn: int) -> NDArray[np.uint64]:
        return numbers_of(np.array([drawn], np.uint64), self.population)[0]


def _mu_eff(weights: NDArray[np.float64]) -> float:
    """How many children a mean with these weights is worth: 1 / sum of squares, for a sum of 1."""
    return float(1 / np.sum(weights**2))
