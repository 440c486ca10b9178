"""Weights from candidates, bit for bit those that went through evaluation.

A genome's weights are ((w0 + s1) + s2) + ..., in float32 and in this order, wherever they are rebuilt: the
cache only decides where the sum is taken up. Weights of parents are cached, so that a child costs one step
(as the workers of Such et al., arXiv:1712.06567, do); and every so many generations an ancestor's weights are
kept as a snapshot, so that a lost cache costs that many steps at most while its line goes on.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raysearch.evolve.genome import Candidate, Genome, Offspring, Vector, pack, unpack
from raysearch.evolve.mutation import STILL, Mutation, Step
from raysearch.evolve.strata import Steps, Stratified
from raysearch.evolve.swarm import Swarm


@dataclass(frozen=True)
class Snapshots:
    """Weights of some ancestors, for a checkpoint or another process.

    Args:
        chains: their genomes, as :func:`~raysearch.evolve.genome.pack` writes them.
        weights: float32 (snapshot, n).
    """

    chains: list[list[int]]
    weights: NDArray[np.float32]


class Rebuilder:
    """Rebuilds weights; what it returns may be shared and is read-only.

    Args:
        initial: gives the initial weights of a seed, float32 (n,).
        mutation: the strategy's; None for a strategy of vectors.
        keep: how many parents' weights are cached, at least the strategy's ``keep``; n * 4 bytes each.
        every: a parent whose chain has this many mutations, or a multiple, becomes a snapshot.
        snapshots: how many snapshots are kept, those used last; n * 4 bytes each.
    """

    def __init__(
        self,
        initial: Callable[[int], NDArray[np.float32]],
        mutation: Mutation | None,
        keep: int,
        *,
        every: int = 100,
        snapshots: int = 4,
    ) -> None:
        self._initial = initial
        self._mutation = mutation
        self._every = every
        self._parents = _Recent(keep)
        self._snapshots = _Recent(snapshots)

    def weights(self, candidate: Candidate) -> NDArray[np.float32]:
        """Give the weights of a candidate, float32 (n,)."""
        # Not cached from here: whoever wants a child's whole weights once, for a test or a checkpoint, must
        # not push out the parents that the next round needs.
        known = self._known(candidate.seeds) if isinstance(candidate, Genome) else None
        if known is not None:
            return known
        base, step = self.step(candidate)
        if step is STILL:
            return base
        weights = base.copy()  # the cached base stays as it is for its other children
        step.add_to(weights)
        return _read_only(weights)

    def step(self, candidate: Candidate, *, whole: bool = False) -> tuple[NDArray[np.float32], Step]:
        """Give weights and the step from them to the candidate's, for evaluators that share work.

        Args:
            candidate: whose weights are wanted.
            whole: give a genome's own weights and a step that changes nothing, as initial weights always
                do; see :attr:`~raysearch.evolve.strategy.Round.whole`. Of no meaning for the others.

        Returns:
            Weights float32 (n,), those of the parent, for a vector the initial ones; and the step.
        """
        if isinstance(candidate, Offspring):
            step = self._draw(candidate.seed, len(candidate.centre.offset))
            deltas = step.deltas * np.float32(candidate.scale)
            if candidate.spread is not None:
                deltas *= candidate.spread[step.places]
            return self.weights(candidate.centre), Step(step.places, deltas)
        if isinstance(candidate, Vector):
            return self._parent(Genome((candidate.start,))), Step(None, candidate.offset)
        parent = candidate.parent
        if whole or parent is None:
            return self._parent(candidate), STILL
        base = self._parent(parent)
        return base, self._draw(candidate.seeds[-1], len(base))

    def swarm(self, swarm: Swarm) -> Iterator[tuple[slice, Steps]]:
        """Give what :meth:`step` gives for each of a swarm, in parts that fit memory: where, and steps."""
        assert isinstance(self._mutation, Stratified)  # a strategy that asks swarms has it
        n = len(swarm.centre.offset)
        rows = self._mutation.at_once(n)
        for first in range(0, len(swarm), rows):
            part = swarm[first : first + rows]
            steps = self._mutation.draw_all(part.seeds, n)
            deltas = steps.deltas * part.scales[:, None]
            if swarm.spread is not None:
                deltas *= swarm.spread[steps.places]
            yield slice(first, first + rows), Steps(steps.places, deltas)

    def snapshots(self) -> Snapshots:
        """Give the snapshots, for a checkpoint; empty until a line is old enough."""
        chains, weights = self._snapshots.content()
        return Snapshots(pack(Genome(chain) for chain in chains), np.array(weights, dtype=np.float32))

    def remember(self, snapshots: Snapshots) -> None:
        """Take over the snapshots of another rebuilder with the same initial weights and mutation."""
        for genome, weights in zip(unpack(snapshots.chains), snapshots.weights, strict=True):
            # A copy each: a row of the stacked array would keep all of them in memory as long as it lives.
            self._snapshots.put(genome.seeds, _read_only(np.array(weights, dtype=np.float32)))

    def _parent(self, genome: Genome) -> NDArray[np.float32]:
        """Give weights that further calls are likely to need, and cache them."""
        weights = self._known(genome.seeds)
        if weights is None:
            weights = self._rebuild(genome.seeds)
        self._parents.put(genome.seeds, weights)
        if self._is_snapshot(len(genome.seeds)):
            self._snapshots.put(genome.seeds, weights)
        return weights

    def _rebuild(self, seeds: tuple[int, ...]) -> NDArray[np.float32]:
        """Sum up a chain from its youngest known ancestor on."""
        # In the order of the chain and never by a sum of steps: float32 addition is not associative, and
        # weights must have the bits that were evaluated.
        done, base = self._youngest_known(seeds)
        weights = np.array(self._initial(seeds[0]) if base is None else base, dtype=np.float32)
        for place in range(max(done, 1), len(seeds)):
            self._draw(seeds[place], len(weights)).add_to(weights)
            if self._is_snapshot(place + 1) and place + 1 < len(seeds):
                self._snapshots.put(seeds[: place + 1], _read_only(weights.copy()))
        return _read_only(weights)

    def _youngest_known(self, seeds: tuple[int, ...]) -> tuple[int, NDArray[np.float32] | None]:
        # By the few lengths that are cached and not link by link: a prefix of a long chain is dear to hash.
        lengths = self._parents.lengths() | self._snapshots.lengths()
        for length in sorted(lengths, reverse=True):
            if length < len(seeds):
                weights = self._known(seeds[:length])
                if weights is not None:
                    return length, weights
        return 0, None

    def _known(self, seeds: tuple[int, ...]) -> NDArray[np.float32] | None:
        weights = self._parents.get(seeds)
        return self._snapshots.get(seeds) if weights is None else weights

    def _is_snapshot(self, links: int) -> bool:
        # By the chain's length: whoever rebuilds it, with whatever cache, keeps the same ancestors.
        return links > 1 and (links - 1) % self._every == 0

    def _draw(self, seed: int, n: int) -> Step:
        if self._mutation is None:
            raise ValueError("a mutated genome was given to a rebuilder without a mutation")
        return self._mutation.draw(seed, n)


class _Recent:
    """Weights by chain, of which those used last are kept."""

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"room for at least one is needed, got {size}")
        self._size = size
        self._weights: OrderedDict[tuple[int, ...], NDArray[np.float32]] = OrderedDict()

    def get(self, seeds: tuple[int, ...]) -> NDArray[np.float32] | None:
        weights = self._weights.get(seeds)
        if weights is not None:
            self._weights.move_to_end(seeds)
        return weights

    def put(self, seeds: tuple[int, ...], weights: NDArray[np.float32]) -> None:
        self._weights[seeds] = weights
        self._weights.move_to_end(seeds)
        if len(self._weights) > self._size:
            self._weights.popitem(last=False)

    def lengths(self) -> set[int]:
        return {len(seeds) for seeds in self._weights}

    def content(self) -> tuple[Sequence[tuple[int, ...]], list[NDArray[np.float32]]]:
        return list(self._weights), list(self._weights.values())


def _read_only(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    weights.flags.writeable = False
    return weights
