"""``raysearch tune``: carry a space file out as a study, or as a series of them."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raysearch.cli.carry import Job, begin, carry_out_all, check_same, go_on, say
from raysearch.cli.options import Address, InProcess, Runs, find_space_file
from raysearch.errors import InputError
from raysearch.study.folders import RUNS, has_begun, is_series, resume_command, study_folder

if TYPE_CHECKING:
    from raysearch.cluster.launch import Prepared
    from raysearch.cluster.request import Where
    from raysearch.space.space_file import SpaceFile


def tune(
    space: Annotated[
        str, typer.Argument(metavar="SPACE", help="Name of a shipped space file, or the path of your own.")
    ],
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the study; default SPACE-SAMPLER-TIME.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="File or folder of data instead of the sample.")
    ] = None,
    trials: Annotated[int | None, typer.Option("--trials", "-n", help="Number of trials.")] = None,
    folds: Annotated[
        int | None, typer.Option("--folds", help="Cross-validate: the objective is the mean over K folds.")
    ] = None,
    sampler: Annotated[
        str | None, typer.Option("--sampler", help="tpe, gp, nsga2, random, grid or nevergrad:NAME.")
    ] = None,
    objectives: Annotated[
        str | None,
        typer.Option("--objectives", metavar="A,B", help="What to search, such as val_loss,mflop."),
    ] = None,
    max_parameters: Annotated[
        int | None, typer.Option("--max-parameters", help="Refuse models with more weights.")
    ] = None,
    max_mflop: Annotated[
        float | None, typer.Option("--max-mflop", help="Refuse models that cost more per example.")
    ] = None,
    prune: Annotated[
        str | None, typer.Option("--prune", help="Stop runs that are behind: median or halving.")
    ] = None,
    enqueue: Annotated[
        str | None, typer.Option("--enqueue", help="published: begin with the published settings.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of everything random.")] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a key, such as budget.epochs=20."),
    ] = None,
    runs: Runs = RUNS,
    address: Address = None,
    in_process: InProcess = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, start nothing.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on if a study of that name exists.")] = False,
) -> None:
    """Search: carry a space file out as a study, in runs/NAME."""
    from raysearch.cluster.request import Where
    from raysearch.space.series import read_members

    named = {
        "data.path": data and str(data),
        "search.trials": trials,
        "budget.folds": folds,
        "search.sampler": sampler,
        "objectives": objectives and objectives.split(","),
        "limits.parameters": max_parameters,
        "limits.mflop": max_mflop,
        "search.prune.rule": prune,
        "search.enqueue": enqueue,
        "seed": seed,
    }
    # as JSON, so that a folder called 2024 or null stays a text in YAML
    texts = [f"{key}={json.dumps(value)}" for key, value in named.items() if value is not None]
    path = find_space_file(space)
    members = read_members(path, [*texts, *(overrides or [])])
    first = next(iter(members.values()))
    stamp = time.strftime("%Y%m%d-%H%M%S")
    folder = study_folder(runs, name or f"{path.stem}-{first.search.sampler.replace(':', '-')}-{stamp}")
    searches = f"{len(members)} searches, each of " if len(members) > 1 else ""
    say(f"{space}: {searches}{len(first.searched.domains)} settings to search, {first.search.trials} trials")
    start(members, folder, Where(address, in_process), dry_run=dry_run, resume=resume)


def start(
    members: dict[str, SpaceFile], folder: Path, where: Where, *, dry_run: bool = False, resume: bool = False
) -> None:
    """Check studies, then carry them out.

    Args:
        members: the space files by member; a single study is the member "".
        folder: of the study or the series.
        where: what carries the runs out.
        dry_run: stop after the checks.
        resume: go on without asking if the folder holds them already.

    Raises:
        InputError: a space file or its data are wrong, or the folder holds something else.
    """
    say("checking settings, task and data")
    from raysearch.cluster.launch import prepare  # with torch: takes seconds
    from raysearch.cluster.request import NO_WISH
    from raysearch.study.series import write_series

    prepared = {folder / name: prepare(member, folder.parent) for name, member in members.items()}
    _describe(list(prepared.values()), folder)
    if dry_run:
        say("dry run: all checks passed, nothing started")
        return
    exists = has_begun(folder) or is_series(folder)
    for place, study in prepared.items():
        check_same(place, study.space_file)
    if (
        exists
        and not resume
        and not (sys.stdin.isatty() and typer.confirm(f"{folder} exists. Go on with it?"))
    ):
        raise InputError(f"{folder} exists; go on with: {resume_command(folder)}, or give another --name")
    jobs: list[Job | None] = [
        go_on(place, NO_WISH, allow_skew=False)
        if has_begun(place)
        else begin(study, place, NO_WISH, folder.name if place != folder else "")
        for place, study in prepared.items()
    ]
    if not exists and folder not in prepared:
        write_series(folder, {place.name: study.space_file for place, study in prepared.items()})
    carry_out_all([job for job in jobs if job], where)
    finish_series(folder)


def finish_series(folder: Path) -> None:
    """Write the report of a series over its studies; nothing for a single study."""
    if is_series(folder):
        from raysearch.report.series_report import build_series_report, series_lines

        page = build_series_report(folder)
        typer.echo("\n" + "\n".join(series_lines(folder)))
        typer.echo(f"\nreport:   {page}")
        typer.echo(f"go on:    {resume_command(folder, '--trials +N')}")


def _describe(prepared: list[Prepared], folder: Path) -> None:
    data = prepared[0].rehearsal.data
    files = data["files"]
    where = f"{len(files)} file{'s' if len(files) > 1 else ''}, " if files else ""
    say(
        f"data: {where}{data['n_train']} to train, {data['n_validation']} to validate, {data['n_test']} to test, "
        f"split by {data['split_by']}"
    )
    say(f"disk: at most {max(study.disk_bytes for study in prepared) / 1e6:.0f} MB under {folder.parent}")
