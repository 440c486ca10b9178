"""A trial's models as they were trained: the weights of the ledger, and the scaling of their inputs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from raysearch.data.plain_scaling import from_plain
from raysearch.data.scaling import Scaling
from raysearch.data.source import DataSource
from raysearch.errors import InputError, StorageError, WeightsGoneError
from raysearch.launch.orders import way_of
from raysearch.launch.own_code import reference_of
from raysearch.ledger.history import History
from raysearch.ledger.kept import kept_trials
from raysearch.ledger.trial_history import RunHistory, TrialHistory
from raysearch.seeds import derive
from raysearch.space.space_file import SpaceFile
from raysearch.tasks import load_task
from raysearch.tasks.settings import make_settings
from raysearch.tasks.task import Task
from raysearch.training.checkpoint import load_checkpoint, weights_sha256
from raysearch.training.precision import FLOAT32
from raysearch.training.randomness import seed_all
from raysearch.training.settings import divide
from raysearch.training.study_data import data_problems


@dataclass(frozen=True)
class FoldModel:
    """The model of one fold, ready to be applied.

    Attributes:
        fold: which.
        model: with its weights.
        scaling: of its inputs; None where they are taken as they are.
        weights_sha256: of the weights.
        training_facts: what its task's ``training_facts`` told.
    """

    fold: int
    model: nn.Module
    scaling: Scaling | None
    weights_sha256: str
    training_facts: Mapping[str, Any]


@dataclass(frozen=True)
class TrainedTrial:
    """A trial whose weights are kept.

    Attributes:
        folder: of the study.
        study: its name.
        trial: its number.
        reference: of the task, as the space file has it.
        task: the task itself.
        values: the settings as plain values, complete.
        settings: the same as the task's own type.
        precision: in which it was trained, and is applied.
        source: the study's data.
        models: one for each fold.
        space_file: of the study.
        history: what is known of the study.
        pruning: its name if the model is one that was pruned, else empty.
    """

    folder: Path
    study: str
    trial: int
    reference: str
    task: Task[Any]
    values: dict[str, Any]
    settings: Any
    precision: str
    source: DataSource
    models: tuple[FoldModel, ...]
    space_file: SpaceFile
    history: History
    pruning: str = ""

    @property
    def classes(self) -> list[str]:
        """Names of the classes, none if the task is no classifier."""
        return list(self.history.created.data.get("classes", []))

    def provenance(self) -> dict[str, str]:
        """Where the models come from, as plain text."""
        return {
            "study": self.study,
            "trial": str(self.trial),
            "task": self.reference,
            "settings": json.dumps(self.values, sort_keys=True),
            "precision": self.precision,
            "weights_sha256": " ".join(model.weights_sha256 for model in self.models),
        }


def load_trained(folder: Path, history: History, which: str, source: DataSource) -> TrainedTrial:
    """Load the models of a trial.

    Args:
        folder: the study's.
        history: what is known of it.
        which: ``best``, the number of a trial, or the name of a pruning of one, such as ``pruned``.
        source: the study's data.

    Raises:
        InputError: there is no such trial, or its weights are not kept.
        NoFinishedTrialError: there is no best yet.
        WeightsGoneError: weights are gone or are not those of the ledger.
        StorageError: those of a pruning are not.
    """
    pruned = folder / which
    # A name from the command line must not lead out of the folder; best/ has a model.json, too.
    if pruned.parent == folder and (pruned / "model.json").is_file() and which not in {"best", ".."}:
        return _load_pruned(folder, history, which, source)
    trial = history.trial(which)
    _check_kept(history, trial)
    space_file = SpaceFile.model_validate(history.created.space_file)
    # Weights of the same shapes load into changed code without a word, and mean another function.
    task = load_task(reference_of(folder, history, _code_of(trial)))
    divided = divide(way_of(space_file), space_file.searched.complete(trial.settings))
    settings = make_settings(task, divided.task)

    @cache
    def checked() -> DataSource:
        check_data(history, task, settings, source)
        return source

    models = []
    for run in trial.runs:
        weights = _weights(folder, run)
        model = _model(task, settings, space_file, (trial.number, run.fold), weights)
        about = _kept_with(folder, run)
        scaling, facts = _beside(about, task, settings, lambda: checked().of_fold(run.fold))  # noqa: B023
        models.append(FoldModel(run.fold, model, scaling, weights_sha256(weights), facts))
    if checked.cache_info().currsize:  # once more: they may have been replaced while they were measured
        check_data(history, task, settings, source)
    return TrainedTrial(
        folder=folder,
        study=history.name,
        trial=trial.number,
        reference=space_file.task,
        task=task,
        values=divided.task,
        settings=settings,
        precision=divided.precision,
        source=source,
        models=tuple(models),
        space_file=space_file,
        history=history,
    )


def _load_pruned(folder: Path, history: History, which: str, source: DataSource) -> TrainedTrial:
    """Load what `raysearch prune` left: one model, of which nothing but its own folder is needed."""
    about = json.loads((folder / which / "model.json").read_text(encoding="utf-8"))
    path = folder / which / "model.pt"
    weights = torch.load(path, map_location="cpu", weights_only=True)
    if weights_sha256(weights) != about["weights_sha256"]:
        raise StorageError(f"{path}: does not hold the weights that {which}/model.json names")
    space_file = SpaceFile.model_validate(history.created.space_file)
    task = load_task(reference_of(folder, history, history.run(about["trial"], about["fold"]).code))
    settings = make_settings(task, about["settings"])

    def checked() -> DataSource:
        check_data(history, task, settings, source)
        return source.of_fold(about["fold"])

    scaling, facts = _beside(about, task, settings, checked)
    model = _model(task, settings, space_file, (about["trial"], about["fold"]), weights)
    return TrainedTrial(
        folder=folder,
        study=history.name,
        trial=about["trial"],
        reference=space_file.task,
        task=task,
        values=about["settings"],
        settings=settings,
        precision=about.get("precision", FLOAT32),  # a version before knew no other
        source=source,
        models=(FoldModel(about["fold"], model, scaling, about["weights_sha256"], facts),),
        space_file=space_file,
        history=history,
        pruning=which,
    )


def _model(
    task: Task[Any],
    settings: Any,  # noqa: ANN401 - the task's own type
    space_file: SpaceFile,
    run: tuple[int, int],
    weights: Mapping[str, Tensor],
) -> nn.Module:
    """Build the model of a run (trial, fold), with what it draws and does not keep among its weights."""
    seed_all(derive(derive(space_file.seed, "run", *run), "weights"))  # as its training does
    model = task.model(settings)
    model.load_state_dict(weights)
    return model.eval()


def _code_of(trial: TrialHistory) -> dict[str, str]:
    """The code that trained a trial, of which all its folds must be."""
    codes = [run.code for run in trial.runs]
    if any(code != codes[0] for code in codes):
        raise InputError(f"trial {trial.number}: its runs were trained before and after the code was changed")
    return codes[0]


def _check_kept(history: History, trial: TrialHistory) -> None:
    kept = kept_trials(history)
    if trial.state != "finished":
        raise InputError(f"trial {trial.number} of {history.name} is {trial.state}, not finished")
    if trial.number not in {one.number for one in kept}:
        numbers = ", ".join(str(one.number) for one in kept)
        raise InputError(
            f"the weights of trial {trial.number} are not kept; {history.name} keeps those of trial {numbers}"
        )


def _weights(folder: Path, run: RunHistory) -> dict[str, Tensor]:
    assert run.ended is not None  # the trial is finished
    path = folder / run.ended.weights
    content = load_checkpoint(path)
    if content is None or weights_sha256(content["model"]) != run.ended.weights_sha256:
        raise WeightsGoneError(f"{path}: gone or damaged; it holds the weights of trial {run.trial}")
    return content["model"]


def _kept_with(folder: Path, run: RunHistory) -> dict[str, Any]:
    """Read what was kept beside the best model, if this is it."""
    assert run.ended is not None
    for path in sorted(folder.glob("best/**/model.json")):
        about: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if about["weights_sha256"] == run.ended.weights_sha256:
            return about
    return {}


def _beside(
    about: Mapping[str, Any],
    task: Task[Any],
    settings: Any,  # noqa: ANN401 - the task's own type
    measure: Callable[[], DataSource],
) -> tuple[Scaling | None, dict[str, Any]]:
    """Take scaling and training facts from what was kept, or measure them again on the study's data."""
    # Other trials than the best have none kept, and version 0.1.0 did not keep all of it.
    scaling = from_plain(about["scaling"]) if "scaling" in about else task.scaling(measure(), settings)
    if "training_facts" in about:
        return scaling, about["training_facts"]
    if type(task).training_facts is Task.training_facts:
        return scaling, {}  # without looking at data that may be gone
    return scaling, task.training_facts(measure(), settings)


def check_data(
    history: History,
    task: Task[Any],
    settings: Any,  # noqa: ANN401 - the same
    source: DataSource,
) -> None:
    """Check that the study's data are what it was trained on.

    Raises:
        InputError: files were changed or added, or are gone; all are named.
    """
    created = history.created
    inspected = make_settings(task, created.inspected) if created.inspected else settings
    problems = data_problems(task, source, inspected, created.data["files"], f"{history.name} began")
    if problems:
        raise InputError(*problems)
