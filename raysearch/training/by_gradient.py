"""Training by gradient: the task's own step for each batch of an epoch, on one worker or several."""

from __future__ import annotations

from typing import Any

from raysearch.seeds import derive
from raysearch.training.descent import Descent, Place
from raysearch.training.learner import EpochResult, RunContext
from raysearch.training.randomness import seed_all
from raysearch.training.timing import StepTimes


class GradientLearner:
    """Trains by the task's optimisers.

    Args:
        context: what to train.
        inherited: the state of the learner that this one goes on from, see :meth:`Descent.inherit`; empty for
            a fresh start.
    """

    def __init__(self, context: RunContext[Any], inherited: dict[str, Any]) -> None:
        self._context = context
        self.descent = Descent(
            context.task, context.settings, context.model, context.workers, context.order.precision
        )
        self.descent.inherit(inherited, goes_on=context.order.in_intervals)

    def train_epoch(self, epoch: int) -> EpochResult:
        """Train one epoch."""
        workers, train = self._context.workers, self._context.train
        # By epoch, so that checkpoints need no generators; by rank, or all workers would drop the same units.
        seed_all(derive(self._context.order.seed, "epoch", epoch, workers.rank))
        batches = self._context.rows_of(epoch).split(self._context.batch_size)
        self._context.model.train()
        at_rest = self.descent.at_rest  # at both ends of the epoch: schedules of steps move within
        n_seen, times = 0, StepTimes(workers.agreeing)
        for number, batch in enumerate(batches, start=1):
            if len(batch) < workers.size:
                break  # a last batch too small for every worker to have a part
            # Parts differ by one row at most, and Descent weighs the workers' means by their rows.
            share = batch[workers.rank :: workers.size]
            self.descent.take(train.rows(share), Place(epoch, number, len(batches), len(batch), len(share)))
            times.step_over()
            n_seen += len(batch)
        losses = self.descent.losses()
        if not losses:
            raise RuntimeError(f"no optimiser took a step in epoch {epoch}, in which {n_seen} rows were seen")
        idle = [name for name in self.descent.optimizers if name not in losses]
        return EpochResult(losses, n_seen, idle, at_rest & self.descent.at_rest, times.told())

    def end_epoch(self, loss: float) -> None:
        """Let schedules change learning rates."""
        self.descent.end_epoch(loss)

    def state(self) -> dict[str, Any]:
        """The state of the optimisers, of their schedules and of what scales losses."""
        return self.descent.state()

    def load_state(self, state: dict[str, Any]) -> None:
        """Take all back."""
        self.descent.load_state(state)
