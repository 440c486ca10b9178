"""Final figures of one trial's settings, from folds that are really different."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from raysearch.errors import InputError
from raysearch.files import owners_only
from raysearch.ledger.history import read_history
from raysearch.library.open import open_folder, study_folder_of
from raysearch.library.other_than_trained import other_than_trained
from raysearch.library.overrides import Overrides, override_texts
from raysearch.library.predict import Files, paths_given
from raysearch.library.start import start
from raysearch.library.tune import where_runs
from raysearch.library.watching import Show, Watcher, watcher_for
from raysearch.space.space_file import SpaceFile, change_space_file
from raysearch.study.folders import RUNS, name_of, study_folder

if TYPE_CHECKING:
    from raysearch.library.opened_series import OpenedSeries
    from raysearch.library.opened_study import OpenedStudy


@owners_only()
def crossval(
    name: str | Path,
    *,
    trial: str | int = "best",
    folds: int = 10,
    data: Files | None = None,
    train_on: Sequence[int] | None = None,
    new_name: str | None = None,
    runs: str | Path = RUNS,
    address: str | None = None,
    local: bool = False,
    resume: bool = False,
    show: Show | Watcher = "auto",
    set: Overrides = (),
) -> OpenedStudy | OpenedSeries:
    """Cross-validate one trial's settings: each fold trains a model, which is applied to the test set.

    Args:
        name: of the study, or its folder.
        trial: ``best``, or a trial's number.
        folds: how many.
        data: other data than the study's; a file or folder, or several.
        train_on: for a learning curve, numbers of examples to train on: a cross-validation for each.
        new_name: of the study that this makes; by default NAME-crossval or NAME-learning-curve.
        runs: folder that holds the studies.
        address: of a Ray cluster; see :func:`raysearch.tune`.
        local: carry runs out in this process.
        resume: go on if a study of that name exists.
        show: see :func:`raysearch.library.watching.watcher_for`.
        set: overrides of the study's space file.

    Raises:
        InputError: there is no such study or trial, or it went on from another and nobody says for how many
            epochs.
        RaysearchError: as :func:`raysearch.tune`.
    """
    folder, watcher = study_folder_of(name, Path(runs)), watcher_for(show)
    texts = override_texts({}, set, watcher.say)
    one_trial = _one_trial(folder, str(trial), folds, data, texts)
    odd = list(other_than_trained(read_history(folder), str(trial), one_trial))
    for line in odd:
        watcher.say(f"warning: {line}")
    one_trial = one_trial.model_copy(update={"description": "; ".join([one_trial.description, *odd])})
    members = {"": one_trial} if train_on is None else _by_size(one_trial, train_on)
    kind = "crossval" if train_on is None else "learning-curve"
    place = study_folder(Path(runs), new_name or f"{name_of(folder).replace('/', '-')}-{kind}")
    start(members, place, where_runs(address, local=local), watcher, resume=resume)
    return open_folder(place)


def _one_trial(folder: Path, trial: str, folds: int, data: Files | None, texts: Sequence[str]) -> SpaceFile:
    """The space file of a study whose only trial is given."""
    history = read_history(folder)
    chosen = history.trial(trial)
    space_file = SpaceFile.model_validate(history.created.space_file)
    # Its settings alone do not say what it was trained to: part of it is in the weights it began with.
    if chosen.parent is not None and not any(text.startswith("budget.epochs=") for text in texts):
        raise InputError(
            f"trial {chosen.number} went on from trial {chosen.parent} and has "
            f"{history.age(chosen.number)} epochs behind it, its folds begin anew; "
            "say how many they get with --set budget.epochs=N"
        )
    path = {} if not data else {"path": [str(each) for each in paths_given(data)]}
    changes = {
        "description": f"{folds}-fold cross-validation of trial {chosen.number} of {history.name}",
        # One given trial: nothing is proposed, so that the sampler is of no meaning.
        "search": {"sampler": "random", "trials": 1, "enqueue": (chosen.settings,)},
        "budget": {**space_file.budget.model_dump(), "folds": folds, "repeats": 1},
        "data": {**space_file.data.model_dump(), **path},
    }
    return change_space_file(SpaceFile.model_validate({**space_file.model_dump(), **changes}), texts)


def _by_size(space_file: SpaceFile, sizes: Sequence[int]) -> dict[str, SpaceFile]:
    """The same for each size of the training part."""
    if len(set(sizes)) < len(sizes) or not all(size > 0 for size in sizes):
        given = ",".join(map(str, sizes))
        raise InputError(f"--train-on {given}: must be different whole numbers, such as 7000,20000,66000")
    return {
        str(size): space_file.model_copy(update={"data": space_file.data.model_copy(update={"limit": size})})
        for size in sizes
    }
