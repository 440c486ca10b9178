"""A study's beginning: its folder, its ledger with the first record, and its space file."""

from __future__ import annotations

from pathlib import Path

from raysearch.files import write_durably
from raysearch.launch.disk_need import check_budget
from raysearch.launch.prepare import Prepared, window_of
from raysearch.launch.versions import task_sha256
from raysearch.ledger.ledger import Ledger
from raysearch.ledger.study_records import Created
from raysearch.tasks.kept_code import keep
from raysearch.tasks.own_code import sums_of, task_file


def create_study(prepared: Prepared, folder: Path, slots: int, series: str = "") -> Ledger:
    """Make a study's folder and ledger.

    Args:
        prepared: the checked study.
        folder: where it is to lie.
        slots: runs at a time; sets the default window.
        series: the series it belongs to.

    Raises:
        InputError: with so many slots the disk budget is too small.
        FolderError: it cannot be written, or holds a study already.
        StorageError: the disk is full or failed.
    """
    space_file, rehearsal = prepared.space_file, prepared.rehearsal
    # Once more: only now is it known how many runs go on at a time.
    check_budget(prepared.disk_need(slots), space_file.storage.disk)
    ledger = Ledger(folder, create=True)
    (objective, maximise), *others = rehearsal.objectives.items()
    if (path := task_file(space_file.task)) is not None:
        keep(folder, prepared.code, path.parent)
    created = Created(
        study=f"{series}/{folder.name}" if series else folder.name,
        space_file=space_file.model_dump(mode="json"),
        identity=space_file.identity,
        task_sha256=task_sha256(space_file.task),
        objective=objective,
        maximise=maximise,
        window=window_of(space_file, slots),
        folds=space_file.budget.runs,
        data={"path": space_file.data.path or "", "split": list(space_file.data.split), **rehearsal.data},
        settings=list(space_file.searched.domains),
        others=dict(others),
        series=series,
        inspected=rehearsal.inspected,
        code=sums_of(prepared.code),
    )
    # For people; the first record holds all of it. It comes last: a study that has begun is complete.
    write_durably(folder / "space.yaml", space_file.to_yaml().encode())
    ledger.append([created])
    return ledger
