"""Figures of the simulation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from raysearch.report.style import DASHES, GUIDE, PALETTE, hep_style, plain_log, to_bytes

if TYPE_CHECKING:
    from benchmarks.clock.__main__ import Result

DRAWN = "16 workers, one twice as slow"
ROWS = 16  # of a worker's step
LOSSES = (0.8, 1.7)  # five classes, of which 1.61 knows nothing: what runs away leaves the figure


def write_figures(folder: Path, results: Mapping[str, Mapping[str, Result]], sizes: Sequence[int]) -> None:
    """Write ``clock-losses.svg`` and ``clock-rates.svg``."""
    with hep_style():
        for name, figure in (
            ("clock-losses", losses(results[DRAWN])),
            ("clock-rates", rates({size: results[f"{size} workers"] for size in sizes})),
        ):
            (folder / f"{name}.svg").write_bytes(to_bytes(figure, "svg"))


def losses(of_ways: Mapping[str, Result]) -> Figure:
    """Draw the loss over rows, and over virtual seconds."""
    figure = Figure(figsize=(12.0, 5.0), layout="constrained")
    by_rows, by_time = figure.subplots(1, 2, sharey=True)
    for place, (way, result) in enumerate(of_ways.items()):
        look = {"color": PALETTE[place % len(PALETTE)], "ls": DASHES[place % len(DASHES)], "marker": "."}
        values = [each.loss for each in result.looks]
        by_rows.plot([each.steps * ROWS / 1000 for each in result.looks], values, label=way, **look)
        by_time.plot([each.seconds for each in result.looks], values, **look)
    by_rows.set_ylim(LOSSES)
    by_rows.set_ylabel("validation loss")
    by_rows.set_xlabel("rows seen, thousands")
    by_time.set_xlabel("virtual seconds")
    by_rows.set_title(f"simulation: {DRAWN}")
    by_rows.legend()
    return figure


def rates(by_size: Mapping[int, Mapping[str, Result]]) -> Figure:
    """Draw rows a virtual second over workers, and the loss after all rows."""
    figure = Figure(figsize=(12.0, 5.0), layout="constrained")
    speed, quality = figure.subplots(1, 2)
    sizes = list(by_size)
    for place, way in enumerate(next(iter(by_size.values()))):
        look = {"color": PALETTE[place % len(PALETTE)], "ls": DASHES[place % len(DASHES)], "marker": "."}
        speed.plot(sizes, [by_size[size][way].rows_a_second for size in sizes], label=way, **look)
        quality.plot(sizes, [by_size[size][way].looks[-1].loss for size in sizes], **look)
    speed.plot(sizes, [1600 * size for size in sizes], ":", color=GUIDE, label="single workers")
    for axes in (speed, quality):
        axes.set_xscale("log", base=2)
        axes.set_xticks(sizes, [str(size) for size in sizes])
        axes.set_xlabel("workers")
        axes.minorticks_off()
    speed.set_yscale("log")
    plain_log(speed.yaxis)
    speed.set_ylabel("rows / virtual s")
    speed.set_title("simulation")
    speed.legend()
    quality.set_ylim(LOSSES)
    quality.set_ylabel("validation loss after all rows")
    return figure
