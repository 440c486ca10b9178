"""Training by gradient: the task's optimiser, one step a batch, on one worker or several."""

from __future__ import annotations

import math
from typing import Any

from raysearch.seeds import derive
from raysearch.training.learner import Ground, NonFiniteError, Trained
from raysearch.training.precision import LEAST_SCALE, computing_in, loss_scaler, widened
from raysearch.training.randomness import seed_all


class GradientLearner:
    """Trains by the task's optimiser; gradients are means over the workers.

    Args:
        ground: what to train.
        inherited: the state of the learner that this one goes on from, whose moments an optimiser of the same kind
            keeps, while learning rate and the like are the new settings'; empty for a fresh start.
    """

    def __init__(self, ground: Ground[Any], inherited: dict[str, Any]) -> None:
        self._ground = ground
        task, settings = ground.task, ground.settings
        self.optimizer = task.optimizer(settings, ground.model.parameters())
        self._scheduler = task.scheduler(settings, self.optimizer)
        if inherited.get("kind") == self._kind:
            own = self.optimizer.state_dict()
            self.optimizer.load_state_dict({**own, "state": inherited["optimizer"]["state"]})
        self._scaler = loss_scaler(ground.order.precision, ground.workers.device)
        self._parallel = ground.workers.wrap(ground.model)

    @property
    def _kind(self) -> str:
        return type(self.optimizer).__name__

    def train_epoch(self, epoch: int) -> Trained:
        """Train one epoch; the loss is the mean per example."""
        task, workers, train = self._ground.task, self._ground.workers, self._ground.train
        seed_all(derive(self._ground.order.seed, "epoch", epoch, workers.rank))
        rows = self._ground.rows_of(epoch)
        self._parallel.train()
        total, n_seen = 0.0, 0
        for place, batch in enumerate(rows.split(self._ground.batch_size)):
            share = batch[workers.rank :: workers.size]
            if len(batch) < workers.size:
                break  # a last batch too small for every worker to have a part
            with computing_in(self._ground.order.precision, workers.device):
                loss = widened(task.loss(self._parallel, train.rows(share)))
            weight = len(share) * workers.size / len(batch)  # makes the mean over workers that over the batch
            self._scaler.scale(loss * weight).backward()
            mean_loss = workers.sum(loss.item() * weight) / workers.size
            if not math.isfinite(mean_loss):
                raise NonFiniteError(f"the loss is {mean_loss} in epoch {epoch}, batch {place + 1}")
            self._step(epoch, place)
            self.optimizer.zero_grad(set_to_none=True)
            total += mean_loss * len(batch)
            n_seen += len(batch)
        return Trained(total / n_seen, n_seen)

    def _step(self, epoch: int, place: int) -> None:
        """Take a step, or leave it out where scaled gradients overflow, on every worker alike."""
        self._scaler.step(self.optimizer)
        self._scaler.update()
        if self._scaler.is_enabled() and self._scaler.get_scale() < LEAST_SCALE:
            raise NonFiniteError(
                f"the gradients overflow {self._ground.order.precision} even unscaled in epoch {epoch}, batch {place + 1}"
            )

    def end_epoch(self, loss: float) -> None:
        """Let the scheduler lower the learning rate."""
        if self._scheduler is not None:
            self._scheduler.step(loss)

    def state(self) -> dict[str, Any]:
        """The state of the optimiser, of the scheduler and of what scales losses."""
        state: dict[str, Any] = {"optimizer": self.optimizer.state_dict(), "kind": self._kind}
        if self._scheduler is not None:
            state["scheduler"] = self._scheduler.state_dict()
        if self._scaler.is_enabled():
            state["scaler"] = self._scaler.state_dict()
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        """Take all back."""
        self.optimizer.load_state_dict(state["optimizer"])
        if self._scheduler is not None:
            self._scheduler.load_state_dict(state["scheduler"])
        if self._scaler.is_enabled():
            self._scaler.load_state_dict(state["scaler"])
