"""Candidates: weights to be evaluated, written as what they came from.

A genome is a chain of seeds, the first that of its initial weights, each further one that of a mutation (Such
et al., Deep Neuroevolution, arXiv:1712.06567, section 3.1 and equation 1): 8 bytes a generation, whatever the
size of the network. A vector is for strategies that move in the space of weights and know no chains; children
that they draw around it are the vector and a seed each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Genome:
    """A chain of seeds, each in [0, 2**64)."""

    seeds: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.seeds:
            raise ValueError("a genome needs the seed of its initial weights")

    def child(self, seed: int) -> Genome:
        """Give the genome that one more mutation makes."""
        return Genome((*self.seeds, seed))  # theta_n = psi(theta_(n-1), tau_n), section 3.1

    @property
    def parent(self) -> Genome | None:
        """The genome before its last mutation; None for initial weights."""
        return Genome(self.seeds[:-1]) if len(self.seeds) > 1 else None

    def to_bytes(self) -> bytes:
        """Write the chain, little-endian, 8 bytes a link."""
        return np.array(self.seeds, dtype="<u8").tobytes()  # one byte order for all actors

    @classmethod
    def from_bytes(cls, data: bytes) -> Genome:
        """Read what :meth:`to_bytes` wrote.

        Raises:
            ValueError: if the data are empty or not whole links.
        """
        return cls(tuple(np.frombuffer(data, dtype="<u8").tolist()))


@dataclass(frozen=True, slots=True, eq=False)  # an array's own == is no truth value
class Vector:
    """Initial weights of a seed plus an offset.

    Args:
        start: the seed of the initial weights.
        offset: float32 (n,), what is added to them.
    """

    start: int
    offset: NDArray[np.float32]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vector) and (self.start, self.offset.tobytes()) == (
            other.start,
            other.offset.tobytes(),
        )

    def __hash__(self) -> int:
        return hash((self.start, self.offset.tobytes()))


@dataclass(frozen=True, slots=True, eq=False)
class Offspring:
    """A centre's weights plus a scaled step; one child of a :class:`~raysearch.evolve.swarm.Swarm`.

    Args:
        centre: the weights that it is a step away from.
        seed: of the step, in [0, 2**64).
        scale: the step is taken this many times, and backwards if below 0.
        spread: float32 (n,), how many times in each weight beside; None: once in all.
    """

    centre: Vector
    seed: int
    scale: float
    spread: NDArray[np.float32] | None = None


Candidate = Genome | Vector | Offspring


def pack(genomes: Iterable[Genome]) -> list[list[int]]:
    """Write genomes as lists of whole numbers, for a checkpoint.

    Each is how many links it shares with the one before, then the rest of its chain, and relatives share
    nearly all.
    """
    # After G generations chains are G links long, and a checkpoint is written every epoch: with the shared
    # beginning written once it grows by the children's own links only.
    packed: list[list[int]] = []
    before: tuple[int, ...] = ()
    for genome in genomes:
        shared = _shared(before, genome.seeds)
        packed.append([shared, *genome.seeds[shared:]])
        before = genome.seeds
    return packed


def unpack(packed: Iterable[Sequence[int]]) -> tuple[Genome, ...]:
    """Read what :func:`pack` wrote."""
    genomes: list[Genome] = []
    before: tuple[int, ...] = ()
    for shared, *rest in packed:
        before = (*before[:shared], *rest)
        genomes.append(Genome(before))
    return tuple(genomes)


def _shared(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    """Count the links that two chains begin with alike, by bisection."""
    # Slices are compared in C, links would be in a loop of Python; chains grow by a link every generation.
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
