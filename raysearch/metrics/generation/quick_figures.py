"""Figures by which a generator of jets or digits is looked at while it trains, and real against real."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import wasserstein_distance

from raysearch.metrics.generation.frechet import frechet_distance
from raysearch.metrics.generation.halves import INVERSE, ROOT, from_halves
from raysearch.metrics.generation.itself import Rows
from raysearch.metrics.generation.jet_sample import JetSample
from raysearch.metrics.generation.wasserstein import quick_w1

NAMES = {"w1m": "W1-M", "w1p": "W1-P", "w1pt": "W1-pT"}

S = TypeVar("S", bound=Rows)


def jet_figures(real: JetSample, made: JetSample) -> dict[str, float]:
    """Compute W1-M + W1-P as ``loss`` and each of its own.

    The sum, for either is low by chance in jets that are like no real one: the mass of particles that are all
    in the wrong place may happen to be right, and so may be the particles of jets that are all alike.

    Returns:
        ``loss``, ``w1m``, ``w1p``, ``w1pt``, and of the first two the ``floor`` and ``floor_error``.
    """
    found = quick_w1(real, made)
    figures = {name: found[key] for name, key in NAMES.items()}
    return {
        "loss": figures["w1m"] + figures["w1p"],
        **_floor(_mass_and_particles, real, ROOT),
        **figures,
        **{f"w1m_{name}": value for name, value in _floor(wasserstein_distance, real.mass, ROOT).items()},
    }


def _mass_and_particles(real: JetSample, made: JetSample) -> float:
    found = quick_w1(real, made)
    return found["W1-M"] + found["W1-P"]


def digit_figures(real: NDArray[np.float64], made: NDArray[np.float64]) -> dict[str, float]:
    """Compute the Frechet distance of features of ``digit_images.py``, its ``floor`` and ``floor_error``."""
    return {"loss": frechet_distance(real, made), **_floor(frechet_distance, real, INVERSE)}


def _floor(distance: Callable[[S, S], float], real: S, power: float) -> dict[str, float]:
    floor = from_halves(distance, real, power=power)
    return {"floor": floor.value, "floor_error": floor.error or 0.0}
