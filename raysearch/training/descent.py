"""One step down a loss: scaled, averaged over the workers, guarded, noted and taken. Nobody else steps.

So a task with one network and a task with several train through the same lines, and so do the rehearsal
before a study and the retraining of a pruned network.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from raysearch.data.tensors import Batch
from raysearch.errors import InputError, did_you_mean, one_of
from raysearch.tasks.descent import LOSS
from raysearch.tasks.task import Task
from raysearch.training.consensus import AveragedGradients, Consensus
from raysearch.training.large_batch import LargeBatch
from raysearch.training.optimisers import optimisers_of, schedules_of
from raysearch.training.place import Noted, Part, Place
from raysearch.training.precision import (
    FLOAT32,
    LEAST_SCALE,
    computing_in,
    forget_casts,
    loss_scaler,
    not_computing_in,
    widened,
)
from raysearch.training.schedules import RunningSchedules
from raysearch.training.side_by_side import SideBySide
from raysearch.training.workers import Workers


class NonFiniteError(Exception):
    """A loss or metric is no longer a number; the run ends as failed."""


class Descent:
    """Steps of a task's optimisers; what :class:`raysearch.tasks.descent.Descent` asks for, and its state.

    Args:
        task, settings: build the optimisers and what changes their learning rates.
        model: its parameters and buffers become the first worker's.
        workers: the run's data-parallel workers, this one among them.
        precision: in which the task computes.
        consensus: how the workers come to one model; by default they average gradients.
        large_batch: what becomes of learning rates.

    Raises:
        InputError: the task's optimisers or schedules cannot be used.
    """

    def __init__(
        self,
        task: Task[Any],
        settings: Any,  # noqa: ANN401 - the task's own type
        model: nn.Module,
        workers: Workers,
        precision: str = FLOAT32,
        *,
        consensus: Consensus | None = None,
        large_batch: LargeBatch | None = None,
    ) -> None:
        self.model, self.settings = model, settings
        self._task, self._workers, self._precision = task, workers, precision
        workers.share_model(model)
        self.optimizers = optimisers_of(task, settings, model)
        if large_batch is not None:
            large_batch.scale_rates(self.optimizers.values(), settings.batch_size)
        self._consensus = consensus or AveragedGradients(workers)
        self._consensus.begin(self.optimizers)
        self._parts = SideBySide(self._end_step)
        self._schedules = RunningSchedules(schedules_of(task, settings, self.optimizers), self.optimizers)
        # One scale each: the gradients of two losses overflow at different scales, and a step that is left
        # out lowers its own alone.
        self._scalers = {name: loss_scaler(precision, workers.device) for name in self.optimizers}
        trained = {id(weight) for weight in model.parameters() if weight.requires_grad}
        self._owns_all = {
            name: trained <= {id(weight) for weight in _weights(each)}
            for name, each in self.optimizers.items()
        }
        self._place = Place(epoch=1, batch_number=1, n_batches=1, n_rows=1, n_mine=1)
        self._noted: dict[str, Noted] = {}

    @property
    def epoch(self) -> int:
        """The epoch, counted from 1; from the parents' first where the run goes on with their training."""
        return self._schedules.inherited_epochs + self._place.epoch

    @property
    def batch_number(self) -> int:
        """The batch's place in the epoch, counted from 1."""
        return self._place.batch_number

    @property
    def progress(self) -> float:
        """Epochs behind this batch, with the fraction of its own."""
        return self.epoch - 1 + (self.batch_number - 1) / self._place.n_batches

    def take(self, batch: Batch, place: Place) -> None:
        """Have the task learn from a batch.

        Args:
            batch: this worker's rows.
            place: where it stands.
        """
        self.take_parts([Part(lambda: batch, place.n_mine)], place)

    def take_parts(self, parts: Sequence[Part], place: Place) -> None:
        """Have the task learn from a batch whose gradients are computed part by part.

        Args:
            parts: this worker's rows.
            place: where it stands.
        """
        if self._consensus.share_buffers_now():
            self._workers.share_buffers(self.model)

        def enter(number: int) -> None:
            self._place = replace(place, n_mine=parts[number].n_rows)

        def learn_from(part: Part) -> None:
            self._task.step(self, part.batch())

        with computing_in(self._precision, self._workers.device):
            self._parts.run([partial(learn_from, part) for part in parts], enter)

    def __call__(self, loss: Tensor, of: str = LOSS) -> None:
        """Take one step of the optimiser ``of``; see :class:`raysearch.tasks.descent.Descent`."""
        if of not in self.optimizers:
            names = list(self.optimizers)
            raise InputError(
                f"task: {type(self._task).__name__} has no optimiser {of!r} to step; {one_of(names)}."
                f"{did_you_mean(of, names)}"
            )
        with not_computing_in(self._precision, self._workers.device):
            loss = widened(loss)
            self._backward(loss, of)
            noted = self._noted.setdefault(of, Noted())
            noted.of_batch += loss.item() * self._weight
        self._parts.loss_is_down(of)

    def _end_step(self, of: str) -> None:
        """Step along the gradients of all parts."""
        with not_computing_in(self._precision, self._workers.device):
            self._note(of)
            self._consensus.before_step(self._trained(of))
            self._step(of)
            self._consensus.after_step(of)
        # A second loss over the same weights must see them as they are now.
        self.optimizers[of].zero_grad(set_to_none=True)
        forget_casts(self._precision)

    def _trained(self, of: str) -> list[Tensor]:
        """The weights that an optimiser changes."""
        return [weight for weight in _weights(self.optimizers[of]) if weight.requires_grad]

    def _backward(self, loss: Tensor, of: str) -> None:
        weights, scaled = self._trained(of), self._scalers[of].scale(loss * self._weight)
        if self._owns_all[of]:
            scaled.backward()  # type: ignore[no-untyped-call] # torch's
        else:
            # Weights of other optimisers get no gradient, and nothing is computed for them.
            torch.autograd.backward(scaled, inputs=weights)
        if all(weight.grad is None for weight in weights):
            raise InputError(
                f"task: {type(self._task).__name__}: the loss of {of!r} depends on none of the parameters of "
                "that optimiser, so that its step would do nothing"
            )

    @property
    def _weight(self) -> float:
        """Makes the mean over workers, each with the mean over its rows, the mean over the batch."""
        return self._place.n_mine * self._place.n_sharing / self._place.n_rows

    def _note(self, of: str) -> None:
        """Add a batch's loss to its epoch's mean, unless it is no number, on any worker."""
        noted = self._noted[of]
        mean = self._consensus.loss_of_step(noted.of_batch)
        if not math.isfinite(mean):
            raise NonFiniteError(f"the loss{self._named(of)} is {mean} in {self._where}")
        noted.total += mean * self._place.n_rows
        noted.n_rows += self._place.n_rows
        noted.of_batch = 0.0

    def _step(self, of: str) -> None:
        """Take a step, or leave it out where scaled gradients overflow, on every worker alike."""
        scaler = self._scalers[of]
        before = scaler.get_scale()
        scaler.step(self.optimizers[of])
        scaler.update()
        after = scaler.get_scale()
        if after < LEAST_SCALE:
            raise NonFiniteError(
                f"the gradients{self._named(of)} overflow {self._precision} even unscaled in {self._where}"
            )
        if after < before:
            return  # left out: schedules count the steps that were taken
        self._schedules.step_taken(of)

    def _named(self, of: str) -> str:
        return "" if of == LOSS else f" of {of}"

    @property
    def _where(self) -> str:
        return f"epoch {self._place.epoch}, batch {self.batch_number}"

    def losses(self) -> dict[str, float]:
        """Mean losses per example since the last call, by optimiser; of those that took a step."""
        noted, self._noted = self._noted, {}
        found = {}
        for name in self.optimizers:
            each = noted.get(name, Noted())
            total, n_rows = (self._consensus.over_the_epoch(value) for value in (each.total, each.n_rows))
            if n_rows:
                found[name] = total / n_rows
        return found

    @property
    def at_rest(self) -> set[str]:
        """Optimisers all of whose learning rates are 0."""
        return {
            name
            for name, each in self.optimizers.items()
            if all(group.get("lr") == 0 for group in each.param_groups)
        }

    def end_epoch(self, objective: float) -> None:
        """Let schedules of epochs, and of the objective (less is better), change learning rates."""
        self._schedules.end_epoch(objective)

    def state(self) -> dict[str, Any]:
        """The state of optimisers, schedules and loss scales, for a checkpoint."""
        return {
            "optimizers": {name: each.state_dict() for name, each in self.optimizers.items()},
            "kinds": self._kinds,
            "scalers": {name: each.state_dict() for name, each in self._scalers.items() if each.is_enabled()},
            **self._schedules.state(),
        }

    def load_state(self, content: Mapping[str, Any]) -> None:
        """Take all back from a checkpoint's content."""
        state = _by_name(content)
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
            if self._scalers[name].is_enabled():
                self._scalers[name].load_state_dict(state["scalers"][name])
        self._schedules.load_state(state)

    def inherit(self, content: Mapping[str, Any], *, goes_on: bool = False) -> None:
        """Take over moments from another run's checkpoint, of each optimiser of the same name and kind.

        Learning rates and the like stay the new settings'.

        Args:
            content: of that checkpoint; without moments where the weights are others.
            goes_on: whether it is the same training that goes on, and schedules with it.
        """
        state = _by_name(content)
        for name, optimizer in self.optimizers.items():
            if state["kinds"].get(name) == self._kinds[name]:
                moments = state["optimizers"][name]["state"]
                optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
        if goes_on:
            self._schedules.go_on(content)

    @property
    def _kinds(self) -> dict[str, str]:
        return {name: type(each).__name__ for name, each in self.optimizers.items()}


def _weights(optimizer: Optimizer) -> list[Tensor]:
    """What an optimiser changes, in an order that is the same on all workers."""
    return [weight for group in optimizer.param_groups for weight in group["params"]]


def _by_name(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """Read a checkpoint in today's layout; version 0.1.0 kept one optimiser's state, without its name."""
    if "optimizers" in content:
        return content
    return {
        "optimizers": {LOSS: content["optimizer"]} if "optimizer" in content else {},
        "kinds": {LOSS: content["kind"]} if "kind" in content else {},
        "schedules": [content["scheduler"]] if "scheduler" in content else [],
        "scalers": {LOSS: content["scaler"]} if "scaler" in content else {},
    }
