"""(1 + lambda) evolution with point mutation: the 3DGAN contribution's section 5 and Table 1.

Eight random parents at initialisation, of which the best stays; then in every generation eight children of
the single parent, and of parent and children the one with the lowest loss is the next parent (elitist
selection).

The paper does not say on which data the parent's loss is known. Here the parent is evaluated again, on its
children's batch: compared with a loss from another batch, it would lose to whoever meets an easy batch, or,
once it has met one itself, never lose again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from raysearch.evolve import strategy
from raysearch.evolve.genome import Genome, pack, unpack
from raysearch.evolve.mutation import PointMutation
from raysearch.evolve.strategy import (
    Round,
    best_first,
    draw_seeds,
    initial_genome,
    pack_round,
    require_nothing_asked,
    unpack_round,
)


@dataclass(frozen=True)
class Settings(strategy.Settings):
    """Settings of the strategy; rate and power are not in the paper's text.

    Args:
        parents: random genomes at the start.
        children: lambda.
        rate: the share of weights that a mutation changes.
        power: the largest change of a weight.
    """

    parents: int = 8
    children: int = 8
    rate: float = 0.01
    power: float = 0.05

    def problems(self) -> list[str]:
        """List the faults."""
        found = super().problems()
        if found:
            return found
        found += self.at_least(1, "parents", "children")
        if not 0 < self.rate <= 1:
            found.append(f"rate: must be above 0 and at most 1, got {self.rate!r}")
        return [*found, *self.above_zero("power")]


@dataclass(frozen=True)
class State(strategy.State):
    """Where the strategy is.

    Args:
        asked: the round whose losses are awaited.
        seed: of ``begin``.
        parent: the single parent; until the first losses, the first of the random genomes.
        generation: how many rounds have been told.
    """

    seed: int
    parent: Genome
    generation: int


@dataclass(frozen=True)
class OnePlusLambda:
    """The strategy; its rounds are the random parents, then the parent and its children."""

    settings: Settings
    keep = 2  # the parent and the one before

    @cached_property
    def mutation(self) -> PointMutation:
        """Point mutation, see :class:`~raysearch.evolve.strategy.Strategy`."""
        return PointMutation(self.settings.rate, self.settings.power)

    def begin(self, seed: int) -> State:
        """Give the first state."""
        return State(None, seed, initial_genome(seed, 0), 0)

    def ask(self, state: State, generator: np.random.Generator) -> tuple[State, Round]:
        """Propose the next round."""
        require_nothing_asked(state)
        if state.generation == 0:  # Table 1: M random parents
            candidates = [initial_genome(state.seed, number) for number in range(self.settings.parents)]
        else:
            drawn = draw_seeds(generator, self.settings.children)
            # The parent first: of equal losses the first asked wins, so a step that changes nothing that the
            # loss can see does not lengthen the chain.
            candidates = [state.parent, *(state.parent.child(seed) for seed in drawn)]
        asked = Round(tuple(candidates))
        return replace(state, asked=asked), asked

    def tell(self, state: State, losses: ArrayLike) -> State:
        """Select the next parent; of equal losses the parent's own."""
        parent = best_first(state, losses)[0]  # section 5: elitist selection of a single parent
        return replace(state, asked=None, parent=parent, generation=state.generation + 1)

    def best(self, state: State) -> Genome:
        """Give the parent."""
        return state.parent

    def to_plain(self, state: State) -> dict[str, Any]:
        """Write a state."""
        return {
            "seed": state.seed,
            "generation": state.generation,
            "parent": pack([state.parent]),
            "asked": pack_round(state.asked),
        }

    def from_plain(self, plain: Mapping[str, Any]) -> State:
        """Read a state."""
        (parent,) = unpack(plain["parent"])
        return State(unpack_round(plain["asked"]), plain["seed"], parent, plain["generation"])
