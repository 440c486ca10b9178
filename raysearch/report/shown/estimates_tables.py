"""Tables of one study's estimates, and whether a claim about their relative error holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from raysearch.metrics.shown import Estimates
from raysearch.report.blocks import NONE, PM, Table, Text, listing, text
from raysearch.report.measured import Measured, over_runs
from raysearch.report.shown.deviations import Deviations, EstimateResult
from raysearch.report.shown.part import About

PERCENT = 100.0
BAD_FIT = 5.0  # chi2 / ndf; the terms of a calorimeter say nothing of such a resolution
Pair = tuple[float, float | None]
Results = Sequence[EstimateResult]


def of_error(each: Deviations) -> tuple[float, float]:
    """The relative error with its uncertainty."""
    return each.error


def in_sentence(name: str) -> str:
    """A name within a sentence: ``calibrated energy sum`` for ``energy sum, calibrated``."""
    noun, _, adjective = name.partition(", ")
    return f"{adjective} {noun}" if adjective else noun


def in_percent(pair: Pair) -> Measured:
    """A figure of one run in percent."""
    return Measured(*pair).scaled(PERCENT)


def mean_bin(column: Sequence[Deviations]) -> tuple[Deviations, Measured]:
    """One bin's range and its relative error over the runs."""
    return column[0], over_runs([Measured(*each.error) for each in column])


def worst(runs: Results) -> tuple[Deviations, Measured]:
    """The bin whose relative error, over the runs, is largest."""
    return mean_bin([run.bins[worst_place(runs)] for run in runs])


def worst_place(runs: Results) -> int:
    """Place of the bin whose relative error, as a mean over the runs, is largest."""
    return int(np.argmax(np.mean([[each.error[0] for each in run.bins] for run in runs], axis=0)))


def worst_told(of: Estimates, runs: Results) -> str:
    """Say where the relative error is largest."""
    where, error = worst(runs)
    scaled = error.scaled(PERCENT)
    written = f"({scaled}) %" if scaled.error else f"{scaled} %"
    return f"The largest binned relative error is {written} ({_range(where.low, where.high, of.unit)})."


def ranges(of: Estimates, runs: Results, chosen: Sequence[bool]) -> str:
    """Write the ranges of the chosen bins, neighbours joined: ``20 to 300 GeV and 350 to 500 GeV``."""
    joined: list[list[float]] = []
    for each, is_chosen in zip(runs[0].bins, chosen, strict=True):
        if is_chosen and joined and joined[-1][1] == each.low:
            joined[-1][1] = each.high
        elif is_chosen:
            joined.append([each.low, each.high])
    return listing([_range(low, high, of.unit) for low, high in joined])


def _range(low: float, high: float, unit: str) -> str:
    return f"{low:g} to {high:g} {unit}".rstrip()


def below_claim(claim: float, runs: Results) -> list[bool]:
    """Whether the relative error over the runs is below what is claimed, bin by bin."""
    return [mean_bin(column)[1].value < claim for column in zip(*(run.bins for run in runs), strict=True)]


def claim(of: Estimates, runs: Results, word: str) -> Text:
    """Say where the binned relative error is largest and, if there is a claim, where it holds."""
    told = worst_told(of, runs)
    if of.claim is None:
        return text(told)
    limit, bins = f"{PERCENT * of.claim:g} %", runs[0].bins
    told += f" {of.claimed_by}: below {limit} over the whole {of.quantity} range."
    below = below_claim(of.claim, runs)
    whole = _range(bins[0].low, bins[-1].high, of.unit)
    if all(below):
        told += f" Here it is below {limit} in all {len(bins)} bins, {whole}."
    elif not any(below):
        told += f" Here it is below {limit} in no bin of {whole}."
    else:
        told += f" Here it is below {limit} in {sum(below)} of {len(bins)} bins: {ranges(of, runs, below)}."
    if len(runs) > 1:
        n = sum(run.worst.error[0] < of.claim for run in runs)
        told += f" Of the {len(runs)} {word}s taken one by one, {n} stay below {limit} in every bin."
    return text(told)


def summary(shown: Sequence[Estimates], runs: Results, plain: EstimateResult | None, about: About) -> Table:
    """Relative error, bias, resolution and its terms, the test set's own error and a plain estimate."""
    of, several = shown[0], len(runs) > 1
    rows = [
        _line(name, known, plain, read)
        for name, read in _quantities(of.unit)
        if len(known := [value for run in runs if (value := read(run)) is not None]) == len(runs)
    ]
    place = worst_place(runs)
    largest = _line(
        "largest binned relative error [%]",
        [run.bins[place].error for run in runs],
        plain,
        lambda each: each.worst.error,
    )
    rows.insert(3, largest)
    if runs[0].fit is not None:
        chi2 = [_chi2(runs), *([NONE] if several else []), *([_chi2([plain])] if plain else [])]
        rows.append(("chi2 / bins less terms, of the fit", *chi2))
    network = f"network, mean {PM} sd over {len(runs)} {about.word}s" if several else "network"
    own_error = ["its error from the test set"] if several else []
    head = ("", network, *own_error, *([of.plain_name] if plain else []))
    caption = (
        "Relative error: mean |E_est - E| / E; bias and resolution: mean and sample standard deviation of "
        f"(E_est - E) / E. {_what_errors_are(of, plain, about, several=several)}"
        f"{_bad_fit(runs)}"
    )
    return Table(head, tuple(rows), caption, frozenset(range(1, len(head))))


def _what_errors_are(of: Estimates, plain: EstimateResult | None, about: About, *, several: bool) -> str:
    size = f"one sigma of the test set of {about.tests[0].n_test:,}."
    if plain is None:
        return "" if several else f"{PM}: {size}"
    name = in_sentence(of.plain_name)
    told = f"{PM} of the {name}{'' if several else ' and of the network'}: {size}"
    return f"{told} The {name} is {of.plain_told}." if of.plain_told else told


Read = Callable[[EstimateResult], Pair | None]


def _quantities(unit: str) -> list[tuple[str, Read]]:
    return [
        ("relative error [%]", lambda each: each.overall.error),
        ("bias [%]", lambda each: each.overall.bias),
        ("resolution [%]", lambda each: each.overall.resolution),
        (f"stochastic term a [% sqrt({unit})]", lambda each: each.fit.stochastic if each.fit else None),
        ("constant term b [%]", lambda each: each.fit.constant if each.fit else None),
    ]


def _line(name: str, known: Sequence[Pair], plain: EstimateResult | None, read: Read) -> tuple[str, ...]:
    """One figure: the network's, of several runs with the test set's own error, and the plain estimate's."""
    errors = [PERCENT * error for _, error in known if error is not None]
    own = [f"{np.mean(errors):.2g}" if errors else NONE] if len(known) > 1 else []
    beside = read(plain) if plain else None
    of_plain = [str(in_percent(beside)) if beside else NONE] if plain else []
    return (name, str(over_runs([in_percent(each) for each in known])), *own, *of_plain)


def _chi2(runs: Results) -> str:
    fits = [run.fit for run in runs if run.fit]
    return f"{np.mean([fit.chi2 for fit in fits]):.1f} / {fits[0].ndf}" if fits else NONE


def _bad_fit(runs: Results) -> str:
    """Say that the terms of a resolution do not describe the bins, if so."""
    worst = max((run.fit.chi2 / run.fit.ndf for run in runs if run.fit and run.fit.ndf), default=0.0)
    if worst <= BAD_FIT:
        return ""
    told = f"chi2 / ndf = {worst:.2g}"
    return f" The fit does not describe the bins ({told}): a, b and their errors say little."


def by_bins(of: Estimates, runs: Results, plain: EstimateResult | None, units: str) -> Table:
    """The figures' numbers by bin."""
    columns = list(zip(*(run.bins for run in runs), strict=True))
    rows = []
    for place, column in enumerate(columns):
        first = column[0]
        sets = [column, *([(plain.bins[place],)] if plain else [])]
        cells = [
            str(over_runs([in_percent(read(each)) for each in one]))
            for one in sets
            for read in _IN_BINS.values()
        ]
        rows.append((f"{first.low:g} to {first.high:g}", f"{first.n:,}", *cells))
    beside = [f"{name}, {of.plain_name}" for name in _IN_BINS] if plain else []
    head = (
        f"true {of.quantity} [{of.unit}]" if of.unit else f"true {of.quantity}",
        units,
        *_IN_BINS,
        *beside,
    )
    return Table(head, tuple(rows), "The same in numbers.", frozenset(range(1, len(head))))


_IN_BINS: dict[str, Callable[[Deviations], tuple[float, float]]] = {
    "relative error [%]": lambda each: each.error,
    "bias [%]": lambda each: each.bias,
    "resolution [%]": lambda each: each.resolution,
}
