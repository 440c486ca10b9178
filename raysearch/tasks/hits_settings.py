"""Settings of the tasks that share out calorimeter hits, and the learning rate's way down."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from raysearch.errors import InputError, one_of
from raysearch.metrics.clustering.loss import WEIGHTS
from raysearch.tasks.optimising import Optimising
from raysearch.tasks.schedule import Schedule

FALL = 6.0  # the rate's exponent at the end of its way
FLOOR = 1 / 80  # of the rate it begins with
WIGGLES = 8.0  # rad over the whole way


@dataclass(frozen=True, kw_only=True)
class HitsTraining(Optimising):
    """What all networks on hits are trained by.

    Attributes:
        particles: that an event has at most.
        decay_epochs: over which the learning rate falls by exp(-6) to 1/80 of itself, with a modulation by
            10 %; 0: it stays. Published: 2 million batches of 150.
        modulation: of the falling rate, up and down, a share of it.
    """

    batch_size: int = 16
    particles: int = 2
    decay_epochs: int = 0
    modulation: float = 0.1

    def check_network(self) -> None:
        """Build the network's shape.

        Raises:
            InputError: there is no such network; lists all faults.
        """
        raise NotImplementedError

    def problems(self) -> Iterator[str]:
        """Tell every fault."""
        try:
            self.check_network()
        except InputError as error:
            yield from error.problems
        if self.decay_epochs < 0:
            yield f"decay_epochs: needs at least 0, which means never, got {self.decay_epochs}"
        if not 0 <= self.modulation < 1:
            yield f"modulation: needs 0 to less than 1, got {self.modulation}"
        yield from super().problems()


@dataclass(frozen=True, kw_only=True)
class HitsSettings(HitsTraining):
    """What the networks of arXiv:1902.07987 are trained by; a subclass adds its network's.

    Attributes:
        loss_weight: of a sensor in the training loss: ``paper`` or ``code``, see
            ``raysearch.metrics.clustering.loss``. What is told of the validation part is by the paper's.
    """

    loss_weight: str = "paper"

    def problems(self) -> Iterator[str]:
        """Tell every fault."""
        if self.loss_weight not in WEIGHTS:
            yield f"loss_weight: needs {one_of(list(WEIGHTS))}, got {self.loss_weight!r}"
        yield from super().problems()


def rate_at(progress: float, modulation: float) -> float:
    """The learning rate after so much of its way, 0 to 1 and beyond, as a factor.

    An exponential fall to a floor, times a cosine, as in the authors' training code (jkiesele/DeepHGCal,
    ``create_exponential_wiggle``), whose first exponential has a larger modulation.
    """
    fall = FLOOR + (1 - FLOOR) * math.exp(-FALL * progress)
    return fall * (1 + modulation * math.cos(WIGGLES * progress)) / (1 + modulation)


def falling_rate(settings: HitsTraining, optimizer: Optimizer) -> list[Schedule]:
    """Build what changes the learning rate, epoch by epoch."""
    if (epochs := settings.decay_epochs) == 0:
        return []
    modulation = settings.modulation  # read here: without a fall it does nothing, and is told so
    return [Schedule(LambdaLR(optimizer, lambda epoch: rate_at(epoch / epochs, modulation)), every="epoch")]
