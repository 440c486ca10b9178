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
    from raysearch.report.comparison import build_comparison
    from raysearch.report.models import main_figures, read_model
    from raysearch.study.folders import existing_folder, has_begun, is_series
    from raysearch.study.series import read_series

    folders: list[Path] = []
    for name in names:
        folder = existing_folder(runs, name)
        members = [folder / member for member in read_series(folder)] if is_series(folder) else [folder]
        folders += [one for one in members if has_begun(one) and one not in folders]
    out = out or runs / "comparison"
    page = build_comparison(folders, out)
    models = [read_model(folder, out) for folder in folders]
    words = main_figures(models)
    rows = [["study", "objective", "best", *(each.long for each in words.values())]]
    for model in models:
        objective = model.history.created.objective
        figures = [str(model.figures.get(key, "-")) for key in (objective, *words)]
        rows.append([model.history.created.study, objective, *figures])
    for line in aligned(rows):
        typer.echo(line)
    typer.echo()
    typer.echo(f"page:     {page}")
