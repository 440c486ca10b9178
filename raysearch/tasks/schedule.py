"""When a learning rate changes: one of torch's schedulers, and how often it is stepped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from raysearch.errors import InputError, one_of

Every = Literal["step", "epoch", "plateau"]


@dataclass(frozen=True)
class Schedule:
    """A scheduler with its rhythm.

    Attributes:
        scheduler: of one of the task's optimisers.
        every: ``step``, after each step of its optimiser; ``epoch``, after each epoch; ``plateau``, after each epoch
            with the objective, less is better, which is what ``ReduceLROnPlateau`` takes and no other.

    Raises:
        InputError: another rhythm, or one that the scheduler does not have.
    """

    scheduler: LRScheduler | ReduceLROnPlateau
    every: Every

    def __post_init__(self) -> None:
        kind = type(self.scheduler).__name__
        if self.every not in get_args(Every):
            raise InputError(f"task: every: of {kind} needs {one_of(get_args(Every))}, got {self.every!r}")
        if isinstance(self.scheduler, ReduceLROnPlateau) != (self.every == "plateau"):
            raise InputError(
                f"task: every: 'plateau' is for ReduceLROnPlateau alone, and it takes no other; "
                f"got {self.every!r} for {kind}"
            )
