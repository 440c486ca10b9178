"""What is kept of trials: the weights of the best one, of several objectives those of the Pareto front.

Deleting starts only when the ledger is durable.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from raysearch.ledger.history import History


def delete_superseded(folder: Path, history: History) -> None:
    """Delete the checkpoints of committed trials that are not among the best; safe to repeat."""
    best = history.front if history.created.others else [history.best] if history.best else []
    kept = {trial.number for trial in best}
    for trial_folder in (folder / "trials").glob("*"):
        if not trial_folder.name.isdigit() or int(trial_folder.name) >= len(history.trials):
            continue  # none of ours
        trial = history.trials[int(trial_folder.name)]
        still_trains = any(run.in_flight for run in trial.runs)  # a fold that no longer matters
        if trial.committed and trial.number not in kept and not still_trains:
            shutil.rmtree(trial_folder, ignore_errors=True)
    for trial in best:
        in_use = {folder / run.ended.weights for run in trial.runs if run.ended}
        for path in (folder / "trials" / str(trial.number)).glob("*/*/*.pt"):
            if path not in in_use:
                path.unlink(missing_ok=True)
