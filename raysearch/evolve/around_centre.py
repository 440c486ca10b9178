"""What evolution strategies share whose rounds are steps of seeds around one centre.

A state holds the seed of the round that is asked, from which the round follows, and the strategy's vectors;
the result is a moving average of centres.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from raysearch.evolve import strategy
from raysearch.evolve.genome import Vector
from raysearch.evolve.plain_vectors import from_text, to_text
from raysearch.evolve.strategy import Round, draw_seeds, initial_genome, require_nothing_asked


@dataclass(frozen=True)
class State(strategy.State):
    """Where such a strategy is; its own add numbers and vectors, float32 (n,).

    Args:
        asked: the round whose losses are awaited.
        seed: of ``begin``.
        generation: how many rounds have moved the centre.
        drawn: the seed of the round asked, or last asked.
        average: float32 (n,), of the centres; what is added to the initial weights.
    """

    seed: int
    generation: int
    drawn: int
    average: NDArray[np.float32]


S = TypeVar("S", bound=State)


class AroundCentre(ABC, Generic[S]):
    """All of a strategy but where it begins, what a round is, and how losses move the centre.

    Attributes:
        state: the type of its states.
    """

    keep = 1  # the initial weights
    state: ClassVar[type[Any]]

    @abstractmethod
    def round_of(self, state: S, drawn: int) -> Round:
        """Give the round of a seed."""

    def ask(self, state: S, generator: np.random.Generator) -> tuple[S, Round]:
        """Propose the next round."""
        require_nothing_asked(state)
        (drawn,) = draw_seeds(generator, 1)
        asked = self.round_of(state, drawn)
        return replace(state, asked=asked, drawn=drawn), asked

    def best(self, state: S) -> Vector:
        """Give the average of centres."""
        return vector_of(state, state.average)

    def to_plain(self, state: S) -> dict[str, Any]:
        """Write a state; the round asked follows from its seed."""
        values = {each.name: getattr(state, each.name) for each in fields(state) if each.name != "asked"}
        plain = {name: to_text(v) if isinstance(v, np.ndarray) else v for name, v in values.items()}
        return plain | {"is_asked": state.asked is not None}

    def from_plain(self, plain: Mapping[str, Any]) -> S:
        """Read a state."""
        names = [each.name for each in fields(self.state) if each.name != "asked"]
        values = {name: from_text(v) if isinstance(v := plain[name], str) else v for name in names}
        state: S = self.state(asked=None, **values)
        return replace(state, asked=self.round_of(state, state.drawn)) if plain["is_asked"] else state


def vector_of(state: State, offset: NDArray[np.float32]) -> Vector:
    """Give weights by what is added to the initial ones."""
    return Vector(initial_genome(state.seed, 0).seeds[0], offset)


def share_kept(averaging: float, generation: int) -> float:
    """How much of the average of centres stays, from the first generation, 1, on.

    A short average at first: the initial weights must not weigh on it for as long as it is long.
    """
    return min(averaging, generation / (generation + 9))
