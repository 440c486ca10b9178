"""A dress rehearsal before a study starts: one training step and one evaluation, in the driver.

It finds what would otherwise fail every run, or worse, be searched for nothing: settings the task
does not know or never reads, data that do not fit, corners of the space that cannot be built.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from raysearch.data.source import DataSource
from raysearch.data.tensors import TensorData
from raysearch.errors import InputError, RaysearchError
from raysearch.tasks import load_task
from raysearch.tasks.task import Task, make_settings, watched
from raysearch.training.loop import evaluate
from raysearch.training.randomness import load_parts
from raysearch.training.workers import OneWorker

DESCRIBES_DATA = ("files", "n_train", "n_validation", "n_test", "split_by")
REHEARSAL_ROWS = 2000
BYTES_PER_WEIGHT = 4 * 3  # the weight and up to two moments of the optimiser, fp32


@dataclass(frozen=True)
class Rehearsal:
    """What the rehearsal found out.

    Attributes:
        data: the task's description of the data, for the ledger.
        objective: name of the metric that is searched.
        maximise: whether more of it is better.
        largest_checkpoint_bytes: of the largest model in the space, with its optimiser.
    """

    data: dict[str, Any]
    objective: str
    maximise: bool
    largest_checkpoint_bytes: int


def rehearse(
    reference: str, source: DataSource, settings: Mapping[str, Any], corners: Iterable[Mapping[str, Any]]
) -> Rehearsal:
    """Rehearse a task on its data.

    Args:
        reference: name of a task or ``path/to/my_task.py:MyTask``.
        source: the data.
        settings: one complete point of the space.
        corners: further points, whose models are built but not trained.

    Raises:
        InputError: whatever is wrong with task, data, settings or corners.
    """
    task = load_task(reference)
    typed = make_settings(task, settings)
    data = task.inspect(source, typed)
    _check_description(reference, data)
    seen, unread = watched(typed)
    try:
        metrics = _one_step(task, source, seen)
        n_weights = [_n_weights(task, settings), *(_n_weights(task, corner) for corner in corners)]
    except RaysearchError:
        raise
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise InputError(
            f"task: {reference} fails in its first training step with {dict(settings)}: {what}"
        ) from error
    if unread:
        raise InputError(*(f"space.{name}: the task never reads this setting" for name in sorted(unread)))
    if task.objective not in metrics:
        raise InputError(
            f"task: {reference} has the objective {task.objective}, its metrics give {', '.join(metrics)}"
        )
    return Rehearsal(data, task.objective, task.maximise, max(n_weights) * BYTES_PER_WEIGHT)


def _check_description(reference: str, data: Mapping[str, Any]) -> None:
    missing = [name for name in DESCRIBES_DATA if name not in data]
    if missing:
        raise InputError(f"task: {reference}: inspect must tell {', '.join(missing)} too")
    try:
        json.dumps(data, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"task: {reference}: inspect must give plain values: {error}") from error


def _one_step(task: Task[Any], source: DataSource, settings: Any) -> dict[str, float]:  # noqa: ANN401 - the task's own type
    parts = load_parts(task, source, settings)
    for name in ("train", "validation", "test"):
        if not len(getattr(parts, name)):
            raise InputError(f"data: the {name} part is empty; give more data or change data.split")
    torch.manual_seed(0)
    model = task.model(settings)
    optimizer = task.optimizer(settings, model.parameters())
    wanted = getattr(settings, "learning_rate", None)
    if wanted is not None and any(group["lr"] != wanted for group in optimizer.param_groups):
        raise InputError(
            f"space.learning_rate: {wanted} did not reach the optimiser, which has {optimizer.param_groups[0]['lr']}"
        )
    model.train()
    rows = torch.arange(min(settings.batch_size, len(parts.train)))
    task.loss(model, parts.train.rows(rows)).backward()
    optimizer.step()
    every = max(len(parts.validation) // REHEARSAL_ROWS, 1)
    validation = TensorData(tuple(tensor[::every] for tensor in parts.validation.tensors))
    return {
        f"val_{name}": value
        for name, value in task.metrics(evaluate(task, model, validation, OneWorker()), validation).items()
    }


def _n_weights(task: Task[Any], settings: Mapping[str, Any]) -> int:
    return sum(weight.numel() for weight in task.model(make_settings(task, settings)).parameters())
