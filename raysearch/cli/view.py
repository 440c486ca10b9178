"""What a study shows while it runs: one live table on a terminal, one line per event otherwise."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from raysearch.ledger.history import History, TrialHistory
from raysearch.ledger.records import Ended, Entry, Lost, Opened, Started, Tested
from raysearch.study.study import Listener

ROWS = 18


@contextmanager
def open_view() -> Iterator[Listener]:
    """Open the view that fits where the output goes."""
    if not sys.stderr.isatty():
        yield show_line
        return
    console = Console(stderr=True)
    with Live(console=console, refresh_per_second=4) as live:
        yield lambda _, history: live.update(table(history, time.time()))


def show_line(entry: Entry, history: History) -> None:
    """Print one line for a record that people care about."""
    record = entry.record
    if isinstance(record, Opened):
        line = (
            f"study {history.created.study}: {history.n_trials} trials, {history.n_committed} done, "
            f"{record.slots} at a time, window {history.window}"
        )
    elif isinstance(record, Started):
        again = f", attempt {record.attempt}" if record.attempt > 1 else ""
        line = f"trial {record.trial} started{again}: {_settings(history.trials[record.trial])}"
    elif isinstance(record, Ended) and record.state == "finished" and record.value is not None:
        line = (
            f"trial {record.trial} finished: {history.created.objective} {record.value:.5g} at epoch "
            f"{record.best_epoch} of {record.epochs}, {record.seconds:.1f} s; {left(history)}"
        )
    elif isinstance(record, Ended):
        last = record.message.strip().splitlines()[-1:] or [""]
        line = f"trial {record.trial} FAILED ({record.failure}): {last[0]}"
    elif isinstance(record, Lost):
        line = f"trial {record.trial} lost its process, will go on from its last checkpoint: {record.reason}"
    elif isinstance(record, Tested):
        line = f"trial {record.trial}, the best, was applied to {record.n_test} test examples"
    else:
        return
    typer.echo(line, err=True)


def table(history: History, now_s: float) -> Table:
    """Draw the study: its newest trials, the best first in the title."""
    best = history.best
    head = f"{history.created.study}   {history.n_committed}/{history.n_trials} trials   {left(history)}"
    if best is not None:
        head += f"   best: trial {best.number}, {history.created.objective} {best.value:.5g}"
    view = Table(title=head, title_justify="left", expand=False)
    for column in ("trial", "state", "epoch", history.created.objective, "best", "time"):
        view.add_column(column, justify="right", no_wrap=True)
    view.add_column("settings", no_wrap=True, overflow="ellipsis")
    for trial in history.trials[-ROWS:]:
        view.add_row(*_row(trial, history, now_s), style="bold green" if trial is best else None)
    return view


def left(history: History) -> str:
    """Estimate the time left from the epochs' mean duration."""
    epochs = [
        epoch.seconds for trial in history.trials for run in trial.runs for epoch in run.epochs.values()
    ]
    if not epochs or history.is_complete:
        return "ETA -" if not history.is_complete else "done"
    over = [run for trial in history.trials for run in trial.runs if run.ended]
    per_run = history.created.space_file["budget"]["epochs"]
    if over:
        per_run = sum(run.ended.epochs for run in over if run.ended) / len(over)
    in_flight = sum(len(run.epochs) for trial in history.trials for run in trial.runs if not run.ended)
    to_do = max((history.n_trials * history.created.folds - len(over)) * per_run - in_flight, 0)
    seconds = to_do * sum(epochs) / len(epochs) / history.sessions[-1][0].slots
    return f"ETA {int(seconds // 60)} min {int(seconds % 60):02d} s"


def _row(trial: TrialHistory, history: History, now_s: float) -> tuple[str, ...]:
    run = trial.runs[-1]
    values = [epoch.metrics[history.created.objective] for epoch in run.epochs.values()]
    pick = max if history.created.maximise else min
    begun = run.started_ms
    until = run.ended_ms if run.ended_ms is not None else now_s * 1000
    return (
        str(trial.number),
        trial.state,
        f"{len(values)}/{history.created.space_file['budget']['epochs']}",
        f"{values[-1]:.5g}" if values else "",
        f"{pick(values):.5g}" if values else "",
        f"{(until - begun) / 1000:.0f} s" if begun is not None else "",
        _settings(trial),
    )


def _settings(trial: TrialHistory) -> str:
    return " ".join(f"{k}={v:.3g}" if isinstance(v, float) else f"{k}={v}" for k, v in trial.settings.items())
