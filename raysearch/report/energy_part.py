"""The test part of an energy regression: figures and tables of one study, and of several side by side.

Everywhere the energy-sum calibration stands beside the network: it is trivial, and hard to beat.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from raysearch.ledger.history import History
from raysearch.report.blocks import NONE, PM, Block, Cell, Heading, Picture, Table, Text, listing, text
from raysearch.report.energy import (
    Deviations,
    EnergyResult,
    calibration_result,
    energy_results,
)
from raysearch.report.energy_figures import (
    CLAIM,
    draw_bias_and_resolution,
    draw_estimates,
    draw_relative_error,
    profile,
    upper_end,
)
from raysearch.report.measured import Measured, over_folds
from raysearch.report.predictions import TestResult, noun

CALIBRATION = "energy sum, calibrated"
PERCENT = 100.0


def energy_part(history: History, result: TestResult) -> list[Block]:
    """Make figures and tables of a regression's test, which has estimates."""
    runs, trivial = energy_results(result.estimates), calibration_result(result.estimates)
    units = noun(history.created.data)
    several = f"mean of the {len(runs)} {result.word}s" if len(runs) > 1 else "one network"
    outside = np.mean(
        [np.mean(_outside(each.estimated, upper_end(result.estimates))) for each in result.estimates]
    )
    beyond = f" {PERCENT * outside:.2g} % of the estimates lie outside the figure." if outside else ""
    told = _worst_told(runs)
    return [
        Heading("Estimated energy", 3),
        _summary(runs, trivial, result),
        claim(runs, result.word),
        Picture(
            "relative-error",
            f"Relative error over true energy, network and calibrated energy sum. {told}",
            f"Mean relative error |E_est - E| / E in bins of true energy, network ({several}) and calibrated energy sum. "
            f"{_marks(runs, result.word)} Dotted, where in range: 10 %.",
            draw_relative_error([profile("network", runs, _error)], profile(CALIBRATION, [trivial], _error)),
        ),
        Picture(
            "estimated-energy",
            f"Density of estimated over true energy of the test {units}, with the diagonal.",
            f"Estimated over true energy of the test {units} ({several}); on the dashed line they are equal.{beyond}",
            draw_estimates(result.estimates, units),
        ),
        Picture(
            "bias-and-resolution",
            "Bias and resolution over true energy, network and calibrated energy sum; the table has the numbers.",
            "Mean (top) and sample standard deviation (bottom) of (E_est - E) / E in bins of true energy. "
            f"{_marks(runs, result.word)} The fit is (a / sqrt(E)) (+) b, added in quadrature.",
            draw_bias_and_resolution(runs, trivial),
        ),
        _bins(runs, trivial, units),
    ]  # fmt: skip


def claim(runs: Sequence[EnergyResult], word: str) -> Text:
    """Say whether, and where, the binned relative error is below 10 %, which is what the 3DGAN paper reports."""
    bins = [_mean_bin(column) for column in zip(*(run.bins for run in runs), strict=True)]
    told = f"{_worst_told(runs)} The 3DGAN paper says of its genetic algorithm: below 10 % over the whole energy range."
    below = [error.value < CLAIM for _, error in bins]
    whole = f"{bins[0][0].low:g} to {bins[-1][0].high:g} GeV"
    if all(below):
        here = f" Here it is below 10 % in all {len(bins)} bins, {whole}."
    elif not any(below):
        here = f" Here it is below 10 % in no bin of {whole}."
    else:
        here = f" Here it is below 10 % in {sum(below)} of {len(bins)} bins: {_ranges(bins, below)}."
    if len(runs) > 1:
        n = sum(run.worst.error[0] < CLAIM for run in runs)
        here += f" Of the {len(runs)} {word}s taken one by one, {n} stay below 10 % in every bin."
    return text(told + here)


def compared_energies(models: Mapping[str, tuple[Cell, TestResult]]) -> list[Block]:
    """Set several models side by side: relative error over energy in one figure, and a table.

    Args:
        models: by name, the name as tables show it (a link) and the test, of those that have estimates.
    """
    if not models:
        return []
    runs = {name: energy_results(result.estimates) for name, (_, result) in models.items()}
    first = next(iter(models.values()))[1].estimates[0]
    shared = all(
        np.array_equal(result.estimates[0].energy, first.energy)
        and np.array_equal(result.estimates[0].calibrated, first.calibrated)
        for _, result in models.values()
    )
    trivial = [calibration_result([first])]
    rows: list[tuple[Cell, ...]] = []
    for name, (cell, result) in models.items():
        rows.append((cell, *_row(runs[name])))
        if not shared:
            rows.append((f"{name}: {CALIBRATION}", *_row([calibration_result(result.estimates)])))
    rows += [(CALIBRATION, *_row(trivial))] if shared else []
    told = "; ".join(f"{name}: {_worst_told(each)}" for name, each in runs.items())
    head = ("model", "relative error [%]", "bias [%]", "resolution [%]", "largest binned relative error [%]",
            "where [GeV]", "below 10 %", "runs")  # fmt: skip
    return [
        Heading("Relative error over energy", 3),
        Picture(
            "relative-error",
            f"Relative error over true energy of each model. {told}",
            "Mean relative error |E_est - E| / E on the test set in bins of true energy. Bars: one sigma of the test set; "
            f"bands: sample sd over the runs of a model, where there are several. {'Squares: the calibrated energy sum.' if shared else ''}",
            draw_relative_error(
                [profile(name, each, _error) for name, each in runs.items()],
                profile(CALIBRATION, trivial, _error) if shared else None,
            ),
        ),
        Table(head, tuple(rows), f"{PM}: sample sd over the runs of a model; of one run, one sigma of the test set.",
              frozenset(range(1, len(head)))),
    ]  # fmt: skip


def _error(each: Deviations) -> tuple[float, float]:
    return each.error


def _outside(estimated: np.ndarray, end: float) -> np.ndarray:
    return (estimated < 0) | (estimated > end)


def _percent(values: Sequence[tuple[float, float | None]]) -> Measured:
    """One figure of each run in percent, combined."""
    return over_folds(
        [Measured(PERCENT * value, None if error is None else PERCENT * error) for value, error in values]
    )


def _mean_bin(column: Sequence[Deviations]) -> tuple[Deviations, Measured]:
    """One bin's range and its relative error over the runs."""
    return column[0], over_folds([Measured(*each.error) for each in column])


def _worst_told(runs: Sequence[EnergyResult]) -> str:
    worst, error = _worst(runs)
    return f"The largest binned relative error is {_in_percent(error)} ({worst.low:g} to {worst.high:g} GeV)."


def _worst(runs: Sequence[EnergyResult]) -> tuple[Deviations, Measured]:
    """The bin whose relative error, over the runs, is largest."""
    return _mean_bin([run.bins[worst_bin(runs)] for run in runs])


def worst_bin(runs: Sequence[EnergyResult]) -> int:
    """Place of the bin whose relative error, as a mean over the runs, is largest."""
    return int(np.argmax(np.mean([[each.error[0] for each in run.bins] for run in runs], axis=0)))


def _in_percent(error: Measured) -> str:
    scaled = Measured(PERCENT * error.value, None if error.error is None else PERCENT * error.error)
    return f"({scaled}) %" if scaled.error else f"{scaled} %"


def _ranges(bins: Sequence[tuple[Deviations, Measured]], chosen: Sequence[bool]) -> str:
    """Write the energies of the chosen bins, neighbours joined: ``20 to 300 GeV and 350 to 500 GeV``."""
    ranges: list[list[float]] = []
    for (each, _), is_chosen in zip(bins, chosen, strict=True):
        if is_chosen and ranges and ranges[-1][1] == each.low:
            ranges[-1][1] = each.high
        elif is_chosen:
            ranges.append([each.low, each.high])
    return listing([f"{low:g} to {high:g} GeV" for low, high in ranges])


def _marks(runs: Sequence[EnergyResult], word: str) -> str:
    bars = "Bars: one sigma of the test set."
    return f"{bars} Bands: sample sd over {len(runs)} {word}s." if len(runs) > 1 else bars


Pair = tuple[float, float | None]

_QUANTITIES: tuple[tuple[str, Callable[[EnergyResult], Pair | None]], ...] = (
    ("relative error [%]", lambda each: each.overall.error),
    ("bias [%]", lambda each: each.overall.bias),
    ("resolution [%]", lambda each: each.overall.resolution),
    ("stochastic term a [% sqrt(GeV)]", lambda each: each.fit.stochastic if each.fit else None),
    ("constant term b [%]", lambda each: each.fit.constant if each.fit else None),
)


def _summary(runs: Sequence[EnergyResult], trivial: EnergyResult, result: TestResult) -> Table:
    """Relative error, bias, resolution and its terms: the network, the test set's own error, the calibration."""
    several = len(runs) > 1
    rows = [
        _line(name, known, read(trivial))
        for name, read in _QUANTITIES
        if len(known := [value for run in runs if (value := read(run)) is not None]) == len(runs)
    ]
    place, own = worst_bin(runs), worst_bin([trivial])
    rows.insert(
        3,
        _line(
            "largest binned relative error [%]",
            [run.bins[place].error for run in runs],
            trivial.bins[own].error,
        ),
    )
    rows.append(
        ("chi2 / bins less terms, of the fit", _chi2(runs), *([NONE] if several else []), _chi2([trivial]))
    )
    network = f"network, mean {PM} sd over {len(runs)} {result.word}s" if several else "network"
    head = ("", network, *(["its error from the test set"] if several else []), CALIBRATION)
    caption = (
        "Relative error: mean |E_est - E| / E; bias and resolution: mean and sample standard deviation of (E_est - E) / E. "
        f"{PM} of the calibration{'' if several else ' and of the network'}: one sigma of the test set of {runs[0].overall.n:,}. The "
        "calibration is E = a sum + b over all cells, fitted to the training data."
    )
    return Table(head, tuple(rows), caption, frozenset(range(1, len(head))))


def _line(name: str, known: Sequence[Pair], beside: Pair | None) -> tuple[str, ...]:
    """One quantity: the network's, of several runs with the test set's own error, and the calibration's."""
    errors = [PERCENT * error for _, error in known if error is not None]
    own = [f"{np.mean(errors):.2g}" if errors else NONE] if len(known) > 1 else []
    return (name, str(_percent(known)), *own, str(_percent([beside])) if beside else NONE)


def _chi2(runs: Sequence[EnergyResult]) -> str:
    fits = [run.fit for run in runs if run.fit]
    return f"{np.mean([fit.chi2 for fit in fits]):.1f} / {fits[0].ndf}" if fits else NONE


def _row(runs: Sequence[EnergyResult]) -> tuple[str, ...]:
    """A model's line beside others."""
    worst, largest = _worst(runs)
    bins = [_mean_bin(column) for column in zip(*(run.bins for run in runs), strict=True)]
    below = [error.value < CLAIM for _, error in bins]
    where = "everywhere" if all(below) else _ranges(bins, below) or "nowhere"
    quantities = [
        _percent([getattr(run.overall, name) for run in runs]) for name in ("error", "bias", "resolution")
    ]
    return (
        *map(str, quantities),
        str(_percent([(largest.value, largest.error)])),
        f"{worst.low:g} to {worst.high:g}",
        where,
        str(len(runs)),
    )


def _bins(runs: Sequence[EnergyResult], trivial: EnergyResult, units: str) -> Table:
    """The figures' numbers by bin."""
    rows = tuple(
        (
            f"{column[0].low:g} to {column[0].high:g}",
            f"{column[0].n:,}",
            *(
                str(_percent([getattr(each, name) for each in column]))
                for name in ("error", "bias", "resolution")
            ),
            *(str(_percent([getattr(beside, name)])) for name in ("error", "bias", "resolution")),
        )
        for column, beside in zip(zip(*(run.bins for run in runs), strict=True), trivial.bins, strict=True)
    )
    of = f", {CALIBRATION}"
    names = ("relative error [%]", "bias [%]", "resolution [%]")
    head = ("true energy [GeV]", units, *names, *(name + of for name in names))
    return Table(head, rows, "The same in numbers.", frozenset(range(1, len(head))))
