"""What every strategy is: settings, a state that goes in and comes out, and rounds of candidates.

    state = strategy.begin(seed)
    state, asked = strategy.ask(state, generator)
    state = strategy.tell(state, [loss of each candidate of asked])

A state is a value: nothing changes it, any earlier one can be taken up again, and it can be written as plain
values at every point. Chance comes from the seed of ``begin`` and the generators handed to ``ask``, and from
nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raysearch import seeds
from raysearch.evolve.genome import Candidate, Genome, pack, unpack
from raysearch.evolve.mutation import Mutation
from raysearch.evolve.swarm import Swarm
from raysearch.recipes import CheckedSettings

SEEDS = 2**63  # a mutation's seed lies below, as all of raysearch's do


@dataclass(frozen=True)
class Settings(CheckedSettings):
    """What every strategy can be told.

    Args:
        init_scale: initial weights are N(0, init_scale^2) and biases 0; None: they are the task's own.

    Raises:
        InputError: with a line ``name: what`` for every fault.
    """

    init_scale: float | None = None

    def problems(self) -> list[str]:
        """List the faults."""
        found = super().problems()
        if not found and self.init_scale is not None and self.init_scale <= 0:
            found.append(f"init_scale: must be above 0 or none, got {self.init_scale!r}")
        return found


@dataclass(frozen=True)
class Round:
    """Candidates whose losses are wanted.

    Args:
        candidates: what is to be evaluated, all on the same data.
        batches: each loss is the mean over this many batches.
    """

    candidates: tuple[Candidate, ...] | Swarm
    batches: int = 1

    @property
    def whole(self) -> tuple[bool, ...]:
        """Which candidates are parents of others here, so that they are evaluated as they stand.

        It is a function of the whole round: where its parts are evaluated must not change a loss's bits.
        """
        if isinstance(self.candidates, Swarm):
            return (False,) * len(self.candidates)
        # As it stands or as a step from its parent, a candidate's loss differs by rounding.
        parents = {c.parent for c in self.candidates if isinstance(c, Genome)}
        return tuple(candidate in parents for candidate in self.candidates)


@dataclass(frozen=True)
class State:
    """What every state holds.

    Args:
        asked: the round whose losses have not been told yet, if there is one.
    """

    asked: Round | None


S = TypeVar("S", bound=State)


class Strategy(Protocol[S]):
    """A way to train weights by evolution."""

    @property
    def settings(self) -> Settings:
        """What it was told."""
        ...

    @property
    def mutation(self) -> Mutation | None:
        """What makes a child of a genome; None for a strategy of vectors."""
        ...

    @property
    def keep(self) -> int:
        """How many parents a :class:`~raysearch.evolve.rebuild.Rebuilder` must cache for one step a child."""
        ...

    def begin(self, seed: int) -> S:
        """Give the first state."""
        ...

    def ask(self, state: S, generator: np.random.Generator) -> tuple[S, Round]:
        """Propose a round.

        Raises:
            ValueError: if the state still waits for losses; they are those of ``state.asked``.
        """
        ...

    def tell(self, state: S, losses: ArrayLike) -> S:
        """Take the losses of ``state.asked``; one that is not finite counts as the worst.

        Raises:
            ValueError: if nothing was asked, or there is not one loss for each candidate.
        """
        ...

    def best(self, state: S) -> Candidate:
        """Give the candidate that the strategy holds to be the best; at first, initial weights."""
        ...

    def to_plain(self, state: S) -> dict[str, Any]:
        """Write a state with numbers, strings, lists, dicts and None only."""
        ...

    def from_plain(self, plain: Mapping[str, Any]) -> S:
        """Read what :meth:`to_plain` wrote."""
        ...


def initial_genome(seed: int, number: int) -> Genome:
    """Give the initial genome of a number, the same for every strategy that begins with this seed."""
    return Genome((seeds.derive(seed, "genome", number),))


def draw_seeds(generator: np.random.Generator, count: int) -> list[int]:
    """Draw the seeds of mutations."""
    return generator.integers(0, SEEDS, size=count).tolist()


def require_nothing_asked(state: State) -> None:
    """Refuse to ask twice.

    Raises:
        ValueError: if losses are still awaited.
    """
    if state.asked is not None:
        raise ValueError("losses of the round asked before have not been told; they are state.asked's")


def comparable(state: State, losses: ArrayLike) -> NDArray[np.float64]:
    """Check losses against what was asked and make the ones that are not finite the worst.

    Raises:
        ValueError: if nothing was asked, or there is not one loss for each candidate.
    """
    if state.asked is None:
        raise ValueError("losses were told of a round that was not asked")
    known = np.array(losses, dtype=np.float64)
    if len(known) != len(state.asked.candidates):
        raise ValueError(f"{len(state.asked.candidates)} losses were asked, got {len(known)}")
    # NaN compares false with everything: unreplaced, it would stay where a sort finds it, among the best too.
    known[~np.isfinite(known)] = math.inf
    return known


def best_first(state: State, losses: ArrayLike) -> list[Genome]:
    """Give the genomes asked, lowest loss first; of equal ones the first asked.

    Raises:
        ValueError: see :func:`comparable`.
    """
    known = comparable(state, losses).tolist()
    genomes = _genomes(state.asked)
    # By place, in a stable sort: genomes have no order of their own, and ties must not fall by chance.
    return [genomes[place] for place in sorted(range(len(known)), key=known.__getitem__)]


def pack_round(asked: Round | None) -> list[Any] | None:
    """Write a round of genomes with plain values."""
    return None if asked is None else [asked.batches, pack(_genomes(asked))]


def unpack_round(packed: Sequence[Any] | None) -> Round | None:
    """Read what :func:`pack_round` wrote."""
    return None if packed is None else Round(unpack(packed[1]), packed[0])


def _genomes(asked: Round | None) -> list[Genome]:
    return [] if asked is None else [each for each in asked.candidates if isinstance(each, Genome)]
