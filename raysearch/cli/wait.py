"""``raysearch wait``: until a study, its report and its mirror are done."""

from __future__ import annotations

import typer

from raysearch.cli.options import Name, Runs
from raysearch.study.folders import RUNS


def wait(name: Name, runs: Runs = RUNS) -> None:
    """Wait until a study is over, its report is written and MLflow has all of it."""
    from raysearch.cli.terminal import CommandLine
    from raysearch.library.report_writer import wait_for_rest
    from raysearch.study.folders import existing_study

    typer.echo(wait_for_rest(existing_study(runs, name), CommandLine().say))
