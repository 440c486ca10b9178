"""What ledgers say of studies and trials, as plain values."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from raysearch.ledger.history import History, read_history
from raysearch.ledger.ledger import is_held
from raysearch.ledger.over_folds import means, spreads
from raysearch.ledger.trial_history import TrialHistory
from raysearch.library.report_writer import report_state
from raysearch.report.states import fact, reached, tests_of
from raysearch.study.folders import name_of
from raysearch.study.retention import folder_bytes


def study_facts(folder: Path) -> dict[str, Any]:
    """How a study stands.

    Raises:
        StorageError: its ledger is damaged.
    """
    history = read_history(folder)
    states = Counter(trial.state for trial in history.committed)
    return {
        "name": name_of(folder),
        "state": state_of(folder, history),
        "trials": history.n_trials,
        "committed": history.n_committed,
        "finished": states["finished"],
        "pruned": states["pruned"],
        "refused": states["refused"],
        "failed": states["failed"],
        "objective": history.created.objective,
        "value": history.best.value if history.best else None,
        "best_trial": history.best.number if history.best else None,
        # Of sessions alone: nights between a stop and its resume do not count.
        "minutes": round(history.busy_ms / 60e3, 2),
        "sessions": len(history.sessions),
        "size_mb": round(folder_bytes(folder) / 1e6, 2),
        "disk": history.disk,
        "report": report_state(folder),
        "history": history.hash,
        "folder": str(folder),
    }


def state_of(folder: Path, history: History) -> str:
    """``running``, or why its last process let it go; ``killed`` if that could not say."""
    # By the lock and not by a record: a killed process leaves no record, but its lock is gone.
    if is_held(folder):
        return "running"
    return history.closed.reason if history.closed else "killed"


def trial_facts(trial: TrialHistory) -> dict[str, Any]:
    """What is known of a trial."""
    return {
        "number": trial.number,
        "state": trial.state,
        "value": trial.value,
        "reached": reached(trial),
        "others": trial.committed.others if trial.committed else {},
        "given": trial.given,
        "settings": trial.settings,
        "epochs": sum(len(run.epochs) for run in trial.runs),
        "seconds": round(sum(epoch.seconds for run in trial.runs for epoch in run.epochs.values()), 2),
        "parameters": fact(trial, "parameters"),
        "mflop": fact(trial, "mflop"),
        "failure": trial.failure,
    }


def trial_figures(history: History, trial: TrialHistory) -> dict[str, Any]:
    """A trial's metrics; with folds their means, and beside them their sample standard deviations."""
    parts = {
        "metrics": [run.ended.metrics for run in trial.runs if run.ended],
        "test_metrics": [record.metrics for record in tests_of(history, trial)],
    }
    row: dict[str, Any] = {"objective": history.created.objective}
    for part, folds in parts.items():
        row[part] = means(folds)
        if len(folds) > 1:
            row[f"{part}_sd"] = spreads(folds)
    return row


def weights_of(folder: Path, trial: TrialHistory) -> list[Path]:
    """Where a trial's best weights lie, those of each fold."""
    return [folder / run.ended.weights for run in trial.runs if run.ended]
