"""Per-class working points of one model on the test set, with the uncertainties of the test set.

One class against the rest. True positive rates are read twice: by exact interpolation, and at the grid points of the
JEDI-net notebook, which says 10 % and reads at 11.4 %. Uncertainties are one sigma: of the AUC after DeLong, DeLong, Clarke-Pearson,
"Comparing the areas under two or more correlated receiver operating characteristic curves", Biometrics 44
(1988) 837; of efficiencies binomial.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raysearch.metrics.classification import (
    Rejection,
    auc,
    background_rejection,
    published_fpr,
    read_tpr,
    roc_curve,
)
from raysearch.report.predictions import Predictions

FPRS = (0.10, 0.01)
SIGNAL_EFFICIENCIES = (0.30, 0.50)


@dataclass(frozen=True)
class ClassResult:
    """One class against the rest.

    Attributes:
        name: of the class.
        n_signal: test jets of the class.
        n_background: all others.
        auc: area under the curve and its DeLong error.
        tprs: signal efficiency with binomial error at each of ``FPRS``.
        tprs_published: the same where the published ones are read, see ``published_fpr``.
        rejections: background rejection at each of ``SIGNAL_EFFICIENCIES``.
        fpr: background efficiency along the curve, (point,).
        tpr: signal efficiency along the curve, (point,).
    """

    name: str
    n_signal: int
    n_background: int
    auc: tuple[float, float]
    tprs: tuple[tuple[float, float], ...]
    tprs_published: tuple[tuple[float, float], ...]
    rejections: tuple[Rejection, ...]
    fpr: np.ndarray
    tpr: np.ndarray


def class_results(predictions: Predictions) -> list[ClassResult]:
    """Evaluate each class against the rest; every class must be in the test set."""
    return [
        _class_result(name, predictions.scores[:, place], predictions.labels == place)
        for place, name in enumerate(predictions.classes)
    ]


def _class_result(name: str, scores: np.ndarray, is_signal: np.ndarray) -> ClassResult:
    n_signal = int(is_signal.sum())
    fpr, tpr = roc_curve(scores, is_signal)

    def read(at: float) -> tuple[float, float]:
        value = read_tpr(fpr, tpr, at)
        return value, float(np.sqrt(value * (1 - value) / n_signal))

    return ClassResult(
        name=name,
        n_signal=n_signal,
        n_background=len(scores) - n_signal,
        auc=(auc(scores, is_signal), delong_error(scores, is_signal)),
        tprs=tuple(map(read, FPRS)),
        tprs_published=tuple(read(published_fpr(at)) for at in FPRS),
        rejections=tuple(background_rejection(scores, is_signal, eff) for eff in SIGNAL_EFFICIENCIES),
        fpr=fpr,
        tpr=tpr,
    )


def delong_error(scores: np.ndarray, is_signal: np.ndarray) -> float:
    """Standard error of an AUC; DeLong et al. (1988), eqs. 4 and 5 in terms of structural components.

    Args:
        scores: (jet,), higher for signal.
        is_signal: bool (jet,).

    Returns:
        The error; NaN with fewer than two jets on either side.
    """
    signal, background = np.sort(scores[is_signal]), np.sort(scores[~is_signal])
    if min(len(signal), len(background)) < 2:
        return float("nan")

    def share_below(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
        """Share of the reference below each value, ties half."""
        low, high = np.searchsorted(reference, values, "left"), np.searchsorted(reference, values, "right")
        return (low + high) / (2 * len(reference))

    of_signal, of_background = share_below(signal, background), share_below(background, signal)
    variance = of_signal.var(ddof=1) / len(signal) + of_background.var(ddof=1) / len(background)
    return float(np.sqrt(variance))
