"""What is known of trials and of their tests; light enough for the command line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from raysearch.ledger.history import History
from raysearch.ledger.run_records import Tested
from raysearch.ledger.trial_history import TrialHistory

PLAIN_NAME = "energy sum, calibrated"


class PlainLoss(NamedTuple):
    """The loss on validation data of an estimate that needs no network."""

    name: str
    loss: float


def plain_loss(history: History) -> PlainLoss | None:
    """The loss that networks have to beat, where the data say it and it is the objective: a calibration's."""
    calibration = history.created.data.get("calibration")
    known = calibration.get("validation_error") if isinstance(calibration, dict) else None
    if not isinstance(known, int | float) or history.created.objective != "val_loss":
        return None
    return PlainLoss(PLAIN_NAME, float(known))


def reached(trial: TrialHistory) -> float | None:
    """The objective of a finished trial; of a pruned one what it had come to; else None."""
    if trial.committed and trial.committed.state == "pruned":
        return trial.committed.value
    return trial.value


def objective_names(history: History) -> list[str]:
    """Names of all objectives, the first first."""
    return [history.created.objective, *history.created.others]


def run_words(histories: Iterable[History]) -> str:
    """What the runs of these studies' trials are: ``folds``, ``repeats`` (of the seed alone), or both."""
    several = [history.created for history in histories if history.created.folds > 1]
    return " or ".join(sorted({f"{created.run_word}s" for created in several})) or "folds"


def test_evaluations(history: History) -> list[list[Tested]]:
    """The test records by evaluation on the test set."""
    return [[tested for tested, _ in evaluation] for evaluation in history.test_evaluations]


test_evaluations.__test__ = False  # type: ignore[attr-defined] # whatever pytest makes of the name


def tests_of(history: History, trial: TrialHistory) -> list[Tested]:
    """The test records of a trial, of its last evaluation if there were several, by fold."""
    of_trial = [tests for tests in test_evaluations(history) if tests[0].trial == trial.number]
    return sorted((tested for tests in of_trial[-1:] for tested in tests), key=lambda tested: tested.fold)


def training_loss_of(trial: TrialHistory) -> str:
    """What a trial's training loss is, where that of validation and test is another; else empty."""
    return str(fact(trial, "training_loss") or "")


def fact(trial: TrialHistory, name: str) -> Any:  # noqa: ANN401 - facts are any plain values
    """Return a fact of a trial's first ended run, None where unknown."""
    return next((run.ended.facts[name] for run in trial.runs if run.ended and name in run.ended.facts), None)
