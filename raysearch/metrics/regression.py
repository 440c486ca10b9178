"""How well energies are estimated: relative error, bias, resolution; the calibration that is hard to beat.

The relative error is mean(abs(E_est - E) / E), the objective of the genetic-algorithm part of the 3DGAN
paper. The calibration is the plainest estimate there is, E = a S + b with the sum S of all cells.

Shapes in names: N showers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raysearch.errors import InputError

Floats = NDArray[np.float64]


def deviations(estimated: ArrayLike, true: ArrayLike) -> Floats:
    """Compute (E_est - E) / E.

    Args:
        estimated: (..., N), in the unit of ``true``.
        true: (N,).

    Returns:
        (..., N), in double precision.

    Raises:
        InputError: a true value is not above 0, or there is none.
    """
    expected = np.asarray(true, dtype=np.float64)
    if expected.size == 0 or not (expected > 0).all():
        raise InputError("true energies: need at least one, and all above 0")
    return (np.asarray(estimated, dtype=np.float64) - expected) / expected


def relative_error(estimated: ArrayLike, true: ArrayLike) -> Floats:
    """Mean of abs(E_est - E) / E over the last axis; arguments as in :func:`deviations`."""
    return np.asarray(np.abs(deviations(estimated, true)).mean(axis=-1))


def bias(estimated: ArrayLike, true: ArrayLike) -> Floats:
    """Mean of (E_est - E) / E over the last axis; arguments as in :func:`deviations`."""
    return np.asarray(deviations(estimated, true).mean(axis=-1))


def resolution(estimated: ArrayLike, true: ArrayLike) -> Floats:
    """Sample standard deviation of (E_est - E) / E over the last axis, 0 for one; see :func:`deviations`."""
    found = deviations(estimated, true)
    return np.asarray(found.std(axis=-1, ddof=min(1, found.shape[-1] - 1)))


@dataclass(frozen=True)
class Calibration:
    """Energy from the sum of a shower's cells, E = slope S + offset.

    Attributes:
        slope: GeV for a GeV in the cells.
        offset_gev: GeV.
    """

    slope: float
    offset_gev: float

    @classmethod
    def fit(cls, sum_N: ArrayLike, energy_N: ArrayLike) -> Calibration:
        """Minimise sum(((slope S + offset - E) / E)^2), least squares of the relative error, in closed form.

        Args:
            sum_N: (N,) GeV in all cells.
            energy_N: (N,) GeV.

        Raises:
            InputError: fewer than two showers, an energy not above 0, or all sums over energies alike.
        """
        energy = np.asarray(energy_N, dtype=np.float64)
        if energy.size < 2 or not (energy > 0).all():
            raise InputError("calibration: needs at least two showers, and energies above 0")
        # With x = S / E and w = 1 / E the sum is that of (slope x + offset w - 1)^2. Where its derivatives by
        # slope and by offset are zero, slope xx + offset xw = sum x and slope xw + offset ww = sum w.
        x, w = np.asarray(sum_N, dtype=np.float64) / energy, 1 / energy
        xx, xw, ww = x @ x, x @ w, w @ w
        determinant = xx * ww - xw * xw
        if not determinant > 1e-12 * xx * ww:
            raise InputError("calibration: cannot tell slope and offset apart, as all sums are alike")
        # Cramer's rule
        slope = (x.sum() * ww - w.sum() * xw) / determinant
        offset = (w.sum() * xx - x.sum() * xw) / determinant
        return cls(float(slope), float(offset))

    def __call__(self, sum_N: ArrayLike) -> Floats:
        """Estimate energies (N,) in GeV from sums (N,)."""
        return self.slope * np.asarray(sum_N, dtype=np.float64) + self.offset_gev
