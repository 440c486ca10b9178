"""``raysearch predict``: scores of a trained model for a physicist's own data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from raysearch.cli.options import Device, Name, Runs, Which
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
    from raysearch.cli.terminal import open_bar
    from raysearch.library.open import study_folder_of
    from raysearch.library.predict import write_predictions

    folder = study_folder_of(name, runs)
    with open_bar("scoring") as progress:
        done = write_predictions(
            folder, data, out, trial=trial, batch=batch, device=device, force=force, progress=progress
        )
    models = f", mean of {done.n_models} {done.run_word}s" if done.n_models > 1 else ""
    typer.echo(f"{out}: {done.n_rows:,} rows of {done.n_files} file(s), scored by trial {done.trial}{models}")
