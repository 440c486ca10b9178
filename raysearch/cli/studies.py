"""``raysearch list | status | trials | best``: what the ledgers say, for people and for scripts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from raysearch.cli.options import Format, Name, Runs
from raysearch.study.folders import RUNS

if TYPE_CHECKING:
    from raysearch.ledger.history import History, TrialHistory


def list_studies(runs: Runs = RUNS, output: Format = "table") -> None:
    """List the studies."""
    from raysearch.study.folders import studies

    rows = [_status(folder) for folder in studies(runs)]
    columns = ("name", "state", "trials", "committed", "failed", "objective", "value")
    _print(rows, columns, output, empty=f"no studies under {runs}")


def status(name: Name, runs: Runs = RUNS, output: Format = "table") -> None:
    """Say how a study stands."""
    from raysearch.study.folders import existing_study

    row = _status(existing_study(runs, name))
    if output == "json":
        typer.echo(json.dumps(row, indent=2))
        return
    for key, value in row.items():
        typer.echo(f"{key:<12} {_text(value)}")


def trials(name: Name, runs: Runs = RUNS, output: Format = "table") -> None:
    """List a study's trials."""
    history = _history(runs, name)
    rows = [_trial(trial) for trial in history.trials]
    if output == "table":
        rows = [{**row, **row["settings"]} for row in rows]
    columns = ("number", "state", "value", "epochs", "seconds", *history.created.settings)
    _print(rows, columns, output, empty="no trials yet")


def best(name: Name, runs: Runs = RUNS, output: Format = "table") -> None:
    """Show the best trial: settings, validation and test figures, where its weights lie."""
    from raysearch.errors import NoFinishedTrialError

    history = _history(runs, name)
    if history.best is None:
        raise NoFinishedTrialError(f"{name}: no trial has finished yet")
    ended = history.best.runs[0].ended
    assert ended is not None
    tests = [record for record, _ in history.tests if record.trial == history.best.number]
    row = {
        **_trial(history.best),
        "objective": history.created.objective,
        "metrics": ended.metrics,
        "test_metrics": tests[-1].metrics if tests else {},
        "weights": str(runs / name / ended.weights),
    }
    if output == "json":
        typer.echo(json.dumps(row, indent=2))
        return
    for key, value in row.items():
        if isinstance(value, dict):
            typer.echo(key)
            for inner, figure in value.items():
                typer.echo(f"  {inner:<26} {_text(figure)}")
        else:
            typer.echo(f"{key:<28} {_text(value)}".rstrip())


def _history(runs: Path, name: str) -> History:
    from raysearch.ledger.history import History
    from raysearch.ledger.ledger import read_entries
    from raysearch.study.folders import existing_study

    return History(read_entries(existing_study(runs, name)))


def _status(folder: Path) -> dict[str, Any]:
    from raysearch.ledger.history import History
    from raysearch.ledger.ledger import is_held, read_entries

    history = History(read_entries(folder))
    ended = history.closed.reason if history.closed else "killed"
    value = history.best.value if history.best else None
    return {
        "name": folder.name,
        "state": "running" if is_held(folder) else ended,
        "trials": history.n_trials,
        "committed": history.n_committed,
        "failed": history.n_failed,
        "objective": history.created.objective,
        "value": value,
        "best_trial": history.best.number if history.best else None,
        "minutes": round(history.busy_ms / 60e3, 2),
        "sessions": len(history.sessions),
        "history": history.hash,
        "folder": str(folder),
    }


def _trial(trial: TrialHistory) -> dict[str, Any]:
    endings = [run.ended for run in trial.runs if run.ended]
    return {
        "number": trial.number,
        "state": trial.state,
        "value": trial.value,
        "settings": trial.settings,
        "epochs": sum(len(run.epochs) for run in trial.runs),
        "seconds": round(sum(epoch.seconds for run in trial.runs for epoch in run.epochs.values()), 2),
        "parameters": endings[0].facts.get("parameters") if endings else None,
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
    return f"{value:.5g}" if isinstance(value, float) else str(value)
