"""``raysearch predict``: scores of a trained model for a physicist's own data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from raysearch.cli.options import Name, Runs
from raysearch.cli.trained import Device, Which
from raysearch.study.folders import RUNS


def predict(
    name: Name,
    data: Annotated[
        list[Path],
        typer.Option("--data", metavar="FILES", help="A file or folder; may be given several times."),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="HDF5 file to write.")],
    trial: Which = "best",
    batch: Annotated[
        int, typer.Option("--batch", min=1, help="Rows that a model is given at a time.")
    ] = 1000,
    device: Device = "cpu",
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    runs: Runs = RUNS,
) -> None:
    """Apply a trained model to your own data.

    raysearch predict jedinet --data my-jets/ --out scores.h5
    """
    from raysearch.after.predict import write_scores
    from raysearch.cli.trained import check_out, device_of, find_trained, open_bar

    check_out(out, force=force)
    where = device_of(device)
    trained = find_trained(runs, name, trial)
    with open_bar("scoring") as progress:
        done = write_scores(trained, data, out, batch=batch, device=where, progress=progress)
    runs_of_trial = f"{len(trained.models)} {trained.history.created.run_word}s"
    models = f", mean of {runs_of_trial}" if len(trained.models) > 1 else ""
    typer.echo(
        f"{out}: {done.n_rows:,} rows of {done.n_files} file(s), scored by trial {trained.trial}{models}"
    )
