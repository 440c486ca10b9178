"""What waiting for the slowest costs: the mean of the largest of p step times."""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

MOST_SIGMA = 3.0
_Z = np.linspace(-10.0, 12.0, 4401)  # standard deviations; beyond, the density is below 1e-21 of its peak


def slowest_factor(workers: int, sigma: float) -> float:
    """Mean of the largest of ``workers`` step times, in means of one.

    Each is lognormal with mean 1, exp(sigma Z - sigma^2 / 2), and independent of the others:
    E[max] = integral of exp(sigma z - sigma^2 / 2) p phi(z) Phi(z)^(p-1) dz.

    Args:
        workers: p, at least 1.
        sigma: standard deviation of the logarithm of a step's time, at most ``MOST_SIGMA``.
    """
    if workers == 1 or sigma == 0.0:
        return 1.0
    # A sum over equal steps: of a smooth function that vanishes at both ends its error falls exponentially.
    log_density = math.log(workers) + norm.logpdf(_Z) + (workers - 1) * norm.logcdf(_Z)
    return float(np.exp(sigma * _Z - sigma**2 / 2 + log_density).sum() * (_Z[1] - _Z[0]))


def sigma_of(workers: int, factor: float) -> float:
    """The sigma that makes the slowest of ``workers`` so many times as late as one; see above.

    Args:
        workers: at least 2.
        factor: what was measured; beyond what a sigma of 0 to ``MOST_SIGMA`` gives, the end is taken.
    """
    least, most = 1.0, slowest_factor(workers, MOST_SIGMA)
    if not least < factor < most:
        return 0.0 if factor <= least else MOST_SIGMA
    return float(brentq(lambda sigma: slowest_factor(workers, sigma) - factor, 0.0, MOST_SIGMA))
