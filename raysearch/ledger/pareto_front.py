"""Which of several points no other one beats in every coordinate (Pareto front)."""

from __future__ import annotations

from collections.abc import Sequence

Point = tuple[float, ...]


def unbeaten(points: Sequence[Point]) -> list[int]:
    """Places of the points that no other one beats, in the points' own order (the first coordinate first).

    Args:
        points: of coordinates to minimise, as many in each; equal points do not beat each other.
    """
    # Every pair is compared: fronts are of hundreds of trials, for which no cleverer sort pays.
    places = [
        place for place, point in enumerate(points) if not any(_dominates(other, point) for other in points)
    ]
    return sorted(places, key=lambda place: (points[place], place))


def _dominates(one: Point, other: Point) -> bool:
    """Whether ``one`` is nowhere worse (larger) than ``other`` and somewhere better."""
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
