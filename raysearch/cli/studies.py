"""``raysearch list | status | trials | best``: what the ledgers say, for people and for scripts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from raysearch.cli.options import Format, Name, Runs
from raysearch.study.folders import RUNS

COLUMNS = ("name", "state", "trials", "committed", "failed", "objective", "value", "size_mb", "disk")

if TYPE_CHECKING:
    from raysearch.ledger.history import History, TrialHistory


def list_studies(runs: Runs = RUNS, output: Format = "table") -> None:
    """List the studies."""
    from raysearch.study.folders import studies

    rows = [_status(folder) for folder in studies(runs)]
    _print(rows, COLUMNS, output, empty=f"no studies under {runs}")


def status(name: Name, runs: Runs = RUNS, output: Format = "table") -> None:
    """Say how a study, or each study of a series, stands."""
    from raysearch.study.folders import existing_folder, is_series

    folder = existing_folder(runs, name)
    if is_series(folder):
        _print(_members(folder), COLUMNS, output, empty="no members")
        return
    row = _status(folder)
    if output == "json":
        typer.echo(json.dumps(row, indent=2))
        return
    for key, value in row.items():
        typer.echo(f"{key:<12} {_text(value)}")


def _members(folder: Path) -> list[dict[str, Any]]:
    """The status of each member of a series, in the order they run."""
    from raysearch.study.folders import has_begun
    from raysearch.study.series import read_series

    return [
        _status(folder / member)
        if has_begun(folder / member)
        else dict.fromkeys(COLUMNS) | {"name": f"{folder.name}/{member}", "state": "not begun"}
        for member in read_series(folder)
    ]


def trials(name: Name, runs: Runs = RUNS, output: Format = "table") -> None:
    """List a study's trials."""
    history = _history(runs, name)
    rows = [_trial(trial) for trial in history.trials]
    others = list(history.created.others)
    if output == "table":
        rows = [
            {**row, "value": row["reached"], **dict.fromkeys(others), **row["others"], **row["settings"]}
            for row in rows
        ]
    columns = ("number", "state", "value", *others, "epochs", "seconds", *history.created.settings)
    _print(rows, columns, output, empty="no trials yet")


def best(name: Name, runs: Runs = RUNS, output: Format = "table") -> None:
    """Show the best trial: settings, figures, weights."""
    from raysearch.errors import NoFinishedTrialError

    history = _history(runs, name)
    if history.best is None:
        raise NoFinishedTrialError(f"{name}: no trial has finished yet")
    row = {
        **_trial(history.best),
        **_figures(history, history.best),
        "weights": _weights(runs / name, history.best),
    }
    if history.created.others:
        row["front"] = [trial.number for trial in history.front]
    if output == "json":
        typer.echo(json.dumps(row, indent=2))
        return
    for key, value in row.items():
        if key in {"reached", "given"} or value == {}:
            continue  # of other trials
        if isinstance(value, dict):
            typer.echo(key)
            for inner, figure in value.items():
                typer.echo(f"  {inner:<26} {_text(figure)}")
        else:
            typer.echo(f"{key:<28} {_text(value)}".rstrip())


def _figures(history: History, trial: TrialHistory) -> dict[str, Any]:
    """A trial's metrics; with folds their means, and beside them their sample standard deviations."""
    from raysearch.ledger.over_folds import means, spreads
    from raysearch.report.states import tests_of

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


def _weights(folder: Path, trial: TrialHistory) -> str | list[str]:
    """Where the best weights lie: of one run a path, with folds a path for each."""
    paths = [str(folder / run.ended.weights) for run in trial.runs if run.ended]
    return paths[0] if len(paths) == 1 else paths


def _history(runs: Path, name: str) -> History:
    from raysearch.ledger.history import History
    from raysearch.ledger.ledger import read_entries
    from raysearch.study.folders import existing_study

    return History(read_entries(existing_study(runs, name)))


def _status(folder: Path) -> dict[str, Any]:
    from raysearch.ledger.history import History
    from raysearch.ledger.ledger import is_held, read_entries
    from raysearch.study.folders import name_of
    from raysearch.study.retention import folder_bytes

    history = History(read_entries(folder))
    states = Counter(trial.state for trial in history.committed)
    ended = history.closed.reason if history.closed else "killed"
    value = history.best.value if history.best else None
    return {
        "name": name_of(folder),
        "state": "running" if is_held(folder) else ended,
        "trials": history.n_trials,
        "committed": history.n_committed,
        "finished": states["finished"],
        "pruned": states["pruned"],
        "refused": states["refused"],
        "failed": states["failed"],
        "objective": history.created.objective,
        "value": value,
        "best_trial": history.best.number if history.best else None,
        "minutes": round(history.busy_ms / 60e3, 2),
        "sessions": len(history.sessions),
        "size_mb": round(folder_bytes(folder) / 1e6, 2),
        "disk": history.disk,
        "history": history.hash,
        "folder": str(folder),
    }


def _trial(trial: TrialHistory) -> dict[str, Any]:
    from raysearch.report.states import fact, reached

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


def _print(rows: Sequence[dict[str, Any]], columns: Sequence[str], output: str, *, empty: str) -> None:
    if output == "json":
        typer.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        typer.echo(empty)
        return
    texts = [[_text(row[column]) for column in columns] for row in rows]
    widths = [max(len(line[place]) for line in [list(columns), *texts]) for place in range(len(columns))]
    for line in [list(columns), *texts]:
        typer.echo("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return " ".join(map(str, value))
    return f"{value:.5g}" if isinstance(value, float) else str(value)
