"""Per-class working points on the test set, with uncertainties, and the ROC and confusion figures.

One class against the rest. Points are read by exact interpolation (the grid of the JEDI-net notebook reads
11 % where it says 10 %). Uncertainties are one sigma: of the AUC after DeLong, DeLong, Clarke-Pearson,
"Comparing the areas under two or more correlated receiver operating characteristic curves", Biometrics 44
(1988) 837; of efficiencies binomial.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from raysearch.metrics.classification import (
    Rejection,
    auc,
    background_rejection,
    roc_curve,
    tpr_at_fpr,
)
from raysearch.report.blocks import with_error
from raysearch.report.predictions import Predictions
from raysearch.report.style import DASHES, PALETTE, new_axes

FPR_RANGE = (5e-4, 1.0)
FPRS = (0.10, 0.01)
SIGNAL_EFFICIENCIES = (0.30, 0.50)


@dataclass(frozen=True)
class ClassResult:
    """One class against the rest.

    Attributes:
        name: of the class.
        n_signal: test jets of the class.
        auc: area under the curve and its DeLong error.
        tprs: signal efficiency with binomial error at each of ``FPRS``.
        rejections: background rejection at each of ``SIGNAL_EFFICIENCIES``.
        fpr: background efficiency along the curve, (point,).
        tpr: signal efficiency along the curve, (point,).
    """

    name: str
    n_signal: int
    auc: tuple[float, float]
    tprs: tuple[tuple[float, float], ...]
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
    tprs = [tpr_at_fpr(scores, is_signal, fpr) for fpr in FPRS]
    fpr, tpr = roc_curve(scores, is_signal)
    return ClassResult(
        name=name,
        n_signal=n_signal,
        auc=(auc(scores, is_signal), delong_error(scores, is_signal)),
        tprs=tuple((value, float(np.sqrt(value * (1 - value) / n_signal))) for value in tprs),
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


def draw_roc(results: list[ClassResult], energy_tev: float | None) -> Figure:
    """Draw the curves in the manner of the JEDI-net paper: signal efficiency over background efficiency.

    Args:
        results: the classes.
        energy_tev: centre-of-mass energy, if the data say it.
    """
    figure, axes = new_axes(7.6, 6.0)
    diagonal = np.geomspace(*FPR_RANGE, 200)
    axes.plot(diagonal, diagonal, color="#9a9a9a", ls=":", lw=1.2, zorder=1)
    for place, result in enumerate(results):
        colour, dash = PALETTE[place % len(PALETTE)], DASHES[place % len(DASHES)]
        fpr, tpr = _thin(result.fpr, result.tpr)
        error = np.sqrt(tpr * (1 - tpr) / result.n_signal)
        name = result.name.replace("$", r"\$")
        axes.fill_between(fpr, tpr - error, tpr + error, color=colour, alpha=0.18, lw=0, zorder=2)
        axes.plot(fpr, tpr, color=colour, ls=dash, label=f"{name}:  AUC {with_error(*result.auc)}", zorder=3)
    axes.set_xscale("log")
    axes.set_xlim(*FPR_RANGE)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("background efficiency (FPR)")
    axes.set_ylabel("signal efficiency (TPR)")
    axes.legend(
        loc="upper left", title="one class against the rest", title_fontsize="small", alignment="left"
    )
    axes.set_title("Simulation", loc="left", fontweight="bold", fontstyle="italic")
    if energy_tev is not None:
        axes.set_title(f"\N{SQUARE ROOT}s = {energy_tev:g} TeV", loc="right")
    return figure


def _thin(fpr: np.ndarray, tpr: np.ndarray, n_points: int = 700) -> tuple[np.ndarray, np.ndarray]:
    """Read the curve where the figure can show it; its own points are many more than pixels."""
    grid = np.geomspace(*FPR_RANGE, n_points)
    return grid, np.interp(grid, fpr, tpr)


def draw_confusion(shares: np.ndarray, classes: tuple[str, ...]) -> Figure:
    """Draw the confusion matrix (truth, predicted), each row in percent of its truth."""
    size = 1.2 + 0.68 * len(classes)
    figure, axes = new_axes(size, size)
    axes.imshow(100 * shares, cmap="Blues", vmin=0, vmax=100)
    for row, column in np.ndindex(shares.shape):
        share = shares[row, column]
        colour = "white" if share > 0.55 else "#1c2530"
        axes.text(column, row, f"{100 * share:.1f}", ha="center", va="center", color=colour, fontsize="small")
    names = [name.replace("$", r"\$") for name in classes]
    axes.set_xticks(range(len(classes)), names)
    axes.set_yticks(range(len(classes)), names)
    axes.minorticks_off()
    axes.tick_params(length=0)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    return figure
