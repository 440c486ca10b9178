"""Simulates showers, cell by cell, by the parameterisation in raysearch/data/showers/model.py.

At variable angle the axis lies in the y-z plane, where the public 3DGAN files at variable angle have it:
theta is the angle between the particle and the y axis, 90 degrees at a right angle to the layers, and a
shower with less goes towards greater y (svalleco/3Dgan, ``ecal_angle``). Spots are drawn in planes across the
inclined axis and then counted in the cell where they lie, so that a layer holds the near side of an early
part of the shower and the far side of a later. Cells are then as deep as they are wide, with 1.3 mm of air
and readout behind the 3.8 mm of tungsten and silicon, which no radius knows of.

Shapes here: N showers, K slices along the axis, one to a layer and some beyond; S spots.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raysearch.data.showers.model import (
    CALORIMETER,
    Calorimeter,
    Floats,
    Profiles,
    Radii,
    draw_profiles,
    middle_profiles,
    radial_profile,
)

Single = NDArray[np.float32]
Integers = NDArray[np.int64]

AT_ONCE = 20  # showers whose spots are in memory together
LAYER = 1.0  # cells from one layer to the next; 3DGAN measures angles in cells, as if cells were cubes
BEYOND = 6  # slices behind the last layer, whose near side lies in it if the axis is inclined

# Mean energy in the cells over the energy of the electron, in per cent, by powers of E / 100 GeV, highest
# first: what 3DGAN trains its generators to (papers of the 3DGAN line; svalleco/3Dgan, training codes)
FALLING = (0.0018, -0.023, 0.11, -0.28, 2.21)


def simulate(
    energy_gev: Floats,
    rng: np.random.Generator,
    calorimeter: Calorimeter = CALORIMETER,
    *,
    theta: Floats | None = None,
    sampling_fraction: Floats | None = None,
) -> Single:
    """Simulate showers that hit somewhere in the middle cell, all points of it alike.

    Args:
        energy_gev: (shower,) of the electrons, well above the critical energy.
        rng: where the randomness comes from.
        calorimeter: the detector.
        theta: (shower,) rad, see above; such an axis crosses the middle cell in the middle of the detector's
            depth. None: all at a right angle.
        sampling_fraction: (shower,) energy in the sensors over energy of the shower; None: the calorimeter's.

    Returns:
        float32 (shower, x, y, layer), GeV that stay in the sensors.
    """
    energy = np.asarray(energy_gev, np.float64)
    found = []
    for start in range(0, len(energy), AT_ONCE):
        rows = slice(start, start + AT_ONCE)
        fraction = (
            calorimeter.sampling_fraction if sampling_fraction is None else sampling_fraction[rows, None]
        )
        axes = _Axes(None if theta is None else np.asarray(theta, np.float64)[rows], calorimeter)
        found.append(_simulate(energy[rows], rng, axes, fraction))
    return np.concatenate(found)


def falling_fraction(energy_gev: Floats, calorimeter: Calorimeter = CALORIMETER) -> Floats:
    """Sampling fraction with which the mean sum of all cells over E is that of the 3DGAN files, ``FALLING``.

    What leaks behind the last layer is made up for, by the middle profile at a right angle.

    Args:
        energy_gev: (shower,).
        calorimeter: the detector.

    Returns:
        (shower,) for :func:`simulate`.
    """
    # The published sum is of what is seen, and a deeper shower is seen less.
    contained = middle_profiles(energy_gev, calorimeter).shares(calorimeter.edges).sum(axis=1)
    return np.asarray(1e-2 * np.polyval(FALLING, energy_gev / 100) / contained)


class _Axes:
    """Axes of some showers in a calorimeter, at a right angle (``theta`` None) or inclined."""

    def __init__(self, theta: Floats | None, calorimeter: Calorimeter) -> None:
        self.theta = theta
        self.calorimeter = calorimeter
        self.n_slices = calorimeter.n_layers + (0 if theta is None else BEYOND)
        self.slant: Floats | float = 1.0
        self.slant_N1: Floats | float = 1.0
        if theta is not None:
            self.slant = 1 / np.sin(theta)
            self.slant_N1 = self.slant[:, None]

    @property
    def edges(self) -> Floats:
        """Depths along the axis where slices begin and end, in radiation lengths: (K + 1,) or (N, K + 1)."""
        layers = np.arange(self.n_slices + 1, dtype=np.float64) * self.calorimeter.layer_x0
        return layers if self.theta is None else layers * self.slant_N1


@dataclass(frozen=True)
class _Places:
    """Where spots lie, in cells and layers from the corner of the detector: ``x``, ``y``, ``layer`` (S,)."""

    x: Single
    y: Single
    layer: Integers


def _simulate(energy: Floats, rng: np.random.Generator, axes: _Axes, fraction: Floats | float) -> Single:
    calorimeter = axes.calorimeter
    profiles = draw_profiles(energy, rng, calorimeter, axes.slant)
    edges = axes.edges
    # GeV; sums of Gamma(E / c^2) c^2 have the width c sqrt(E). An inclined way through a layer is longer.
    grain = calorimeter.sampling**2 * axes.slant_N1
    slice_gev = rng.gamma(energy[:, None] * profiles.shares(edges) / grain, grain)
    spots = _draw_spots(energy, profiles, edges, rng, axes)
    radii = _radii_of_slices(energy, profiles, edges, axes)
    n, side, layers = len(energy), calorimeter.n_cells, calorimeter.n_layers
    of_spot = np.repeat(np.arange(n * axes.n_slices), spots.ravel())
    across = _strewn(of_spot, radii, rng, calorimeter.moliere_cm / calorimeter.cell_cm)
    hit = ((side + rng.uniform(-1, 1, (2, n))) / 2).astype(np.float32)
    shower, of_slice = np.divmod(of_spot, axes.n_slices)
    if axes.theta is None:
        places = _Places(across[0] + hit[0, shower], across[1] + hit[1, shower], of_slice)
    else:
        places = _inclined(across, hit[:, shower], axes.theta[shower], of_slice, rng, calorimeter)
    # What leaves the detector at its sides or behind is lost, as in a real one.
    inside = (places.x >= 0) & (places.x < side) & (places.y >= 0) & (places.y < side)
    inside &= (places.layer >= 0) & (places.layer < layers)
    column, row = (place[inside].astype(np.int64) for place in (places.x, places.y))
    cell = ((shower[inside] * side + column) * side + row) * layers + places.layer[inside]
    # Spots of a slice share its energy alike; the fluctuation is in the slice's energy and their number.
    spot_gev = fraction * slice_gev / spots
    shape = (n, side, side, layers)
    if axes.theta is None:  # all spots of a cell are of one slice
        counts = np.bincount(cell, minlength=np.prod(shape).item()).reshape(shape)
        return (counts * spot_gev[:, None, None, :]).astype(np.float32)
    weights = spot_gev.ravel()[of_spot[inside]]
    return np.bincount(cell, weights, minlength=np.prod(shape).item()).reshape(shape).astype(np.float32)


def _inclined(
    across: tuple[Single, Single],
    hit: Single,
    theta: Floats,
    of_slice: Integers,
    rng: np.random.Generator,
    calorimeter: Calorimeter,
) -> _Places:
    """Turn spots from the shower's frame, across an axis in the y-z plane, into the detector's.

    Args:
        across: from the axis, in cells: along x, and at a right angle to both x and the axis, each (S,).
        hit: where the axis crosses the middle of the depth, in cells along x and y, (2, S).
        theta: (S,) rad.
        of_slice: (S,).
        rng: where the randomness comes from: spots lie anywhere in their slice.
        calorimeter: the detector.
    """
    along = of_slice + rng.random(len(of_slice), np.float32)  # depth of the axis, in layers
    rise = (along - calorimeter.n_layers / 2) * LAYER / np.tan(theta)
    depth = along - across[1] * np.cos(theta) / LAYER
    y = hit[1] + rise + across[1] * np.sin(theta)
    return _Places(hit[0] + across[0], y.astype(np.float32), np.floor(depth).astype(np.int64))


def _draw_spots(
    energy: Floats, profiles: Profiles, edges: Floats, rng: np.random.Generator, axes: _Axes
) -> Integers:
    """Numbers of spots (shower, slice), at least one each: appendix A.2.4."""
    calorimeter = axes.calorimeter
    n_spots = 10.3 / (calorimeter.sampling * np.sqrt(axes.slant)) * energy**0.959
    of_spots = Profiles(
        profiles.t_max * (0.813 + 0.0019 * calorimeter.z),
        np.maximum(profiles.alpha * (0.844 + 0.0026 * calorimeter.z), 1.1),
    )
    # At least one: the energy of a slice must lie somewhere.
    return np.maximum(rng.poisson(n_spots[:, None] * of_spots.shares(edges)), 1)


def _radii_of_slices(energy: Floats, profiles: Profiles, edges: Floats, axes: _Axes) -> Radii:
    """Radii in the middle of each slice (shower, slice); tau as in appendix A.1.4."""
    alpha = middle_profiles(energy, axes.calorimeter, axes.slant).alpha
    mean_depth = profiles.t_max * profiles.alpha / (profiles.alpha - 1)
    middle = (edges[..., 1:] + edges[..., :-1]) / 2
    tau = middle / mean_depth[:, None] * (alpha / (alpha - 1))[:, None]
    return radial_profile(tau, energy[:, None], axes.calorimeter, axes.slant_N1)


def _strewn(
    of_spot: Integers, radii: Radii, rng: np.random.Generator, moliere: float
) -> tuple[Single, Single]:
    """Places of spots around the axis: r = R sqrt(u / (1 - u)) for f(r) = 2 r R^2 / (r^2 + R^2)^2.

    Args:
        of_spot: (spot,) positions in the raveled radii.
        radii: (shower, slice).
        rng: where the randomness comes from.
        moliere: the Moliere radius in the unit that is wanted.
    """
    # In single precision: places within a cell need no more, and spots are the bulk of the work.
    which, u, angle = rng.random((3, len(of_spot)), np.float32)
    in_core = which < radii.core_part.ravel().astype(np.float32)[of_spot]
    widths = np.stack([radii.tail.ravel(), radii.core.ravel()], axis=1).astype(np.float32)
    widths *= np.float32(moliere)
    r = widths.ravel()[2 * of_spot + in_core] * np.sqrt(u / (1 - u))
    angle *= np.float32(2 * np.pi)
    return r * np.cos(angle), r * np.sin(angle)
