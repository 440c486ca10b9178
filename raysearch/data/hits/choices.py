"""What may be chosen of events that are made; light to import, for the command line's help."""

from __future__ import annotations

from dataclasses import dataclass

from raysearch.errors import InputError

LEAST_GEV, MOST_GEV = 2.0, 200.0  # below, hadrons hardly collide; above, collisions were not set up
MOST_PARTICLES = 20


@dataclass(frozen=True)
class Choices:
    """What events are made.

    Attributes:
        particles: least and greatest number of pions in an event, all numbers between them alike often.
        momentum_gev: least and greatest momentum of each, between which they are spread evenly.
    """

    particles: tuple[int, int] = (2, 2)
    momentum_gev: tuple[float, float] = (10.0, 100.0)


DEFAULT = Choices()


def particle_range(words: str) -> tuple[int, int]:
    """Read one number of particles, such as ``2``, or two, such as ``1,5``.

    Raises:
        InputError: they are something else.
    """
    try:
        low, *rest = map(int, words.split(","))
        (high,) = rest or (low,)
    except ValueError:
        raise InputError(f"particles: need a number such as 2, or two such as 1,5, got {words!r}") from None
    return low, high
