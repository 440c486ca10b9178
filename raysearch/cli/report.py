"""``raysearch report``: make the report of a study or a series again, from ledgers and artifacts alone."""

from __future__ import annotations

import typer

from raysearch.cli.options import Name, Runs
from raysearch.study.folders import RUNS


def report(name: Name, runs: Runs = RUNS) -> None:
    """Make the report of a study or series again."""
    from raysearch.study.folders import as_typed, existing_folder, is_series

    folder = existing_folder(runs, name)
    if is_series(folder):
        from raysearch.report.series_report import build_series_report, series_lines

        for line in series_lines(folder):
            typer.echo(line)
        typer.echo(build_series_report(folder, as_typed(folder)))
        return
    from raysearch.report.build import build_report

    typer.echo(build_report(folder))
