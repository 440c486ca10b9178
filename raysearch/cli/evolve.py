"""``raysearch evolve``: train networks by evolution, and by gradient beside it at equal epochs."""

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
)
from raysearch.study.folders import RUNS


def evolve(
    space: SpaceName,
    strategy: Annotated[
        str | None,
        typer.Option("--strategy", help="Which of the file's variants to carry out; default the first."),
    ] = None,
    compare: Annotated[
        str | None,
        typer.Option("--compare", metavar="A,B", help="Other variants of the file to carry out beside it."),
    ] = None,
    name: StudyName = None,
    data: DataPath = None,
    trials: Annotated[int | None, typer.Option("--trials", "-n", help="Number of trials of each.")] = None,
    repeats: Annotated[
        int | None, typer.Option("--repeats", help="Runs of each trial, which differ in their seed alone.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", help="Passes over the training data of each run.")
    ] = None,
    seed: Seed = None,
    overrides: Overrides = None,
    runs: Runs = RUNS,
    address: Address = None,
    in_process: InProcess = False,
    dry_run: DryRun = False,
    resume: GoOn = False,
) -> None:
    """Evolve: train by evolution as one variant of a space file says, beside others if wanted."""
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
        variants=library.variants_wanted(space, strategy, compare.split(",") if compare else []),
        show=CommandLine(),
        set=overrides or [],
        data=data,
        trials=trials,
        repeats=repeats,
        epochs=epochs,
        seed=seed,
    )
