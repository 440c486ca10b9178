"""What a task's own step is written against: a model to call, a place in the run, a way to take a step."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor, nn

LOSS = "loss"  # the name of a lone optimiser, which is that of its loss


class Descent(Protocol):
    """What a task's :meth:`Task.step` is given: the model, the place in the run, and the way to take a step.

    Whatever a step draws at random comes from torch's global generators, which are seeded anew for every
    epoch and worker; so a run that goes on from a checkpoint draws what it would have drawn.
    """

    @property
    def model(self) -> nn.Module:
        """The bare model; any part of it may be called."""
        ...

    @property
    def settings(self) -> Any:  # noqa: ANN401 - the task's own type
        """The run's settings, of :attr:`Task.Settings`: weights of losses, critic steps, and so on."""
        ...

    @property
    def epoch(self) -> int:
        """The epoch, counted from 1; in a later interval of ``pbt`` from the first one's."""
        ...

    @property
    def batch_number(self) -> int:
        """The batch's place in the epoch, counted from 1."""
        ...

    @property
    def progress(self) -> float:
        """Epochs behind this batch, with the fraction of its own; 0.0 at a training's very first."""
        ...

    def __call__(self, loss: Tensor, of: str = LOSS) -> None:
        """Take one step down a loss: the gradients of one optimiser's parameters, averaged over workers.

        Nothing else gets a gradient, so that what is frozen costs no more than the way through it.

        Args:
            loss: scalar, the mean over the batch.
            of: the optimiser's name, which is the loss's in metrics: ``train_`` + name.

        Raises:
            InputError: there is no such optimiser, or the loss depends on none of its parameters.
            NonFiniteError: the loss is no longer a number.
        """
        ...
