"""What every searcher does: propose settings for a numbered trial, hear its objective.

The protocol is lock-step: trials 0 .. W-1 are asked first, then trial k+W right after trial k was told, in
the order of numbers. A searcher draws its random numbers from (study seed, trial number) or from one stream
that only asks and tells advance, and knows nothing else. Hence the same asks and tells give the same
proposals, in any process, and a replay of them restores it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from raysearch import seeds

Proposal = dict[str, bool | int | float | str]


class Searcher(Protocol):
    """Proposes the searched settings of trials; smaller objectives are better."""

    def ask(self, number: int) -> Proposal:
        """Propose settings for a trial that was not asked for before, or was turned down since.

        Args:
            number: the trial's number in the study.

        Returns:
            One value per domain of the space, in the space's order, each inside its domain.
        """
        ...

    def turn_down(self, number: int, *, is_repeat: bool) -> None:
        """Hear that what was asked for a trial will not be run; the same trial is asked for, or given, again.

        Args:
            number: the trial's number in the study.
            is_repeat: because an earlier trial has those settings; else because they are not allowed, of
                which a searcher that learns hears as of a failed trial.
        """
        ...

    def give(self, number: int, settings: Mapping[str, bool | int | float | str]) -> None:
        """Take settings that others chose for a trial, in the place of an ask; they will be told like any.

        Args:
            number: the trial's number in the study.
            settings: one value per domain of the space, each inside its domain.
        """
        ...

    def tell(self, number: int, values: Sequence[float] | None) -> None:
        """Hear the objectives of a trial that was asked for and not told yet.

        Args:
            number: the trial's number in the study.
            values: the finite objectives to minimise, or None if the trial failed or was refused.
        """
        ...


@runtime_checkable
class Recalling(Searcher, Protocol):
    """A searcher that can be told what it proposed, in less time than it takes to propose it again."""

    def recall(self, number: int, settings: Mapping[str, bool | int | float | str]) -> None:
        """Take settings as what an ask has proposed: all that follows is as after that ask.

        Args:
            number: the trial's number in the study.
            settings: one value per domain of the space, each inside its domain.
        """
        ...


@runtime_checkable  # asked with isinstance, so that other searchers need not say that they have no parents
class Breeder(Searcher, Protocol):
    """A searcher whose trials may begin from the weights of earlier ones.

    Attributes:
        inherits: whether any ever will.
    """

    inherits: bool

    @property
    def possible_parents(self) -> Collection[int]:
        """Those of the trials told so far that later ones may begin from; the weights of others may go."""
        ...

    def parent(self, number: int) -> int | None:
        """Name the trial whose weights a trial begins from.

        Args:
            number: of a trial that was asked for or given.

        Returns:
            The number of a trial that was told of with values, and before this one was asked; None to begin
            anew.
        """
        ...


class Streams:
    """The random stream of each trial: another one for each time that its proposal was turned down."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._turned_down: Counter[int] = Counter()

    def another(self, number: int) -> None:
        """Have the trial drawn anew."""
        self._turned_down[number] += 1

    def seed(self, number: int) -> int:
        """The stream's seed, which the number alone decides for a trial that was never turned down."""
        times = self._turned_down[number]
        return seeds.derive(self._seed, "sampler", number, *([times] if times else []))

    def generator(self, number: int) -> np.random.Generator:
        """The stream."""
        return np.random.default_rng(self.seed(number))


class Worst:
    """Keeps the worst value told of each objective, to stand in for those of failed trials."""

    def __init__(self) -> None:
        self._worst: list[float] | None = None

    def stand_in(self, values: Sequence[float] | None) -> list[float] | None:
        """Return the values, or for a failed trial such as are just above all so far.

        Just above and not equal, or a trial that fails beside a single finished one would look as good
        as that. None if a trial failed before any had finished.
        """
        if values is not None:
            before = self._worst or values
            self._worst = [max(pair) for pair in zip(before, values, strict=True)]
            return list(values)
        return None if self._worst is None else [math.nextafter(worst, math.inf) for worst in self._worst]
