"""``raysearch report``: make a study's report again, from its ledger and artifacts alone."""

from __future__ import annotations

import typer

from raysearch.cli.options import Name, Runs
from raysearch.study.folders import RUNS


def report(name: Name, runs: Runs = RUNS) -> None:
    """Make a study's report: tables, figures, ROC curves."""
    from raysearch.report.build import build_report
    from raysearch.study.folders import existing_study

    typer.echo(build_report(existing_study(runs, name)))
