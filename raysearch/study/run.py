"""A run to carry out, as it follows from what is known of the study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from raysearch.ledger.history import History
from raysearch.ledger.trial_history import RunHistory
from raysearch.seeds import derive
from raysearch.space.space_file import SpaceFile
from raysearch.study.pruning import UNPRUNED, Schedule, known_curves, schedule_for


@dataclass(frozen=True)
class Run:
    """A run to carry out: one attempt at a trial's fold.

    Attributes:
        settings: searched and held settings, complete.
        seed: from (study seed, trial, fold); the same for every attempt.
        schedule: when to give up, and how much of the data to train on; the same for every attempt.
        parent: path inside the study's folder of the checkpoint it begins from, ``weights`` of
            the parent's run of the same fold, or empty.
        parent_sha256: over the weights in it.
        breeds: whether others may begin from this run.
    """

    trial: int
    fold: int
    attempt: int
    settings: dict[str, Any]
    seed: int
    schedule: Schedule = UNPRUNED
    parent: str = ""
    parent_sha256: str = ""
    breeds: bool = False


def run_of(
    history: History, space_file: SpaceFile, known: RunHistory, attempt: int, *, breeds: bool = False
) -> Run:
    """Write down an attempt at a run that the history knows."""
    # All of it from the history: whoever makes this run, now or after a kill, makes the same.
    trial, epochs, rule = history.trials[known.trial], space_file.budget.epochs, space_file.search.prune
    curves = known_curves(history, trial, known.fold, epochs) if rule else []
    begun = history.inherited(known.trial, known.fold)
    return Run(
        trial=known.trial,
        fold=known.fold,
        attempt=attempt,
        settings=space_file.searched.complete(trial.settings),
        seed=derive(space_file.seed, "run", known.trial, known.fold),
        schedule=schedule_for(rule, epochs, curves),
        parent=begun.weights if begun else "",
        parent_sha256=begun.weights_sha256 if begun else "",
        breeds=breeds,
    )
