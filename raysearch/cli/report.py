"""``raysearch report``: make the report of a study or a series again, from ledgers and artifacts alone."""

from __future__ import annotations

import typer

from raysearch.cli.options import Name, Runs
from raysearch.study.folders import RUNS


def report(name: Name, runs: Runs = RUNS) -> None:
    """Make the report of a study or series again."""
    from raysearch.library.open import open as opened
    from raysearch.study.folders import is_series

    found = opened(name, runs=runs)
    if is_series(found.folder):
        from raysearch.report.series_report import series_lines

        for line in series_lines(found.folder):
            typer.echo(line)
    typer.echo(found.report().path)
