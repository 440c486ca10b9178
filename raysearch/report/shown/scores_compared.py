"""Scores of several studies side by side: tables of figures by class, and ROC curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from raysearch.report.blocks import NONE, Block, Cell, Heading, Picture, Table
from raysearch.report.measured import Measured, over_runs
from raysearch.report.published import joined
from raysearch.report.shown.described import energy_tev
from raysearch.report.shown.part import Side
from raysearch.report.shown.scores_figures import draw_rejection, draw_roc, efficiency_band, rejection_band
from raysearch.report.shown.scores_published import FAMILIES
from raysearch.report.states import run_words

Sides = Sequence[Side[Any]]


def by_class_tables(sides: Sides, classes: Sequence[str]) -> list[Block]:
    """A table for each family of figures, ours and the published ones in columns of their own."""
    blocks: list[Block] = []
    for family, title in FAMILIES.items():
        blocks += [
            Heading(f"{title}, each class against the rest", 3),
            by_class_table(family, sides, classes),
        ]
    return blocks


def by_class_table(family: str, sides: Sides, classes: Sequence[str]) -> Table:
    """Write one line for each study: a figure for each class, then each published one in a column of its own.

    Args:
        family: one of ``FAMILIES``.
        sides: the studies; several published entries of one are joined by "; ".
        classes: of the data.
    """
    there = [[joined(side.published, f"{family}_{name}") for name in classes] for side in sides]
    has_published = any(map(any, there))
    lines: list[tuple[Cell, ...]] = []
    for side, published in zip(sides, there, strict=True):
        here = [str(side.figures.get(f"{family}_{name}", NONE)) for name in classes]
        sources = "; ".join(entry.source for entry in side.published) if any(published) else ""
        lines.append((side.link, *here, *([*published, sources] if has_published else [])))
    head = ["model", *classes]
    if has_published:
        head += [*(f"{name}, published" for name in classes), "source"]
    numbers = frozenset(range(1, 1 + (2 if has_published else 1) * len(classes)))
    return Table(tuple(head), tuple(lines), numbers=numbers)


def roc_curves(sides: Sides, classes: Sequence[str]) -> list[Block]:
    """The ROC curves of all studies, a pair of figures for each class."""
    blocks: list[Block] = []
    words = run_words([side.part.about.history for side in sides])
    note = f"Bands: sample sd over the models of {words}; of one model, one sigma of the test set."
    for name in classes:
        shown = [side for side in sides if name in side.part.classes]
        columns = [
            [results[side.part.classes.index(name)] for results in side.part.results] for side in shown
        ]
        areas = [str(over_runs([Measured(*each.auc) for each in column])) for column in columns]
        known = [energy_tev(side.part.about.history.created.data) for side in shown]
        energy = next((each for each in known if each is not None), None)
        curves = [
            (side.name, f"AUC {area}", column)
            for side, area, column in zip(shown, areas, columns, strict=True)
        ]
        told = "; ".join(f"{side.name} AUC {area}" for side, area in zip(shown, areas, strict=True))
        title, slug = f"{name} against the rest", "".join(c if c.isalnum() else "_" for c in name)
        blocks += [
            Heading(f"Class {name}", 3),
            Picture(
                f"roc-{slug}",
                f"ROC curves of {title}: {told}.",
                f"{title}: signal efficiency over background efficiency of every model. {note}",
                draw_roc([efficiency_band(*curve) for curve in curves], title, energy),
            ),
            Picture(
                f"rejection-{slug}",
                f"Background rejection of {title} over signal efficiency of every model.",
                f"{title}: background rejection over signal efficiency of every model. {note}",
                draw_rejection([rejection_band(*curve) for curve in curves], title, energy),
            ),
        ]
    return blocks
