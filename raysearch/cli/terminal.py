"""What the command line tells while studies are carried out, and what it asks."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from raysearch.library.watching import LogWatcher, TerminalWatcher, Watcher

if TYPE_CHECKING:
    from raysearch.study.listening import Listener


class CommandLine(Watcher):
    """Tells what goes on on standard error, and results on standard output.

    Args:
        waits: for the report; None: not where somebody sits at a terminal and wants the prompt back, else
            yes, as what a script, a batch job or a container has started may be gone when that ends.
    """

    def __init__(self, *, waits: bool | None = True) -> None:
        self.waits = _is_ended_with_this() or not sys.stderr.isatty() if waits is None else waits

    def say(self, text: str) -> None:
        """Tell the user what goes on; not part of a command's output."""
        # Not typer's echo, which would write past a live table, that then draws over it.
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def follow(self) -> AbstractContextManager[Listener]:
        """Show one live table on a terminal, one line for each event otherwise."""
        return (TerminalWatcher() if sys.stderr.isatty() else LogWatcher()).follow()

    def nothing_left(self, folder: Path, n_trials: int) -> None:
        """Say so, and how to search on."""
        from raysearch.ledger.history import read_history
        from raysearch.study.folders import name_of, resume_command

        more = f"for more: {resume_command(folder, f'--trials +{n_trials}')}"
        if read_history(folder).exhausted:
            more = "no point of the space is left"
        typer.echo(f"{name_of(folder)}: all {n_trials} trials are done, nothing is left to do; {more}")

    def study_over(self, folder: Path) -> None:
        """Print how it stands."""
        from raysearch.cli.summary import print_summary

        print_summary(folder)

    def series_over(self, folder: Path, page: Path) -> None:
        """Print a line for each member, and where its report lies."""
        from raysearch.report.series_report import series_lines
        from raysearch.study.folders import resume_command

        typer.echo("\n" + "\n".join(series_lines(folder)))
        typer.echo(f"\nreport:   {page}")
        typer.echo(f"go on:    {resume_command(folder, '--trials +N')}")

    def may_go_on(self, folder: Path) -> bool:
        """Ask whoever sits at the terminal."""
        return sys.stdin.isatty() and typer.confirm(f"{folder} exists. Go on with it?")


def _is_ended_with_this() -> bool:
    """Whether what this process starts ends with it: a container ends with its first process."""
    return os.getpid() == 1 or os.getppid() == 1


@contextmanager
def open_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on a terminal, and nothing elsewhere; told what is done and what is all."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
