"""Nevergrad's optimisers moving a network's weights: initial weights + power * x, x from 0 on.

- OnePlusOne: (1+1) evolution with the one-fifth rule, here with all children of a round out at a time.
- TwoPointsDE: Storn and Price, J. Global Optim. 11 (1997) 341; curr-to-best, two-point crossover.
- DiagonalCMA: Ros and Hansen, PPSN 2008, LNCS 5199, p. 296 (sep-CMA-ES).
- PSO: SPSO2011, Zambrano-Bigiarini et al., IEEE CEC 2013.

Only optimisers that work with 10,000 weights are offered. Left out: DE (35 ms an ask), CMA (a matrix of n x
n), TBPSA and EvolutionStrategy (on a bowl no better than their start after 250 generations of 8),
OptimisticNoisyOnePlusOne (far behind OnePlusOne as it is heard here), NGOpt (asks for 74 GiB at 100,000
weights).

These optimisers remember losses and compare them over rounds. Every round has its own batch, and whoever once
met an easy one would stay the best for good. So each round also evaluates a reference, the best candidate so
far, and the optimiser hears

    loss - reference's loss on this batch + what was heard of the reference,

under which a candidate takes the reference's place exactly if it is better on the same batch. On a regressor
with 10,033 weights, 1,000 generations of 8, one seed, that lowered OnePlusOne's error from 0.22 to 0.056 and
TwoPointsDE's from 0.28 to 0.10.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from raysearch import seeds
from raysearch.evolve import strategy
from raysearch.evolve.genome import Candidate, Genome, Vector
from raysearch.evolve.strategy import Round, comparable, initial_genome, require_nothing_asked

if TYPE_CHECKING:
    from nevergrad.optimization.base import Optimizer
    from nevergrad.parametrization.core import Parameter

# Nevergrad clips what is above 5e20, with a warning. Where nothing finite is known, only ranks matter.
HIGHEST = 1e20
FAILED_FIRST = 1e10


@dataclass(frozen=True)
class Settings(strategy.Settings):
    """Settings of every optimiser.

    Args:
        children: candidates of a round, beside the reference; also the population of those that have one.
        power: how far x = 1 is in weights.
    """

    children: int = 8
    power: float = 0.02

    def problems(self) -> list[str]:
        """List the faults."""
        return super().problems() or [*self.at_least(4, "children"), *self.above_zero("power")]


@dataclass(frozen=True)
class State(strategy.State):
    """Where the strategy is: all that its optimiser has been through.

    Args:
        asked: the round whose losses are awaited.
        seed: of ``begin``.
        draws: the seed drawn for each round asked.
        heard: for each round told what was held of the reference before, and what the optimiser heard.
    """

    seed: int
    draws: tuple[int, ...]
    heard: tuple[tuple[float, ...], ...]


@dataclass
class _Live:
    """An optimiser and what it has been through.

    ``out`` are the candidates it waits for; ``reference`` the best so far with what was heard of it, None
    before any.
    """

    optimizer: Optimizer
    seed: int
    reference: Parameter
    level: float | None = None
    draws: tuple[int, ...] = ()
    heard: tuple[tuple[float, ...], ...] = ()
    out: list[Parameter] = field(default_factory=list)


@dataclass(frozen=True)
class NevergradWeights:
    """The strategy of one optimiser.

    A state is the history of asks and tells. The optimiser itself is kept beside it as a cache: given the
    state it is at, it goes on; given any other, it is made anew and led through that state's history.

    Args:
        settings: see :class:`Settings`.
        family: a key of ``FAMILIES``.
        dimension: n, the number of weights.
    """

    settings: Settings
    family: str
    dimension: int
    _live: list[_Live] = field(default_factory=list, init=False, repr=False, compare=False)
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

    def tell(self, state: State, losses: ArrayLike) -> State:
        """Pass the losses on."""
        known = comparable(state, losses).tolist()
        live = self._at(state)
        of_reference, *of_children = known
        level = live.level  # what the optimiser holds of the reference; of the first round nothing yet
        if level is None:
            level = of_reference if math.isfinite(of_reference) else FAILED_FIRST
        # On this batch the reference must come out at the level it is held to be at: shift all losses so.
        shift = level - of_reference if math.isfinite(of_reference) else 0.0
        shifted = [loss + shift for loss in of_children if math.isfinite(loss)]
        # A failed child is heard as the worst ever heard: last in rank, and without a made-up size.
        worst = max((heard for told in (shifted, *state.heard) for heard in told), default=level)
        heard = (worst if math.isinf(loss) else loss + shift for loss in of_children)
        self._tell(live, tuple(max(-HIGHEST, min(loss, HIGHEST)) for loss in (level, *heard)))
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
        # The candidates of the round that is out are not in the checkpoint, being 4 n bytes each; the
        # optimiser, brought to the same point, asks the same ones.
        draws, heard = tuple(plain["draws"]), tuple(tuple(told) for told in plain["heard"])
        state = State(None, plain["seed"], draws, heard)
        return state if len(draws) == len(heard) else replace(state, asked=self._round(self._at(state)))

    def _at(self, state: State) -> _Live:
        """Give an optimiser that has been through a state's history and nothing else."""
        for live in self._live:
            if (live.seed, live.draws, live.heard) == (state.seed, state.draws, state.heard):
                return live
        optimizer = self._optimizer(state.seed)
        live = _Live(optimizer, state.seed, optimizer.parametrization)
        for place, draw in enumerate(state.draws):
            self._ask(live, draw)
            if place < len(state.heard):
                self._tell(live, state.heard[place])
        self._live[:] = [live]  # one is enough: a training goes on from its newest state
        return live

    def _optimizer(self, seed: int) -> Optimizer:
        import nevergrad as ng  # noqa: PLC0415 - takes over a second, only where it is needed
        from nevergrad.optimization.utils import Pruning  # noqa: PLC0415

        space = ng.p.Array(shape=(self.dimension,))
        space.random_state = np.random.RandomState(seeds.derive(seed, "nevergrad") % 2**32)
        children = self.settings.children
        with _quiet():
            optimizer = FAMILIES[self.family](children)(space, budget=None, num_workers=children)
        # Every point told is archived, twice and in 64 bits, by default up to 1,000 of them. What these
        # optimisers go on from they keep elsewhere, but for the best, which pruning leaves.
        optimizer.pruning = Pruning(min_len=children, max_len=4 * children)
        return optimizer

    def _ask(self, live: _Live, draw: int) -> None:
        # Seeded anew for every round, so that a round's candidates depend on the history and its draw alone.
        live.optimizer.parametrization.random_state.seed(draw)
        with _quiet():
            live.out = [live.optimizer.ask() for _ in range(self.settings.children)]
        live.draws = (*live.draws, draw)

    def _tell(self, live: _Live, heard: tuple[float, ...]) -> None:
        live.level, *of_children = heard
        with _quiet():
            for candidate, loss in zip(live.out, of_children, strict=True):
                live.optimizer.tell(candidate, loss)
        lowest = min(of_children)
        if lowest < live.level:  # strictly: a child that is only as good must not move the reference
            live.reference, live.level = live.out[of_children.index(lowest)], lowest
        live.out = []
        live.heard = (*live.heard, heard)

    def _round(self, live: _Live) -> Round:
        return Round(tuple(self._vector(live.seed, candidate) for candidate in (live.reference, *live.out)))

    def _vector(self, seed: int, candidate: Parameter) -> Vector:
        offset = np.asarray(candidate.value * self.settings.power, dtype=np.float32)
        offset.flags.writeable = False  # shared by whoever evaluates it
        return Vector(self._start(seed).seeds[0], offset)

    @staticmethod
    def _start(seed: int) -> Genome:
        return initial_genome(seed, 0)


def _one_plus_one(_: int) -> Callable[..., Optimizer]:
    import nevergrad as ng  # noqa: PLC0415 - see _optimizer

    return ng.families.ParametrizedOnePlusOne()


def _two_points_de(children: int) -> Callable[..., Optimizer]:
    import nevergrad as ng  # noqa: PLC0415 - see _optimizer

    return ng.families.DifferentialEvolution(popsize=children, crossover="twopoints")


def _diagonal_cma(children: int) -> Callable[..., Optimizer]:
    import nevergrad as ng  # noqa: PLC0415 - see _optimizer

    return ng.families.ParametrizedCMA(popsize=children, diagonal=True)


def _pso(children: int) -> Callable[..., Optimizer]:
    import nevergrad as ng  # noqa: PLC0415 - see _optimizer

    return ng.families.ConfPSO(popsize=children)


FAMILIES: Mapping[str, Callable[[int], Callable[..., Optimizer]]] = {
    "OnePlusOne": _one_plus_one,
    "TwoPointsDE": _two_points_de,
    "DiagonalCMA": _diagonal_cma,
    "PSO": _pso,
}


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Nevergrad's advice (small budget, many workers) to itself and the global generator as it is.

    With some hundred weights and more, the package behind CMA picks from it which weights a check of its own
    looks at.
    """
    import nevergrad as ng  # noqa: PLC0415 - see _optimizer

    before = np.random.get_state()  # noqa: NPY002 - what is kept is the global one
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ng.errors.NevergradWarning)
            yield
    finally:
        np.random.set_state(before)  # noqa: NPY002
