"""Evolution spread over processes: Ray actors in the trial's placement group evaluate the candidates.

Each actor builds model and data for itself and gets seeds, not weights (but for Nevergrad's vectors): a
candidate is its parent's seed chain and one seed more, and the parent's weights are at hand from the
generation before. An actor that dies costs its own evaluations, which a new one in its place does again, from
the last snapshots of the chains; the bits are those of one process (``training/children.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import ray
import torch
from numpy.typing import NDArray
from ray import ObjectRef
from ray.exceptions import RayActorError, RayTaskError
from ray.util.placement_group import PlacementGroup
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy
from torch import Tensor

from raysearch.cluster.places import WorkerResources
from raysearch.cluster.resources import trial_group
from raysearch.cluster.run_processes import findable
from raysearch.errors import StorageError
from raysearch.evolve.strategy import Round
from raysearch.launch.run_environment import confine
from raysearch.tasks import load_task
from raysearch.tasks.settings import make_settings
from raysearch.training.attempt import attempt_run
from raysearch.training.by_evolution import EvaluatorLostError
from raysearch.training.children import ChildLosses, Items, items_of
from raysearch.training.memory import MemoryLimit
from raysearch.training.order import Order, Outcome, Report
from raysearch.training.study_data import load_as_ordered
from raysearch.training.workers import OneWorker

MAX_DEATHS = 3  # in a row, of one place, before the attempt is lost


def run_with_population(order: Order, each: WorkerResources, report: Report) -> Outcome:
    """Carry out one attempt at a run whose candidates are evaluated by ``order.workers`` actors.

    To be called in a Tune trial that was given :func:`raysearch.cluster.resources.group_trial_resources`.

    Raises:
        StorageError: the disk is full or failed.
        EvaluatorLostError: one place has lost its actor several times in a row; the attempt is lost, too.
    """
    evaluator = ActorEvaluator(order, each, trial_group(order.workers))
    try:
        return attempt_run(order, OneWorker(), report, evaluator)
    finally:
        # Actors hold the trial's bundles until they are killed, also where Tune ends the trial by SystemExit.
        evaluator.close()


class CandidateWorker:
    """One process that evaluates candidates, inside an actor."""

    def __init__(self, order: Order, snapshots: dict[str, Any] | None) -> None:
        confine(order.environment)
        torch.set_num_threads(order.threads)
        torch.set_flush_denormal(True)  # as in every run
        self._order, self._limit = order, MemoryLimit(order.memory, torch.device("cpu"))
        self._failure: StorageError | None = None
        try:
            task = load_task(order.reference)
            settings = make_settings(task, order.settings)
            parts = load_as_ordered(task, order, settings)
        except StorageError as error:  # Ray would take it for a process that died
            self._failure = error
            return
        self._losses = ChildLosses(task, order, settings, parts.train)
        if snapshots is not None:
            self._losses.remember(snapshots)

    def losses(self, items: Items, batches: Sequence[Tensor]) -> NDArray[np.float64]:
        """Mean loss of each item over the batches.

        Raises:
            StorageError: the data could not be kept, or are not those that the study began with.
        """
        if self._failure is not None:
            raise self._failure
        with findable(self._order), self._limit.held():
            return self._losses.losses_of(items, batches)


class ActorEvaluator:
    """Spreads the candidates of a generation over one actor for each bundle of a placement group."""

    def __init__(self, order: Order, each: WorkerResources, group: PlacementGroup) -> None:
        self._order, self._each, self._group = order, each, group
        self._snapshots: dict[str, Any] | None = None
        self.actors = [self._start(place) for place in range(order.workers)]

    def losses(self, asked: Round, batches: Sequence[Tensor]) -> NDArray[np.float64]:
        """Mean loss of each candidate over the batches.

        Raises:
            EvaluatorLostError: an actor died several times in a row.
            Exception: whatever the task raised in an actor.
        """
        items = items_of(asked)
        # How each is evaluated is settled above, for all of them: how they are dealt changes no bit.
        shares = [items[place :: len(self.actors)] for place in range(len(self.actors))]
        answers = [
            actor.losses.remote(share, batches) if share else None
            for actor, share in zip(self.actors, shares, strict=True)
        ]
        found = np.zeros(len(items))
        for place, answer in enumerate(answers):
            if answer is not None:
                found[place :: len(self.actors)] = self._wait(place, answer, shares[place], batches)
        return found

    def remember(self, snapshots: dict[str, Any]) -> None:
        """Keep snapshots for actors that take a dead one's place."""
        self._snapshots = snapshots

    def close(self) -> None:
        """End the actors."""
        for actor in self.actors:
            ray.kill(actor)

    def _wait(
        self, place: int, answer: ObjectRef[NDArray[np.float64]], share: Items, batches: Sequence[Tensor]
    ) -> NDArray[np.float64]:
        for _ in range(MAX_DEATHS - 1):
            try:
                return _get(answer)
            except RayActorError:
                # From the same seeds and batches its losses have the same bits again.
                self.actors[place] = self._start(place)
                answer = self.actors[place].losses.remote(share, batches)
        try:
            return _get(answer)
        except RayActorError as error:
            raise EvaluatorLostError(f"actor {place} died {MAX_DEATHS} times in a row: {error}") from error

    def _start(self, place: int) -> Any:  # noqa: ANN401 - a handle, which Ray's types take for the class
        where = PlacementGroupSchedulingStrategy(self._group, placement_group_bundle_index=place)
        return (
            ray.remote(CandidateWorker)
            .options(**self._each.options(), scheduling_strategy=where)
            .remote(self._order, self._snapshots)
        )


def _get(answer: ObjectRef[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Wait for an actor's answer, and raise what it raised as itself."""
    try:
        return ray.get(answer)
    except RayTaskError as error:
        # Not as Ray wraps it: a StorageError must stay one, and no failed trial.
        raise error.cause from None
