"""Estimates of several studies side by side: relative error over true values in one figure, and a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from raysearch.metrics.shown import Estimates
from raysearch.report.blocks import PM, Block, Cell, Heading, Picture, Table
from raysearch.report.measured import over_runs
from raysearch.report.shown.deviations import EstimateResult, bins_of
from raysearch.report.shown.estimates_figures import draw_relative_error, profile
from raysearch.report.shown.estimates_tables import (
    PERCENT,
    below_claim,
    in_percent,
    of_error,
    ranges,
    worst,
    worst_told,
)
from raysearch.report.shown.part import Side, in_place


def compared_errors(sides: Sequence[Side[Any]]) -> list[Block]:
    """Set several studies side by side, all of one quantity."""
    first = sides[0].part.first
    plain = sides[0].part.plain
    shared = plain is not None and all(_same_plain(side.part.first, first) for side in sides)
    rows: list[tuple[Cell, ...]] = []
    for side in sides:
        rows.append((side.link, *_row(first, side.part.results)))
        if side.part.plain is not None and not shared:
            rows.append((f"{side.name}: {side.part.first.plain_name}", *_row(first, [side.part.plain])))
    rows += [(first.plain_name, *_row(first, [plain]))] if shared else []
    told = "; ".join(f"{side.name}: {worst_told(first, side.part.results)}" for side in sides)
    where = f"where [{first.unit}]" if first.unit else "where"
    claimed = [] if first.claim is None else [f"below {PERCENT * first.claim:g} %"]
    quality = ("relative error [%]", "bias [%]", "resolution [%]", "largest binned relative error [%]")
    head = ("model", *quality, where, *claimed, "runs")
    return [
        Heading(f"Relative error over {first.quantity}", 3),
        Picture(
            in_place("relative-error", sides[0].place),
            f"Relative error over true {first.quantity} of each model. {told}",
            f"Mean relative error |E_est - E| / E on the test set in bins of true {first.quantity}. Bars: "
            "one sigma of the test set; bands: sample sd over the runs of a model, where there are several."
            + (f" Squares: {first.plain_name}." if shared else ""),
            draw_relative_error(
                first,
                [profile(side.name, bins_of(side.part.results), of_error) for side in sides],
                profile(first.plain_name, bins_of([plain]), of_error) if shared else None,
            ),
        ),
        Table(
            head,
            tuple(rows),
            f"{PM}: sample sd over the runs of a model; of one run, one sigma of the test set.",
            frozenset(range(1, len(head))),
        ),
    ]


def _same_plain(one: Estimates, other: Estimates) -> bool:
    """Whether two studies have the same truth and the same plain estimate of it."""
    if one.plain is None or other.plain is None:
        return False
    return np.array_equal(one.true, other.true) and np.array_equal(one.plain, other.plain)


def _row(of: Estimates, runs: Sequence[EstimateResult]) -> tuple[str, ...]:
    """A study's line beside others."""
    where, largest = worst(runs)
    overall = [[getattr(run.overall, name) for run in runs] for name in ("error", "bias", "resolution")]
    below = [] if of.claim is None else below_claim(of.claim, runs)
    places = "everywhere" if all(below) else ranges(of, runs, below) or "nowhere"
    return (
        *(str(over_runs([in_percent(each) for each in figure])) for figure in overall),
        str(largest.scaled(PERCENT)),
        f"{where.low:g} to {where.high:g}",
        *([] if of.claim is None else [places]),
        str(len(runs)),
    )
