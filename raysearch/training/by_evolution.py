"""Training by evolution: a strategy proposes weights, their losses on a batch decide; no gradient is taken.

A generation takes one batch of the epoch, which all its candidates share; a round that asks for more batches
(the elite's second look) takes them from the same epoch. So an epoch passes over the training data once, as
by gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from raysearch.evolve.make import make_strategy
from raysearch.evolve.strategy import Round
from raysearch.models.flat import flat_parameters
from raysearch.seeds import derive, generator
from raysearch.tasks.descent import LOSS
from raysearch.training.children import ChildLosses
from raysearch.training.descent import NonFiniteError
from raysearch.training.learner import EpochResult, RunContext
from raysearch.training.lost import LostError


class EvaluatorLostError(LostError):
    """Whoever evaluates candidates is gone, which says nothing about the settings."""


class Evaluator(Protocol):
    """Tells the losses of candidates: in this process, or spread over others; the bits are the same."""

    def losses(self, asked: Round, batches: Sequence[Tensor]) -> NDArray[np.float64]:
        """Mean loss of each candidate over the batches; a batch is int64 (row,), rows of the training part.

        Raises:
            EvaluatorLostError: it cannot be told.
        """
        ...

    def remember(self, snapshots: dict[str, Any]) -> None:
        """Take what shortens the rebuilding of long chains, for processes that are yet to start."""
        ...


class EvolutionLearner:
    """Trains by one of the strategies of ``raysearch.evolve``.

    Args:
        context: the model becomes the strategy's best after each epoch.
        evaluator: by default one in this process.
    """

    def __init__(self, context: RunContext[Any], evaluator: Evaluator | None = None) -> None:
        self._context = context
        order = context.order
        self._flat = flat_parameters(context.model)
        # Needed with actors, too: it rebuilds the best from its seeds, and holds what is saved.
        self._here = ChildLosses(context.task, order, context.settings, context.train)
        self._evaluator = evaluator or self._here
        assert order.strategy is not None  # or the learner would be another
        self._strategy = make_strategy(order.strategy, order.evolution, len(self._flat))
        self._state = self._strategy.begin(derive(order.seed, "evolution"))
        self._show_best()

    def train_epoch(self, epoch: int) -> EpochResult:
        """Carry out generations until the epoch's batches are used up."""
        batches = _batches(self._context.rows_of(epoch), self._context.batch_size)
        # By epoch, so that a run which goes on from a checkpoint draws what an uninterrupted one does.
        chance = generator(self._context.order.seed, "generations", epoch)
        total, n_seen, presentations = 0.0, 0, 0
        while batches:
            self._state, asked = self._strategy.ask(self._state, chance)
            taken, batches = batches[: asked.batches], batches[asked.batches :]
            losses = self._evaluator.losses(asked, taken)
            # A child that diverges is only never selected; a generation of them leaves nothing to go on from.
            finite = losses[np.isfinite(losses)]
            if not len(finite):
                raise NonFiniteError(f"no candidate of a generation in epoch {epoch} has a finite loss")
            self._state = self._strategy.tell(self._state, losses)
            n_rows = sum(len(batch) for batch in taken)
            # The best child's: the others are thrown away.
            total += float(finite.min()) * n_rows
            n_seen += n_rows
            # Forward passes, by which evolution and gradients can be compared at equal effort.
            presentations += len(losses) * n_rows
        self._show_best()
        if self._evaluator is not self._here:
            # For an actor that has to be started anew: else it would rebuild chains of hundreds of mutations.
            self._evaluator.remember(self._here.snapshots())
        return EpochResult({LOSS: total / n_seen}, presentations)

    def end_epoch(self, loss: float) -> None:
        """Nothing: selection is the strategy's."""

    def state(self) -> dict[str, Any]:
        """The strategy's state."""
        return {"evolution": self._strategy.to_plain(self._state), "snapshots": self._here.snapshots()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take it back."""
        # Before the strategy, whose best is rebuilt from them.
        self._here.remember(state["snapshots"])
        self._evaluator.remember(state["snapshots"])
        self._state = self._strategy.from_plain(state["evolution"])
        self._show_best()

    def _show_best(self) -> None:
        self._flat.copy_(self._here.weights(self._strategy.best(self._state)))


def _batches(rows: Tensor, size: int) -> list[Tensor]:
    """Part an epoch's rows into batches; what is left over joins the last: a few rows select by chance."""
    batches = list(rows.split(size))
    if len(batches) > 1 and len(batches[-1]) < size:
        batches[-2:] = [torch.cat(batches[-2:])]
    return batches
