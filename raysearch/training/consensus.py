"""How the workers of a run come to one model: by averaging gradients, or by exchanges with a centre.

Training by gradient knows only the interface, so it has no branch for either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor
from torch.optim import Optimizer

from raysearch.training.workers import Workers


@dataclass(frozen=True)
class Share:
    """One worker's rows of a step.

    Attributes:
        number: of the step in the epoch, from 1.
        n_steps: that a worker takes in the epoch.
        rows: its own.
        n_rows: of the step, over those who share it.
        n_sharing: how many workers do.
    """

    number: int
    n_steps: int
    rows: Tensor
    n_rows: int
    n_sharing: int


class Consensus(Protocol):
    """What training by gradient asks for; every method is to be called by all workers alike."""

    def begin(self, optimizers: Mapping[str, Optimizer]) -> None:
        """Hear of the optimisers; their weights are the same on all workers."""
        ...

    def shares(self, rows: Tensor, rows_of_step: int) -> Iterator[Share]:
        """Deal an epoch's rows, none of them to two workers, in steps of so many rows."""
        ...

    def share_buffers_now(self) -> bool:
        """Whether buffers are to be the first worker's before every step."""
        ...

    def before_step(self, weights: Sequence[Tensor]) -> None:
        """Agree on the gradients of an optimiser's weights."""
        ...

    def after_step(self, of: str) -> None:
        """Agree on the weights of an optimiser."""
        ...

    def loss_of_step(self, mine: float) -> float:
        """Find the loss of a step from a worker's own."""
        ...

    def over_the_epoch(self, mine: float) -> float:
        """Add up over the workers what is known of the steps of an epoch."""
        ...

    def begin_epoch(self) -> None:
        """Put the weights that this worker goes on with into the model."""
        ...

    def end_epoch(self) -> None:
        """Put the weights that count, the same on all workers, into the model."""
        ...

    def take_remarks(self) -> list[str]:
        """Tell what the user should know of the epoch."""
        ...

    def state(self, own: dict[str, Any]) -> dict[str, Any]:
        """Complete what a worker knows of its training, for the checkpoint of all."""
        ...

    def load_state(self, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """Take :meth:`state` back, and give what this worker knew of its training."""
        ...


class AveragedGradients:
    """Every step is one of all workers: each has a part of its rows, and gradients are averaged."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    def begin(self, optimizers: Mapping[str, Optimizer]) -> None:
        """Nothing: the same steps from the same weights keep them the same."""

    def shares(self, rows: Tensor, rows_of_step: int) -> Iterator[Share]:
        """Deal the rows of each step."""
        rank, size = self._workers.rank, self._workers.size
        steps = rows.split(rows_of_step)
        for number, step in enumerate(steps, start=1):
            if len(step) < size:
                return  # a last step too small for every worker to have a part
            # Parts differ by one row at most, and Descent weighs the workers' means by their rows.
            yield Share(number, len(steps), step[rank::size], len(step), size)

    def share_buffers_now(self) -> bool:
        """Those that are saved are the ones that every worker computes with."""
        return True

    def before_step(self, weights: Sequence[Tensor]) -> None:
        """Average the gradients."""
        self._workers.average(weights)

    def after_step(self, of: str) -> None:
        """Nothing."""

    def loss_of_step(self, mine: float) -> float:
        """Take the mean over the workers."""
        return self._workers.sum(mine) / self._workers.size

    def over_the_epoch(self, mine: float) -> float:
        """Take it as it is: every step was one of all workers."""
        return mine

    def begin_epoch(self) -> None:
        """Nothing: all workers have the weights that count."""

    def end_epoch(self) -> None:
        """Nothing."""

    def take_remarks(self) -> list[str]:
        """Nothing."""
        return []

    def state(self, own: dict[str, Any]) -> dict[str, Any]:
        """Give one worker's, which is each one's."""
        return own

    def load_state(self, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """Give it back."""
        return state
