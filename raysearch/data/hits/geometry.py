"""The calorimeter of arXiv:1902.07987: 30 x 30 cm2 x 2 m, 20 layers, 2,102 square sensors of unequal size.

x and y are counted from the axis of the detector, z from its front face, all in mm; particles come along +z.
A layer's quadrant of x > 0 and y > 0 has smaller sensors than the other three. The numbers are those of the
public code behind the paper (jkiesele/miniCalo, its geometry ``hcal_only_irregular``).

A table of sensors, here and in files, has a row for each sensor and the columns ``COLUMNS``: the middle of
the sensor, the side of its square and its depth along z, in mm, and the number of its layer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

COLUMNS = ("x", "y", "z", "width", "depth", "layer")

HALF_MM = 150.0
LAYER_MM = 100.0
# Sensors along a side of the fine quadrant and of each other one, by layer.
FINE = (8, 8, 10, 10, *4 * (8,), *4 * (8,), 4, 4, *6 * (2,))
COARSE = (4, 6, 8, 8, *4 * (6,), *4 * (4,), 2, 2, *6 * (1,))
N_LAYERS = len(FINE)
DEPTH_MM = N_LAYERS * LAYER_MM
QUADRANTS = 4
# Where quadrants begin, in the order in which their sensors come: the fine one first.
CORNERS = ((0.0, 0.0), (-HALF_MM, 0.0), (-HALF_MM, -HALF_MM), (0.0, -HALF_MM))

Table = NDArray[np.float32]


def paper_sensors() -> Table:
    """List the sensors of the paper's calorimeter, layer by layer: float32 (2102, 6), see ``COLUMNS``."""
    rows = [
        _quadrant(layer, FINE[layer] if number == 0 else COARSE[layer], corner)
        for layer in range(N_LAYERS)
        for number, corner in enumerate(CORNERS)
    ]
    return np.concatenate(rows).astype(np.float32)


def _quadrant(layer: int, side: int, corner: tuple[float, float]) -> NDArray[np.float64]:
    width = HALF_MM / side
    along, across = np.divmod(np.arange(side * side), side)
    table = np.empty((side * side, len(COLUMNS)))
    table[:, 0] = corner[0] + (along + 0.5) * width
    table[:, 1] = corner[1] + (across + 0.5) * width
    table[:, 2:] = (layer + 0.5) * LAYER_MM, width, LAYER_MM, layer
    return table


def sensor_at(x: NDArray[Any], y: NDArray[Any], z: NDArray[Any]) -> NDArray[np.int64]:
    """Find the sensor of the paper's calorimeter in which points (point,) in mm lie; -1 outside of it."""
    inside = (np.abs(x) < HALF_MM) & (np.abs(y) < HALF_MM) & (z >= 0) & (z < DEPTH_MM)
    layer = np.where(inside, z / LAYER_MM, 0).astype(np.int64)
    right, upper = x >= 0, y >= 0
    quadrant = np.where(right, np.where(upper, 0, 3), np.where(upper, 1, 2))
    side = _SIDES[layer, quadrant]
    # The last sensor of a row ends at the edge, which rounding may reach.
    along = np.minimum((x + HALF_MM * ~right) / HALF_MM * side, side - 1).astype(np.int64)
    across = np.minimum((y + HALF_MM * ~upper) / HALF_MM * side, side - 1).astype(np.int64)
    return np.where(inside, _FIRST[layer, quadrant] + along * side + across, -1)


_SIDES = np.array([[fine, *3 * (coarse,)] for fine, coarse in zip(FINE, COARSE, strict=True)])
_FIRST = (np.cumsum(_SIDES.ravel() ** 2) - _SIDES.ravel() ** 2).reshape(_SIDES.shape)
N_SENSORS = int((_SIDES**2).sum())
