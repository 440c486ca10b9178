"""``raysearch crossval``: final figures of one trial's settings, from folds that are really different."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raysearch.cli.options import Address, GoOn, InProcess, Name, Runs, Trial
from raysearch.errors import InputError
from raysearch.study.folders import RUNS

if TYPE_CHECKING:
    from raysearch.space.space_file import SpaceFile


def crossval(
    name: Name,
    trial: Trial = "best",
    folds: Annotated[int, typer.Option("--folds", help="How many folds.")] = 10,
    data: Annotated[
        Path | None, typer.Option("--data", help="Other data than the study's; a file or folder.")
    ] = None,
    train_on: Annotated[
        str | None,
        typer.Option(metavar="N,M", help="Learning curve: a cross-validation for each number of examples."),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the study's space file."),
    ] = None,
    new_name: Annotated[
        str | None, typer.Option("--name", help="Name of the new study; default NAME-crossval.")
    ] = None,
    runs: Runs = RUNS,
    address: Address = None,
    in_process: InProcess = False,
    resume: GoOn = False,
) -> None:
    """Cross-validate one trial's settings.

    Each fold trains a model of its own, which is applied to the test set: final figures with their spread.
    """
    from raysearch.cli.start import start
    from raysearch.launch.request import Where
    from raysearch.ledger.history import read_history
    from raysearch.space.space_file import SpaceFile, change_space_file
    from raysearch.study.folders import existing_study, study_folder

    folder = existing_study(runs, name)
    history = read_history(folder)
    chosen = history.trial(trial)
    space_file = SpaceFile.model_validate(history.created.space_file)
    if chosen.parent is not None and not any(text.startswith("budget.epochs=") for text in overrides or []):
        raise InputError(
            f"trial {chosen.number} went on from trial {chosen.parent} and has {history.age(chosen.number)} epochs behind "
            "it, its folds begin anew; say how many they get with --set budget.epochs=N"
        )
    changes = {
        "description": f"{folds}-fold cross-validation of trial {chosen.number} of {history.created.study}",
        "search": {"sampler": "random", "trials": 1, "enqueue": (chosen.settings,)},
        "budget": {**space_file.budget.model_dump(), "folds": folds, "repeats": 1},
        "data": {**space_file.data.model_dump(), **({} if data is None else {"path": str(data.resolve())})},
    }
    one_trial = SpaceFile.model_validate({**space_file.model_dump(), **changes})
    one_trial = change_space_file(one_trial, overrides or [])
    members = {"": one_trial} if train_on is None else _by_size(one_trial, train_on)
    default = f"{name.replace('/', '-')}-{'crossval' if train_on is None else 'learning-curve'}"
    start(members, study_folder(runs, new_name or default), Where(address, in_process), resume=resume)


def _by_size(space_file: SpaceFile, sizes: str) -> dict[str, SpaceFile]:
    """The same for each size of the training part."""
    texts = sizes.split(",")
    if not all(text.isdigit() and int(text) for text in texts) or len(set(texts)) < len(texts):
        raise InputError(f"--train-on {sizes}: must be different whole numbers, such as 7000,20000,66000")
    return {
        text: space_file.model_copy(update={"data": space_file.data.model_copy(update={"limit": int(text)})})
        for text in texts
    }
