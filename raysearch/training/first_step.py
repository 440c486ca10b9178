"""A new model's first step and first evaluation, as the rehearsal takes them, in the driver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.optim import Optimizer

from raysearch.data.tensors import Batch, Parts, TensorData
from raysearch.errors import InputError
from raysearch.metrics.shown import Shown
from raysearch.models.flat import flat_parameters
from raysearch.tasks.contract import defines
from raysearch.tasks.task import Task
from raysearch.training.descent import Descent, NonFiniteError, Place
from raysearch.training.evaluation import evaluate
from raysearch.training.optimisers import optimisers_of, rate_problems
from raysearch.training.precision import FLOAT32
from raysearch.training.shown_file import packed
from raysearch.training.workers import OneWorker

REHEARSAL_ROWS = 2000
HERE = torch.device("cpu")


class Begun(NamedTuple):
    """A model after its first step, and whether that changed any of its weights, as far as is known."""

    model: nn.Module
    has_learned: bool = True


class Evaluated(NamedTuple):
    """A first evaluation.

    Attributes:
        metrics: of the rows, as those of an epoch are called.
        bytes_of_one: of what is kept of the predictions for an example.
        rows: some of the validation part.
        shown: what the task shows of them.
    """

    metrics: dict[str, float]
    bytes_of_one: float
    rows: TensorData
    shown: Sequence[Shown]


def begun(
    task: Task[Any],
    parts: Parts,
    settings: Any,  # noqa: ANN401 - the task's own type
    precision: str,
    *,
    by_gradient: bool,
) -> Begun:
    """Make a model and take its first step, or judge a first child.

    Raises:
        InputError: its task says too little for that, or a learning rate cannot be.
    """
    if by_gradient:
        return _one_step(task, parts, settings, precision)
    return Begun(_one_generation(task, parts, settings))


def _one_step(
    task: Task[Any],
    parts: Parts,
    settings: Any,  # noqa: ANN401 - the task's own type
    precision: str,
) -> Begun:
    torch.manual_seed(0)
    model = task.model(settings)
    optimisers = optimisers_of(task, settings, model)
    if problems := rate_problems(settings, optimisers):
        raise InputError(*problems)
    before = [weight.detach().clone() for weight in model.parameters()]
    descent = Descent(task, settings, model, OneWorker(HERE), precision)
    model.train()
    batch = _first_batch(parts, settings)
    n_rows, n_batches = len(batch[0]), -(-len(parts.train) // len(batch[0]))
    try:
        descent.take(batch, Place(1, 1, n_batches, n_rows=n_rows, n_mine=n_rows))
    except NonFiniteError:
        return Begun(model)  # these settings diverge: their trial will fail, which is no fault of the task
    losses = descent.losses()
    if not losses:
        raise InputError(
            f"task: {type(task).__name__}.step takes no step in the first batch: descent(loss) does"
        )
    is_stepped = any(map(_differ, before, model.parameters()))
    descent.end_epoch(sum(losses.values()))
    # In half precision a step may be left out, and a warm-up may begin at a rate of 0.
    is_known = precision == FLOAT32 and all(map(_has_rate, optimisers.values()))
    return Begun(model, is_stepped or not is_known)


def _differ(before: torch.Tensor, now: torch.Tensor) -> bool:
    return not torch.equal(before, now.detach())


def _has_rate(optimiser: Optimizer) -> bool:
    return all(float(group.get("lr", 1.0)) > 0 for group in optimiser.param_groups)


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


def one_evaluation(task: Task[Any], model: nn.Module, parts: Parts, precision: str) -> Evaluated:
    """Evaluate a model on some of the validation part."""
    validation = parts.validation.every(max(len(parts.validation) // REHEARSAL_ROWS, 1))
    outputs = evaluate(task, model, validation, OneWorker(HERE), seed=0, precision=precision)
    found = task.metrics(outputs, validation)
    n_bytes = len(packed(task, outputs, validation))
    metrics = {f"val_{name}": value for name, value in found.items()}
    return Evaluated(metrics, n_bytes / len(validation), validation, task.shown(outputs, validation))
