"""All checks of a study before it starts: sampler, options, data, disk space, and a dress rehearsal."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from raysearch.errors import InputError
from raysearch.launch.cgroups import usable_cpus
from raysearch.launch.disk_need import DiskNeed, check_budget, check_free, disk_need
from raysearch.launch.orders import source_of, way_of
from raysearch.launch.own_code import code_watched
from raysearch.launch.points import gate_of, points_of
from raysearch.launch.run_environment import only_visible
from raysearch.search.make import complete_options, default_window, sampler_problems
from raysearch.space.space_file import SpaceFile
from raysearch.study.floors import floor_names
from raysearch.study.folders import check_writable
from raysearch.tasks.own_code import Code
from raysearch.training.rehearsal import Rehearsal, Wanted, rehearse
from raysearch.training.settings import divide, setting_problems


@dataclass(frozen=True)
class Prepared:
    """A study that passed every check and can be created."""

    space_file: SpaceFile
    rehearsal: Rehearsal
    code: Code = field(default_factory=dict)  # of a user's own task

    def disk_need(self, slots: int) -> DiskNeed:
        """The most room it may take with so many runs at a time."""
        window = window_of(self.space_file, slots)
        return disk_need(self.space_file, self.rehearsal, window, self.space_file.search.trials)


def prepare(space_file: SpaceFile, runs: Path) -> Prepared:
    """Check all that can be checked before anything starts.

    Raises:
        InputError: sampler, task, settings or data are wrong, or the disk budget is too small.
        FolderError: the folder of studies cannot be written.
        StorageError: not enough disk space for the study's checkpoints.
    """
    n_objectives = max(len(space_file.objectives), 1)
    problems = sampler_problems(space_file.search, space_file.searched, n_objectives)
    if problems:
        raise InputError(*problems)
    options = complete_options(space_file.search.sampler, space_file.search.options)
    # Defaults are written out before the study has an identity: those of a later version may be others.
    search = space_file.search.model_copy(update={"options": options, "enqueue": tuple(space_file.enqueued)})
    space_file = space_file.model_copy(update={"search": search})
    # Before the rehearsal, which takes seconds.
    check_writable(runs)
    with code_watched(space_file.task) as code:
        rehearsal = rehearsed(space_file)
        if rehearsal.unread:  # of a study that begins: one of before this check goes on
            raise InputError(*rehearsal.unread)
        _check_given(space_file)
        _check_floor(space_file, rehearsal)
    prepared = Prepared(space_file, rehearsal, code)
    # An estimate: no session of Ray is open yet that could tell how many runs go on at a time.
    need = prepared.disk_need(slots=usable_cpus())
    check_budget(need, space_file.storage.disk)
    check_free(need, runs)
    return prepared


def _check_given(space_file: SpaceFile) -> None:
    """Check that settings which the user gives may be run; others would be drawn anew, his are an error."""
    gate, space = gate_of(space_file), space_file.searched
    problems = [
        f"search.enqueue.{number}: {refusal[1]}"
        for number, settings in enumerate(space_file.enqueued)
        if (refusal := gate(space.complete(settings))) is not None
    ]
    if problems:
        raise InputError(*problems)


def _check_floor(space_file: SpaceFile, rehearsal: Rehearsal) -> None:
    """Check that there is a floor to stop at."""
    objective, more_is_better = next(iter(rehearsal.objectives.items()))
    missing = [name for name in floor_names(objective) if name not in rehearsal.metrics]
    if space_file.budget.stop == "floor" and more_is_better:
        raise InputError(
            f"budget.stop: floor: of {objective} more is better, which comes down to no floor; leave it out"
        )
    if space_file.budget.stop == "floor" and missing:
        raise InputError(
            f"budget.stop: floor: {space_file.task} does not tell {' and '.join(missing)}, what real data "
            f"have against real data of {objective}; leave it out"
        )


def window_of(space_file: SpaceFile, slots: int) -> int:
    """Trials asked ahead: as the space file has it, or the sampler's default for so many slots."""
    return space_file.search.window or default_window(space_file.search, slots)


def rehearsed(space_file: SpaceFile, reference: str = "") -> Rehearsal:
    """Carry the dress rehearsal of a space file out.

    Args:
        space_file: of the study.
        reference: of its task, where that is not the space file's: a copy.

    Raises:
        InputError: settings that nothing reads, or a task, model or data that do not work.
    """
    with only_visible(space_file.resources.environment):  # from here on the task's code is run
        task = reference or space_file.task
        looked_at = points_of(space_file, reference=task)
        # The one drawn at random is trained a step; corners are only built.
        points = [looked_at.drawn, *looked_at.corners]
        if problems := setting_problems(task, way_of(space_file), points):
            raise InputError(*problems)
        first, *corners = (divide(way_of(space_file), point) for point in points)
        wanted = Wanted(
            space_file.objectives,
            space_file.limits.given,
            by_gradient=space_file.strategy is None,
            precisions=tuple(dict.fromkeys(divided.precision for divided in (first, *corners))),
        )
        rehearsal = rehearse(
            task, source_of(space_file), first.task, [corner.task for corner in corners], wanted
        )
        return replace(rehearsal, refused=looked_at.refused)
