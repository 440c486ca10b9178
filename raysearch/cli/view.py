"""What a study shows while it runs: one live table on a terminal, one line per event otherwise."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import typer
from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from raysearch.ledger.history import History, TrialHistory
from raysearch.ledger.records import Committed, Ended, Entry, Lost, Opened, Started, Tested
from raysearch.study.study import Listener

ROWS = 15  # a terminal of 24 lines holds them all
RECENT = 20  # runs that the time left is estimated from


@contextmanager
def open_view() -> Iterator[Listener]:
    """Open the view that fits where the output goes."""
    if not sys.stderr.isatty():
        yield show_line
        return
    with Live("starting the first runs", console=Console(stderr=True), refresh_per_second=4) as live:
        live.console.show_cursor(True)  # a second Ctrl-C ends the process with no chance to bring it back
        try:
            yield lambda _, history: live.update(Snapshot.of(history))
        finally:
            if isinstance(last := live.renderable, Snapshot):
                last.is_over = True


def show_line(entry: Entry, history: History) -> None:
    """Print one line for a record that people care about."""
    record = entry.record
    if isinstance(record, Opened):
        line = (
            f"study {history.created.study}: {history.n_trials} trials, {history.n_committed} done, "
            f"window {history.window}"
        )
    elif isinstance(record, Started):
        again = f", attempt {record.attempt}" if record.attempt > 1 else ""
        line = f"{_run(record, history)} started{again}: {_settings(history.trials[record.trial])}"
    elif isinstance(record, Ended):
        line = f"{_run(record, history)} {_ending(record, history)}"
    elif isinstance(record, Lost):
        line = (
            f"{_run(record, history)} lost its process, will go on from its last checkpoint: {record.reason}"
        )
    elif isinstance(record, Committed) and history.created.folds > 1 and record.value is not None:
        line = (
            f"trial {record.trial} {record.state}: {history.created.objective} {_mean(history, record.trial)}"
        )
    elif isinstance(record, Tested):
        remark = f"; {record.message}" if record.message else ""
        line = f"{_run(record, history)}, the best, was applied to {record.n_test} test examples{remark}"
    else:
        return
    typer.echo(line, err=True)


def _run(record: Started | Ended | Lost | Tested, history: History) -> str:
    """Name a run: ``trial 3``, or where trials have several ``trial 3 fold 1/5``."""
    runs, word = history.created.folds, history.created.run_word
    return f"trial {record.trial}" + (f" {word} {record.fold + 1}/{runs}" if runs > 1 else "")


def _ending(record: Ended, history: History) -> str:
    if record.state in {"finished", "pruned"} and record.value is not None:
        reached = (
            f"{history.created.objective} {record.value:.5g} at epoch {record.best_epoch} of {record.epochs}"
        )
        remark = f"; {record.message}" if record.message else ""
        return f"{record.state}: {reached}, {record.seconds:.1f} s; {left(history)}{remark}"
    if record.state == "refused":
        return f"refused: {last_line(record.message)}"
    return f"FAILED ({record.failure}): {last_line(record.message)}"


def _mean(history: History, number: int) -> str:
    """The mean over the runs that count, and how many they are."""
    trial = history.trials[number]
    assert trial.committed is not None
    n_ended = sum(run.ended is not None for run in trial.runs)
    return f"{trial.committed.value:.5g}, mean of {n_ended} of {len(trial.runs)} {history.created.run_word}s"


def last_line(message: str) -> str:
    """Of a traceback, the line that says what went wrong."""
    return (message.strip().splitlines() or [""])[-1]


@dataclass(frozen=True)
class Row:
    """One trial in the live table; while it trains (``since_s``), its time goes on between records."""

    cells: tuple[str, ...]
    seconds: float | None
    since_s: float | None
    settings: str
    style: str


@dataclass
class Snapshot:
    """A study as the live table draws it, in a thread of its own that must not see the history change."""

    head: str
    objective: str
    run_word: str  # what the runs of a trial are, empty if it has one
    rows: list[Row]
    is_over: bool = False

    @classmethod
    def of(cls, history: History) -> Snapshot:
        """Copy what the table shows of a history: the newest trials, and the best in its head."""
        best = history.best
        head = f"{history.created.study}: {history.n_committed} of {history.n_trials} trials, {left(history)}"
        if best is not None:
            head += f"; best: trial {best.number}, {history.created.objective} {best.value:.4g}"
        rows = [_row(trial, history) for trial in history.trials[-ROWS:]]
        word = history.created.run_word if history.created.folds > 1 else ""
        return cls(head, history.created.objective, word, rows)

    def __rich__(self) -> Group:
        view = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        runs = [self.run_word] if self.run_word else []
        for column in ("trial", "state", *runs, "epoch", self.objective, "best", "time"):
            view.add_column(column, justify="right", no_wrap=True)
        view.add_column("settings")  # the only one that gives way on a narrow terminal
        for row in self.rows:
            seconds = row.seconds
            if row.since_s is not None and not self.is_over:
                seconds = time.time() - row.since_s
            spent = "" if seconds is None else f"{seconds:.0f} s"
            settings = Text(row.settings, no_wrap=True, overflow="ellipsis")
            view.add_row(*row.cells, spent, settings, style=row.style)
        return Group(Text(self.head, no_wrap=True, overflow="ellipsis"), view)


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
    """Runs that have not ended, of all trials that are not over; a pruned trial's other folds are left out."""
    asked = sum(run.ended is None for trial in history.trials if not trial.is_over for run in trial.runs)
    return asked + (history.n_trials - len(history.trials)) * history.created.folds


def _at_once(history: History) -> float:
    """How many runs went on at a time lately, since the study was last taken up: their time over what they cover."""
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


def _row(trial: TrialHistory, history: History) -> Row:
    """Show a trial by its newest fold: that in flight, else the last that was begun."""
    begun = [run for run in trial.runs if run.attempt]
    run = next((run for run in begun if run.in_flight), begun[-1] if begun else trial.runs[0])
    values = [epoch.metrics[history.created.objective] for epoch in run.epochs.values()]
    pick = max if history.created.maximise else min
    best = pick(values) if values else None
    if len(trial.runs) > 1 and trial.committed:
        best = trial.committed.value  # over the folds
    trained = [epoch.seconds for fold in trial.runs for epoch in fold.epochs.values()]
    since_s = None
    if run.in_flight and run.started_ms is not None:
        since_s = max(run.started_ms, history.sessions[-1][1]) / 1000
    return Row(
        cells=(
            str(trial.number),
            trial.state if trial.is_over or any(each.in_flight for each in trial.runs) else "waiting",
            *([f"{run.fold + 1}/{len(trial.runs)}"] if len(trial.runs) > 1 else []),
            f"{len(values)}/{history.created.space_file['budget']['epochs']}",
            f"{values[-1]:.4g}" if values else "",
            f"{best:.4g}" if best is not None else "",
        ),
        seconds=sum(trained) if trained or trial.is_over else None,
        since_s=since_s,
        settings=_settings(trial),
        style={"failed": "red", "refused": "yellow", "finished": ""}.get(trial.state, "dim")
        if trial is not history.best
        else "bold green",
    )


def _settings(trial: TrialHistory) -> str:
    return " ".join(f"{k}={v:.3g}" if isinstance(v, float) else f"{k}={v}" for k, v in trial.settings.items())
