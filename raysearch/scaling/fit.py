"""Fit the constants of the cost model to seconds that were measured or published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from raysearch.errors import InputError
from raysearch.scaling.cost_model import Constants, Layout, epoch_s


@dataclass(frozen=True)
class Point:
    """An epoch, or part of one, and the seconds it took."""

    layout: Layout
    seconds: float


@dataclass(frozen=True)
class Fitted:
    """Constants, and the errors of those that were fitted.

    Attributes:
        constants: those fitted, and those given.
        errors: one standard deviation, by name; NaN where as many constants as points leave no freedom.
    """

    constants: Constants
    errors: dict[str, float]


def fit(points: Sequence[Point], free: Sequence[str], given: Constants | None = None) -> Fitted:
    """Fit constants, none below zero, by least squares of relative deviations.

    Relative, because times on 2 and on 256 workers differ a hundredfold and are known to like percents.

    Args:
        points: at least as many as constants are fitted.
        free: names of the constants to fit.
        given: the others; by default zero.

    Raises:
        InputError: there are fewer points.
    """
    given = given or Constants()
    if len(points) < len(free):
        raise InputError(
            f"fit: {len(free)} constants ({', '.join(free)}) need as many points, got {len(points)}"
        )
    measured = np.array([point.seconds for point in points])
    scales = np.array([_scale(name, points) for name in free])

    def deviations(scaled: NDArray[np.float64]) -> NDArray[np.float64]:
        constants = replace(given, **dict(zip(free, map(float, scaled * scales), strict=True)))
        return np.array([epoch_s(constants, point.layout) for point in points]) / measured - 1.0

    # From well inside, so that no constant begins at its bound, where it would have no slope to follow.
    found = least_squares(deviations, np.full(len(free), 0.1), bounds=(0.0, np.inf), xtol=1e-12, ftol=1e-12)
    errors = _errors(found.jac, found.fun) * scales
    values = dict(zip(free, map(float, found.x * scales), strict=True))
    return Fitted(replace(given, **values), dict(zip(free, map(float, errors), strict=True)))


def _scale(name: str, points: Sequence[Point]) -> float:
    """What a constant would be if it alone made the times, so that all are near one to the fit."""
    layouts = [point.layout for point in points]
    per_step = float(np.median([p.seconds / p.layout.steps for p in points]))
    return {
        "step_s": per_step,
        "row_s": per_step / max(layout.rows or 1 for layout in layouts),
        "latency_s": per_step / (2 * max(layout.workers for layout in layouts)),
        "message_s": per_step,
        "fixed_s": min(point.seconds for point in points),
        "sigma": 1.0,
    }[name]


def _errors(jacobian: NDArray[np.float64], deviations: NDArray[np.float64]) -> NDArray[np.float64]:
    n_points, n_free = jacobian.shape
    if n_points == n_free:
        return np.full(n_free, np.nan)
    covariance = np.linalg.pinv(jacobian.T @ jacobian) * (deviations @ deviations) / (n_points - n_free)
    return np.asarray(np.sqrt(np.diag(covariance)))
