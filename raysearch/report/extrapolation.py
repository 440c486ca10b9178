"""What more data would give: a learning curve continued by a power law, with its error.

A figure over the number n of training examples is taken as limit - gain n^-c, c between 0.1 and 1.5 (a power
law and a constant, as J. Hestness et al., arXiv:1712.00409, find of generalisation errors), fitted by least
squares to three or more sizes, each weighted by the spread of its models. The error is that of the fit, which
is repeated on values moved at random by these spreads. It holds for the same settings, and knows nothing of
what would end the law.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raysearch.report.measured import Measured

LEAST_SIZES = 3  # as many as the law has constants
EXPONENTS = np.linspace(0.1, 1.5, 57)
_DRAWS = 500


@dataclass(frozen=True)
class Expected:
    """A figure at a number of training examples nobody trained on.

    Attributes:
        value: by the fit.
        low, high: between which 68 % of the repeated fits lie.
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.4f} ({self.low:.4f} to {self.high:.4f})"


@dataclass(frozen=True)
class LearningCurve:
    """Laws fitted to one curve: the first to what was measured, the others to that moved by its errors.

    Attributes:
        largest: number of examples trained on.
        constants: limit, gain at ``largest`` and exponent, shape (1 + draws, 3).
    """

    largest: float
    constants: NDArray[np.float64]

    @property
    def exponent(self) -> float:
        """That of the first law, c."""
        return float(self.constants[0, 2])

    @property
    def is_bound(self) -> bool:
        """Whether the exponent would be another if it might."""
        return self.exponent in EXPONENTS[[0, -1]]

    def at(self, n: float) -> Expected:
        """The figure expected from training on ``n`` examples."""
        limit, gain, exponent = self.constants.T
        values = limit - gain * (n / self.largest) ** -exponent
        low, high = np.quantile(values[1:], [0.16, 0.84])
        return Expected(float(values[0]), float(low), float(high))


def fitted(points: Sequence[tuple[float, Measured]], seed: int = 1) -> LearningCurve | None:
    """Fit the law; None where sizes are too few or a point has no error.

    Args:
        points: number of training examples and the figure, with the spread of its models as error.
        seed: of the repeated fits.
    """
    sizes = np.array([n for n, _ in points], dtype=np.float64)
    errors = np.array([value.error or 0.0 for _, value in points])
    if len(set(sizes)) < LEAST_SIZES or not (errors > 0).all():
        return None
    measured = np.array([value.value for _, value in points])
    moved = measured + errors * np.random.default_rng(seed).standard_normal((_DRAWS, len(sizes)))
    constants = _least_squares(sizes / sizes.max(), np.vstack([measured, moved]), errors)
    return LearningCurve(float(sizes.max()), constants)


def _least_squares(
    sizes: NDArray[np.float64], values: NDArray[np.float64], errors: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Fit each row of values; given the exponent the law is linear, and exponents are gone through."""
    best, constants = np.full(len(values), np.inf), np.empty((len(values), 3))
    for exponent in EXPONENTS:
        law = np.stack([np.ones_like(sizes), -(sizes**-exponent)], axis=1) / errors[:, None]
        linear = values / errors @ np.linalg.pinv(law).T
        chi2 = ((values / errors - linear @ law.T) ** 2).sum(axis=1)
        better = chi2 < best
        best[better] = chi2[better]
        constants[better, :2], constants[better, 2] = linear[better], exponent
    return constants
