"""A study as one live table: its head, and its newest trials."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from raysearch.ledger.entries import Entry
from raysearch.ledger.history import History
from raysearch.ledger.mending_records import Redone, WeightsLost
from raysearch.ledger.trial_history import TrialHistory
from raysearch.library.event_lines import mending_line, settings_text
from raysearch.library.html import html_table
from raysearch.library.time_left import left
from raysearch.study.listening import Listener

ROWS = 15  # a terminal of 24 lines holds them all
BEST = "bold green"
LONG_S = 1.0  # that a search may compute without a word


@contextmanager
def live_table() -> Iterator[Listener]:
    """Draw it on a terminal, on standard error, and again with each record."""
    with Live("starting the first runs", console=Console(stderr=True), refresh_per_second=4) as live:
        live.console.show_cursor(True)  # a second Ctrl-C ends the process with no chance to bring it back
        try:
            yield LiveTable(live)
        finally:
            if isinstance(last := live.renderable, Snapshot):
                last.is_over = True


class LiveTable:
    """Draws a study with each record, and while its search computes says so.

    Args:
        live: redraws what it shows in a thread of its own.
    """

    def __init__(self, live: Live) -> None:
        self._live = live

    def __call__(self, entry: Entry, history: History) -> None:
        """Draw it as it is with this record."""
        if isinstance(entry.record, (WeightsLost, Redone)):  # no table shows it
            self._live.console.print(mending_line(entry.record, history), highlight=False)
        self._live.update(Snapshot.of(history))

    def asking(self, trial: int | None) -> None:
        """The search is being asked for a trial; None when it is no more."""
        if isinstance(shown := self._live.renderable, Snapshot):
            shown.asking = None if trial is None else (trial, time.monotonic())


@dataclass(frozen=True)
class Row:
    """One trial in the live table; while it trains (``since_s``), its time goes on between records."""

    cells: tuple[str, ...]
    seconds: float | None
    since_s: float | None
    settings: str
    style: str


@dataclass(repr=False)
class Snapshot:
    """A study as the live table draws it, in a thread of its own that must not see the history change."""

    head: str
    objective: str
    run_word: str  # what the runs of a trial are, empty if it has one
    rows: list[Row]
    is_over: bool = False
    asking: tuple[int, float] | None = None  # the trial that the search is asked for, and since when

    @classmethod
    def of(cls, history: History) -> Snapshot:
        """Copy what the table shows of a history: the newest trials, and the best in its head."""
        best = history.best
        head = f"{history.name}: {history.n_committed} of {history.n_trials} trials, {left(history)}"
        if best is not None:
            head += f"; best: trial {best.number}, {history.created.objective} {best.value:.4g}"
        rows = [_row(trial, history) for trial in history.trials[-ROWS:]]
        word = history.created.run_word if history.created.folds > 1 else ""
        return cls(head, history.created.objective, word, rows)

    @property
    def columns(self) -> list[str]:
        """Heads of the columns; the settings come last."""
        runs = [self.run_word] if self.run_word else []
        return ["trial", "state", *runs, "epoch", self.objective, "best", "time", "settings"]

    def cells(self, row: Row) -> list[str]:
        """What stands in a row, now."""
        seconds = row.seconds
        if row.since_s is not None and not self.is_over:
            seconds = time.time() - row.since_s
        return [*row.cells, "" if seconds is None else f"{seconds:.0f} s", row.settings]

    def __rich__(self) -> Group:
        view = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        *columns, settings = self.columns
        for column in columns:
            view.add_column(column, justify="right", no_wrap=True)
        view.add_column(settings)  # the only one that gives way on a narrow terminal
        for row in self.rows:
            *cells, text = self.cells(row)
            view.add_row(*cells, Text(text, no_wrap=True, overflow="ellipsis"), style=row.style)
        heads = [Text(line, no_wrap=True, overflow="ellipsis") for line in (self.head, *self._wait())]
        return Group(*heads, view)

    def _wait(self) -> list[str]:
        """Say that the search computes, if that takes long."""
        trial, since_s = self.asking or (0, math.inf)
        seconds = time.monotonic() - since_s
        return [f"asking the sampler for trial {trial}, {seconds:.0f} s"] if seconds >= LONG_S else []

    def __repr__(self) -> str:
        return "\n".join([self.head, *("  ".join(filter(None, self.cells(row))) for row in self.rows)])

    def _repr_html_(self) -> str:
        """The same for a notebook."""
        rows = [(self.cells(row), "font-weight: bold" if row.style == BEST else "") for row in self.rows]
        return f"<p>{escape(self.head)}</p>{html_table(self.columns, rows)}"


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
        settings=settings_text(trial),
        style={"failed": "red", "refused": "yellow", "finished": ""}.get(trial.state, "dim")
        if trial is not history.best
        else BEST,
    )
