"""A genetic algorithm with truncation selection.

Such et al., Deep Neuroevolution, arXiv:1712.06567, Algorithm 1, whose steps are signed in the code.

Generation 1 is a population of N random genomes. Every further one is N - 1 children, each of a parent drawn
at random from the T best of the generation before, by Gaussian mutation, without crossover; and the elite,
unchanged. A loss from one batch is noisy, so the elite is chosen among few candidates (the best children and
the elite before) by evaluating these again on more batches: a round of its own. In the paper T = 20, N =
1,000 (+ 1), 10 candidates and 30 evaluations of each; the defaults here are for batches of some hundred
examples.
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
from raysearch.evolve.mutation import GaussianMutation
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
    """Settings of the strategy.

    Args:
        population: N, the elite among it.
        parents: T, how many of the best have children.
        power: sigma, the standard deviation of a change.
        elite_candidates: how many are evaluated again, the elite before among them.
        elite_batches: on how many batches.
    """

    population: int = 64
    parents: int = 8
    power: float = 0.002
    elite_candidates: int = 4
    elite_batches: int = 2

    def problems(self) -> list[str]:
        """List the faults."""
        found = super().problems()
        if found:
            return found
        if too_few := self.at_least(2, "population"):
            return too_few
        if not 1 <= self.parents <= self.population:
            found.append(f"parents: must lie in 1 to population = {self.population}, got {self.parents}")
        found += self.above_zero("power")
        if not 2 <= self.elite_candidates <= self.population:
            found.append(
                f"elite_candidates: must lie in 2 to population = {self.population} "
                f"(the elite before is one), got {self.elite_candidates}"
            )
        return [*found, *self.at_least(1, "elite_batches")]


@dataclass(frozen=True)
class State(strategy.State):
    """Where the strategy is.

    Args:
        asked: the round whose losses are awaited.
        seed: of ``begin``.
        generation: how many generations have ended with the choice of an elite.
        elite: the elite of the last of them; before, the first of the random genomes.
        parents: who has children next, the elite first; while an elite is to be chosen, the T best children.
        candidates: who may become the elite; empty unless one is to be chosen.
    """

    seed: int
    generation: int
    elite: Genome
    parents: tuple[Genome, ...]
    candidates: tuple[Genome, ...]


@dataclass(frozen=True)
class TruncationGA:
    """The strategy; its rounds are a population and the candidates for its elite, by turns."""

    settings: Settings

    @property
    def keep(self) -> int:
        """Two generations of parents: the younger ones are rebuilt from the older."""
        return 2 * self.settings.parents

    @cached_property
    def mutation(self) -> GaussianMutation:
        """Gaussian mutation, see :class:`~raysearch.evolve.strategy.Strategy`."""
        return GaussianMutation(self.settings.power)

    def begin(self, seed: int) -> State:
        """Give the first state."""
        return State(None, seed, 0, initial_genome(seed, 0), (), ())

    def ask(self, state: State, generator: np.random.Generator) -> tuple[State, Round]:
        """Propose the candidates for the elite if one is to be chosen, else a population."""
        require_nothing_asked(state)
        if state.candidates:  # Algorithm 1: the candidates for the elite, evaluated again
            asked = Round(state.candidates, self.settings.elite_batches)
        elif state.generation == 0:  # Algorithm 1, g = 1: initialise random networks
            asked = Round(tuple(initial_genome(state.seed, i) for i in range(self.settings.population)))
        else:  # Algorithm 1: N - 1 children, each of a parent drawn from the T best, mutated
            count = self.settings.population - 1
            # All parents before all seeds: two draws of many numbers and not many draws of two.
            chosen = generator.integers(0, len(state.parents), size=count).tolist()
            drawn = draw_seeds(generator, count)
            asked = Round(tuple(state.parents[k].child(s) for k, s in zip(chosen, drawn, strict=True)))
        return replace(state, asked=asked), asked

    def tell(self, state: State, losses: ArrayLike) -> State:
        """Select parents and candidates for the elite, or the elite itself."""
        best = best_first(state, losses)
        if state.candidates:
            # Algorithm 1: the elite is among the T parents of the next generation, beside the best children.
            elite, others = best[0], [genome for genome in state.parents if genome != best[0]]
            parents = (elite, *others[: self.settings.parents - 1])
            return State(None, state.seed, state.generation + 1, elite, parents, ())
        count = self.settings.elite_candidates
        # Algorithm 1: in the first generation the best alone, later the best children and the elite before.
        candidates = best[:count] if state.generation == 0 else [state.elite, *best[: count - 1]]
        return replace(
            state,
            asked=None,
            parents=tuple(best[: self.settings.parents]),
            candidates=tuple(candidates),
        )

    def best(self, state: State) -> Genome:
        """Give the elite."""
        return state.elite

    def to_plain(self, state: State) -> dict[str, Any]:
        """Write a state."""
        return {
            "seed": state.seed,
            "generation": state.generation,
            "elite": pack([state.elite]),
            "parents": pack(state.parents),
            "candidates": pack(state.candidates),
            "asked": pack_round(state.asked),
        }

    def from_plain(self, plain: Mapping[str, Any]) -> State:
        """Read a state."""
        (elite,) = unpack(plain["elite"])
        return State(
            unpack_round(plain["asked"]),
            plain["seed"],
            plain["generation"],
            elite,
            unpack(plain["parents"]),
            unpack(plain["candidates"]),
        )
