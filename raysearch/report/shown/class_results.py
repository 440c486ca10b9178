"""Per-class working points of one model on the test set, with the uncertainties of the test set.

One class against the rest. True positive rates are read twice: by exact interpolation, and at the grid points
of the JEDI-net notebook, which says 10 % and reads at 11.4 %. Uncertainties are one sigma: of the AUC after
DeLong, DeLong, Clarke-Pearson, "Comparing the areas under two or more correlated receiver operating
characteristic curves", Biometrics 44 (1988) 837; of efficiencies see ``metrics/working_point``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import roc_curve

from raysearch.metrics.classification import auc, published_fpr, read_tpr
from raysearch.metrics.rejection import Rejection, background_rejection
from raysearch.metrics.shown import Scores
from raysearch.metrics.working_point import efficiency_error

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
        tprs: signal efficiency with its error at each of ``FPRS``.
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


def class_results(shown: Scores) -> list[ClassResult]:
    """Evaluate each class against the rest; every class must be in the test set."""
    scores = shown.scores.astype(np.float64)
    return [
        _class_result(name, scores[:, place], shown.labels == place)
        for place, name in enumerate(shown.classes)
    ]


def _class_result(name: str, scores: np.ndarray, is_signal: np.ndarray) -> ClassResult:
    n_signal = int(is_signal.sum())
    n_background = len(scores) - n_signal
    # one point for each distinct score, so that equal scores pass or fail together
    fpr, tpr, _ = roc_curve(is_signal, scores, drop_intermediate=False)

    def read(at: float) -> tuple[float, float]:
        return read_tpr(fpr, tpr, at), float(
            efficiency_error(at, fpr, tpr, n_fixed=n_background, n_read=n_signal)
        )

    return ClassResult(
        name=name,
        n_signal=n_signal,
        n_background=n_background,
        auc=(auc(scores, is_signal), delong_error(scores, is_signal)),
        tprs=tuple(map(read, FPRS)),
        tprs_published=tuple(read(published_fpr(at)) for at in FPRS),
        rejections=tuple(background_rejection(scores, is_signal, eff) for eff in SIGNAL_EFFICIENCIES),
        fpr=fpr,
        tpr=tpr,
    )


def delong_error(scores: np.ndarray, is_signal: np.ndarray) -> float:
    """Standard error of an AUC, from the structural components of DeLong et al. (1988).

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
        """Share of the reference below each value, ties half: the mean of psi, Eq. (2) of DeLong et al."""
        low, high = np.searchsorted(reference, values, "left"), np.searchsorted(reference, values, "right")
        return (low + high) / (2 * len(reference))

    # The structural components V10 and V01 of each row, but for 1 - V01, which has the same variance
    of_signal, of_background = share_below(signal, background), share_below(background, signal)
    # The variance of one area is S10 / m + S01 / n, with the components' sample variances
    variance = of_signal.var(ddof=1) / len(signal) + of_background.var(ddof=1) / len(background)
    return float(np.sqrt(variance))
