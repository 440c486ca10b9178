"""What decides the showers that raysearch makes, and one block of them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raysearch.data.showers.choices import DEFAULT, Angle, Choices, Sampling
from raysearch.data.showers.model import CALORIMETER, Calorimeter
from raysearch.data.showers.simulation import falling_fraction, simulate
from raysearch.seeds import generator

BLOCK = 100  # showers made from one seed, and a chunk of the file
NOISE_GEV = 1e-5  # cells below are zero
KEPT_BITS = 10  # of the 23 in the mantissa of a float32: 5e-4 relative; the rest compresses away
STEP_GEV = 2.0**-11  # what cells are whole numbers of in compact files
VERSION = 1  # of the recipe; files of another are not kept

THETA_RAD = (math.radians(60), math.radians(120))
WIDE_CELLS = 51  # along x and y, at variable angle


@dataclass(frozen=True)
class ShowerBlock:
    """Showers: ``energy`` (shower,) GeV and ``cells`` (shower, x, y, layer) GeV, both float32.

    ``theta`` (shower,) rad, float32, or None where all come at a right angle.
    """

    energy: NDArray[np.float32]
    cells: NDArray[np.float32]
    theta: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Recipe:
    """All that decides some showers in order: ``showers`` of them from number ``first``."""

    seed: int
    first: int
    showers: int
    choices: Choices = DEFAULT

    @property
    def calorimeter(self) -> Calorimeter:
        """The detector, wider where showers may be inclined."""
        return CALORIMETER if self.choices.angle is Angle.fixed else replace(CALORIMETER, n_cells=WIDE_CELLS)

    @property
    def grid(self) -> tuple[int, int, int]:
        """Cells along x and y, and layers."""
        return self.calorimeter.n_cells, self.calorimeter.n_cells, self.calorimeter.n_layers

    @property
    def rows(self) -> int:
        """How many showers."""
        return self.showers

    def told(self) -> dict[str, Any]:
        """Tell all of it in plain values; what version 0.1.0 could not choose only where it is another."""
        found: dict[str, Any] = {
            "version": VERSION,
            "seed": self.seed,
            "first": self.first,
            "showers": self.showers,
        }
        found |= {"detector": asdict(self.calorimeter), **asdict(self.choices)}
        if self.choices.angle is Angle.fixed:
            # As files of before there was a choice have it: they are still kept.
            del found["angle"]
        else:
            found["theta_rad"] = THETA_RAD
        if self.choices.sampling is Sampling.flat:
            del found["sampling"]
        return found

    def text(self) -> str:
        """The same, as the file says how it was made."""
        return json.dumps(self.told(), sort_keys=True)

    def blocks(self) -> Iterator[BlockOrder]:
        """The blocks that it is made of, in order."""
        for start in range(0, self.showers, BLOCK):
            yield BlockOrder(self, (self.first + start) // BLOCK, min(BLOCK, self.showers - start))


@dataclass(frozen=True)
class BlockOrder:
    """One block to make: ``n`` showers, whose randomness follows from seed and number."""

    recipe: Recipe
    number: int
    n: int


def make_block(order: BlockOrder) -> ShowerBlock:
    """Make one block; the same order gives the same bits."""
    recipe = order.recipe
    rng = generator(recipe.seed, "showers", order.number)
    # Rounded first: the shower is one of the energy that the file holds.
    energy = rng.uniform(*recipe.choices.energy_gev, order.n).astype(np.float32)
    gev = energy.astype(np.float64)
    theta = None
    if recipe.choices.angle is Angle.variable:
        theta = rng.uniform(*THETA_RAD, order.n).astype(np.float32)
    fraction = (
        falling_fraction(gev, recipe.calorimeter) if recipe.choices.sampling is Sampling.falling else None
    )
    rad = None if theta is None else theta.astype(np.float64)
    cells = simulate(gev, rng, recipe.calorimeter, theta=rad, sampling_fraction=fraction)
    if recipe.choices.compact:
        return ShowerBlock(energy, in_steps(cells), theta)
    return ShowerBlock(energy, _rounded(np.where(cells < NOISE_GEV, np.float32(0), cells)), theta)


def in_steps(cells: NDArray[np.float32], step_gev: float = STEP_GEV) -> NDArray[np.float32]:
    """Cells as whole numbers of steps; what is left over goes to the next cell of the layer.

    So the sum of a layer changes by half a step at most, which rounding every cell by itself would not give.

    Args:
        cells: (shower, x, y, layer), at least 0.
        step_gev: the step.

    Returns:
        The same shape, at least 0.
    """
    n, side, _, layers = cells.shape
    in_line = np.moveaxis(cells, 3, 1).reshape(n, layers, side * side) / step_gev
    # In double: the sum over a layer of 625 cells must not round by itself.
    steps = np.diff(np.rint(np.cumsum(in_line, axis=2, dtype=np.float64)), axis=2, prepend=0)
    return np.moveaxis((steps * step_gev).reshape(n, layers, side, side), 1, 3).astype(np.float32)


def _rounded(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Round to nearest in the last kept bit, so that the other bits are 0."""
    dropped = 23 - KEPT_BITS
    bits = np.ascontiguousarray(values).view(np.uint32) + np.uint32(1 << (dropped - 1))
    return (bits & np.uint32(0xFFFFFFFF << dropped & 0xFFFFFFFF)).view(np.float32)
