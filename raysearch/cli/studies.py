"""``raysearch list | status | trials | best``: what the ledgers say, for people and for scripts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from raysearch.cli.options import Format, Name, Runs
from raysearch.cli.text_table import aligned
from raysearch.study.folders import RUNS

COLUMNS = ("name", "state", "trials", "committed", "failed", "objective", "value", "size_mb", "disk")

if TYPE_CHECKING:
    from raysearch.ledger.history import History


def list_studies(runs: Runs = RUNS, output: Format = "table") -> None:
    """List the studies."""
    from raysearch.library.facts import study_facts
    from raysearch.study.folders import studies

    rows = [study_facts(folder) for folder in studies(runs)]
    _print(rows, COLUMNS, output, empty=f"no studies under {runs}")


def status(name: Name, runs: Runs = RUNS, output: Format = "table") -> None:
    """Say how a study, or each study of a series, stands."""
    from raysearch.library.facts import study_facts
    from raysearch.study.folders import existing_folder, is_series

    folder = existing_folder(runs, name)
    if is_series(folder):
        _print(_members(folder), COLUMNS, output, empty="no members")
        return
    row = study_facts(folder)
    if output == "json":
        typer.echo(json.dumps(row, indent=2))
        return
    for key, value in row.items():
        typer.echo(f"{key:<12} {_text(value)}")


def _members(folder: Path) -> list[dict[str, Any]]:
    """The status of each member of a series, in the order they run."""
    from raysearch.library.facts import study_facts
    from raysearch.study.folders import has_begun
    from raysearch.study.series import read_series

    return [
        study_facts(folder / member)
        if has_begun(folder / member)
        else dict.fromkeys(COLUMNS) | {"name": f"{folder.name}/{member}", "state": "not begun"}
        for member in read_series(folder)
    ]


def trials(name: Name, runs: Runs = RUNS, output: Format = "table") -> None:
    """List a study's trials."""
    from raysearch.library.facts import trial_facts

    history = _history(runs, name)
    rows = [trial_facts(trial) for trial in history.trials]
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
    from raysearch.library.facts import trial_facts, trial_figures, weights_of

    history = _history(runs, name)
    if history.best is None:
        raise NoFinishedTrialError(f"{name}: no trial has finished yet")
    weights = [str(path) for path in weights_of(runs / name, history.best)]
    row = {
        **trial_facts(history.best),
        **trial_figures(history, history.best),
        "weights": weights[0] if len(weights) == 1 else weights,
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


def _history(runs: Path, name: str) -> History:
    from raysearch.ledger.history import read_history
    from raysearch.study.folders import existing_study

    return read_history(existing_study(runs, name))


def _print(rows: Sequence[dict[str, Any]], columns: Sequence[str], output: str, *, empty: str) -> None:
    if output == "json":
        typer.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        typer.echo(empty)
        return
    texts = [[_text(row[column]) for column in columns] for row in rows]
    for line in aligned([columns, *texts], right=False):
        typer.echo(line)


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return " ".join(map(str, value))
    return f"{value:.5g}" if isinstance(value, float) else str(value)
