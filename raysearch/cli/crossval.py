"""``raysearch crossval``: final figures of one trial's settings, from folds that are really different."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from raysearch.cli.options import Address, GoOn, InProcess, Name, Runs, Trial, whole_numbers
from raysearch.study.folders import RUNS


def crossval(
    name: Name,
    trial: Trial = "best",
    folds: Annotated[int, typer.Option("--folds", help="How many folds.")] = 10,
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", help="Other data than the study's: files or folders, all of which are read."),
    ] = None,
    train_on: Annotated[
        str | None,
        typer.Option(metavar="N,M", help="Learning curve: a cross-validation for each number of examples."),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the study's space file."),
    ] = None,
    new_name: Annotated[
        str | None, typer.Option("--name", help="Name of the new study; default NAME-crossval.")
    ] = None,
    runs: Runs = RUNS,
    address: Address = None,
    in_process: InProcess = False,
    resume: GoOn = False,
) -> None:
    """Cross-validate one trial's settings.

    Each fold trains a model of its own, which is applied to the test set: final figures with their spread.
    """
    from raysearch.cli.terminal import CommandLine
    from raysearch.library.crossval import crossval as carry_out

    carry_out(
        name,
        trial=trial,
        folds=folds,
        data=data,
        train_on=None if train_on is None else whole_numbers(train_on),
        new_name=new_name,
        runs=runs,
        address=address,
        local=in_process,
        resume=resume,
        show=CommandLine(),
        set=overrides or [],
    )
