"""Estimates of a quantity: relative error, bias and resolution, beside those of a plain estimate.

What needs no network is trivial, and hard to beat: it stands beside the network everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from raysearch.errors import InputError
from raysearch.metrics.shown import Estimates
from raysearch.report.blocks import PM, Block, Heading, Picture
from raysearch.report.measured import Measured, over_runs
from raysearch.report.shown.deviations import (
    Deviations,
    EstimateResult,
    bins_of,
    estimate_result,
    result_against,
)
from raysearch.report.shown.estimates_compared import compared_errors
from raysearch.report.shown.estimates_figures import (
    draw_bias_and_resolution,
    draw_estimates,
    draw_relative_error,
    profile,
    true_label,
    upper_end,
)
from raysearch.report.shown.estimates_tables import (
    PERCENT,
    by_bins,
    claim,
    in_percent,
    in_sentence,
    of_error,
    summary,
    worst_told,
)
from raysearch.report.shown.part import About, Headline, Part, Side, Words
from raysearch.report.style import with_unit

ENERGY_UNITS = ("keV", "MeV", "GeV", "TeV")  # of what has a resolution as calorimeters have it


@dataclass(frozen=True)
class EstimatesPart(Part[Estimates]):
    """The estimates that the models of a trial's runs make on one test set.

    Attributes:
        about: where they come from.
        runs: of each run, in double precision.
        results: of each run.
        plain: of the plain estimate, which is one for all runs that train on the same data; None without one.
    """

    about: About
    runs: tuple[Estimates, ...]
    results: tuple[EstimateResult, ...]
    plain: EstimateResult | None

    MAIN: ClassVar[Mapping[str, Words]] = {
        "relative_error": Words("relative error", "rel. err."),
        "bias": Words("bias", "bias"),
        "resolution": Words("resolution", "resol."),
    }

    @classmethod
    def evaluate(cls, runs: Sequence[Sequence[Estimates]], about: About) -> Self:
        """Evaluate the estimates of each run, and the plain one of the first.

        Raises:
            InputError: fewer than two rows, values that are not finite, or true ones that are not above 0.
        """
        shown = [_widened(values[0]) for values in runs]
        fit = shown[0].unit in ENERGY_UNITS
        results = tuple(estimate_result(each.true, each.estimated, fit=fit) for each in shown)
        plain = shown[0].plain
        beside = None if plain is None else estimate_result(shown[0].true, plain, fit=fit)
        return cls(about, tuple(shown), results, beside)

    @property
    def first(self) -> Estimates:
        """That of the first run."""
        return self.runs[0]

    @property
    def subject(self) -> str:
        """The quantity."""
        return self.first.quantity

    @staticmethod
    def truth(value: Estimates) -> np.ndarray:
        """The true values (row,)."""
        return value.true

    @staticmethod
    def answer(value: Estimates) -> np.ndarray:
        """The estimates (row,)."""
        return value.estimated

    def figures(self) -> dict[str, Measured]:
        """Relative error, bias and resolution over the whole test set."""
        return {
            self.about.named(name): over_runs([Measured(*read(each.overall)) for each in self.results])
            for name, read in _OVERALL.items()
        }

    def headline(self) -> Headline:
        """The relative error, and the plain estimate's."""
        first, k = self.first, len(self.runs)
        network = f"({over_runs([_error(each) for each in self.results])}) %"
        told = f"its relative error{self._of_which} is {network}"
        if k > 1:
            told = f"the relative error of its {k} models{self._of_which} is {network} (mean {PM} sd)"
        which = f", {first.quantity}" if self.about.several else " on test"
        tiles = [(f"relative error{which}", network, self._n_rows)]
        if self.plain is not None:
            plain = f"({_error(self.plain)}) %"
            told += f"; that of the {in_sentence(first.plain_name)} is {plain} ({PM}: the test set's size)"
            tiles.append((first.plain_name, plain, "relative error of the trivial estimate on the same"))
        return Headline(told, tuple(tiles))

    @property
    def _of_which(self) -> str:
        """Name the quantity where there are several, and the rows that have it where not all do."""
        if not self.about.several:
            return ""
        rows = "" if self._all_have_it else f" ({len(self.first.true):,} have it)"
        return f" of the {self.first.quantity}{rows}"

    @property
    def _n_rows(self) -> str:
        return self.about.n_test if self._all_have_it else f"{len(self.first.true):,} of {self.about.n_test}"

    @property
    def _all_have_it(self) -> bool:
        return len(self.first.true) == self.about.tests[0].n_test

    def blocks(self) -> list[Block]:
        """Summary, the claim if there is one, three figures, and their numbers by bin."""
        about, first = self.about, self.first
        quantity, several = first.quantity, len(self.runs) > 1
        of_runs = f"mean of the {len(self.runs)} {about.word}s" if several else "one network"
        bars = "Bars: one sigma of the test set."
        marks = f"{bars} Bands: sample sd over {len(self.runs)} {about.word}s." if several else bars
        and_plain = f" and {in_sentence(first.plain_name)}" if self.plain else ""
        drawn = ", network" + and_plain
        dotted = "" if first.claim is None else f" Dotted, where in range: {PERCENT * first.claim:g} %."
        fit = " The fit is (a / sqrt(E)) (+) b, added in quadrature." if self.results[0].fit else ""
        plain = None if self.plain is None else (first.plain_name, self.plain.bins)
        beside = None if plain is None else profile(plain[0], [plain[1]], of_error)
        network = profile("network", bins_of(self.results), of_error)
        fits = [result.fit for result in self.results if result.fit]
        return [
            Heading(f"Estimated {quantity}", 3),
            summary(self.runs, self.results, self.plain, about),
            claim(first, self.results, about.word),
            Picture(
                about.named("relative-error"),
                f"Relative error over true {quantity}{drawn}. {worst_told(first, self.results)}",
                f"Mean relative error |E_est - E| / E in bins of true {quantity}, network "
                f"({of_runs}){and_plain}. {marks}{dotted}",
                draw_relative_error(first, [network], beside),
            ),
            Picture(
                about.named(f"estimated-{quantity.replace(' ', '-')}"),
                f"Density of estimated over true {quantity} of the test {about.units}, with the diagonal.",
                f"Estimated over true {quantity} of the test {about.units} ({of_runs}); on the dashed line "
                f"they are equal.{_beyond(self.runs)}",
                draw_estimates(self.runs, about.units),
            ),
            Picture(
                about.named("bias-and-resolution"),
                f"Bias and resolution over true {quantity}{drawn}; the table has the numbers.",
                "Mean (top) and sample standard deviation (bottom) of (E_est - E) / E in bins of true "
                f"{quantity}. {marks}{fit}",
                draw_bias_and_resolution(
                    true_label(first),
                    bins_of(self.results),
                    plain,
                    fits if len(fits) == len(self.results) else (),
                ),
            ),
            *self._against(marks),
            by_bins(first, self.results, self.plain, about.units),
        ]

    def _against(self, marks: str) -> list[Picture]:
        """Bias and resolution in bins of another quantity, where one is given that is not the same of all."""
        shown = self.first.against
        if shown is None:
            return []
        true, plain = self.first.true, self.first.plain
        bins = [result_against(shown.values, true, each.estimated) for each in self.runs]
        if len(bins[0]) < 2:
            return []
        beside = None if plain is None else result_against(shown.values, true, plain)
        over = f"{self.subject} over {shown.quantity}"
        return [
            Picture(
                self.about.named(f"bias-and-resolution-over-{shown.quantity.replace(' ', '-')}"),
                f"Bias and resolution of the {over}.",
                f"The same of the {over}, which is {shown.told}. {marks}",
                draw_bias_and_resolution(
                    with_unit(shown.quantity, shown.unit),
                    bins,
                    None if beside is None else (self.first.plain_name, beside),
                ),
            )
        ]

    @classmethod
    def compared(cls, sides: Sequence[Side[Any]]) -> list[Block]:
        """Relative errors over true values in one figure, and a table."""
        return compared_errors(sides)


_OVERALL: dict[str, Callable[[Deviations], tuple[float, float]]] = {
    "relative_error": lambda each: each.error,
    "bias": lambda each: each.bias,
    "resolution": lambda each: each.resolution,
}


def _widened(shown: Estimates) -> Estimates:
    """Estimates in double precision, as means over many rows need it.

    Raises:
        InputError: they cannot be evaluated.
    """
    columns = {name: getattr(shown, name) for name in ("true", "estimated", "plain")}
    known = {name: each.astype(np.float64) for name, each in columns.items() if each is not None}
    if len(shown.true) < 2:
        raise InputError(f"needs two rows or more, got {len(shown.true)}")
    if not all(np.isfinite(each).all() for each in known.values()) or known["true"].min() <= 0:
        raise InputError(f"values of {shown.quantity} must be finite, true ones above 0")
    if shown.against is not None and not np.isfinite(shown.against.values).all():
        raise InputError(f"values of {shown.against.quantity} must be finite")
    return replace(shown, **known)


def _error(result: EstimateResult) -> Measured:
    return in_percent(result.overall.error)


def _beyond(runs: Sequence[Estimates]) -> str:
    """Say how much lies outside the density's axes, if anything does."""
    end = upper_end(runs)
    share = np.mean([np.mean((each.estimated < 0) | (each.estimated > end)) for each in runs])
    return f" {PERCENT * share:.2g} % of the estimates lie outside the figure." if share else ""
