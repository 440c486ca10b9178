"""How long a study will still take, from how long its newest runs took."""

from __future__ import annotations

from raysearch.ledger.history import History

RECENT = 20  # runs that the time left is estimated from


def left(history: History) -> str:
    """Say how long the study will still take, from how long the newest runs took."""
    if history.is_complete:
        return "done"
    runs = [run for trial in history.trials for run in trial.runs]
    epochs = [epoch.seconds for run in runs[-RECENT:] for epoch in run.epochs.values()]
    if not epochs:
        return "waiting for the first epoch"
    lengths = [run.ended.epochs for run in runs if run.ended]
    in_flight = sum(len(run.epochs) for run in runs if run.in_flight)
    per_run = sum(lengths) / len(lengths) if lengths else history.created.space_file["budget"]["epochs"]
    n_to_do = max(_runs_to_do(history) * per_run - in_flight, 0)
    seconds = n_to_do * sum(epochs) / len(epochs) / _at_once(history)
    return f"about {int(seconds // 60)} min {int(seconds % 60):02d} s left"


def _runs_to_do(history: History) -> int:
    """Runs that have not ended, of trials that are not over; a pruned trial's other folds are left out."""
    asked = sum(run.ended is None for trial in history.trials if not trial.is_over for run in trial.runs)
    return asked + (history.n_trials - len(history.trials)) * history.created.folds


def _at_once(history: History) -> float:
    """How many runs went on at a time since the study was last taken up: their time over what they cover."""
    session, opened_ms = history.sessions[-1]
    spans = [
        (run.started_ms, run.ended_ms or history.last_ms)
        for trial in history.trials[-RECENT - session.slots :]
        for run in trial.runs
        if run.started_ms is not None and run.started_ms >= opened_ms
    ]
    covered = max((end for _, end in spans), default=0) - min((begin for begin, _ in spans), default=0)
    if not covered:
        return session.slots
    return max(sum(end - begin for begin, end in spans) / covered, 1.0)
