"""``raysearch evolve``: train networks by evolution, and by gradient beside it at equal epochs."""

from __future__ import annotations

from typing import Annotated

import typer

from raysearch.cli.carry import say
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
    as_overrides,
    find_space_file,
)
from raysearch.cli.start import new_folder, start
from raysearch.study.folders import RUNS

BREEDING = ("pbt", "evolution")  # samplers whose trials go on from others


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
    from raysearch.launch.request import Where
    from raysearch.space.series import read_members
    from raysearch.space.variants import variants_of
    from raysearch.space.yaml_file import read_yaml

    path = find_space_file(space)
    named = {
        "data.path": data and str(data),
        "search.trials": trials,
        "budget.repeats": repeats,
        "budget.epochs": epochs,
        "seed": seed,
    }
    first = [strategy] if strategy else variants_of(read_yaml(path))[:1]
    variants = list(dict.fromkeys([*first, *(compare.split(",") if compare else [])]))
    members = read_members(path, as_overrides(named, overrides), variants)
    if not any(member.strategy or member.search.sampler in BREEDING for member in members.values()):
        say(f"{space}: names no strategy, so weights are trained by gradient, as by tune")
    folder = new_folder(runs, name, path.stem, members)
    start(members, folder, Where(address, in_process), dry_run=dry_run, resume=resume)
