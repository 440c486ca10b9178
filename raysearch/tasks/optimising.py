"""Settings of training by gradient that tasks share: optimiser, learning rate and its changes, batch size.

A task's settings subclass :class:`Optimising` or :class:`Scheduled` and add their network's; faults are told
as ``name: what``, all at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from torch import nn
from torch.optim import SGD, Adadelta, Adam, AdamW, NAdam, Optimizer, RMSprop
from torch.optim.lr_scheduler import ExponentialLR, LinearLR, MultiplicativeLR, ReduceLROnPlateau, StepLR

from raysearch.errors import InputError, one_of
from raysearch.tasks.schedule import Schedule

OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "adam": Adam,
    "nadam": NAdam,
    "adadelta": Adadelta,
    "rmsprop": RMSprop,
    "sgd": SGD,
    "adamw": AdamW,
}


@dataclass(frozen=True, kw_only=True)
class Optimising:
    """Settings of every task with one optimiser; a subclass tells its own faults in :meth:`problems`.

    Attributes:
        optimizer: one of :attr:`ALLOWED`, as torch has it but for its rate; of no use to evolution, nor is
            the rate.
        learning_rate: of the optimiser.
        batch_size: examples per step, or per generation.
    """

    ALLOWED: ClassVar[tuple[str, ...]] = tuple(OPTIMIZERS)

    optimizer: str = "adam"
    learning_rate: float = 1.0e-3
    batch_size: int = 100

    def __post_init__(self) -> None:
        if problems := list(self.problems()):
            raise InputError(*problems)

    def problems(self) -> Iterator[str]:
        """Tell every fault, as ``name: what``."""
        if self.optimizer not in self.ALLOWED:
            yield f"optimizer: needs {one_of(self.ALLOWED)}, got {self.optimizer!r}"
        if not self.learning_rate > 0:
            yield f"learning_rate: needs more than 0, got {self.learning_rate}"
        if self.batch_size < 1:
            yield f"batch_size: needs at least 1, got {self.batch_size}"


@dataclass(frozen=True, kw_only=True)
class Scheduled(Optimising):
    """What is added where the learning rate may change from epoch to epoch.

    Attributes:
        schedule: ``none``; ``plateau``: down to a tenth where validation stands still; ``cosine``: down to 0
            along half a cosine; ``step``: by ``decay`` at once; ``exponential``: by ``decay`` little by
            little.
        plateau_patience: of ``plateau``, after how many epochs without progress; 0: never.
        decay_epochs: of ``cosine``, after how many epochs it is 0; of ``step`` and ``exponential``, after how
            many it has fallen by ``decay``, again and again.
        decay: factor, of ``step`` and ``exponential``.
        warmup_epochs: the rate rises in a straight line over so many epochs, whatever the schedule, from a
            first part of 1 / (``warmup_epochs`` + 1).
    """

    schedule: str = "none"
    plateau_patience: int = 5
    decay_epochs: int = 10
    decay: float = 0.1
    warmup_epochs: int = 0

    def problems(self) -> Iterator[str]:
        """Tell every fault, as ``name: what``."""
        yield from super().problems()
        if self.schedule not in SCHEDULES:
            yield f"schedule: needs {one_of(list(SCHEDULES))}, got {self.schedule!r}"
        if self.plateau_patience < 0:
            yield f"plateau_patience: needs at least 0, which means never, got {self.plateau_patience}"
        if self.decay_epochs < 1:
            yield f"decay_epochs: needs at least 1, got {self.decay_epochs}"
        if not 0 < self.decay < 1:
            yield f"decay: needs more than 0 and less than 1, got {self.decay}"
        if self.warmup_epochs < 0:
            yield f"warmup_epochs: needs at least 0, got {self.warmup_epochs}"


def build_optimizer(settings: Optimising, parameters: Iterable[nn.Parameter]) -> Optimizer:
    """Build the optimiser."""
    return OPTIMIZERS[settings.optimizer](parameters, lr=settings.learning_rate)


def build_schedules(settings: Scheduled, optimizer: Optimizer) -> list[Schedule]:
    """Build what changes the learning rate: the warm-up's factor, and that of the schedule."""
    schedules = SCHEDULES[settings.schedule](settings, optimizer)
    if settings.schedule != "none":
        # A search over schedules holds what each of them needs, which must not count as never read. Without
        # any schedule it does, so that nobody waits for a decay whose name was left out.
        _ = settings.plateau_patience, settings.decay_epochs, settings.decay
    if settings.warmup_epochs > 0:
        n = settings.warmup_epochs
        schedules.append(
            Schedule(LinearLR(optimizer, start_factor=1 / (n + 1), total_iters=n), every="epoch")
        )
    return schedules


def _plateau(settings: Scheduled, optimizer: Optimizer) -> list[Schedule]:
    """Reduce the rate as Keras does with ``ReduceLROnPlateau(factor=0.1, patience=plateau_patience)``.

    Keras acts in the last of the epochs without progress, torch in the one after; and Keras asks for progress
    of 1e-4, torch as it stands for a ten-thousandth of the loss.
    """
    if settings.plateau_patience == 0:
        return []
    patience = settings.plateau_patience - 1
    plateau = ReduceLROnPlateau(
        optimizer, factor=0.1, patience=patience, threshold=1e-4, threshold_mode="abs"
    )
    return [Schedule(plateau, every="plateau")]


def cosine(optimizer: Optimizer, epochs: int) -> Schedule:
    """Let the rate fall along half a cosine and stay at 0: SGDR (arXiv:1608.03983) without a restart.

    torch's own would rise again after that.

    Args:
        optimizer: all its rates.
        epochs: after which they are 0.
    """

    def share(epoch: int) -> float:
        return (
            (1 + math.cos(math.pi * epoch / epochs)) / 2 if epoch < epochs else 0.0
        )  # Eq. (5), least rate 0

    def factor(epoch: int) -> float:
        return share(epoch) / before if (before := share(epoch - 1)) else 0.0

    return Schedule(MultiplicativeLR(optimizer, factor), every="epoch")


def _step(settings: Scheduled, optimizer: Optimizer) -> list[Schedule]:
    return [Schedule(StepLR(optimizer, settings.decay_epochs, settings.decay), every="epoch")]


def _exponential(settings: Scheduled, optimizer: Optimizer) -> list[Schedule]:
    each = settings.decay ** (1 / settings.decay_epochs)
    return [Schedule(ExponentialLR(optimizer, each), every="epoch")]


SCHEDULES: dict[str, Callable[[Scheduled, Optimizer], list[Schedule]]] = {
    "none": lambda _settings, _optimizer: [],
    "plateau": _plateau,
    "cosine": lambda settings, optimizer: [cosine(optimizer, settings.decay_epochs)],
    "step": _step,
    "exponential": _exponential,
}
