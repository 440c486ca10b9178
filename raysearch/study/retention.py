"""What is kept of trials: the best one's weights. Deleting starts only when the ledger is durable."""

from __future__ import annotations

import shutil
from pathlib import Path

from raysearch.ledger.history import History


def delete_superseded(folder: Path, history: History) -> None:
    """Delete the checkpoints of committed trials that are not the best; safe to repeat."""
    kept = history.best.number if history.best else None
    for trial_folder in (folder / "trials").glob("*"):
        if not trial_folder.name.isdigit():
            continue  # none of ours
        number = int(trial_folder.name)
        if number != kept and number < len(history.trials) and history.trials[number].committed:
            shutil.rmtree(trial_folder, ignore_errors=True)
    if history.best is not None:
        in_use = {folder / run.ended.weights for run in history.best.runs if run.ended}
        for path in (folder / "trials" / str(kept)).glob("*/*/*.pt"):
            if path not in in_use:
                path.unlink(missing_ok=True)
