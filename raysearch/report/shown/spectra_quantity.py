"""One quantity of a generator: what its runs made of it, panel by panel, and distances over all panels."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from raysearch.metrics.shown import Spectra
from raysearch.report.blocks import number
from raysearch.report.measured import Measured, over_runs
from raysearch.report.shown.spectra_panels import Panel


@dataclass(frozen=True)
class Quantity:
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
        """Mean over the panels, over the runs; None for what is no distribution, or was given."""
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


def free_slug(of: Spectra, taken: Sequence[str]) -> str:
    """A quantity's name for files and figures, which no other one has."""
    slug = "".join(c if c.isalnum() else "_" for c in of.quantity)
    n = sum(each == slug or each.startswith(f"{slug}-") for each in taken)
    return f"{slug}-{n + 1}" if n else slug


def terse(figure: Measured) -> str:
    """With its error; without one, to two digits or as a whole number."""
    if figure.error is not None:
        return str(figure)
    return f"{figure.value:,.0f}" if figure.value >= 100 else number(figure.value, 2)
