"""Begin studies: check everything, make their folders, carry them out, and close a series with its report."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from raysearch.cli.carry import Job, begin, carry_out_all, go_on, say, wish_of
from raysearch.errors import InputError, NoFinishedTrialError, TooManyFailedError
from raysearch.launch.cgroups import usable_cpus
from raysearch.space.sizes import written
from raysearch.study.folders import as_typed, has_begun, is_series, resume_command, study_folder

if TYPE_CHECKING:
    from raysearch.launch.prepare import Prepared
    from raysearch.launch.request import Where
    from raysearch.space.space_file import SpaceFile


def new_folder(runs: Path, name: str | None, space: str, members: dict[str, SpaceFile]) -> Path:
    """Say what is to be carried out, and name its folder: as wished, or SPACE-SAMPLER-TIME.

    Raises:
        InputError: the name is none.
    """
    sizes = [
        f"{len(each.searched.domains)} settings to search, {each.search.trials} trials"
        for each in members.values()
    ]
    if len(set(sizes)) == 1:
        say(f"{space}: {f'{len(sizes)} searches, each of ' if len(sizes) > 1 else ''}{sizes[0]}")
    else:
        say(
            "\n".join(
                [f"{space}:", *(f"  {name}: {size}" for name, size in zip(members, sizes, strict=True))]
            )
        )
    first = next(iter(members.values()))
    stamp = time.strftime("%Y%m%d-%H%M%S")
    return study_folder(runs, name or f"{space}-{first.search.sampler.replace(':', '-')}-{stamp}")


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
    from raysearch.launch.prepare import prepare  # with torch: takes seconds
    from raysearch.study.series import write_series

    prepared = {folder / name: prepare(member, folder.parent) for name, member in members.items()}
    _describe(list(prepared.values()), folder)
    if dry_run:
        say("dry run: all checks passed, nothing started")
        return
    exists = has_begun(folder) or is_series(folder)
    _check_fits(folder, members)
    wishes = {place: wish_of(place, study.space_file) for place, study in prepared.items()}
    if (
        exists
        and not resume
        and not (sys.stdin.isatty() and typer.confirm(f"{folder} exists. Go on with it?"))
    ):
        raise InputError(f"{folder} exists; go on with: {resume_command(folder)}, or give another --name")
    jobs: list[Job | None] = [
        go_on(place, wishes[place], allow_skew=False)
        if has_begun(place)
        else begin(study, place, wishes[place], folder.name if place != folder else "")
        for place, study in prepared.items()
    ]
    if not exists and folder not in prepared:
        write_series(folder, {place.name: study.space_file for place, study in prepared.items()})
    carry_out_series([job for job in jobs if job], where, folder)


def carry_out_series(jobs: list[Job], where: Where, folder: Path) -> None:
    """Carry studies out and, if they are a series', write its report, also when one of them went wrong.

    Raises:
        RaysearchError: of the first study that went wrong.
    """
    try:
        carry_out_all(jobs, where)
    except (NoFinishedTrialError, TooManyFailedError):
        finish_series(folder)
        raise
    finish_series(folder)


def finish_series(folder: Path) -> None:
    """Write the report of a series over its studies; nothing for a single study."""
    if is_series(folder):
        from raysearch.report.series_report import build_series_report, series_lines

        page = build_series_report(folder, as_typed(folder))
        typer.echo("\n" + "\n".join(series_lines(folder)))
        typer.echo(f"\nreport:   {page}")
        typer.echo(f"go on:    {resume_command(folder, '--trials +N')}")


def _check_fits(folder: Path, members: dict[str, SpaceFile]) -> None:
    """Check that the members can be carried out together, and are those of the folder if it holds any."""
    from raysearch.study.series import read_series

    if len({member.resources for member in members.values()}) > 1:
        raise InputError("resources: all members of a series run on the same ones; theirs differ")
    if has_begun(folder) and "" not in members:
        raise InputError(
            f"{folder} is a single study, not a series of {', '.join(members)}; give another --name"
        )
    if is_series(folder) and (found := list(read_series(folder))) != list(members):
        there, here = ", ".join(found), ", ".join(members) or "a single study"
        raise InputError(f"{folder} is a series of {there}, not of {here}; give another --name")


def _describe(prepared: list[Prepared], folder: Path) -> None:
    data = prepared[0].rehearsal.data
    files = data["files"]
    where = f"{len(files)} file{'s' if len(files) > 1 else ''}, " if files else ""
    say(
        f"data: {where}{data['n_train']} to train, {data['n_validation']} to validate, {data['n_test']} to test, "
        f"split by {data['split_by']}"
    )
    needs = [study.disk_need(usable_cpus()).total for study in prepared]
    disk = prepared[needs.index(max(needs))].space_file.storage.disk
    say(f"disk: at most {written(max(needs))} under {folder.parent}" + (f", budget {disk}" if disk else ""))
