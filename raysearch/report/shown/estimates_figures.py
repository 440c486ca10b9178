"""Figures of estimates: estimated over true values; relative error, bias and resolution over true values.

The relative error over energy is the 3DGAN paper's Figure 3, there of a genetic algorithm and of RMSprop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from raysearch.metrics.shown import Estimates
from raysearch.report.shown.deviations import Deviations, ResolutionFit
from raysearch.report.style import (
    DASHES,
    FAILED,
    GUIDE,
    PALETTE,
    literal,
    new_axes,
    plain_log,
    simulation_label,
    with_unit,
)

CELLS = 70  # of the density, in either direction
FITTED = "a/\N{SQUARE ROOT}E $\\oplus$ b"

Read = Callable[[Deviations], tuple[float, float]]
Bins = tuple[Deviations, ...]


@dataclass(frozen=True)
class Profile:
    """A figure in bins of true values, or of another quantity.

    Attributes:
        name: for the legend.
        true: mean of that quantity in the bins, in its unit, (bin,).
        value: mean over the runs, (bin,).
        error: one sigma of the test set, (bin,).
        spread: sample standard deviation over the runs, (bin,); None for one.
    """

    name: str
    true: np.ndarray
    value: np.ndarray
    error: np.ndarray
    spread: np.ndarray | None


def profile(name: str, runs: Sequence[Bins], read: Read) -> Profile:
    """Collect a figure from the bins of each run, all on one test set."""
    values = np.array([[read(each) for each in bins] for bins in runs])  # (run, bin, 2)
    spread = values[..., 0].std(axis=0, ddof=1) if len(runs) > 1 else None
    true = np.array([each.mean for each in runs[0]])
    return Profile(name, true, values[..., 0].mean(axis=0), values[..., 1].mean(axis=0), spread)


def draw_estimates(runs: Sequence[Estimates], units: str) -> Figure:
    """Draw the density of estimated over true values, the mean of all runs, with the diagonal."""
    figure, axes = new_axes(7.0, 5.8)
    end = upper_end(runs)
    square = ((0, end), (0, end))
    counts = np.mean([np.histogram2d(each.true, each.estimated, CELLS, square)[0] for each in runs], axis=0)
    norm = LogNorm(1 / len(runs), max(2.0, float(counts.max())))
    image = axes.imshow(
        np.ma.masked_equal(counts, 0).T, origin="lower", extent=(0, end, 0, end), aspect="auto",
        cmap="viridis_r", norm=norm, interpolation="nearest", zorder=2,
    )  # fmt: skip
    axes.plot([0, end], [0, end], color=PALETTE[1], ls=DASHES[1], lw=1.3, label="estimated = true", zorder=3)
    figure.colorbar(image, ax=axes, label=f"{units} in a cell", pad=0.02)
    axes.set_xlim(0, end)
    axes.set_ylim(0, end)
    axes.set_xlabel(true_label(runs[0]))
    axes.set_ylabel(with_unit(f"estimated {runs[0].quantity}", runs[0].unit))
    axes.legend(loc="upper left")
    simulation_label(axes)
    return figure


def upper_end(runs: Sequence[Estimates]) -> float:
    """Where the density's axes end: above every true value, with room for estimates that are too high."""
    return 1.12 * float(runs[0].true.max())


def true_label(shown: Estimates) -> str:
    """The label of an axis of true values."""
    return with_unit(f"true {shown.quantity}", shown.unit)


def draw_relative_error(of: Estimates, profiles: Sequence[Profile], plain: Profile | None) -> Figure:
    """Draw the relative error over true values.

    Args:
        of: the estimates of one model, for names and claim.
        profiles: one for each model; bars are the test set's errors, bands the spread over its runs.
        plain: the plain estimate, if all models have the same.
    """
    figure, axes = new_axes(7.8, 5.2)
    _draw_profiles(axes, profiles, plain)
    shown = [*profiles, *([plain] if plain else [])]
    least, most = (pick(float(pick(100 * each.value)) for each in shown) for pick in (min, max))
    if least > 0 and most > 8 * least:
        axes.set_yscale("log")
        axes.set_ylim(0.6 * least, 3 * most)
        plain_log(axes.yaxis)
    else:
        axes.set_ylim(0, 1.4 * most)
    if of.claim is not None and axes.get_ylim()[1] > 100 * of.claim:
        axes.axhline(100 * of.claim, color=GUIDE, ls=":", lw=1.4, zorder=1)
    axes.set_xlabel(true_label(of))
    axes.set_ylabel(r"mean $|E_\mathrm{est} - E|\,/\,E$ [%]")
    _true_axis(axes, shown)
    axes.legend(loc="upper right")
    simulation_label(axes)
    return figure


def draw_bias_and_resolution(
    along: str, runs: Sequence[Bins], plain: tuple[str, Bins] | None, fits: Sequence[ResolutionFit] = ()
) -> Figure:
    """Draw bias above resolution.

    Args:
        along: what the bins are of, with its unit.
        runs: bins of each run's estimates.
        plain: name and bins of the plain estimate.
        fits: of the resolution, of each run.
    """
    figure, _ = new_axes(7.8, 7.0)
    figure.clear()
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(1, 1.25))
    for axes, read in ((upper, _bias), (lower, _resolution)):
        network = profile("network", runs, read)
        beside = profile(plain[0], [plain[1]], read) if plain else None
        _draw_profiles(axes, [network], beside)
        _true_axis(axes, [network, *([beside] if beside else [])])
    if fits:
        grid = np.linspace(runs[0][0].mean, runs[0][-1].mean, 200)
        fitted = np.mean([fit.at(grid) for fit in fits], axis=0)
        label = "network, fit " + FITTED
        lower.plot(grid, 100 * fitted, color=PALETTE[2], ls=DASHES[2], lw=1.6, label=label, zorder=5)
    upper.axhline(0, color=GUIDE, ls=":", lw=1.2, zorder=1)
    upper.set_ylabel(r"bias [%]")
    lower.set_ylabel(r"resolution $\sigma/E$ [%]")
    lower.set_ylim(0, None)
    lower.set_xlabel(along)
    upper.margins(y=0.2)
    lower.legend(loc="upper right")
    simulation_label(upper)
    return figure


def _bias(each: Deviations) -> tuple[float, float]:
    return each.bias


def _resolution(each: Deviations) -> tuple[float, float]:
    return each.resolution


def _draw_profiles(axes: Axes, profiles: Sequence[Profile], plain: Profile | None) -> None:
    """Draw in percent: lines with the test set's errors as bars and the spread over runs as a band."""
    for place, each in enumerate(profiles):
        colour, dash = PALETTE[place % len(PALETTE)], DASHES[place % len(DASHES)]
        value, error = 100 * each.value, 100 * each.error
        if each.spread is not None:
            low, high = value - 100 * each.spread, value + 100 * each.spread
            axes.fill_between(each.true, low, high, color=colour, alpha=0.2, lw=0, zorder=2)
        axes.errorbar(
            each.true, value, yerr=error, fmt="o", ms=4.5, ls=dash, color=colour, capsize=2, zorder=4,
            label=literal(each.name),
        )  # fmt: skip
    if plain is not None:
        axes.errorbar(
            plain.true, 100 * plain.value, yerr=100 * plain.error, fmt="s", ms=4, mfc="white",
            ls=DASHES[1], lw=1.4, color=FAILED, capsize=2, zorder=3, label=literal(plain.name),
        )  # fmt: skip


def _true_axis(axes: Axes, profiles: Sequence[Profile]) -> None:
    end = max(float(each.true[-1]) for each in profiles)
    axes.set_xlim(0, 1.05 * end)
