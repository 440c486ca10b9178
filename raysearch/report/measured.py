"""Figures of one study by name, each with its uncertainty: what tables show, beside what was published.

Names are those of a space file's ``published`` metrics: ``val_loss``, ``accuracy``, ``auc``, ``auc_g``, ``tpr10_g``
(exact), ``tpr10_grid_g`` (as published), ``rejection30_g``, ``relative_error``, ``bias``, ``resolution`` (of an energy
regression), ``parameters``, ``mflop`` and so on.

One model: the uncertainty is that of the test set. Models of several folds or repeats: their mean, with the sample
standard deviation over the models; all are applied to the same test set, whose own uncertainty is common to them.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from raysearch.ledger.history import History
from raysearch.ledger.over_folds import common_names
from raysearch.report.blocks import number, with_error
from raysearch.report.energy import Deviations, EnergyResult, energy_results
from raysearch.report.predictions import TestResult
from raysearch.report.roc import FPRS, SIGNAL_EFFICIENCIES, ClassResult, class_results
from raysearch.report.states import fact


@dataclass(frozen=True)
class Measured:
    """A figure with its uncertainty (None where unknown); a lower limit has none."""

    value: float
    error: float | None = None
    is_limit: bool = False

    def __str__(self) -> str:
        if self.is_limit:
            return f"> {self.value:.0f}"
        return number(self.value) if self.error is None else with_error(self.value, self.error)


def over_folds(values: Sequence[Measured]) -> Measured:
    """Combine one figure of each fold; with a limit among them, only the least is known."""
    if len(values) == 1:
        return values[0]
    numbers = [each.value for each in values]
    if any(each.is_limit for each in values):
        return Measured(min(numbers), is_limit=True)
    return Measured(statistics.fmean(numbers), statistics.stdev(numbers))


def fold_results(result: TestResult) -> list[list[ClassResult]]:
    """Evaluate each class against the rest: by fold, then by class."""
    return [class_results(predictions) for predictions in result.predictions]


def measured(
    history: History, result: TestResult, folds: Sequence[Sequence[ClassResult]]
) -> dict[str, Measured]:
    """Collect all figures of the best trial, and of the trial that was tested.

    Args:
        history: the study's.
        result: its test.
        folds: :func:`fold_results` of the test.
    """
    figures: dict[str, Measured] = {}
    best = history.best
    if best is not None:
        ended = [run.ended for run in best.runs if run.ended]
        for name in common_names([each.metrics for each in ended]):
            figures[name] = over_folds([Measured(each.metrics[name]) for each in ended])
        for name in ("parameters", "mflop"):
            if isinstance(value := fact(best, name), int | float):
                figures[name] = Measured(value)
    for name in common_names([each.metrics for each in result.tests]):
        figures[name] = over_folds([Measured(each.metrics[name]) for each in result.tests])
    figures |= _of_energy(energy_results(result.estimates))
    if result.accuracy is not None:
        figures["accuracy"] = Measured(*result.accuracy)
    for place, first in enumerate(folds[0] if folds else ()):
        for name, read in _BY_CLASS.items():
            figures[f"{name}_{first.name}"] = over_folds([read(results[place]) for results in folds])
    if folds:
        means = [statistics.fmean(each.auc[0] for each in results) for results in folds]
        mean = over_folds([Measured(value) for value in means])
        figures["auc"] = mean
    return figures


def _of_energy(runs: Sequence[EnergyResult]) -> dict[str, Measured]:
    return {
        name: over_folds([Measured(*read(each.overall)) for each in runs])
        for name, read in _OF_ENERGY.items()
        if runs
    }


def _rejection(place: int) -> Callable[[ClassResult], Measured]:
    def read(result: ClassResult) -> Measured:
        rejection = result.rejections[place]
        if not math.isfinite(rejection.value):
            return Measured(rejection.lower_limit, is_limit=True)
        return Measured(rejection.value, rejection.error)

    return read


def _tpr(place: int, *, as_published: bool) -> Callable[[ClassResult], Measured]:
    return lambda result: Measured(*(result.tprs_published if as_published else result.tprs)[place])


_OF_ENERGY: dict[str, Callable[[Deviations], tuple[float, float]]] = {
    "relative_error": lambda each: each.error,
    "bias": lambda each: each.bias,
    "resolution": lambda each: each.resolution,
}

_BY_CLASS: dict[str, Callable[[ClassResult], Measured]] = {
    "auc": lambda result: Measured(*result.auc),
    **{f"tpr{100 * fpr:g}": _tpr(place, as_published=False) for place, fpr in enumerate(FPRS)},
    **{f"tpr{100 * fpr:g}_grid": _tpr(place, as_published=True) for place, fpr in enumerate(FPRS)},
    **{f"rejection{100 * share:g}": _rejection(place) for place, share in enumerate(SIGNAL_EFFICIENCIES)},
}
