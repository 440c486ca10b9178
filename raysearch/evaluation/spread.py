"""Whether a quantity that generated data were asked for is spread as in the real data.

Else every distance tells of what was asked for as well, and not of the generator alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import ks_2samp

from raysearch.errors import InputError

QUANTILES = (0.1, 0.5, 0.9)
CHANCE = 1e-3  # samples of one origin differ more as seldom
GROSS = 0.1  # greatest distance of the distribution functions, beyond which nothing is compared
DIGITS = 4  # significant ones that are compared: files hold values in single precision, or in other units


def spread_warnings(
    quantity: str, unit: str, real: ArrayLike, made: ArrayLike, advice: str = ""
) -> tuple[str, ...]:
    """Compare two samples of a quantity by a Kolmogorov-Smirnov test.

    Args:
        quantity: its name.
        unit: its unit.
        real: (n,) above 0.
        made: (m,) above 0.
        advice: what to do, for an error.

    Returns:
        Nothing where they are alike, else a warning.

    Raises:
        InputError: they are so far apart that a comparison says nothing.
    """
    test = ks_2samp(_rounded(real), _rounded(made))
    if test.pvalue >= CHANCE:
        return ()
    told = (
        f"{quantity}: spread otherwise than in the real data; 10, 50 and 90 % lie below {_told(real)} {unit} "
        f"there, and below {_told(made)} {unit} in the others"
    )
    if test.statistic > GROSS:
        raise InputError(f"{told}. {advice}".strip())
    return (f"{told}; all figures tell of that too",)


def _rounded(values: ArrayLike) -> np.ndarray:
    return np.round(np.log10(np.asarray(values, np.float64)), DIGITS)


def _told(values: ArrayLike) -> str:
    return ", ".join(f"{value:.3g}" for value in np.quantile(np.asarray(values, np.float64), QUANTILES))
