"""What trains a model for one epoch, by gradient or by evolution; the loop around it is the same."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from raysearch.data.shuffling import chunk_shuffled
from raysearch.data.tensors import TensorData
from raysearch.seeds import derive
from raysearch.tasks.task import Task
from raysearch.training.order import Order
from raysearch.training.workers import Workers

S = TypeVar("S")


@dataclass(frozen=True)
class RunContext(Generic[S]):
    """What a learner works on.

    Attributes:
        task, order, settings: what is to be trained, and how.
        model: its weights are those of the run so far, before and after each epoch.
        train: the training part, on the workers' device.
        workers: the run's data-parallel workers, this one among them.
    """

    task: Task[S]
    order: Order
    settings: S
    model: nn.Module
    train: TensorData
    workers: Workers

    @property
    def batch_size(self) -> int:
        """Examples that a step learns from at a time, over the workers that share it."""
        return int(self.settings.batch_size)  # type: ignore[attr-defined] # every task's settings have it

    def rows_of(self, epoch: int) -> Tensor:
        """Rows to train on in an epoch, in their order; a smaller share is part of every larger one."""
        order, n = self.order, len(self.train)
        # On the CPU whatever the device: the same order everywhere.
        shuffle = torch.Generator().manual_seed(derive(order.seed, "shuffle", epoch))
        rows = (
            chunk_shuffled(n, shuffle) if order.shuffle == "chunks" else torch.randperm(n, generator=shuffle)
        )
        share = order.shares[epoch - 1] if order.shares else 1.0
        if share < 1.0:
            draw = torch.Generator().manual_seed(derive(order.seed, "share"))
            # Drawn once for the run and not by epoch, so that what was seen stays in every larger share.
            place = torch.randperm(n, generator=draw)
            rows = rows[place[rows] < max(round(share * n), self.batch_size)]
        return rows.to(self.workers.device)


@dataclass(frozen=True)
class EpochResult:
    """What an epoch of training came to.

    Attributes:
        losses: by name, the mean over the epoch's examples; by evolution, of the best candidate of each
            generation. One whose optimiser took no step is not among them.
        presentations: forward passes, one for each example and, by evolution, candidate.
        idle: optimisers that took no step.
        at_rest: optimisers whose steps changed nothing, as their learning rates are 0.
        remarks: what else the user should know of it.
        timings: where the time of steps went, see :class:`raysearch.training.timing.StepTimes`.
    """

    losses: Mapping[str, float]
    presentations: int
    idle: Sequence[str] = ()
    at_rest: Collection[str] = ()
    remarks: Sequence[str] = ()
    timings: Mapping[str, float] = field(default_factory=dict)

    @property
    def metrics(self) -> dict[str, float]:
        """``train_`` + name for each loss; ``train_loss``, if none is called so, is their sum."""
        named = {f"train_{name}": loss for name, loss in self.losses.items()}
        return {"train_loss": sum(self.losses.values()), **named}


class Learner(Protocol):
    """Trains the model of its context; all its randomness comes from (run seed, epoch)."""

    def train_epoch(self, epoch: int) -> EpochResult:
        """Train one epoch, counted from 1.

        Raises:
            NonFiniteError: the loss is no longer a number.
        """
        ...

    def end_epoch(self, loss: float) -> None:
        """Hear the epoch's objective, less is better."""
        ...

    def state(self) -> dict[str, Any]:
        """Plain values and tensors for a checkpoint, beside the model's weights; called by all workers."""
        ...

    def load_state(self, state: dict[str, Any]) -> None:
        """Take :meth:`state` back, as read from a checkpoint with whatever else is in it."""
        ...
