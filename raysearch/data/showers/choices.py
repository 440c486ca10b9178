"""What may be chosen of showers that are made; light to import, for the command line's help."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from raysearch.errors import InputError

LEAST_GEV, MOST_GEV = 1.0, 1000.0  # where the parameterisation is of use


class Angle(StrEnum):
    """How particles come: at a right angle, or anywhere between 60 and 120 degrees to the y axis."""

    fixed = "fixed"
    variable = "variable"


class Sampling(StrEnum):
    """Energy in the cells over the particle's: the same for all, or falling with energy as 3DGAN's does."""

    flat = "flat"
    falling = "falling"


@dataclass(frozen=True)
class Choices:
    """What showers are made.

    Attributes:
        compact: cells as whole numbers of steps, a third of the size; see ``recipe.in_steps``.
        angle: fixed, 25 x 25 x 25 cells, or variable, 51 x 51 x 25 cells.
        energy_gev: least and greatest energy, between which they are spread evenly.
        sampling: whether the sampling fraction falls with energy.
    """

    compact: bool = False
    angle: Angle = Angle.fixed
    energy_gev: tuple[float, float] = (10.0, 500.0)
    sampling: Sampling = Sampling.flat


DEFAULT = Choices()


def energy_range(words: str) -> tuple[float, float]:
    """Read two energies in GeV, such as ``10,500``.

    Raises:
        InputError: they are something else.
    """
    try:
        low, high = map(float, words.split(","))
    except ValueError:
        raise InputError(f"energies: need two numbers of GeV such as 10,500, got {words!r}") from None
    return low, high
