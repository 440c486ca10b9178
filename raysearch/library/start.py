"""Begin studies: check everything, make their folders, and carry them out."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from raysearch.cluster.own_ray import ray_ahead
from raysearch.errors import InputError
from raysearch.launch.cgroups import usable_cpus
from raysearch.launch.request import Where
from raysearch.library.carry import carry_out_series
from raysearch.library.jobs import Job, begin, go_on, wish_of
from raysearch.library.stopping import stop_flag
from raysearch.library.watching import Watcher
from raysearch.space.sizes import written
from raysearch.space.space_file import SpaceFile
from raysearch.study.claim import claimed
from raysearch.study.folders import has_begun, is_series, resume_command, study_folder
from raysearch.study.series import read_series, write_series

if TYPE_CHECKING:
    from raysearch.launch.prepare import Prepared


def new_folder(
    runs: Path, name: str | None, space: str, members: dict[str, SpaceFile], watcher: Watcher
) -> Path:
    """Say what is to be carried out, and name its folder: as wished, or SPACE-SAMPLER-TIME.

    Raises:
        InputError: the name is none.
    """
    sizes = [
        f"{len(each.searched.domains)} settings to search, {each.search.trials} trials"
        for each in members.values()
    ]
    if len(set(sizes)) == 1:
        searches = f"{len(sizes)} searches, each of " if len(sizes) > 1 else ""
        watcher.say(f"{space}: {searches}{sizes[0]}")
    else:
        each = (f"  {name}: {size}" for name, size in zip(members, sizes, strict=True))
        watcher.say("\n".join([f"{space}:", *each]))
    first = next(iter(members.values()))
    stamp = time.strftime("%Y%m%d-%H%M%S")
    return study_folder(runs, name or f"{space}-{first.search.sampler.replace(':', '-')}-{stamp}")


def checked(
    members: dict[str, SpaceFile], folder: Path, watcher: Watcher, *, in_process: bool = False
) -> dict[Path, Prepared]:
    """Carry out all checks that can be made before anything starts.

    Args:
        members: the space files by member; a single study is the member "".
        folder: of the study or the series.
        watcher: told what data they have and how much room they need.
        in_process: whether runs are to be carried out without Ray.

    Returns:
        The studies by their folders.

    Raises:
        InputError: a space file or its data are wrong.
        FolderError: the folder of studies cannot be written.
        StorageError: there is too little room on the disk.
    """
    watcher.say("checking settings, task and data")
    from raysearch.data.files import forget_sums
    from raysearch.launch.local_executor import require_one_process
    from raysearch.launch.prepare import prepare  # with torch: takes seconds

    if in_process:
        for member in members.values():
            require_one_process(member.resources)
    forget_sums()  # a notebook may have had other studies before
    prepared = {folder / name: prepare(member, folder.parent) for name, member in members.items()}
    _describe(list(prepared.values()), folder, watcher)
    return prepared


def start(
    members: dict[str, SpaceFile], folder: Path, where: Where, watcher: Watcher, *, resume: bool = False
) -> None:
    """Check studies, then carry them out.

    Args:
        members: the space files by member; a single study is the member "".
        folder: of the study or the series.
        where: what carries the runs out.
        watcher: told what goes on, and asked whether to go on with what the folder holds.
        resume: go on without asking if the folder holds them already.

    Raises:
        InputError: a space file or its data are wrong, or the folder holds something else.
        StudyBusyError: another process begins it or carries it out.
        RaysearchError: of the first study that went wrong.
    """
    first = next(iter(members.values()))
    with (
        claimed(folder),
        stop_flag(watcher, folder) as stop,
        # Both take seconds, and one of them waits for most of its time.
        ray_ahead(where, first.resources, first.search.trials * first.budget.runs),
    ):
        with stop.breaking_off("the checks"):
            jobs = _checked_jobs(members, folder, watcher, in_process=where.in_process, resume=resume)
        carry_out_series(jobs, where, folder, watcher, stop)


def _checked_jobs(
    members: dict[str, SpaceFile], folder: Path, watcher: Watcher, *, in_process: bool, resume: bool
) -> list[Job]:
    """Carry out all checks; see :func:`start`."""
    # All members before the first begins: a fault in the last is told now, not tomorrow.
    prepared = checked(members, folder, watcher, in_process=in_process)
    exists = has_begun(folder) or is_series(folder)
    check_fits(folder, members)
    wishes = {place: wish_of(place, study.space_file) for place, study in prepared.items()}
    if exists and not resume and not watcher.may_go_on(folder):
        raise InputError(f"{folder} exists; go on with: {resume_command(folder)}, or give another --name")
    jobs: list[Job | None] = [
        go_on(place, wishes[place], watcher, allow_skew=False)
        if has_begun(place)
        else begin(study, place, wishes[place], folder.name if place != folder else "")
        for place, study in prepared.items()
    ]
    if not exists and folder not in prepared:
        # Before the first member begins: a killed series is resumed with all its members.
        write_series(folder, {place.name: study.space_file for place, study in prepared.items()})
    return [job for job in jobs if job]


def check_fits(folder: Path, members: dict[str, SpaceFile]) -> None:
    """Check that the members can be carried out together, and are those of the folder if it holds any."""
    # Workers alone may differ, as members that scale a run do: a Ray is started for each number of them.
    if len({member.resources.model_copy(update={"workers": 1}) for member in members.values()}) > 1:
        raise InputError("resources: members of a series run on the same ones but for workers; theirs differ")
    if has_begun(folder) and "" not in members:
        raise InputError(
            f"{folder} is a single study, not a series of {', '.join(members)}; give another --name"
        )
    if is_series(folder) and (found := list(read_series(folder))) != list(members):
        there, here = ", ".join(found), ", ".join(members) or "a single study"
        raise InputError(f"{folder} is a series of {there}, not of {here}; give another --name")


def _describe(prepared: list[Prepared], folder: Path, watcher: Watcher) -> None:
    data = prepared[0].rehearsal.data
    files = data["files"]
    where = f"{len(files)} file{'s' if len(files) > 1 else ''}, " if files else ""
    watcher.say(
        f"data: {where}{data['n_train']} to train, {data['n_validation']} to validate, "
        f"{data['n_test']} to test, split by {data['split_by']}"
    )
    # Members of a series may have other data, or other rows of them.
    warnings = (line for study in prepared for line in study.rehearsal.data.get("warnings", ()))
    for warning in dict.fromkeys(warnings):
        watcher.say(f"warning: {warning}")
    needs = [study.disk_need(usable_cpus()).total for study in prepared]
    disk = prepared[needs.index(max(needs))].space_file.storage.disk
    budget = f", budget {disk}" if disk else ""
    watcher.say(f"disk: at most {written(max(needs))} under {folder.parent}{budget}")
    if refused := next((study.rehearsal.refused for study in prepared if study.rehearsal.refused), ""):
        watcher.say(f"space: points that the task refuses will be drawn anew, such as where {refused}")
