"""ROC curves with their bands, in both habits of the field, and the confusion matrix.

Signal efficiency over the logarithm of background efficiency, as in arXiv:1908.05318; background rejection,
one over background efficiency, over signal efficiency. A band is the sample standard deviation over the
models of several runs on one test set; of one model, the error of the test set (``metrics/working_point``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from raysearch.metrics.working_point import efficiency_error
from raysearch.report.shown.class_results import ClassResult
from raysearch.report.style import DASHES, GUIDE, PALETTE, literal, new_axes, simulation_label

FPR_RANGE = (5e-4, 1.0)
FPR_GRID = np.geomspace(*FPR_RANGE, 500)
TPR_GRID = np.linspace(0.01, 1.0, 400)


@dataclass(frozen=True)
class Band:
    """A curve with its uncertainty over a grid; NaN where nothing is known.

    Attributes:
        name: of the class or the model.
        note: what the legend says beside it.
        value, low, high: (point,).
    """

    name: str
    note: str
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


def efficiency_band(name: str, note: str, runs: Sequence[ClassResult]) -> Band:
    """Signal efficiency on ``FPR_GRID``, from one class's results of each run."""

    def one(result: ClassResult) -> tuple[np.ndarray, np.ndarray]:
        tpr = np.interp(FPR_GRID, result.fpr, result.tpr)
        return tpr, efficiency_error(
            FPR_GRID, result.fpr, result.tpr, n_fixed=result.n_background, n_read=result.n_signal
        )

    value, error = _over_runs([one(result) for result in runs])
    return Band(name, note, value, value - error, value + error)


def rejection_band(name: str, note: str, runs: Sequence[ClassResult]) -> Band:
    """Background rejection on ``TPR_GRID``, as far as at least one background event is left in every run.

    Mean and uncertainty are those of its logarithm, which small numbers do not take below zero.
    """

    def one(result: ClassResult) -> tuple[np.ndarray, np.ndarray]:
        fpr = np.interp(TPR_GRID, result.tpr, result.fpr)
        known = np.where(fpr * result.n_background >= 1, fpr, np.nan)
        error = efficiency_error(
            TPR_GRID, result.tpr, result.fpr, n_fixed=result.n_signal, n_read=result.n_background
        )
        return -np.log(known), error / known

    value, error = _over_runs([one(result) for result in runs])
    return Band(name, note, np.exp(value), np.exp(value - error), np.exp(value + error))


def _over_runs(curves: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and sample standard deviation of several models' curves; of one model, its own uncertainty."""
    if len(curves) == 1:
        return curves[0]
    values = np.stack([value for value, _ in curves])
    spread = np.where(
        np.ptp(values, axis=0) == 0, 0.0, values.std(axis=0, ddof=1)
    )  # equal: no rounding of the mean
    return values.mean(axis=0), spread


def draw_roc(bands: Sequence[Band], title: str, energy_tev: float | None) -> Figure:
    """Draw signal efficiency over background efficiency.

    Args:
        bands: of :func:`efficiency_band`.
        title: of the legend.
        energy_tev: centre-of-mass energy, if the data say it.
    """
    figure, axes = new_axes(7.6, 6.0)
    axes.plot(FPR_GRID, FPR_GRID, color=GUIDE, ls=":", lw=1.2, zorder=1)
    _draw_bands(axes, FPR_GRID, bands)
    axes.set_xscale("log")
    axes.set_xlim(*FPR_RANGE)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("background efficiency (FPR)")
    axes.set_ylabel("signal efficiency (TPR)")
    _finish(axes, "upper left", title, energy_tev)
    return figure


def draw_rejection(bands: Sequence[Band], title: str, energy_tev: float | None) -> Figure:
    """Draw background rejection over signal efficiency; arguments as :func:`draw_roc`."""
    figure, axes = new_axes(7.6, 6.0)
    axes.plot(TPR_GRID, 1 / TPR_GRID, color=GUIDE, ls=":", lw=1.2, zorder=1)
    _draw_bands(axes, TPR_GRID, bands)
    axes.set_yscale("log")
    axes.set_xlim(0, 1)
    highest = np.nanmax([np.nanmax(band.value, initial=10.0) for band in bands])
    axes.set_ylim(1, 3 * highest)
    axes.set_xlabel("signal efficiency (TPR)")
    axes.set_ylabel("background rejection (1/FPR)")
    _finish(axes, "upper right", title, energy_tev)
    return figure


def _draw_bands(axes: Axes, grid: np.ndarray, bands: Sequence[Band]) -> None:
    for place, band in enumerate(bands):
        colour = PALETTE[place % len(PALETTE)]
        dash = DASHES[(place + place // len(PALETTE)) % len(DASHES)]
        label = literal(f"{band.name}:  {band.note}")
        axes.fill_between(grid, band.low, band.high, color=colour, alpha=0.18, lw=0, zorder=2)
        axes.plot(grid, band.value, color=colour, ls=dash, label=label, zorder=3)


def _finish(
    axes: Axes, place: Literal["upper left", "upper right"], title: str, energy_tev: float | None
) -> None:
    axes.legend(loc=place, title=literal(title), title_fontsize="small", alignment="left")
    simulation_label(axes)
    if energy_tev is not None:
        axes.set_title(f"\N{SQUARE ROOT}s = {energy_tev:g} TeV", loc="right")


def draw_confusion(shares: np.ndarray, classes: tuple[str, ...]) -> Figure:
    """Draw the confusion matrix (truth, predicted), each row in percent of its truth."""
    size = 1.2 + 0.68 * len(classes)
    figure, axes = new_axes(size, size)
    axes.imshow(100 * shares, cmap="Blues", vmin=0, vmax=100)
    for row, column in np.ndindex(shares.shape):
        share = shares[row, column]
        colour = "white" if share > 0.55 else "#1c2530"
        axes.text(column, row, f"{100 * share:.1f}", ha="center", va="center", color=colour, fontsize="small")
    names = [literal(name) for name in classes]
    axes.set_xticks(range(len(classes)), names)
    axes.set_yticks(range(len(classes)), names)
    axes.minorticks_off()
    axes.tick_params(length=0)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    return figure
