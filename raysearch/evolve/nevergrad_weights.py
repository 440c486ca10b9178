"""Nevergrad's optimisers moving a network's weights: initial weights + power * x, x from 0 on.

FAMILIES_DOC
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from raysearch import seeds
from raysearch.evolve import strategy
from raysearch.evolve.genome import Candidate, Genome, Vector
from raysearch.evolve.strategy import Round, comparable, initial_genome, require_nothing_asked

if TYPE_CHECKING:
    from nevergrad.optimization.base import Optimizer
    from nevergrad.parametrization.core import Parameter

# What is told for a loss that is not finite before any finite one: only ranks matter, infinity would make Nevergrad
# warn, and it clips what is above 5e20.
FAILED_FIRST = 1e20


@dataclass(frozen=True)
class Settings(strategy.Settings):
    """Settings of every optimiser.

    Args:
        children: candidates of a round; also the population of those that have one.
        power: how far x = 1 is in weights.
    """

    children: int = 8
    power: float = 0.02

    def problems(self) -> list[str]:
        """List the faults."""
        found = super().problems()
        if not found and self.children < 4:
            found.append(f"children: must be at least 4, got {self.children}")
        if not found and self.power <= 0:
            found.append(f"power: must be above 0, got {self.power!r}")
        return found


@dataclass(frozen=True)
class State(strategy.State):
    """Where the strategy is: all that its optimiser has been through.

    Args:
        asked: the round whose losses are awaited.
        seed: of ``begin``.
        draws: the seed drawn for each round asked.
        heard: for each round told the losses, as the optimiser heard them.
    """

    seed: int
    draws: tuple[int, ...]
    heard: tuple[tuple[float, ...], ...]


@dataclass
class _Live:
    """An optimiser and what it has been through; ``out`` are the candidates it waits for."""

    optimizer: Optimizer
    seed: int
    draws: tuple[int, ...] = ()
    heard: tuple[tuple[float, ...], ...] = ()
    out: list[Parameter] = field(default_factory=list)


@dataclass(frozen=True)
class NevergradWeights:
    """The strategy of one optimiser.

    A state is the history of asks and tells. The optimiser itself is kept beside it as a cache: given the state it
    is at, it goes on; given any other, it is made anew and led through that state's history.

    Args:
        settings: see :class:`Settings`.
        family: a key of ``FAMILIES``.
        dimension: n, the number of weights.
    """

    settings: Settings
    family: str
    dimension: int
    _live: list[_Live] = field(default_factory=list, init=False, repr=False, compare=False)
    needs_vectors = True
    mutation = None
    keep = 1  # the initial weights

    def begin(self, seed: int) -> State:
        """Give the first state."""
        return State(None, seed, (), ())

    def ask(self, state: State, generator: np.random.Generator) -> tuple[State, Round]:
        """Propose the next round."""
        require_nothing_asked(state)
        live = self._at(state)
        draw = int(generator.integers(0, 2**32))
        self._ask(live, draw)
        asked = self._round(live)
        return replace(state, asked=asked, draws=live.draws), asked

    def tell(self, state: State, losses: Sequence[float]) -> State:
        """Pass the losses on."""
        known = comparable(state, losses)
        finite = [loss for loss in known if loss < math.inf]
        worst = max((loss for told in (finite, *state.heard) for loss in told), default=FAILED_FIRST)
        heard = tuple(min(worst if loss == math.inf else loss, FAILED_FIRST) for loss in known)
        live = self._at(state)
        self._tell(live, heard)
        return replace(state, asked=None, heard=live.heard)

    def best(self, state: State) -> Candidate:
        """Give the optimiser's recommendation; before the first losses the initial weights."""
        if not state.heard:
            return self._start(state.seed)
        with _quiet():
            return self._vector(state.seed, self._at(state).optimizer.provide_recommendation())

    def to_plain(self, state: State) -> dict[str, Any]:
        """Write a state; the round asked follows from the history."""
        return {"seed": state.seed, "draws": list(state.draws), "heard": [list(told) for told in state.heard]}

    def from_plain(self, plain: Mapping[str, Any]) -> State:
        """Read a state, which leads a new optimiser through its history if a round is out."""
        draws, heard = tuple(plain["draws"]), tuple(tuple(told) for told in plain["heard"])
        state = State(None, plain["seed"], draws, heard)
        return state if len(draws) == len(heard) else replace(state, asked=self._round(self._at(state)))

    def _at(self, state: State) -> _Live:
        """Give an optimiser that has been through a state's history and nothing else."""
        for live in self._live:
            if (live.seed, live.draws, live.heard) == (state.seed, state.draws, state.heard):
                return live
        live = _Live(self._optimizer(state.seed), state.seed)
        for place, draw in enumerate(state.draws):
            self._ask(live, draw)
            if place < len(state.heard):
                self._tell(live, state.heard[place])
        self._live[:] = [live]
        return live

    def _optimizer(self, seed: int) -> Optimizer:
        import nevergrad as ng  # noqa: PLC0415 - takes over a second, which other strategies need not wait for
        from nevergrad.optimization.utils import Pruning  # noqa: PLC0415

        space = ng.p.Array(shape=(self.dimension,))
        space.random_state = np.random.RandomState(seeds.derive(seed, "nevergrad") % 2**32)
        children = self.settings.children
        with _quiet():
            optimizer = FAMILIES[self.family](children)(space, budget=None, num_workers=children)
        # Every point told is archived, twice and in 64 bits. What these optimisers go on from they keep elsewhere.
        optimizer.pruning = Pruning(min_len=children, max_len=4 * children)
        return optimizer

    def _ask(self, live: _Live, draw: int) -> None:
        live.optimizer.parametrization.random_state.seed(draw)
        with _quiet():
            live.out = [live.optimizer.ask() for _ in range(self.settings.children)]
        live.draws = (*live.draws, draw)

    def _tell(self, live: _Live, heard: tuple[float, ...]) -> None:
        with _quiet():
            for candidate, loss in zip(live.out, heard, strict=True):
                live.optimizer.tell(candidate, loss)
        live.out = []
        live.heard = (*live.heard, heard)

    def _round(self, live: _Live) -> Round:
        return Round(tuple(self._vector(live.seed, candidate) for candidate in live.out))

    def _vector(self, seed: int, candidate: Parameter) -> Vector:
        offset = np.asarray(candidate.value * self.settings.power, dtype=np.float32)
        offset.flags.writeable = False
        return Vector(self._start(seed).seeds[0], offset)

    @staticmethod
    def _start(seed: int) -> Genome:
        return initial_genome(seed, 0)


def _one_plus_one(_: int) -> Callable[..., Optimizer]:
    import nevergrad as ng  # noqa: PLC0415 - see _optimizer

    return ng.families.ParametrizedOnePlusOne()


FAMILIES: Mapping[str, Callable[[int], Callable[..., Optimizer]]] = {
    "OnePlusOne": _one_plus_one,
}


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Nevergrad's advice (small budget, many workers) from the user's terminal."""
    import nevergrad as ng  # noqa: PLC0415 - see _optimizer

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ng.errors.NevergradWarning)
        yield
