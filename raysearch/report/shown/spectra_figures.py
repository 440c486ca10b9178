"""Figures of spectra: one panel for each bin of the condition, real beside made, and their ratio below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from raysearch.metrics.shown import Spectra
from raysearch.report.shown.spectra_panels import Curve, Panel
from raysearch.report.style import DASHES, FAINT, GUIDE, PALETTE, literal, plain_log, with_unit

ACROSS = 3  # panels beside each other
DECADES = 100.0  # contents that spread over more than this factor are shown over a logarithmic axis
WINDOWS = (0.05, 0.1, 0.2, 0.5, 1.0)  # how far the ratio's axis goes from one
MOST_PLAIN = 1e4  # up to which, and down to one over which, a logarithmic axis has numbers and not powers
COVERED = 0.9  # share of the ratios that its axis should show
REAL, ITSELF = "simulation", "one half of it / the other"


@dataclass(frozen=True)
class Made:
    """What one study made: its name in the legend, and its panels, as many as the others have."""

    name: str
    panels: Sequence[Panel]


@dataclass(frozen=True)
class Scales:
    """What all panels of a figure share: how far the ratio goes from one, and logarithmic axes."""

    window: float
    log_x: bool
    log_y: bool


def draw_spectra(of: Spectra, made: Sequence[Made]) -> Figure:
    """Draw a quantity in each bin of its condition, made ones over the real one.

    Args:
        of: names, units and axes.
        made: of one study or more, with the same real rows, bins and cells.
    """
    panels = made[0].panels
    across = min(ACROSS, len(panels))
    down = -(-len(panels) // across)
    width = 7.4 if across == 1 else 3.9 * across + 0.4
    figure = Figure(figsize=(width, (5.6 if across == 1 else 3.9) * down + 0.4), layout="constrained")
    grid = figure.subplots(2 * down, across, squeeze=False, height_ratios=(3, 1.15) * down)
    pairs = [(panel.real, each.made) for one in made for panel, each in zip(panels, one.panels, strict=True)]
    scales = Scales(
        _window(pairs), _is_log_x(of, panels), _is_log_y(of, [curve for pair in pairs for curve in pair])
    )
    for place, panel in enumerate(panels):
        row, column = divmod(place, across)
        upper, lower = grid[2 * row][column], grid[2 * row + 1][column]
        _draw_panel(upper, lower, of, panel, [Made(each.name, [each.panels[place]]) for each in made], scales)
        _name_axes(upper, lower, of, is_left=column == 0, size="medium" if across == 1 else "small")
        _scale_axes(upper, lower, panel, [each.panels[place].made for each in made], scales)
        upper.set_title(literal(panel.label), loc="right", fontsize="small")
        if across > 1:
            _keep_major_ticks(upper, lower, scales)
    for place in range(len(panels), down * across):
        row, column = divmod(place, across)
        grid[2 * row][column].set_axis_off()
        grid[2 * row + 1][column].set_axis_off()
    figure.align_ylabels()
    _legend(figure, grid[0][0], grid[1][0])
    return figure


def _draw_panel(
    upper: Axes, lower: Axes, of: Spectra, panel: Panel, made: Sequence[Made], scales: Scales
) -> None:
    edges, real = panel.edges, panel.real
    centres = np.sqrt(edges[1:] * edges[:-1]) if scales.log_x else (edges[1:] + edges[:-1]) / 2
    if of.trend:
        widths = [centres - edges[:-1], edges[1:] - centres]
        upper.errorbar(
            centres, real.value, xerr=widths, yerr=real.error, fmt="s", ms=5, mfc="white", color="#404040",
            lw=1.2, label=REAL, zorder=3,
        )  # fmt: skip
    else:
        upper.stairs(real.value, edges, fill=True, color=FAINT, alpha=0.55, label=REAL, zorder=1)
        upper.stairs(real.value, edges, color="#7d858f", lw=1.0, zorder=2)
    _draw_real_ratio(lower, panel)
    for place, each in enumerate(made):
        (one,) = each.panels
        colour, dash = PALETTE[place % len(PALETTE)], DASHES[place % len(DASHES)]
        _draw_curve(upper, of, panel, one.made, (centres, colour, dash, each.name))
        _draw_ratio(lower, (real, one.made), centres, colour, scales.window)


def _draw_curve(
    axes: Axes, of: Spectra, panel: Panel, made: Curve, look: tuple[np.ndarray, str, object, str]
) -> None:
    """What a study made: steps, or points for means, with errors; a band for the spread over runs."""
    centres, colour, dash, name = look
    if made.spread is not None:
        low, high = made.value - made.spread, made.value + made.spread
        axes.stairs(high, panel.edges, baseline=low, fill=True, color=colour, alpha=0.2, lw=0, zorder=3)
    line: dict[str, Any] = {"color": colour, "ls": dash}
    if not of.trend:
        axes.stairs(made.value, panel.edges, lw=1.6, zorder=4, **line)
    fmt = "o" if of.trend else "none"
    axes.errorbar(centres, made.value, yerr=made.error, color=colour, fmt=fmt, ms=5, lw=1.2, zorder=5)
    axes.plot([], [], label=literal(name), **line)  # for the legend


def _draw_real_ratio(axes: Axes, panel: Panel) -> None:
    """The real one's own error around one, and the ratio of its halves, as samples of one truth differ."""
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.nan_to_num(np.abs(panel.real.error / panel.real.value))
        itself = panel.halves[0].value / panel.halves[1].value
    axes.stairs(
        1 + error, panel.edges, baseline=1 - error, fill=True, color=FAINT, alpha=0.55, lw=0, zorder=1
    )
    axes.stairs(itself, panel.edges, color="#7d858f", lw=0.9, ls=(0, (2, 1.2)), label=ITSELF, zorder=2)
    axes.axhline(1, color=GUIDE, lw=0.9, zorder=1)


def _draw_ratio(
    axes: Axes, pair: tuple[Curve, Curve], centres: np.ndarray, colour: str, window: float
) -> None:
    """Made over real, with the made one's error; the real one's is the band. Triangles: beyond the axis."""
    ratio, error = _ratio(*pair)
    inside = np.abs(ratio - 1) <= window  # False where it is unknown
    axes.errorbar(
        centres[inside], ratio[inside], yerr=error[inside], fmt=".", ms=4.5, color=colour, lw=1.0, zorder=4
    )
    for beyond, edge, mark in ((ratio > 1 + window, 0.93, "^"), (ratio < 1 - window, 0.07, "v")):
        spots = centres[beyond]
        axes.plot(
            spots,
            [edge] * len(spots),
            mark,
            ms=4,
            color=colour,
            transform=axes.get_xaxis_transform(),
            zorder=4,
        )


def _ratio(real: Curve, made: Curve) -> tuple[np.ndarray, np.ndarray]:
    with np.errstate(divide="ignore", invalid="ignore"):
        return made.value / real.value, np.abs(made.error / real.value)


def _window(pairs: Sequence[tuple[Curve, Curve]]) -> float:
    """How far the ratio's axis goes from one: in all panels as far as most ratios need, a round number."""
    distances = np.concatenate([np.abs(_ratio(real, made)[0] - 1) for real, made in pairs])
    known = distances[np.isfinite(distances)]
    needed = float(np.quantile(known, COVERED)) if len(known) else WINDOWS[-1]
    return next((window for window in WINDOWS if 1.3 * needed <= window), WINDOWS[-1])


def _is_log_x(of: Spectra, panels: Sequence[Panel]) -> bool:
    """As the task says; of means over a condition, where the bins have one width in the logarithm."""
    if of.along is not None:
        return of.along.log
    if not of.trend:
        return of.log
    edges = panels[0].edges
    return bool(len(edges) > 2 and edges[0] > 0 and np.allclose(np.diff(np.log(edges), 2), 0, atol=1e-6))


def _is_log_y(of: Spectra, curves: Sequence[Curve]) -> bool:
    """As the task says of means, and where profiles spread over decades; never with values below 0."""
    values = np.concatenate([curve.value for curve in curves])
    known = values[np.isfinite(values) & (values > 0)]
    if not len(known) or (values < 0).any() or not (of.trend or of.along is not None):
        return False
    return of.log or (not of.trend and known.max() > DECADES * float(np.quantile(known, 0.05)))


def _name_axes(upper: Axes, lower: Axes, of: Spectra, *, is_left: bool, size: str) -> None:
    quantity = with_unit(of.quantity, of.unit)
    if of.trend and of.over is not None:
        x, y = with_unit(of.over.quantity, of.over.unit), f"mean {quantity}"
    elif of.along is not None:
        x, y = with_unit(of.along.quantity, of.along.unit), f"mean {quantity}"
    else:
        x, y = quantity, "share of rows"
    lower.set_xlabel(x, fontsize=size)
    if is_left:
        upper.set_ylabel(y, fontsize=size)
        lower.set_ylabel("ratio", fontsize=size, loc="center")


def _scale_axes(upper: Axes, lower: Axes, panel: Panel, made: Sequence[Curve], scales: Scales) -> None:
    shown = np.concatenate([curve.value for curve in (panel.real, *made)])
    known = shown[np.isfinite(shown) & (shown > 0)]
    if scales.log_y:
        upper.set_yscale("log")
        upper.set_ylim(known.min() / 2, 3 * known.max())
    elif (shown < 0).any() or not len(known) or known.min() > known.max() / 2:
        upper.margins(y=0.15)  # values that are far from 0, or on both sides of it
    else:
        upper.set_ylim(0, 1.2 * known.max())
    for axes in (upper, lower):
        if scales.log_x:
            axes.set_xscale("log")
            if panel.edges[-1] < MOST_PLAIN and panel.edges[0] > 1 / MOST_PLAIN:
                plain_log(axes.xaxis)
        axes.set_xlim(panel.edges[0], panel.edges[-1])
    upper.tick_params(which="both", labelbottom=False)
    lower.set_ylim(1 - scales.window, 1 + scales.window)
    lower.yaxis.set_major_locator(MaxNLocator(4, prune="both"))


def _keep_major_ticks(upper: Axes, lower: Axes, scales: Scales) -> None:
    """Leave small panels the ticks that have numbers, and those that tell logarithmic axes."""
    straight: list[Axis] = [lower.yaxis]
    straight += [] if scales.log_x else [upper.xaxis, lower.xaxis]
    straight += [] if scales.log_y else [upper.yaxis]
    for axis in straight:
        axis.set_minor_locator(NullLocator())


def _legend(figure: Figure, upper: Axes, lower: Axes) -> None:
    """One legend above all panels, clear of the data."""
    handles, labels = upper.get_legend_handles_labels()
    of_ratio, ratio_labels = lower.get_legend_handles_labels()
    figure.legend(
        [*handles, *of_ratio],
        [*labels, *ratio_labels],
        loc="outside upper center",
        ncols=min(4, len(labels) + 1),
    )
