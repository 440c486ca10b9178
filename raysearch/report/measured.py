"""Figures of one study by name, each with its uncertainty: what tables show, beside what was published.

Names are those of a space file's ``published`` metrics: ``val_loss``, ``parameters``, ``mflop``,
``test_loss``, and those of the parts (``auc_g``, ``resolution`` and so on, see ``report/shown``).

One model: the uncertainty is that of the test set. Models of several folds or repeats: their mean, with the
sample standard deviation over the models; all are applied to the same test set, whose own uncertainty is
common to them.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from raysearch.ledger.history import History
from raysearch.ledger.over_folds import common_names
from raysearch.ledger.run_records import Tested
from raysearch.report.blocks import number, with_error
from raysearch.report.states import fact

COST = ("parameters", "mflop")


@dataclass(frozen=True)
class Measured:
    """A figure with its uncertainty (None where unknown); a lower limit has none.

    Of several runs it is their mean, and the uncertainty the sample standard deviation over them.
    """

    value: float
    error: float | None = None
    is_limit: bool = False
    n_runs: int = 1

    def __str__(self) -> str:
        if self.is_limit:
            return f"> {self.value:.0f}"
        return number(self.value) if self.error is None else with_error(self.value, self.error)

    def scaled(self, factor: float) -> Measured:
        """The figure in another unit."""
        error = None if self.error is None else factor * self.error
        return Measured(factor * self.value, error, self.is_limit, self.n_runs)


def over_runs(values: Sequence[Measured]) -> Measured:
    """Combine one figure of each run; with a limit among them, only the least is known."""
    if len(values) == 1:
        return values[0]
    numbers = [each.value for each in values]
    if any(each.is_limit for each in values):
        return Measured(min(numbers), is_limit=True)
    return Measured(statistics.fmean(numbers), statistics.stdev(numbers), n_runs=len(numbers))


def in_ledger(history: History, tests: Sequence[Tested]) -> dict[str, Measured]:
    """Collect the figures that the ledger has of the best trial, and of the trial that was tested.

    Args:
        history: the study's.
        tests: records of the tested trial's runs.
    """
    figures: dict[str, Measured] = {}
    if (best := history.best) is not None:
        ended = [run.ended for run in best.runs if run.ended]
        for name in common_names([each.metrics for each in ended]):
            figures[name] = over_runs([Measured(each.metrics[name]) for each in ended])
        for name in COST:
            if isinstance(value := fact(best, name), int | float):
                figures[name] = Measured(value)
    for name in common_names([each.metrics for each in tests]):
        figures[name] = over_runs([Measured(each.metrics[name]) for each in tests])
    return figures
