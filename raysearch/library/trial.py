"""One trial as its study's ledger has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raysearch.ledger.history import History
from raysearch.ledger.trial_history import TrialHistory
from raysearch.library.facts import trial_facts, trial_figures, weights_of
from raysearch.library.html import html_table


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """One trial of a study.

    Attributes:
        number: from 0.
        state: ``waiting``, ``running``, ``finished``, ``pruned``, ``refused`` or ``failed``.
        objective: name of the objective.
        value: the objective; with folds its mean. None unless it is finished.
        settings: those that were searched.
        metrics: of training and validation at the best epoch; with folds their means.
        test_metrics: of the test set, empty for a trial that was never the best.
        metrics_sd, test_metrics_sd: their sample standard deviations over folds, empty of one.
        epochs, seconds: trained in all.
        parameters: weights and biases of the model; None where unknown, as the next one.
        mflop: operations for one example, in 10^6.
        weights: files of the best weights, one for each fold; only those of the best trials are kept.
        failure: why it failed or was refused, or empty.
    """

    number: int
    state: str
    objective: str
    value: float | None
    settings: Mapping[str, Any]
    metrics: Mapping[str, float]
    test_metrics: Mapping[str, float]
    metrics_sd: Mapping[str, float]
    test_metrics_sd: Mapping[str, float]
    epochs: int
    seconds: float
    parameters: int | None
    mflop: float | None
    weights: tuple[Path, ...]
    failure: str

    @classmethod
    def of(cls, folder: Path, history: History, trial: TrialHistory) -> TrialResult:
        """Take from a study's history what there is of a trial."""
        facts, figures = trial_facts(trial), trial_figures(history, trial)
        taken = (
            "number",
            "state",
            "value",
            "settings",
            "epochs",
            "seconds",
            "parameters",
            "mflop",
            "failure",
        )
        return cls(
            **{name: facts[name] for name in taken},
            objective=figures["objective"],
            metrics=figures["metrics"],
            test_metrics=figures["test_metrics"],
            metrics_sd=figures.get("metrics_sd", {}),
            # One run has no spread: empty, not 0.
            test_metrics_sd=figures.get("test_metrics_sd", {}),
            weights=tuple(weights_of(folder, trial)),
        )

    def _repr_html_(self) -> str:
        """Settings and figures for a notebook."""
        figures = {self.objective: self.value, **self.test_metrics} if self.value is not None else {}
        rows = [(name, in_words(value)) for name, value in {**self.settings, **figures}.items()]
        return f"<p>trial {self.number}, {self.state}</p>" + html_table((), [(row, "") for row in rows])


def in_words(value: object) -> str:
    """A setting or figure, short."""
    return f"{value:.5g}" if isinstance(value, float) else str(value)
