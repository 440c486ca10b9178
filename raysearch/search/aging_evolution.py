"""Aging (regularised) evolution: Real et al., arXiv:1802.01548, Algorithm 1, with inherited weights.

After P trials drawn from the space, each trial is a child: S trials are drawn with replacement from the
population, the last P committed ones, and the best of them becomes the parent, whose settings the child takes
with one of them mutated. Trials leave by age, however good they are. With ``inherit`` the child's run begins
from the parent's weights, those that still fit (Real et al., arXiv:1703.01041, section 3.3); without, from
new ones, as in the paper.

One setting, drawn among those with more than one value, is mutated: a choice becomes another of its values,
each equally likely; a number moves in the unit interval of its domain (its logarithm where asked) by a normal
step of 0.2, reflected at the ends, an int by at least one step of its grid.

Failed trials age like others and are never parents. A child that is asked before any trial of the population
has finished is drawn from the space.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np

from raysearch.search.searcher import Proposal, Streams
from raysearch.space.domains import ChoiceDomain, FloatDomain, IntDomain, Space

STEP = 0.2  # standard deviation of a number's move, in units of its range; the paper mutates choices only


class AgingEvolution:
    """Proposes mutants of good young trials.

    Args:
        space: where to search.
        seed: the study's seed.
        population: trials that make up the population, P.
        sample: members that compete to be the parent, S.
        inherit: whether a child begins from its parent's weights.
    """

    def __init__(self, space: Space, seed: int, *, population: int, sample: int, inherit: bool) -> None:
        self._space, self._streams, self._size, self._sample = space, Streams(seed), population, sample
        self.inherits = inherit
        self._mutable = [name for name, domain in space.domains.items() if domain.size != 1]
        self._settings: dict[int, Proposal] = {}
        self._parents: dict[int, int | None] = {}
        # loss (infinite: failed), trial; the paper's queue, which drops its oldest when it is full
        self._population: deque[tuple[float, int]] = deque(maxlen=population)

    @property
    def possible_parents(self) -> set[int]:
        """Trials whose weights a child may begin from; see :class:`~raysearch.search.searcher.Breeder`."""
        return {number for loss, number in self._population if loss < math.inf and self.inherits}

    def ask(self, number: int) -> Proposal:
        """Propose a child; see :class:`~raysearch.search.searcher.Searcher`."""
        # A stream of the trial's own: what is drawn for it does not depend on how much others have drawn.
        rng = self._streams.generator(number)
        alive = [known for known in self._population if known[0] < math.inf]
        if number < self._size or not alive:  # Algorithm 1, its first loop: P random models
            settings, parent = self._space.sample(rng), None
        else:  # its second loop: sample S, take the best, mutate it; of equal losses the older trial
            _, parent = min(alive[place] for place in rng.integers(len(alive), size=self._sample))
            settings = self._mutated(self._settings[parent], rng)
        self._settings[number], self._parents[number] = settings, parent if self.inherits else None
        return settings

    def turn_down(self, number: int, *, is_repeat: bool) -> None:  # noqa: ARG002 - others need the reason
        """Have a child drawn anew; what was turned down is never part of the population."""
        self._streams.another(number)
        del self._settings[number], self._parents[number]

    def give(self, number: int, settings: Mapping[str, bool | int | float | str]) -> None:
        """Take a trial from others; it has no parent."""
        self._settings[number], self._parents[number] = dict(settings), None

    def tell(self, number: int, values: Sequence[float] | None) -> None:
        """Let the trial join the population, and the oldest leave."""
        # Told in the order of numbers, so that age is the trial's place in the study and not when it
        # finished.
        self._population.append((math.inf if values is None else values[0], number))

    def parent(self, number: int) -> int | None:
        """Name the parent of a trial; see :class:`~raysearch.search.searcher.Breeder`."""
        return self._parents[number]

    def _mutated(self, settings: Proposal, rng: np.random.Generator) -> Proposal:
        if not self._mutable:
            return dict(settings)
        name = self._mutable[rng.integers(len(self._mutable))]
        return {**settings, name: _moved(self._space.domains[name], settings[name], rng)}


def _moved(
    domain: IntDomain | FloatDomain | ChoiceDomain, value: bool | float | str, rng: np.random.Generator
) -> bool | int | float | str:
    """Return another value of the domain."""
    if isinstance(domain, ChoiceDomain):
        others = [place for place in range(domain.size) if place != domain.index(value)]
        return domain.value_at(others[rng.integers(len(others))])
    assert not isinstance(value, str)
    old = domain.to_unit(value)  # type: ignore[arg-type] # an int of an int's domain
    step = STEP * rng.standard_normal()
    moved = domain.from_unit(_reflected(old + step))
    if isinstance(domain, FloatDomain) or moved != value:
        return moved
    # Rounded to where it was: a child that equals its parent would cost a trial and teach nothing.
    up = value == domain.low or (step > 0 and value != domain.high)
    return int(value) + (domain.step if up else -domain.step)


def _reflected(unit: float) -> float:
    """Fold the line onto the unit interval."""
    # Cutting at the ends would heap a step of 0.2 up on the two bounds; folding keeps the walk symmetric.
    folded = unit % 2.0
    return 2.0 - folded if folded > 1.0 else folded
