"""Figures of merit of classifiers: area under the ROC curve, efficiencies at a cut, accuracy.

Signal is what should score high. A cut keeps scores at or above a threshold; equal scores pass or fail
together, so that a ROC curve is a straight line across them and its area is the share of (signal,
background) pairs in the right order, ties counted half (Mann and Whitney 1947).

The area is computed here and not by scikit-learn, whose trapezoids of rounded rates differ in the last digit
for one sample in three, and take three times as long: it is a metric of every epoch. Curves and the confusion
matrix of the report are scikit-learn's.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raysearch.errors import InputError

# False positive rates at which the notebook of arXiv:1908.05318 reads its ROC curves
# (JEDInet-code, ROCcurvesPlots.ipynb)
PUBLISHED_GRID = np.exp(np.linspace(math.log(0.0005), 0.0, 50))

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def auc(scores: ArrayLike, is_signal: ArrayLike) -> float:
    """Compute the area under the ROC curve.

    Args:
        scores: (n,), finite, higher for signal.
        is_signal: (n,), true or false.

    Raises:
        InputError: scores that are not finite, other shapes, or no signal or no background.
    """
    background, signal = passed_counts(scores, is_signal)
    # Pairs in the right order, doubled for the ties among them: sums of whole numbers are exact, and only the
    # division below rounds.
    twice_pairs = np.sum(np.diff(background) * (signal[1:] + signal[:-1]))
    return float(twice_pairs / (2 * background[-1] * signal[-1]))


def read_tpr(rates: Floats, tprs: Floats, fpr: float) -> float:
    """Read a true positive rate off a ROC curve, on the straight line between its points.

    Where the curve rises vertically at ``fpr``, the upper end counts.

    Args:
        rates: false positive rates, not falling from 0 to 1, (points,); one point for each distinct score.
        tprs: true positive rates there, (points,).
        fpr: where to read.

    Raises:
        InputError: ``fpr`` outside [0, 1].
    """
    require_fraction("fpr", fpr)
    below = int(np.searchsorted(rates, fpr, side="right")) - 1
    if below == len(rates) - 1:
        return float(tprs[-1])
    share = (fpr - rates[below]) / (rates[below + 1] - rates[below])
    return float(tprs[below] + share * (tprs[below + 1] - tprs[below]))


def published_fpr(fpr: float) -> float:
    """Say where arXiv:1908.05318 reads what it calls the true positive rate at ``fpr``.

    At 11.40 % for 10 %, at 1.11 % for 1 %: it takes the first point of its grid at or above ``fpr``, so that
    its rates are one to three percent too high.

    Raises:
        InputError: ``fpr`` outside [0, 1].
    """
    require_fraction("fpr", fpr)
    return float(PUBLISHED_GRID[np.searchsorted(PUBLISHED_GRID, fpr)])


def accuracy(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Compute the share of events whose most probable class is the true one; the first of equals counts.

    Args:
        probabilities: (n, classes), finite; any scores that grow with them give the same.
        labels: (n,), whole numbers in [0, classes).

    Raises:
        InputError: other shapes, numbers that are not finite, labels outside the classes, no events.
    """
    values, truth = _events(probabilities, labels)
    return float(np.mean(values.argmax(axis=1) == truth))


def one_vs_rest_auc(probabilities: ArrayLike, labels: ArrayLike) -> Floats:
    """Compute each class's :func:`auc` against all others, (classes,).

    Args:
        probabilities: (n, classes), finite.
        labels: (n,), whole numbers in [0, classes).

    Raises:
        InputError: as :func:`accuracy`, or classes without events.
    """
    values, truth = _events(probabilities, labels)
    _require_all_classes(truth, values.shape[1])
    return np.array([auc(values[:, number], truth == number) for number in range(values.shape[1])])


def passed_counts(scores: ArrayLike, is_signal: ArrayLike) -> tuple[Integers, Integers]:
    """Count background and signal at or above each distinct score, from none to all.

    Args:
        scores: (n,), finite, higher for signal.
        is_signal: (n,), true or false.

    Returns:
        Background and signal that pass, each (points,).

    Raises:
        InputError: scores that are not finite, other shapes, or no signal or no background.
    """
    values, signal = np.asarray(scores, dtype=np.float64), np.asarray(is_signal)
    if values.ndim != 1 or signal.shape != values.shape:
        raise InputError(f"scores, is_signal: need one shape (n,), got {values.shape} and {signal.shape}")
    _require_finite("scores", values)
    if not np.isin(signal, (0, 1)).all():
        raise InputError("is_signal: needs true or false for each score")
    n_signal = np.count_nonzero(signal)
    absent = [
        f"is_signal: no {what}"
        for what, n in (("signal", n_signal), ("background", len(signal) - n_signal))
        if not n
    ]
    if absent:
        raise InputError(*absent)
    order = np.argsort(-values, kind="stable")
    values, signal = values[order], signal[order].astype(np.int64)
    last = np.append(np.flatnonzero(np.diff(values)), len(values) - 1)  # of each group of equal scores
    signal_passed = np.cumsum(signal)[last]
    background_passed = last + 1 - signal_passed
    return np.append(0, background_passed), np.append(0, signal_passed)


def _events(probabilities: ArrayLike, labels: ArrayLike) -> tuple[Floats, Integers]:
    """Check (n, classes) numbers and (n,) labels."""
    values, truth = np.asarray(probabilities, dtype=np.float64), np.asarray(labels)
    if values.ndim != 2 or truth.shape != values.shape[:1] or not values.size:
        raise InputError(
            "probabilities, labels: need shapes (n, classes) and (n,) with n of at least 1, got "
            f"{values.shape} and {truth.shape}"
        )
    _require_finite("probabilities", values)
    numbers = truth.astype(np.int64)
    if (numbers != truth).any() or numbers.min() < 0 or numbers.max() >= values.shape[1]:
        raise InputError(f"labels: needs whole numbers in [0, {values.shape[1]})")
    return values, numbers


def _require_finite(name: str, values: Floats) -> None:
    wrong = np.argwhere(~np.isfinite(values))
    if len(wrong):
        place = ", ".join(map(str, wrong[0]))
        raise InputError(f"{name}: {len(wrong)} of {values.size} are not finite, the first at [{place}]")


def require_fraction(name: str, value: float) -> None:
    """Refuse what is no share, with an InputError."""
    if not 0 <= value <= 1:
        raise InputError(f"{name}: needs a number in [0, 1], got {value!r}")


def _require_all_classes(labels: Integers, classes: int) -> None:
    absent = np.flatnonzero(np.bincount(labels, minlength=classes) == 0)
    if len(absent):
        raise InputError(*(f"labels: class {number} of {classes} has no events" for number in absent))
