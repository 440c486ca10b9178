"""Spectra of several studies: distances in a table; what has one simulation is drawn over it together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from raysearch.metrics.shown import Spectra
from raysearch.report.blocks import NONE, Block, Cell, Heading, Picture, Table, number
from raysearch.report.shown.part import Side
from raysearch.report.shown.spectra_figures import Made
from raysearch.report.shown.spectra_panels import panels_of
from raysearch.report.shown.spectra_quantity import Quantity, terse
from raysearch.report.shown.spectra_tables import HOW_APART, spectrum

Column = Sequence[Quantity | None]  # one quantity of each study, None where it has none of that name


def compared_spectra(sides: Sequence[Side[Any]]) -> list[Block]:
    """Set several studies side by side."""
    names = {
        each.slug: each.of.quantity + (" (given)" if each.of.given else "")
        for side in sides
        for each in side.part.quantities
    }
    columns = {slug: [_of(side, slug) for side in sides] for slug in names}
    rows: list[tuple[Cell, ...]] = [
        (names[slug], *(_apart(each) for each in column), *_itself(column))
        for slug, column in columns.items()
    ]
    rows.append(("mean", *(str(side.figures.get("separation", NONE)) for side in sides), ""))
    head = ("separation power", *(side.name for side in sides), "simulation from itself")
    blocks: list[Block] = [
        Heading("Spectra", 3),
        Table(head, tuple(rows), HOW_APART, frozenset(range(1, len(head))), frozenset({len(rows) - 1})),
    ]
    return [*blocks, *(picture for column in columns.values() for picture in _together(sides, column))]


def _together(sides: Sequence[Side[Any]], column: Column) -> list[Picture]:
    """One quantity of all studies that have the first one's simulation; nothing of one alone."""
    shown = [(side.name, each) for side, each in zip(sides, column, strict=True) if each is not None]
    alike = [(name, each) for name, each in shown if _is_one_simulation(each.of, shown[0][1].of)]
    if len(alike) < 2:
        return []
    everything = [run for _, each in alike for run in each.runs]
    made = [Made(name, panels_of(each.runs, everything)) for name, each in alike]
    if len({tuple(panel.label for panel in each.panels) for each in made}) > 1:
        return []  # one of them has too few rows in some bin
    return [spectrum(alike[0][1], made, sides[0].part.about)]


def _of(side: Side[Any], slug: str) -> Quantity | None:
    return next((each for each in side.part.quantities if each.slug == slug), None)


def _apart(each: Quantity | None) -> str:
    return NONE if each is None or each.separation is None else terse(each.separation)


def _itself(column: Column) -> tuple[str]:
    known = [each.itself for each in column if each is not None and each.itself is not None]
    return (number(known[0], 2) if known else NONE,)


def _is_one_simulation(one: Spectra, other: Spectra) -> bool:
    """Whether two studies have the same real rows in the same bins."""
    edges = [None if each.over is None else each.over.edges.tolist() for each in (one, other)]
    return np.array_equal(one.real, other.real) and edges[0] == edges[1]
