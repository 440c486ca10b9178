"""What is kept of trials: the weights of the best one, of several objectives those of the Pareto front, and of parents.

Where trials begin from the weights of others, those are kept that may still be begun from, also when all trials are done,
since more may be wanted later; and those of the parents of trials that are not over.

Deleting starts only when the ledger is durable.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

from raysearch.ledger.history import History, TrialHistory


def delete_superseded(folder: Path, history: History, possible_parents: Collection[int] = ()) -> None:
    """Delete the checkpoints of committed trials that nothing needs any more; safe to repeat.

    Args:
        folder: the study's folder.
        history: what is known of it.
        possible_parents: trials that others, yet to be asked, may begin from.
    """
    best = history.front if history.created.others else [history.best] if history.best else []
    open_trials = [trial for trial in history.trials if not trial.committed or _trains(trial)]
    kept = {trial.number for trial in best} | {trial.parent for trial in open_trials} | {*possible_parents}
    for trial_folder in (folder / "trials").glob("*"):
        if not trial_folder.name.isdigit() or int(trial_folder.name) >= len(history.trials):
            continue  # none of ours
        trial = history.trials[int(trial_folder.name)]
        if not trial.committed or _trains(trial):
            continue
        if trial.number not in kept:
            shutil.rmtree(trial_folder, ignore_errors=True)
            continue
        in_use = {folder / run.ended.weights for run in trial.runs if run.ended}
        for path in trial_folder.glob("*/*/*.pt"):
            if path not in in_use:
                path.unlink(missing_ok=True)


def _trains(trial: TrialHistory) -> bool:
    """Whether a run is under way, if only of a fold that no longer matters."""
    return any(run.in_flight for run in trial.runs)
