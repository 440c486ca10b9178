"""Spectra: what a generator makes beside the simulation, by a condition, and the simulation's own level."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from raysearch.errors import InputError
from raysearch.metrics.shown import Spectra
from raysearch.report.blocks import Block, Heading, text
from raysearch.report.measured import Measured, over_runs
from raysearch.report.shown.part import About, Headline, Part, Side, Words
from raysearch.report.shown.spectra_compared import compared_spectra
from raysearch.report.shown.spectra_figures import Made
from raysearch.report.shown.spectra_panels import panels_of
from raysearch.report.shown.spectra_quantity import Quantity, free_slug, terse
from raysearch.report.shown.spectra_tables import distances, spectrum, told_of


@dataclass(frozen=True)
class SpectraPart(Part[Spectra]):
    """All spectra that the models of a trial's runs show.

    Attributes:
        about: where they come from.
        quantities: in the task's order.
        untold: what of them cannot be shown, and why.
    """

    about: About
    quantities: tuple[Quantity, ...]
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
        quantities, untold = list[Quantity](), list[str]()
        for column in zip(*runs, strict=True):
            try:
                panels = tuple(panels_of(column))
                quantities.append(
                    Quantity(column, panels, free_slug(column[0], [each.slug for each in quantities]))
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
        here, level = terse(apart), terse(itself)
        told = (
            f"the mean separation power of its {n} spectra from the simulation's is {here}, that of the "
            f"simulation from itself {level}"
        )
        return Headline(
            told, (("mean separation power", here, f"{n} spectra; simulation from itself {level}"),)
        )

    def blocks(self) -> list[Block]:
        """A table of all quantities, then a figure of each."""
        n_runs, word = len(self.about.tests), self.about.word
        name = f"generator, mean of {n_runs} {word}s" if n_runs > 1 else "generator"
        return [
            Heading("Spectra", 3),
            distances(self.quantities, self.about),
            *(spectrum(each, [Made(name, each.panels)], self.about) for each in self.quantities),
            *(text(f"Not shown: {each}.") for each in self.untold),
            *(text(told) for told in told_of(self.quantities)),
        ]

    @classmethod
    def compared(cls, sides: Sequence[Side[Any]]) -> list[Block]:
        """Separation powers of all studies in a table; what shares its simulation is drawn over it, too."""
        return compared_spectra(sides)
