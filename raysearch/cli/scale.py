"""``raysearch scale``: how a run scales with its workers."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from raysearch.cli.options import (
    Address,
    DataPath,
    Epochs,
    GoOn,
    Overrides,
    Runs,
    Seed,
    TaskOrSpace,
    Variant,
    whole_numbers,
)
from raysearch.study.folders import RUNS


def scale(
    space: TaskOrSpace,
    workers: Annotated[
        str, typer.Option("--workers", "-w", metavar="1,2,...", help="Numbers of workers to run with.")
    ],
    kinds: Annotated[
        Literal["weak", "strong", "both"],
        typer.Option("--kinds", help="weak: rows a worker are kept; strong: the batch is dealt to them."),
    ] = "both",
    batches: Annotated[
        str, typer.Option("--batches", metavar="N,M", help="Also one worker with N, M times the batch.")
    ] = "",
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the series; default SPACE-scale-TIME.")
    ] = None,
    variant: Variant = None,
    data: DataPath = None,
    epochs: Epochs = None,
    seed: Seed = None,
    overrides: Overrides = None,
    runs: Runs = RUNS,
    address: Address = None,
    resume: GoOn = False,
) -> None:
    """Measure how a run scales: on several numbers of workers, and as so many processes apart.

    A series of studies; its report has rates, efficiency, what communication takes, the physics by batch, and
    a projection to 256 workers.
    """
    from raysearch.cli.terminal import CommandLine
    from raysearch.library.scale import scale as carry_out

    carry_out(
        space,
        workers=whole_numbers(workers),
        kinds=kinds,
        batches=whole_numbers(batches) if batches else (),
        name=name,
        variant=variant,
        runs=runs,
        address=address,
        resume=resume,
        show=CommandLine(),
        set=overrides or [],
        data=data,
        epochs=epochs,
        seed=seed,
    )
