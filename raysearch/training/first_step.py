"""A new model's first step and first evaluation, as the rehearsal takes them, in the driver."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from raysearch.data.tensors import Batch, Parts
from raysearch.errors import InputError
from raysearch.models.flat import flat_parameters
from raysearch.tasks.contract import defines
from raysearch.tasks.task import Task
from raysearch.training.descent import Descent, NonFiniteError, Place
from raysearch.training.evaluation import evaluate
from raysearch.training.optimisers import optimisers_of, rate_problems
from raysearch.training.shown_file import packed
from raysearch.training.workers import OneWorker

REHEARSAL_ROWS = 2000
HERE = torch.device("cpu")


def begun(
    task: Task[Any],
    parts: Parts,
    settings: Any,  # noqa: ANN401 - the task's own type
    precision: str,
    *,
    by_gradient: bool,
) -> nn.Module:
    """Make a model and take its first step, or judge a first child.

    Raises:
        InputError: its task says too little for that, or a learning rate cannot be.
    """
    if by_gradient:
        return _one_step(task, parts, settings, precision)
    return _one_generation(task, parts, settings)


def _one_step(
    task: Task[Any],
    parts: Parts,
    settings: Any,  # noqa: ANN401 - the task's own type
    precision: str,
) -> nn.Module:
    torch.manual_seed(0)
    model = task.model(settings)
    if problems := rate_problems(settings, optimisers_of(task, settings, model)):
        raise InputError(*problems)
    descent = Descent(task, settings, model, OneWorker(HERE), precision)
    model.train()
    batch = _first_batch(parts, settings)
    n_rows, n_batches = len(batch[0]), -(-len(parts.train) // len(batch[0]))
    try:
        descent.take(batch, Place(1, 1, n_batches, n_rows=n_rows, n_mine=n_rows))
    except NonFiniteError:
        return model  # these settings diverge: their trial will fail, which is no fault of the task
    losses = descent.losses()
    if not losses:
        raise InputError(
            f"task: {type(task).__name__}.step takes no step in the first batch: descent(loss) does"
        )
    descent.end_epoch(sum(losses.values()))
    return model


def _one_generation(
    task: Task[Any],
    parts: Parts,
    settings: Any,  # noqa: ANN401 - the task's own type
) -> nn.Module:
    if not (defines(type(task), "loss") or defines(type(task), "children_losses")):
        raise InputError(
            f"strategy: {type(task).__name__} has no loss(model, batch), by which evolution would judge "
            "candidates; leave strategy out to train it by its own step"
        )
    torch.manual_seed(0)
    model = task.model(settings).eval()
    flat = flat_parameters(model)
    step = (torch.tensor([0]), torch.ones(1, dtype=flat.dtype))
    task.children_losses(model, [step], _first_batch(parts, settings))
    return model


def _first_batch(parts: Parts, settings: Any) -> Batch:  # noqa: ANN401 - the task's own type
    return parts.train.rows(torch.arange(min(settings.batch_size, len(parts.train))))


def one_evaluation(
    task: Task[Any], model: nn.Module, parts: Parts, precision: str
) -> tuple[dict[str, float], float]:
    """Metrics of some of the validation part, and how many bytes the predictions for an example have."""
    validation = parts.validation.every(max(len(parts.validation) // REHEARSAL_ROWS, 1))
    outputs = evaluate(task, model, validation, OneWorker(HERE), seed=0, precision=precision)
    found = task.metrics(outputs, validation)
    n_bytes = len(packed(task, outputs, validation))
    return {f"val_{name}": value for name, value in found.items()}, n_bytes / len(validation)
