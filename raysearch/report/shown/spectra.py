"""Spectra: what a generator makes beside the simulation, in bins of a condition, with its own level."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from raysearch.errors import InputError
from raysearch.metrics.shown import Spectra
from raysearch.report.blocks import (
    NONE,
    PM,
    Block,
    Cell,
    Heading,
    Picture,
    Table,
    Text,
    listing,
    number,
    text,
)
from raysearch.report.measured import Measured, over_runs
from raysearch.report.shown.part import About, Headline, Part, Side, Words
from raysearch.report.shown.spectra_figures import Made, draw_spectra
from raysearch.report.shown.spectra_panels import Panel, left_out, panels_of

HOW_APART = (
    "Separation power: 1/2 sum((p - q)^2 / (p + q)) of two normalised contents, 0 for equal ones, 1 for such "
    "as do not overlap (arXiv:2009.03796). 'Itself': the same of two halves of the simulation, for as many "
    "rows as are compared: what samples of one truth differ by. Chi2: of the statistical errors, by cell; "
    "cells of one profile follow each other."
)


@dataclass(frozen=True)
class Compared:
    """One quantity: its values of each run, and its panels; ``slug`` is its name for files and figures."""

    runs: tuple[Spectra, ...]
    panels: tuple[Panel, ...]
    slug: str

    @property
    def of(self) -> Spectra:
        """Names, units and axes, and the rows of the first run."""
        return self.runs[0]

    @property
    def shown_as(self) -> str:
        """What of it is shown."""
        return "means" if self.of.trend else "profile" if self.of.along is not None else "distribution"

    @property
    def separation(self) -> Measured | None:
        """Mean over the panels, over the runs; None for what is no distribution."""
        of_runs = [panel.separation for panel in self.panels if panel.separation is not None]
        if len(of_runs) < len(self.panels):
            return None
        return over_runs([Measured(statistics.fmean(each)) for each in zip(*of_runs, strict=True)])

    @property
    def itself(self) -> float | None:
        """Mean separation of the simulation's halves over the panels."""
        known = [panel.separation_itself for panel in self.panels if panel.separation_itself is not None]
        return statistics.fmean(known) if len(known) == len(self.panels) else None

    @property
    def chi2(self) -> Measured:
        """Mean over the panels, over the runs."""
        of_runs = zip(*(panel.chi2 for panel in self.panels), strict=True)
        return over_runs([Measured(statistics.fmean(each)) for each in of_runs])

    @property
    def chi2_itself(self) -> float:
        """Mean of the simulation's halves over the panels."""
        return statistics.fmean(panel.chi2_itself for panel in self.panels)


@dataclass(frozen=True)
class SpectraPart(Part[Spectra]):
    """All spectra that the models of a trial's runs show.

    Attributes:
        about: where they come from.
        quantities: in the task's order.
        untold: what of them cannot be shown, and why.
    """

    about: About
    quantities: tuple[Compared, ...]
    untold: tuple[str, ...] = ()

    MAIN: ClassVar[Mapping[str, Words]] = {
        "separation": Words("mean separation power", "separ."),
        "separation_itself": Words("of the simulation from itself", "itself"),
    }
    LEADING: ClassVar[str] = "separation"
    TOGETHER: ClassVar[bool] = True

    @classmethod
    def evaluate(cls, runs: Sequence[Sequence[Spectra]], about: About) -> Self:
        """Compare every quantity in every bin of its condition.

        Raises:
            InputError: runs show other quantities than each other, or no quantity has enough rows.
        """
        if len({tuple(each.quantity for each in values) for values in runs}) > 1:
            raise InputError("the runs show other quantities than each other")
        quantities, untold = list[Compared](), list[str]()
        for column in zip(*runs, strict=True):
            try:
                panels = tuple(panels_of(column))
                quantities.append(
                    Compared(column, panels, _slug(column[0], [each.slug for each in quantities]))
                )
            except InputError as error:
                untold += error.problems
        if not quantities:
            raise InputError(*untold)
        return cls(about, tuple(quantities), tuple(untold))

    @property
    def first(self) -> Spectra:
        """The first quantity of the first run."""
        return self.quantities[0].of

    @staticmethod
    def truth(value: Spectra) -> np.ndarray:
        """The simulation's rows."""
        return value.real

    @staticmethod
    def answer(value: Spectra) -> np.ndarray:
        """The generator's rows."""
        return value.made

    def figures(self) -> dict[str, Measured]:
        """Mean separation power, of the simulation from itself too, and that of each quantity."""
        known = [(each.slug, each.separation, each.itself) for each in self.quantities]
        apart = {slug: figure for slug, figure, _ in known if figure is not None}
        itself = [level for _, figure, level in known if figure is not None and level is not None]
        if not apart:
            return {}
        figures = {f"separation_{slug}": figure for slug, figure in apart.items()}
        return figures | {
            "separation": self._mean_separation(),
            "separation_itself": Measured(statistics.fmean(itself)),
        }

    def _mean_separation(self) -> Measured:
        """Over all panels of all quantities that are distributions, over the runs."""
        of_runs = [
            panel.separation
            for each in self.quantities
            if each.separation is not None
            for panel in each.panels
            if panel.separation is not None
        ]
        return over_runs([Measured(statistics.fmean(each)) for each in zip(*of_runs, strict=True)])

    def headline(self) -> Headline | None:
        """The mean separation power, and the simulation's own level."""
        figures = self.figures()
        if not figures:
            return None
        apart, itself = figures["separation"], figures["separation_itself"]
        n = sum(each.separation is not None for each in self.quantities)
        here, level = _terse(apart), _terse(itself)
        told = (
            f"the mean separation power of its {n} spectra from the simulation's is {here}, that of the "
            f"simulation from itself {level}"
        )
        return Headline(
            told, (("mean separation power", here, f"{n} spectra; simulation from itself {level}"),)
        )

    def blocks(self) -> list[Block]:
        """A table of all quantities, then a figure of each."""
        return [
            Heading("Spectra", 3),
            self._table(),
            *(_picture(each, [Made(_generator(self), each.panels)], self.about) for each in self.quantities),
            *self._untold(),
        ]

    def _table(self) -> Table:
        rows = tuple(_row(each) for each in self.quantities)
        head = (
            "quantity",
            "shown as",
            "in",
            "rows",
            "rows made",
            "separation power",
            "itself",
            "largest in",
            "chi2 / cells",
            "itself",
        )
        several = (
            f" {PM}: sample sd over {len(self.about.tests)} {self.about.word}s."
            if len(self.about.tests) > 1
            else ""
        )
        return Table(
            head,
            rows,
            f"Means over the bins of the condition. {HOW_APART}{several}",
            frozenset(range(3, len(head))) - {7},
        )

    def _untold(self) -> list[Text]:
        told = [f"Not shown: {each}." for each in self.untold]
        for each in self.quantities:
            real, made = left_out(each.of)
            if real or made:
                of_each = f"{100 * real:.2g} % of the real and {100 * made:.2g} % of the made rows"
                why = "above 0 and finite" if each.of.log and each.of.along is None else "finite"
                told.append(f"{each.of.quantity}: {of_each} are not {why}, and are left out.")
        return [text(each) for each in told]

    @classmethod
    def compared(cls, sides: Sequence[Side[Any]]) -> list[Block]:
        """Separation powers of all studies in a table; what shares its simulation is drawn over it, too."""
        names = {each.slug: each.of.quantity for side in sides for each in side.part.quantities}
        columns = {slug: [_of(side.part, slug) for side in sides] for slug in names}
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


def _together(sides: Sequence[Side[Any]], column: Sequence[Compared | None]) -> list[Picture]:
    """One quantity of all studies that have the first one's simulation; nothing of one alone."""
    shown = [(side.name, each) for side, each in zip(sides, column, strict=True) if each is not None]
    alike = [(name, each) for name, each in shown if _is_one_simulation(each.of, shown[0][1].of)]
    if len(alike) < 2:
        return []
    everything = [run for _, each in alike for run in each.runs]
    made = [Made(name, panels_of(each.runs, everything)) for name, each in alike]
    if len({tuple(panel.label for panel in each.panels) for each in made}) > 1:
        return []  # one of them has too few rows in some bin
    return [_picture(alike[0][1], made, sides[0].part.about)]


def _of(part: SpectraPart, slug: str) -> Compared | None:
    return next((each for each in part.quantities if each.slug == slug), None)


def _apart(each: Compared | None) -> str:
    return NONE if each is None or each.separation is None else _terse(each.separation)


def _slug(of: Spectra, taken: Sequence[str]) -> str:
    """A quantity's name for files and figures, which no other one has."""
    slug = "".join(c if c.isalnum() else "_" for c in of.quantity)
    n = sum(each == slug or each.startswith(f"{slug}-") for each in taken)
    return f"{slug}-{n + 1}" if n else slug


def _itself(column: Sequence[Compared | None]) -> tuple[str]:
    known = [each.itself for each in column if each is not None and each.itself is not None]
    return (number(known[0], 2) if known else NONE,)


def _is_one_simulation(one: Spectra, other: Spectra) -> bool:
    """Whether two studies have the same real rows in the same bins."""
    edges = [None if each.over is None else each.over.edges.tolist() for each in (one, other)]
    return np.array_equal(one.real, other.real) and edges[0] == edges[1]


def _generator(part: SpectraPart) -> str:
    n = len(part.about.tests)
    return f"generator, mean of {n} {part.about.word}s" if n > 1 else "generator"


def _row(each: Compared) -> tuple[Cell, ...]:
    of, panels, apart = each.of, each.panels, each.separation
    condition = NONE if of.over is None else f"{len(panels)} bins of {of.over.quantity}"
    if of.trend and of.over is not None:
        condition = f"bins of {of.over.quantity}"
    worst = max(panels, key=lambda panel: statistics.fmean(panel.separation or (0.0,)))
    return (
        of.quantity,
        each.shown_as,
        condition,
        f"{sum(panel.n_real for panel in panels):,}",
        f"{sum(panel.n_made for panel in panels):,}",
        NONE if apart is None else _terse(apart),
        NONE if each.itself is None or apart is None else number(each.itself, 2),
        worst.label if apart is not None and len(panels) > 1 else NONE,
        _terse(each.chi2),
        number(each.chi2_itself, 2),
    )


def _terse(figure: Measured) -> str:
    """With its error; without one, to two digits or as a whole number."""
    if figure.error is not None:
        return str(figure)
    return f"{figure.value:,.0f}" if figure.value >= 100 else number(figure.value, 2)


def _picture(each: Compared, made: Sequence[Made], about: About) -> Picture:
    of = each.of
    what = "Mean" if of.trend or of.along is not None else "Distribution of the"
    in_bins = "" if of.over is None else f" in bins of {of.over.quantity}"
    beyond = "" if of.trend or of.along is not None else " The outermost bins hold what lies beyond them."
    bands = f" Bands: sample sd over the {about.word}s." if len(each.runs) > 1 else ""
    told = listing(
        [
            f"{panel.label or 'all rows'} {number(statistics.fmean(panel.separation), 2)}"
            for panel in each.panels
            if panel.separation
        ]
    )
    return Picture(
        about.named(f"spectrum-{each.slug}"),
        f"{of.quantity}{in_bins}, generated and simulated." + (f" Separation power: {told}." if told else ""),
        f"{what} {of.quantity}{in_bins}: simulation (grey) and {listing([one.name for one in made])}; "
        "below, the ratio to the simulation, whose own statistical error is the grey band. Bars: one sigma "
        f"of the number of rows.{beyond}{bands} Dotted: the ratio of two halves of the simulation, as "
        "samples of one truth differ.",
        draw_spectra(of, made),
    )
