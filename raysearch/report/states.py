"""How trials ended, in words and figures; light enough for the command line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from raysearch.ledger.history import History, TrialHistory
from raysearch.ledger.records import Tested

OVER = ("finished", "pruned", "refused", "failed")
ALWAYS_TOLD = ("finished", "failed")


def trivial_loss(history: History) -> float | None:
    """The loss on validation data of an estimate that needs no network, where the data say it: the calibrated energy sum's."""
    calibration = history.created.data.get("calibration")
    known = calibration.get("validation_error") if isinstance(calibration, dict) else None
    return (
        float(known) if isinstance(known, int | float) and history.created.objective == "val_loss" else None
    )


def count_states(trials: Iterable[TrialHistory], states: Sequence[str] = OVER) -> str:
    """Write how many are over, and how: ``10 finished, 2 pruned, 1 refused, 0 failed``."""
    counts = Counter[str](trial.state for trial in trials)
    told = [state for state in states if counts[state] or state in ALWAYS_TOLD]
    return ", ".join(f"{counts[state]} {state}" for state in told)


def reached(trial: TrialHistory) -> float | None:
    """The objective of a finished trial; of a pruned one what it had come to; else None."""
    if trial.committed and trial.committed.state == "pruned":
        return trial.committed.value
    return trial.value


def objective_names(history: History) -> list[str]:
    """Names of all objectives, the first first."""
    return [history.created.objective, *history.created.others]


def looks(history: History) -> list[list[Tested]]:
    """The test records by look at the test set."""
    return [[tested for tested, _ in look] for look in history.looks]


def tests_of(history: History, trial: TrialHistory) -> list[Tested]:
    """The test records of a trial, of the last look if there were several, by fold."""
    last = [look for look in looks(history) if look[0].trial == trial.number][-1:]
    return sorted((tested for look in last for tested in look), key=lambda tested: tested.fold)


def fact(trial: TrialHistory, name: str) -> Any:  # noqa: ANN401 - facts are any plain values
    """Return a fact of a trial's first ended run, None where unknown."""
    return next((run.ended.facts[name] for run in trial.runs if run.ended and name in run.ended.facts), None)
