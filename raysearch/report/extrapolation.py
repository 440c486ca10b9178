"""What more data would give: a learning curve continued by a power law, with its error.

A figure over the number n of training examples is taken as limit - gain n^-c, c between 0.1 and 1.5 (a power
law and a constant, as J. Hestness et al., arXiv:1712.00409, find of generalisation errors), fitted by least
squares to three or more sizes, each weighted by its error. The error is that of the fit, which is repeated on
values moved at random by these errors. It holds for the same settings, and knows nothing of what would end
the law, nor of the test set's own error, which is common to all sizes.

A value that is the mean over K models has the error sd / sqrt(K). Of two or three models sd is hardly known,
so all sizes are taken together: their models' spread falls as n^-a, with the a between 0 and 1 that is the
most likely one, and values are moved by Student's t of as many degrees of freedom as are left. Models of
folds, which share some of their data, are taken as independent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raysearch.report.measured import Measured

LEAST_SIZES = 3  # as many as the law has constants
SPREAD_EXPONENTS = np.linspace(0, 1, 11)
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
        points: number of training examples and the figure; the mean over several models with their sample
            standard deviation, or of one model with its error.
        seed: of the repeated fits.
    """
    sizes = np.array([n for n, _ in points], dtype=np.float64)
    errors = np.array([value.error or 0.0 for _, value in points])
    if len(set(sizes)) < LEAST_SIZES or not (errors > 0).all():
        return None
    measured, rng = np.array([value.value for _, value in points]), np.random.default_rng(seed)
    noise = rng.standard_normal((_DRAWS, len(sizes)))
    n_runs = np.array([value.n_runs for _, value in points])
    if (n_runs > 1).all():
        errors, freedom = _of_means(sizes / sizes.max(), errors, n_runs)
        noise /= np.sqrt(rng.chisquare(freedom, (_DRAWS, 1)) / freedom)  # one common scale: Student's t
    moved = measured + errors * noise
    constants = _least_squares(sizes / sizes.max(), np.vstack([measured, moved]), errors)
    return LearningCurve(float(sizes.max()), constants)


def _of_means(
    sizes: NDArray[np.float64], spreads: NDArray[np.float64], n_runs: NDArray[np.int64]
) -> tuple[NDArray[np.float64], int]:
    """Errors of means over models whose spread falls with size as a power, and degrees of freedom."""
    freedom = n_runs - 1  # of each size, (s / sigma)^2 times this is a chi-square of as many degrees
    falls = sizes ** -SPREAD_EXPONENTS[:, None]
    variances = (freedom * (spreads / falls) ** 2).sum(axis=1) / freedom.sum()  # at the largest size
    likelihoods = -freedom.sum() * np.log(variances) / 2 - (freedom * np.log(falls)).sum(axis=1)
    best = likelihoods.argmax()
    # The exponent takes one away.
    return np.sqrt(variances[best] / n_runs) * falls[best], int(freedom.sum()) - 1


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
