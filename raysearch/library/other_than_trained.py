"""What makes the figures of a cross-validation others than its trial's: one fold, other data or code."""

from __future__ import annotations

from collections.abc import Iterator

from raysearch.ledger.history import History
from raysearch.space.space_file import SpaceFile


def other_than_trained(history: History, trial: str, space_file: SpaceFile) -> Iterator[str]:
    """Tell it, a line each.

    Args:
        history: of the study.
        trial: of it, as a user names it.
        space_file: of the cross-validation; data that it names itself are meant.
    """
    if space_file.budget.folds == 1:
        yield "one fold is no cross-validation: its figures have no spread over models"
    yield from _other_code(history, trial)
    if space_file.data.path == SpaceFile.model_validate(history.created.space_file).data.path:
        yield from _other_data(history, space_file)


def _other_code(history: History, trial: str) -> Iterator[str]:
    from raysearch.tasks.own_code import read_code, sums_of, task_file

    chosen = history.trial(trial)
    path, code = task_file(history.created.space_file["task"]), chosen.runs[0].code or history.created.code
    if path is None or not path.is_file() or not code:
        return  # a task that is installed, or is told to be gone, or of a version that did not keep code
    now = sums_of(read_code(path, [name for name in code if (path.parent / name).is_file()]))
    if changed := [name for name in sorted({*code, *now}) if code.get(name) != now.get(name)]:
        told = f"{', '.join(changed)} {'were' if len(changed) > 1 else 'was'} changed since"
        yield f"task: {told} trial {chosen.number} was trained; it is trained by what is there now"


def _other_data(history: History, space_file: SpaceFile) -> Iterator[str]:
    from raysearch.launch.orders import source_of
    from raysearch.tasks import load_task
    from raysearch.tasks.settings import make_settings
    from raysearch.training.study_data import data_problems

    created, task = history.created, load_task(space_file.task)
    if created.inspected:
        settings = make_settings(task, created.inspected)
        source, since = source_of(space_file), f"{history.name} began"
        yield from data_problems(task, source, settings, created.data["files"], since)
