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

MASS, OTHERS = "W1-M", {"w1p": "W1-P", "w1pt": "W1-pT"}

S = TypeVar("S", bound=Rows)


def jet_figures(real: JetSample, made: JetSample) -> dict[str, float]:
    """Compute W1-M as ``loss``, its ``floor`` and ``floor_error``, and ``w1p`` and ``w1pt``."""
    found = quick_w1(real, made)
    others = {name: found[key] for name, key in OTHERS.items()}
    return {"loss": found[MASS], **_floor(wasserstein_distance, real.mass, ROOT), **others}


def digit_figures(real: NDArray[np.float64], made: NDArray[np.float64]) -> dict[str, float]:
    """Compute the Frechet distance of features of ``digit_images.py``, its ``floor`` and ``floor_error``."""
    return {"loss": frechet_distance(real, made), **_floor(frechet_distance, real, INVERSE)}


def _floor(distance: Callable[[S, S], float], real: S, power: float) -> dict[str, float]:
    floor = from_halves(distance, real, power=power)
    return {"floor": floor.value, "floor_error": floor.error or 0.0}
