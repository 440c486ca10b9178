"""Searchers that do not learn: uniform random search, and the grid of all points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from raysearch.errors import InputError
from raysearch.search.searcher import Proposal, Streams
from raysearch.space.domains import FloatDomain, Space


class RandomSearcher:
    """Draws every trial from its own stream, uniformly over the space (in the logarithm where asked)."""

    def __init__(self, space: Space, seed: int) -> None:
        self._space = space
        self._streams = Streams(seed)

    def ask(self, number: int) -> Proposal:
        """Draw; see :class:`~raysearch.search.searcher.Searcher`."""
        return self._space.sample(self._streams.generator(number))

    def turn_down(self, number: int, *, is_repeat: bool) -> None:  # noqa: ARG002 - others need the reason
        """Draw another one."""
        self._streams.another(number)

    def give(self, number: int, settings: Mapping[str, bool | int | float | str]) -> None:
        """Nothing depends on it."""

    def tell(self, number: int, values: Sequence[float] | None) -> None:
        """Learn nothing."""


class GridSearcher:
    """Trial n is point n of the grid, without those turned down; the file's last setting changes fastest.

    Raises:
        InputError: a domain is a continuum.
    """

    def __init__(self, space: Space) -> None:
        self._domains = {}
        self._n_turned_down = 0
        for name, domain in space.domains.items():
            if isinstance(domain, FloatDomain):
                raise InputError(f"search.sampler: grid cannot walk space.{name}, which is a float")
            self._domains[name] = domain

    def ask(self, number: int) -> Proposal:
        """Write the number in the mixed radix of the domains' sizes."""
        proposal: Proposal = {}
        number += self._n_turned_down
        for name, domain in reversed(self._domains.items()):  # the lowest digit is the last setting's
            number, index = divmod(number, domain.size)
            proposal[name] = domain.value_at(index)
        return {name: proposal[name] for name in self._domains}

    def turn_down(self, number: int, *, is_repeat: bool) -> None:  # noqa: ARG002 - others need the reason
        """Go on to the next point, for this trial and all later ones."""
        self._n_turned_down += 1

    def give(self, number: int, settings: Mapping[str, bool | int | float | str]) -> None:
        """Nothing depends on it."""

    def tell(self, number: int, values: Sequence[float] | None) -> None:
        """Learn nothing."""
