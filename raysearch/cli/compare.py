"""``raysearch compare``: the best models of several studies side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from raysearch.cli.options import Runs
from raysearch.study.folders import RUNS


def compare(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Studies; a series stands for its members.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="For the page; default RUNS/comparison.")
    ] = None,
    runs: Runs = RUNS,
) -> None:
    """Put the best models of studies side by side.

    raysearch compare jedinet jet-dnn --out comparison
    """
    from raysearch.cli.text_table import aligned
    from raysearch.library.comparison import compare as write
    from raysearch.library.comparison import compared

    page = write(names, out=out, runs=runs).path
    told = compared(names, page, runs)
    for line in aligned(told.rows):
        typer.echo(line)
    if told.errors:
        typer.echo(f"\n{told.errors}")
    for warning in told.warnings:
        typer.echo(f"warning: {warning}", err=True)
    typer.echo()
    typer.echo(f"page:     {page}")
