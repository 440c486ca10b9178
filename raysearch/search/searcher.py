"""What every searcher does: propose settings for a numbered trial, hear its objective.

The protocol is lock-step: trials 0 .. W-1 are asked first, then trial k+W right
after trial k was told, in the order of numbers. A searcher draws its random numbers from (study seed,
trial number) or from one stream that only asks and tells advance, and knows nothing else. Hence the
same asks and tells give the same proposals, in any process, and a replay of them restores it.
"""

from __future__ import annotations

import math
from typing import Protocol

Proposal = dict[str, bool | int | float | str]


class Searcher(Protocol):
    """Proposes the searched settings of trials; smaller objectives are better."""

    def ask(self, number: int) -> Proposal:
        """Propose settings for a trial that was not asked for before.

        Args:
            number: the trial's number in the study.

        Returns:
            One value per domain of the space, in the space's order, each inside its domain.
        """
        ...

    def tell(self, number: int, value: float | None) -> None:
        """Hear the objective of a trial that was asked for and not told yet.

        Args:
            number: the trial's number in the study.
            value: the finite objective to minimise, or None if the trial failed.
        """
        ...


class Worst:
    """Keeps the worst value told, to stand in for the values of failed trials."""

    def __init__(self) -> None:
        self._worst: float | None = None

    def stand_in(self, value: float | None) -> float | None:
        """Return the value, or for a failed trial one that is just above all values so far.

        Just above and not equal, or a trial that fails beside a single finished one would look as good
        as that. None if a trial failed before any had finished.
        """
        if value is not None:
            self._worst = value if self._worst is None else max(self._worst, value)
            return value
        return None if self._worst is None else math.nextafter(self._worst, math.inf)
