"""``raysearch tune``: carry a space file out as a study, or as a series of them."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from raysearch.cli.options import (
    Address,
    DataPath,
    DryRun,
    GoOn,
    InProcess,
    Overrides,
    Runs,
    Seed,
    SpaceName,
    StudyName,
    Wait,
)
from raysearch.study.folders import RUNS

Trials = Annotated[int | None, typer.Option("--trials", "-n", help="Number of trials.")]
Folds = Annotated[
    int | None, typer.Option("--folds", help="Cross-validate: the objective is the mean over K folds.")
]
Sampler = Annotated[
    str | None,
    typer.Option("--sampler", help="tpe, gp, nsga2, pbt, evolution, random, grid or nevergrad:NAME."),
]
Objectives = Annotated[
    str | None,
    typer.Option("--objectives", metavar="A,B", help="What to search, such as val_loss,mflop."),
]
MaxParameters = Annotated[
    int | None, typer.Option("--max-parameters", help="Refuse models with more weights.")
]
MaxMflop = Annotated[
    float | None, typer.Option("--max-mflop", help="Refuse models that cost more per example.")
]
Prune = Annotated[str | None, typer.Option("--prune", help="Stop runs that are behind: median or halving.")]
Enqueue = Annotated[
    str | None, typer.Option("--enqueue", help="published: begin with the published settings.")
]
Disk = Annotated[
    str | None, typer.Option("--disk", metavar="SIZE", help="Disk budget of the study, such as 2GB.")
]
Time = Annotated[
    str | None, typer.Option("--time", metavar="SPAN", help="Train no longer than this, such as 2h.")
]
RunTime = Annotated[
    str | None, typer.Option("--run-time", metavar="SPAN", help="What a run may take, such as 10m.")
]
Silence = Annotated[
    str | None, typer.Option("--silence", metavar="SPAN", help="Without a new epoch a run hangs.")
]
Memory = Annotated[
    str | None,
    typer.Option("--memory", metavar="SIZE", help="What a run's worker may take, as 4GB."),
]
Keep = Annotated[
    str | None, typer.Option("--keep", metavar="N", help="Keep the weights of the best N trials, or all.")
]


def tune(
    space: SpaceName,
    name: StudyName = None,
    data: DataPath = None,
    trials: Trials = None,
    folds: Folds = None,
    sampler: Sampler = None,
    objectives: Objectives = None,
    max_parameters: MaxParameters = None,
    max_mflop: MaxMflop = None,
    prune: Prune = None,
    enqueue: Enqueue = None,
    disk: Disk = None,
    time: Time = None,
    run_time: RunTime = None,
    silence: Silence = None,
    memory: Memory = None,
    keep: Keep = None,
    seed: Seed = None,
    overrides: Overrides = None,
    runs: Runs = RUNS,
    address: Address = None,
    in_process: InProcess = False,
    dry_run: DryRun = False,
    resume: GoOn = False,
    wait: Wait = None,
) -> None:
    """Search: carry a space file out as a study, in runs/NAME."""
    from raysearch.cli.terminal import CommandLine
    from raysearch.library import tune as library

    carry_out = (
        partial(library.check, local=in_process)
        if dry_run
        else partial(library.tune, address=address, local=in_process, resume=resume)
    )
    carry_out(
        space,
        name=name,
        runs=runs,
        show=CommandLine(waits=wait),
        set=overrides or [],
        data=data,
        trials=trials,
        folds=folds,
        sampler=sampler,
        objectives=objectives and objectives.split(","),
        max_parameters=max_parameters,
        max_mflop=max_mflop,
        prune=prune,
        enqueue=enqueue,
        disk=disk,
        time=time,
        run_time=run_time,
        silence=silence,
        memory=memory,
        keep=int(keep) if keep and keep.isdecimal() else keep,
        seed=seed,
    )
