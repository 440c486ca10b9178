"""Figures of scaling: rates over workers with their projection, and where the time of steps goes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from raysearch.report.scaling_measured import Scaled
from raysearch.report.style import GUIDE, PALETTE, literal, new_axes, plain_log
from raysearch.scaling.cost_model import Layout
from raysearch.scaling.projection import Projection

TITLES = {"weak": "weak: rows a worker kept", "strong": "strong: batch kept"}


def draw_rates(
    scaled: Sequence[Scaled], base: Scaled, layouts: Mapping[str, Sequence[Layout]], projection: Projection
) -> Figure:
    """Draw measured rates and the projected band, a panel for weak and one for strong scaling."""
    figure = Figure(figsize=(11.8, 5.0), layout="constrained")
    for axes, (kind, projected) in zip(figure.subplots(1, 2, sharey=True), layouts.items(), strict=True):
        workers = [layout.workers for layout in projected]
        low, high = zip(*(projection.rates(layout) for layout in projected), strict=True)
        axes.plot(workers, [base.rate * each for each in workers], "--", color=GUIDE, label="single workers")
        axes.fill_between(workers, low, high, color=PALETTE[0], alpha=0.2, lw=0)
        axes.plot(workers, low, color=PALETTE[0], lw=1.2, label="model")
        axes.plot(workers, high, color=PALETTE[0], lw=1.2)
        _points(axes, [base, *(each for each in scaled if each.kind == kind)], "measured", "o", PALETTE[1])
        _points(axes, [each for each in scaled if each.kind == "apart"], "measured, apart", "s", PALETTE[2])
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xticks(workers, [str(each) for each in workers])
        axes.minorticks_off()
        axes.set_xlabel("workers")
        axes.set_title(TITLES[kind])
        axes.legend(loc="upper left")
    figure.axes[0].set_ylabel("rows / s")
    plain_log(figure.axes[0].yaxis)
    return figure


def _points(axes: Axes, members: Sequence[Scaled], label: str, mark: str, colour: str) -> None:
    if not members:
        return
    axes.errorbar(
        [each.workers for each in members],
        [each.rate for each in members],
        yerr=[0.0 if math.isnan(each.rate_error) else each.rate_error for each in members],
        fmt=mark, color=colour, mfc="none" if mark == "s" else colour, label=label, zorder=4,
    )  # fmt: skip


def draw_shares(members: Sequence[Scaled]) -> Figure:
    """Draw the shares of computing, waiting and averaging, a bar for each member."""
    figure, axes = new_axes(8.0, 1.6 + 0.5 * len(members))
    names = [literal(each.name) for each in members]
    left = [0.0] * len(members)
    for name, colour in zip(("computing", "waiting", "averaging"), PALETTE, strict=False):
        widths = [100 * getattr(each, name) for each in members]
        axes.barh(names, widths, left=left, color=colour, label=name, height=0.6)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    axes.set_xlim(0, 100)
    axes.invert_yaxis()
    axes.tick_params(axis="y", which="both", length=0)
    axes.minorticks_off()
    axes.set_xlabel("time of steps [%]")
    axes.legend(ncols=3, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
    return figure
