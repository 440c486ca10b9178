"""Runs for a contract: trained as every study trains them, with what it asks about noted on the way."""

from __future__ import annotations

import copy
import pickle
import random
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from raysearch.data.tensors import Parts, TensorData
from raysearch.seeds import derive
from raysearch.tasks import load_task
from raysearch.tasks.settings import make_settings, watched
from raysearch.tasks.task import Outputs, Task
from raysearch.training.descent import Descent, Place
from raysearch.training.evaluation import EVALUATION_ROWS, evaluate
from raysearch.training.loop import Trainer
from raysearch.training.order import EpochReport, Order
from raysearch.training.randomness import load_parts, seed_all
from raysearch.training.workers import OneWorker, Workers

JUDGED_ROWS = EVALUATION_ROWS + 200  # two batches, so that a second worker has one


@dataclass(frozen=True)
class Ran:
    """What a run came to.

    Attributes:
        history: the metrics of each epoch.
        weights: after the last epoch, with buffers.
        untouched: parameters that are to be trained and got no gradient.
        changed: attributes of the task that training has changed, which no checkpoint holds.
    """

    history: list[dict[str, float]]
    weights: dict[str, Tensor]
    untouched: list[str]
    changed: list[str]


class _Stopped(BaseException):
    """Leaves a run in the middle, as a kill would; a task's handlers do not catch it."""


def carry_out(order: Order, workers: Workers | None = None, stop_after: int | None = None) -> Ran:
    """Carry out a run, or what is left of it after the checkpoints of earlier attempts.

    Args:
        order: the run.
        workers: this process alone, if not given.
        stop_after: leave it after this epoch, with its checkpoint written.

    Raises:
        Exception: whatever the task raises.
    """
    threads_before = torch.get_num_threads()
    torch.set_num_threads(order.threads)
    torch.set_flush_denormal(True)  # as in every run, or bits could differ
    try:
        return _train(load_task(order.task), order, workers or OneWorker(), stop_after)
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(threads_before)


def _train(task: Task[Any], order: Order, workers: Workers, stop_after: int | None) -> Ran:
    history: list[dict[str, float]] = []

    def report(epoch: EpochReport) -> None:
        history.append(dict(epoch.metrics))
        if epoch.epoch == stop_after:
            raise _Stopped

    trainer = Trainer(task, order, workers, report)
    trained = {name: weight for name, weight in trainer.model.named_parameters() if weight.requires_grad}
    touched: set[str] = set()
    for name, weight in trained.items():
        weight.register_post_accumulate_grad_hook(lambda _, name=name: touched.add(name))
    before = _attributes(task)
    with suppress(_Stopped):
        trainer.run()
    after = _attributes(task)
    changed = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    return Ran(history, copy.deepcopy(trainer.model.state_dict()), sorted(set(trained) - touched), changed)


def _attributes(task: Task[Any]) -> dict[str, bytes]:
    """What a task keeps on itself, as bytes to be compared; what cannot be written as such is left out."""
    found = {}
    for name, value in vars(task).items():
        with suppress(Exception):
            found[name] = pickle.dumps(value)
    return found


def build(order: Order, weights: Mapping[str, Tensor] | None = None) -> tuple[Task[Any], Any, nn.Module]:
    """Make a run's task, settings and model, fresh or with some weights."""
    task = load_task(order.task)
    settings = make_settings(task, order.settings)
    seed_all(derive(order.seed, "weights"))
    model = task.model(settings)
    if weights is not None:
        model.load_state_dict(weights)
    return task, settings, model


def judge(order: Order, weights: Mapping[str, Tensor], workers: Workers) -> dict[str, Tensor]:
    """Outputs of a model for rows of the validation part, repeated so that two workers have batches."""
    task, settings, model = build(order, weights)
    validation = load_parts(task, order.source, settings).validation
    rows = validation.rows(torch.arange(min(len(validation), JUDGED_ROWS)))
    data = TensorData(rows, torch.arange(JUDGED_ROWS) % len(rows[0]))
    return dict(evaluate(task, model, data, workers, seed=order.seed, precision=order.precision))


def steps_alike(order: Order) -> bool:
    """Whether a second worker would step as one does: nothing is drawn, nothing normalised by the batch."""
    task, settings, model = build(order)
    parts = load_parts(task, order.source, settings)
    before = _generators()
    _first_step(task, settings, model, parts)
    return _generators() == before and not any(isinstance(module, _BatchNorm) for module in model.modules())


def unread_at(order: Order) -> set[str]:
    """Names of the settings that neither data, model, a step, nor an evaluation of a run read."""
    task = load_task(order.task)
    settings, unread = watched(make_settings(task, order.settings))
    parts = load_parts(task, order.source, settings)
    model = task.model(settings)
    _first_step(task, settings, model, parts)
    few = parts.validation.every(max(len(parts.validation) // 100, 1))
    task.metrics(evaluate(task, model, few, OneWorker(), seed=order.seed), few)
    return set(unread)


def _first_step(
    task: Task[Any],
    settings: Any,  # noqa: ANN401 - the task's own type
    model: nn.Module,
    parts: Parts,
) -> None:
    batch = parts.train.rows(torch.arange(min(settings.batch_size, len(parts.train))))
    descent = Descent(task, settings, model.train(), OneWorker())
    descent.take(batch, Place(1, 1, 1, n_rows=len(batch[0]), n_mine=len(batch[0])))


def _generators() -> tuple[bytes, str, str]:
    """The states of the global generators."""
    of_numpy = np.random.get_state()  # noqa: NPY002 - the global one
    return torch.get_rng_state().numpy().tobytes(), repr(of_numpy), repr(random.getstate())


def same(one: Mapping[str, Tensor] | Outputs, other: Mapping[str, Tensor] | Outputs) -> bool:
    """Whether tensors by name are the same to the last bit; NaN is NaN."""
    return set(one) == set(other) and all(
        one[name].shape == other[name].shape
        and one[name].dtype == other[name].dtype
        and one[name].contiguous().numpy().tobytes() == other[name].contiguous().numpy().tobytes()
        for name in one
    )


def difference(ours: Ran, theirs: Ran) -> str:
    """Where two runs begin to differ: the end of a sentence; empty if they are the same to the last bit."""
    for epoch, (one, other) in enumerate(zip(ours.history, theirs.history, strict=False), start=1):
        # Losses of training first: what is found in validation follows from them.
        for name in sorted(one, key=lambda name: not name.startswith("train_")):
            if one[name] != other.get(name):
                return f"{name} of epoch {epoch} is {other.get(name)} instead of {one[name]}"
    if len(ours.history) != len(theirs.history):
        return f"it has {len(theirs.history)} epochs instead of {len(ours.history)}"
    return "" if same(ours.weights, theirs.weights) else "the weights are others"
