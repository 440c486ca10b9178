"""``raysearch export``: a trained model as one file that runs without raysearch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from raysearch.cli.options import Name, Runs, Which
from raysearch.study.folders import RUNS


def export(
    name: Name,
    to: Annotated[
        Literal["onnx", "torch"], typer.Option("--to", help="ONNX, or torch.export.load's format.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Default STUDY-TRIAL.onnx or .pt2, here.")
    ] = None,
    trial: Which = "best",
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    runs: Runs = RUNS,
) -> None:
    """Write a model as a file that runs anywhere.

    raysearch export jedinet --to onnx --out jedinet.onnx

    Inputs are as in the data files: standardisation is part of the file. It is kept only if it gives what the
    model gives on examples of the test part, within 1e-4: of a probability as it is, of other outputs by
    their size.
    """
    from raysearch.library.export import export as write
    from raysearch.library.open import study_folder_of

    done = write(study_folder_of(name, runs), to, out, trial=trial, force=force)
    shapes = ", ".join("x".join(["batch", *map(str, shape)]) for shape in done.input_shapes)
    typer.echo(f"{done.path}: input {shapes}, {done.path.stat().st_size / 1e6:.2f} MB")
    difference = "max |difference|, by the outputs' size," if done.is_by_size else "max |difference|"
    typer.echo(f"{difference} to the model on {done.n_examples} {done.examples}: {done.difference:.2g}")
