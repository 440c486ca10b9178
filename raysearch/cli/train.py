"""``raysearch train``: one run without a search."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from raysearch.cli.options import (
    Address,
    DataPath,
    DryRun,
    Epochs,
    GoOn,
    InProcess,
    Overrides,
    Runs,
    Seed,
    TaskOrSpace,
    Variant,
)
from raysearch.study.folders import RUNS


def train(
    space: TaskOrSpace,
    workers: Annotated[
        int | None, typer.Option("--workers", "-w", help="Data-parallel workers of the run.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the study; default SPACE-train-TIME.")
    ] = None,
    variant: Variant = None,
    data: DataPath = None,
    epochs: Epochs = None,
    seed: Seed = None,
    overrides: Overrides = None,
    runs: Runs = RUNS,
    address: Address = None,
    in_process: InProcess = False,
    dry_run: DryRun = False,
    resume: GoOn = False,
) -> None:
    """Train one network without a search: a study of one trial, in runs/NAME.

    What the space file searches has its published value, else the task's default, unless --set
    space.NAME=VALUE gives one.
    """
    from raysearch.cli.terminal import CommandLine
    from raysearch.library import train as library

    carry_out = (
        partial(library.check_run, local=in_process)
        if dry_run
        else partial(library.train, address=address, local=in_process, resume=resume)
    )
    carry_out(
        space,
        workers=workers,
        name=name,
        variant=variant,
        runs=runs,
        show=CommandLine(),
        set=overrides or [],
        data=data,
        epochs=epochs,
        seed=seed,
    )
