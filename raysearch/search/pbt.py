"""Population based training: Jaderberg et al., arXiv:1711.09846, Algorithm 1.

A population of P members trains in intervals, each of them a trial: trial n is member n % P in interval n //
P, and its run begins from the weights of its parent. The first interval's settings are drawn from the space.
In each later one a member goes on from its own last interval with the same settings, unless that failed or is
among the worst: then it copies weights and settings of one of the best (exploit, truncation selection,
appendix A.1) and changes those settings (explore). Worst and best of what: of the members' results of that
same interval, so that nobody is measured by those who trained longer; of members that are not known to have
done it yet, of the interval before.

- exploit: of m members known, min(ceil(quantile m), m // 2) are the worst, and
  as many the best, of which one is drawn.
- explore: each setting is drawn anew with probability ``resample``; else a number is multiplied with
  ``shrink`` or ``grow``, an int rounded to its grid and moved by one step at least, and a choice goes to the
  value before or after it in the list, staying where it is at the list's end. Nothing leaves its domain.

What decides is the lock-step window's committed results, so it must not reach further than one interval:
trial n's own last interval is known when it is asked only if n - P <= n - window.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from raysearch.search.searcher import Proposal, Streams
from raysearch.space.domains import ChoiceDomain, FloatDomain, IntDomain, Space


class PopulationBased:
    """Proposes the intervals of a population's members.

    Args:
        space: where to search.
        seed: the study's seed.
        population: members, P.
        quantile: share of the known members that copies, and share that is copied; 0 never copies.
        shrink: factor that makes a number smaller.
        grow: factor that makes it larger, as often as not.
        resample: probability that a setting is drawn anew instead.
    """

    def __init__(
        self,
        space: Space,
        seed: int,
        *,
        population: int,
        quantile: float,
        shrink: float,
        grow: float,
        resample: float,
    ) -> None:
        self._space, self._streams, self._population = space, Streams(seed), population
        self._quantile, self._factors, self._resample = quantile, (shrink, grow), resample
        self._settings: dict[int, Proposal] = {}
        self._parents: dict[int, int | None] = {}
        # Infinite for those that failed: so they are among the worst by themselves.
        self._losses: dict[int, float] = {}
        self.inherits = True

    @property
    def possible_parents(self) -> set[int]:
        """Trials that may be copied or gone on from; see :class:`~raysearch.search.searcher.Breeder`."""
        # The retention deletes the weights of all others, so this must hold whatever may be asked for next:
        # what can be copied in the coming interval, and what the members asked of it already will go on from.
        interval = len(self._settings) // self._population  # of the trial that is asked next
        later = range(interval * self._population, len(self._settings))
        found = [*self._known(interval - 1), *((self._losses.get(n, math.inf), n) for n in later)]
        return {number for loss, number in found if loss < math.inf}

    def ask(self, number: int) -> Proposal:
        """Propose a member's next interval; see :class:`~raysearch.search.searcher.Searcher`."""
        rng = self._streams.generator(number)
        parent, is_copy = self._begins_from(number, rng)  # Algorithm 1: exploit
        if parent is None:
            settings = self._space.sample(rng)
        elif is_copy:
            settings = self._explored(self._settings[parent], rng)  # Algorithm 1: explore, after a copy only
        else:
            settings = dict(self._settings[parent])
        self._settings[number], self._parents[number] = settings, parent
        return settings

    def turn_down(self, number: int, *, is_repeat: bool) -> None:  # noqa: ARG002 - others need the reason
        """Have a member drawn, or a copy changed, anew; whom it copies is drawn anew, too."""
        self._streams.another(number)
        del self._settings[number], self._parents[number]

    def give(self, number: int, settings: Mapping[str, bool | int | float | str]) -> None:
        """Take a member's settings from others; after the first interval it goes on with them if it can."""
        own = number - self._population
        self._settings[number] = dict(settings)
        self._parents[number] = own if self._losses.get(own, math.inf) < math.inf else None

    def tell(self, number: int, values: Sequence[float] | None) -> None:
        """Take the result of a member's interval."""
        self._losses[number] = math.inf if values is None else values[0]

    def parent(self, number: int) -> int | None:
        """Name the parent of a trial; see :class:`~raysearch.search.searcher.Breeder`."""
        return self._parents[number]

    def _begins_from(self, number: int, rng: np.random.Generator) -> tuple[int | None, bool]:
        """The parent, if there is one, and whether it is copied from another member."""
        if number < self._population:
            return None, False
        own = number - self._population
        ranked = sorted(self._known(own // self._population))
        # Appendix A.1, truncation selection. 1e-9, as 0.14 * 50 is a rounding error above 7; m // 2 keeps
        # the worst and the best apart in a population of few.
        n_copied = min(math.ceil(self._quantile * len(ranked) - 1e-9), len(ranked) // 2)
        worst = {trial for _, trial in ranked[len(ranked) - n_copied :]}
        if self._losses[own] < math.inf and own not in worst:
            return own, False
        # At least one: a member that failed must go on from somebody even where the quantile copies nobody.
        good = [trial for loss, trial in ranked[: max(n_copied, 1)] if loss < math.inf]
        return (good[rng.integers(len(good))], True) if good else (None, False)

    def _known(self, interval: int) -> list[tuple[float, int]]:
        """Loss and trial of each member in an interval; where that is not known, in the one before."""
        found = []
        for member in range(self._population):
            number = interval * self._population + member
            if number not in self._losses:
                number -= self._population
            if number in self._losses:
                found.append((self._losses[number], number))
        return found

    def _explored(self, settings: Proposal, rng: np.random.Generator) -> Proposal:
        # explore(h, theta, P) of Algorithm 1: resample or perturb, each setting for itself.
        return {
            name: domain.from_unit(rng.random())
            if rng.random() < self._resample
            else self._perturbed(domain, settings[name], up=bool(rng.random() < 0.5))
            for name, domain in self._space.domains.items()
        }

    def _perturbed(
        self, domain: IntDomain | FloatDomain | ChoiceDomain, value: bool | float | str, *, up: bool
    ) -> bool | int | float | str:
        if isinstance(domain, ChoiceDomain):
            place = domain.index(value) + (1 if up else -1)
            return domain.value_at(min(max(place, 0), domain.size - 1))
        assert not isinstance(value, str)
        moved = value * self._factors[up]
        if isinstance(domain, FloatDomain):
            return float(min(max(moved, domain.low), domain.high))
        place, old = round((moved - domain.low) / domain.step), (int(value) - domain.low) // domain.step
        if place == old:
            place += 1 if up == (value >= 0) else -1  # away from zero when it grows
        return domain.value_at(min(max(place, 0), domain.size - 1))
