"""When a search has nothing left to find: its objective is what real data have against real data."""

from __future__ import annotations

import math
import statistics

from raysearch.ledger.asking_records import Reached
from raysearch.ledger.history import History

ERRORS = 2.0  # of a single comparison: nearer to the floor nobody can tell a generator from real data


def floor_names(objective: str) -> tuple[str, str]:
    """Name the metrics that hold an objective's floor, and what a single comparison scatters by."""
    floor = "val_floor" if objective == "val_loss" else f"{objective}_floor"
    return floor, f"{floor}_error"


def floor_reached(history: History) -> Reached | None:
    """Say so if the trial that was committed last is the first whose objective has come to its floor.

    A generator's distance from real data is that of a finite sample: two samples of real data are apart, too.
    Folds have validation data of their own, so that errors average out; repeats share theirs, and the error.
    """
    trial = history.commit_order[-1] if history.commit_order else None
    if history.reached or trial is None or trial.value is None:
        return None
    name, error_name = floor_names(history.created.objective)
    found = [run.ended.metrics for run in trial.runs if run.ended]
    if not all({name, error_name} <= metrics.keys() for metrics in found):
        return None
    floor = sum(metrics[name] for metrics in found) / len(found)
    errors = [metrics[error_name] for metrics in found]
    share_data = history.created.run_word == "repeat"
    error = statistics.fmean(errors) if share_data else math.hypot(*errors) / len(errors)
    if trial.value > floor + ERRORS * error:
        return None
    return Reached(trial=trial.number, value=trial.value, floor=floor, error=error, wanted=history.n_trials)
