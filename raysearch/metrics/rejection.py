"""How much background a cut on a score refuses, with a limit where none is left."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv

from raysearch.errors import InputError
from raysearch.metrics.classification import passed_counts, require_fraction
from raysearch.metrics.working_point import error_of_cut


class Rejection(NamedTuple):
    """How much background a cut refuses: one over its efficiency.

    Attributes:
        value: background events per one that passes; infinite where none passes.
        error: one standard deviation, of the background counted and of the cut (``metrics/working_point``);
            infinite where none passes.
        lower_limit: at 95 % confidence (Clopper and Pearson 1934), finite also where none passes.
        signal_efficiency: what the cut really keeps, at least what was asked for.
        n_passed: background events that pass.
        n_background: all background events.
    """

    value: float
    error: float
    lower_limit: float
    signal_efficiency: float
    n_passed: int
    n_background: int


def background_rejection(scores: ArrayLike, is_signal: ArrayLike, signal_efficiency: float) -> Rejection:
    """Count background behind the tightest cut that keeps ``signal_efficiency`` of the signal.

    Args:
        scores: (n,), finite, higher for signal.
        is_signal: (n,), true or false.
        signal_efficiency: in (0, 1].

    Raises:
        InputError: as :func:`auc`, or an efficiency that is 0 or outside [0, 1].
    """
    require_fraction("signal_efficiency", signal_efficiency)
    if signal_efficiency == 0:
        raise InputError("signal_efficiency: needs a number above 0; a cut that keeps nothing rejects all")
    background, signal = passed_counts(scores, is_signal)
    cut = int(np.searchsorted(signal / signal[-1], signal_efficiency))
    n_passed, n_background = int(background[cut]), int(background[-1])
    value, error = math.inf, math.inf
    if n_passed:
        value = n_background / n_passed
        counted = math.sqrt((1 - n_passed / n_background) / n_passed)  # relative, of a binomial efficiency
        of_cut = error_of_cut(
            signal_efficiency, signal / signal[-1], background / n_background, int(signal[-1])
        )
        error = value * math.hypot(counted, value * float(of_cut))
    return Rejection(
        value=value,
        error=error,
        lower_limit=1 / _binomial_upper_limit(n_passed, n_background),
        signal_efficiency=float(signal[cut] / signal[-1]),
        n_passed=n_passed,
        n_background=n_background,
    )


def _binomial_upper_limit(passed: int, tried: int, confidence: float = 0.95) -> float:
    """Find the efficiency at which so few or fewer of ``tried`` pass in 1 - confidence of all cases.

    The one-sided limit of Clopper and Pearson (1934): a quantile of the beta distribution.
    """
    return 1.0 if passed == tried else float(betaincinv(passed + 1, tried - passed, confidence))
