"""Who is told of studies while they are carried out: nobody, a terminal, a log, a notebook."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from raysearch.errors import InputError, did_you_mean, one_of

if TYPE_CHECKING:
    from raysearch.ledger.entries import Entry
    from raysearch.ledger.history import History
    from raysearch.study.listening import Listener

REDRAW_S = 0.25  # a notebook's browser draws what it is sent, however often
Show = Literal["auto", "table", "lines", "nothing"]


class Watcher:
    """Is told of studies while they are carried out. This one looks away; others say what they do with it.

    Attributes:
        waits: whether a study's report is to be there when it is over; else a process goes on to write it.
    """

    waits = True

    def say(self, text: str) -> None:
        """What goes on."""

    def follow(self) -> AbstractContextManager[Listener]:
        """Open what is told every record of one study."""
        return nullcontext(lambda *_: None)

    def nothing_left(self, folder: Path, n_trials: int) -> None:
        """A study that was to go on is done with all of its trials."""

    def study_over(self, folder: Path) -> None:
        """A study has come to its end, or was stopped; its report is written unless it was."""

    def series_over(self, folder: Path, page: Path) -> None:
        """All studies of a series are over, and its report is written."""

    def may_go_on(self, folder: Path) -> bool:  # noqa: ARG002 - who asks somebody needs it
        """Whether to go on with a study that is there already, where the caller did not say."""
        return False


class LogWatcher(Watcher):
    """Writes a line for each event, on standard error."""

    def say(self, text: str) -> None:
        """Write it."""
        sys.stderr.write(f"{text}\n")

    def follow(self) -> AbstractContextManager[Listener]:
        """Write a line for each record that people care about."""
        return nullcontext(self._record)

    def _record(self, entry: Entry, history: History) -> None:
        from raysearch.library.event_lines import event_line

        if line := event_line(entry, history):
            self.say(line)


class TerminalWatcher(LogWatcher):
    """Draws one live table on the terminal."""

    def follow(self) -> AbstractContextManager[Listener]:
        """Draw it again with each record."""
        from raysearch.library.live_table import live_table

        return live_table()


class NotebookWatcher(Watcher):
    """Draws one live table below the cell that runs."""

    def __init__(self) -> None:
        # tqdm, which Optuna brings along, warns that it has no widgets here: it draws nothing.
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="IProgress not found")
            import optuna  # noqa: F401 - the first import is the one that warns

    @contextmanager
    def follow(self) -> Iterator[Listener]:
        """Draw it again with each record, but not all the time, and once more at the end."""
        from IPython.display import display

        from raysearch.library.live_table import Snapshot

        handle, drawn_s, newest = display("starting the first runs", display_id=True), 0.0, None

        def draw(_: Entry, history: History) -> None:
            nonlocal drawn_s, newest
            newest = Snapshot.of(history)
            if time.monotonic() - drawn_s > REDRAW_S:
                handle.update(newest)
                drawn_s = time.monotonic()

        try:
            yield draw
        finally:
            if newest is not None:
                newest.is_over = True
                handle.update(newest)


def watcher_for(show: Show | Watcher) -> Watcher:
    """Find who is told.

    Args:
        show: ``table`` (in a notebook below the cell, else on the terminal), ``lines`` on standard error,
            ``nothing``, or ``auto``: a table in a notebook or on a terminal, nothing in a script whose output
            goes elsewhere.

    Raises:
        InputError: it is none of these.
    """
    if isinstance(show, Watcher):
        return show
    kinds = ("auto", "table", "lines", "nothing")
    if show not in kinds:
        raise InputError(f"show={show!r}: {one_of(kinds)}.{did_you_mean(str(show), kinds)}")
    if show == "lines":
        return LogWatcher()
    if show == "nothing":
        return Watcher()
    if in_notebook():
        return NotebookWatcher()
    return TerminalWatcher() if show == "table" or sys.stderr.isatty() else Watcher()


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook, which shows more than text."""
    ipython = sys.modules.get("IPython")  # where it is not imported, there is none
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")
