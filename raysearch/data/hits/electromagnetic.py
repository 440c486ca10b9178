"""Electromagnetic showers within hadronic ones: spots of equal energy, strewn by a parameterisation.

Profile and radii are those of G. Grindhammer, S. Peters, hep-ex/0001020, in solid tungsten (model.py of the
showers, where they are INPUTS as well); a shower fluctuates by where its photon converts and by its spots.

Shapes here: N showers, S spots.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from raysearch.data.hits.model import MODEL, SOLID, Model
from raysearch.data.showers.model import TUNGSTEN, middle_profiles, radial_profile

Floats = NDArray[np.float64]

X0_CM = TUNGSTEN.x0_g_cm2 / TUNGSTEN.density
CONVERSION_X0 = 9 / 7  # mean free path of a photon
LEAST_ALPHA, LEAST_T = 1.1, 0.3  # of profiles, where the parameterisation ends at low energies


def strewn(
    showers: Floats, rng: np.random.Generator, model: Model = MODEL
) -> tuple[Floats, NDArray[np.int64]]:
    """Draw the spots of showers.

    Args:
        showers: (N, 8), as ``Tracks.showers`` has them, in cm and GeV.
        rng: where the randomness comes from.
        model: how many spots.

    Returns:
        Spots x, y, z in cm and GeV, (S, 4), and the shower of each, (S,).
    """
    energy = showers[:, 6]
    n_spots = np.where(energy < model.least_shower, 1, np.ceil(energy / model.spot)).astype(np.int64)
    of_spot = np.repeat(np.arange(len(showers)), n_spots)
    profiles = middle_profiles(np.maximum(energy, model.least_shower), SOLID)
    t_max, alpha = np.maximum(profiles.t_max, LEAST_T), np.maximum(profiles.alpha, LEAST_ALPHA)
    mean = t_max * alpha / (alpha - 1)
    depth = rng.gamma(alpha[of_spot]) * (mean / alpha)[of_spot]
    radii = radial_profile(depth / mean[of_spot], energy[of_spot], SOLID)
    which, u, angle = rng.random((3, len(of_spot)))
    width = np.maximum(np.where(which < radii.core_part, radii.core, radii.tail), 0) * SOLID.moliere_cm
    radius = width * np.sqrt(u / (1 - u))  # of f(r) = 2 r R^2 / (r^2 + R^2)^2
    start = rng.exponential(CONVERSION_X0, len(showers)) * showers[:, 7]
    along = (start[of_spot] + depth) * X0_CM
    # Of the least, which are no shower, nothing spreads.
    is_shower = (energy >= model.least_shower)[of_spot]
    first, second = _across(showers[:, 3:6])
    place = showers[of_spot, :3] + (along * is_shower)[:, None] * showers[of_spot, 3:6]
    radius = np.where(is_shower, radius, 0.0)
    place += (radius * np.cos(2 * np.pi * angle))[:, None] * first[of_spot]
    place += (radius * np.sin(2 * np.pi * angle))[:, None] * second[of_spot]
    return np.column_stack([place, (energy / n_spots)[of_spot]]), of_spot


def _across(direction: Floats) -> tuple[Floats, Floats]:
    """Two directions across each of some, at a right angle to each other: (N, 3) each."""
    # Across the axis that is farthest from the direction's own.
    other = np.eye(3)[np.abs(direction).argmin(axis=1)]
    first = np.cross(direction, other)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return first, np.cross(direction, first)
