"""Training by gradient: the task's own step for each batch of an epoch, on one worker or several."""

from __future__ import annotations

from functools import partial
from typing import Any

from raysearch.agreement.make import ALGORITHMS, make_agreement
from raysearch.agreement.sides import ASYNCHRONOUS
from raysearch.seeds import derive
from raysearch.training.centres import HeldByAll, Served
from raysearch.training.consensus import AveragedGradients, Consensus
from raysearch.training.descent import Descent, Part, Place
from raysearch.training.exchanging import Exchanging
from raysearch.training.large_batch import LargeBatch
from raysearch.training.learner import EpochResult, RunContext
from raysearch.training.order import Order
from raysearch.training.randomness import seed_all
from raysearch.training.timing import StepTimes
from raysearch.training.workers import Workers


class GradientLearner:
    """Trains by the task's optimisers.

    Args:
        context: what to train.
        inherited: the state of the learner that this one goes on from, see :meth:`Descent.inherit`; empty for
            a fresh start.
    """

    def __init__(self, context: RunContext[Any], inherited: dict[str, Any]) -> None:
        self._context = context
        self._large_batch = LargeBatch(**context.order.large_batch)
        self._consensus = consensus_of(context.order, context.workers)
        self.descent = Descent(
            context.task,
            context.settings,
            context.model,
            context.workers,
            context.order.precision,
            consensus=self._consensus,
            large_batch=self._large_batch,
        )
        self.descent.inherit(inherited, goes_on=context.order.in_intervals)

    def train_epoch(self, epoch: int) -> EpochResult:
        """Train one epoch."""
        workers, batch_size = self._context.workers, self._context.batch_size
        # By epoch, so that checkpoints need no generators; by rank, or all workers would drop the same units.
        seed_all(derive(self._context.order.seed, "epoch", epoch, workers.rank))
        rows, rows_of_step = self._context.rows_of(epoch), self._large_batch.rows(batch_size)
        self._context.model.train()
        self._consensus.begin_epoch()
        at_rest = self.descent.at_rest  # at both ends of the epoch: schedules of steps move within
        n_seen, times = 0.0, StepTimes(workers.agreeing)
        for share in self._consensus.shares(rows, rows_of_step):
            place = Place(epoch, share.number, share.n_steps, share.n_rows, len(share.rows), share.n_sharing)
            # Parts of as many rows as a worker has of a batch; how many there are may differ between workers.
            parts = share.rows.split(-(-batch_size // share.n_sharing))
            self.descent.take_parts(
                [Part(partial(self._context.train.rows, part), len(part)) for part in parts], place
            )
            times.step_over()
            n_seen += share.n_rows
        # First of all: whoever is through must say so, before it waits for those who may wait for it.
        self._consensus.end_epoch()
        losses = self.descent.losses()
        n_seen = round(self._consensus.over_the_epoch(n_seen))
        if not losses:
            raise RuntimeError(f"no optimiser took a step in epoch {epoch}, in which {n_seen} rows were seen")
        idle = [name for name in self.descent.optimizers if name not in losses]
        remarks = self._consensus.take_remarks()
        return EpochResult(losses, n_seen, idle, at_rest & self.descent.at_rest, remarks, times.told())

    def end_epoch(self, loss: float) -> None:
        """Let schedules change learning rates."""
        self.descent.end_epoch(loss)

    def state(self) -> dict[str, Any]:
        """The state of the optimisers, of their schedules and of what scales losses; of all workers."""
        return self._consensus.state(self.descent.state())

    def load_state(self, state: dict[str, Any]) -> None:
        """Take all back."""
        self.descent.load_state(self._consensus.load_state(state))


def consensus_of(order: Order, workers: Workers) -> Consensus:
    """Make what has a run's workers agree."""
    if order.agreement not in ALGORITHMS:
        return AveragedGradients(workers)
    agreement = make_agreement(order.agreement, order.exchange)
    if agreement.settings.exchange == ASYNCHRONOUS:
        assert workers.server is not None  # whoever started several workers has started it
        return Exchanging(workers, agreement, Served(workers, workers.server))
    return Exchanging(workers, agreement, HeldByAll(workers, agreement, order.seed))
