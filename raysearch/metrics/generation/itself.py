"""Beside a distance between real and generated data, the distance between real and real at the same size.

No sample is at distance 0 from another of the same origin: what a metric gives for two real samples is its
floor, and it depends on their size. A value only speaks beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar

from numpy.typing import NDArray

from raysearch.errors import InputError
from raysearch.seeds import generator


class Rows(Protocol):
    """Anything with rows of which some can be taken, such as an array."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: NDArray[Any], /) -> Any: ...  # noqa: ANN401 - of its own kind


S = TypeVar("S", bound=Rows)
V = TypeVar("V")


class Measured(NamedTuple):
    """A figure and one standard deviation of it, None where nothing is known of it."""

    value: float
    error: float | None = None


@dataclass(frozen=True)
class BesideItself:
    """A distance with its floor.

    Attributes:
        value: real against generated.
        itself: real against other real, as many of each.
        n: rows on each side.
    """

    value: Any
    itself: Any
    n: int


def beside_itself(
    distance: Callable[[S, S], V], real: S, made: S, other_real: S | None = None, *, seed: int = 0
) -> BesideItself:
    """Compute a distance and its floor from samples of one size.

    Args:
        distance: of two samples, the real one first.
        real: real rows.
        made: generated rows.
        other_real: real rows that are not among ``real``; without them ``real`` is cut in halves, at random.
        seed: of all choices of rows.

    Raises:
        InputError: a side is left without rows.
    """
    rng = generator(seed, "beside itself")
    order = rng.permutation(len(real))
    if other_real is None:
        half = len(real) // 2
        first, second = real[order[:half]], real[order[half:]]
    else:
        first, second = real[order], other_real[rng.permutation(len(other_real))]
    n = min(len(first), len(second), len(made))
    if not n:
        raise InputError("real and generated data: need rows on both sides, and two of real ones at least")
    rows = rng.permutation(len(made))[:n]
    first = first[slice(n)]
    return BesideItself(distance(first, made[rows]), distance(first, second[slice(n)]), n)
