"""Data-parallel runs: Ray Train workers inside the placement group of the Tune trial that runs them.

A group starts once and carries out one run after another, as a Tune actor does with runs of one worker: its
processes, which take seconds to import torch, and their connections stay. After a run that failed, or that
Tune ended, a new group takes its place. It waits for orders in the trial's process, and dies with it.
"""

from __future__ import annotations

import queue
import tempfile
import threading
import uuid
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import ray
import torch.distributed as dist
from ray import train
from ray.train.torch import get_device
from ray.train.v2._internal.execution.worker_group import WorkerGroup
from ray.train.v2.api.config import FailureConfig, RunConfig, ScalingConfig  # ray.train's, with their types
from ray.train.v2.api.exceptions import WorkerGroupError
from ray.util.placement_group import PlacementGroup

from raysearch.cluster.gpus import limited
from raysearch.cluster.parameter_server import server_for
from raysearch.cluster.places import WorkerResources
from raysearch.cluster.process_group import OneAddress
from raysearch.cluster.resources import trial_group
from raysearch.cluster.run_processes import findable
from raysearch.cluster.train_controller import TrialTrainer
from raysearch.errors import StorageError
from raysearch.launch.run_environment import confine
from raysearch.training.attempt import attempt_run
from raysearch.training.lost import LostError
from raysearch.training.order import EpochReport, Order, Outcome, Report
from raysearch.training.workers import TorchWorkers

# What workers report beside epochs: before any of them, and after all.
BEGUN, ENDED = "begun", "ended"
END_S = 60.0  # for the controller to see that its workers are gone


def run_in_group(
    order: Order, resources: WorkerResources, report: Report, begun: Callable[[], None] = lambda: None
) -> Outcome:
    """Carry out one attempt at a run with ``order.workers`` data-parallel workers.

    To be called in a Tune trial that was given :func:`group_trial_resources`. When ``report`` raises
    (Tune ends a trial by ``SystemExit``), the workers are killed and the exception goes on.

    Args:
        order: the attempt; its paths are absolute.
        resources: of each worker; gloo connects CPUs and shares of GPUs, nccl GPUs.
        report: called in this process for each epoch of the first worker.
        begun: called in this process when all workers are there, which takes a while.

    Raises:
        StorageError: the disk is full or failed at a worker.
        ResourceError: this process is not in such a placement group.
        WorkerLostError: a worker was lost; the attempt says nothing about the settings.
        ray.train.TrainingFailedError: the workers could not be started; nor does that.
    """
    group = _waiting_group(trial_group(order.workers), resources, order.workers)
    try:
        outcome = group.carry_out(order, report, begun)
    except WorkerGroupError as error:
        return _failed_outcome(error)
    else:
        _waiting.append(group)
        return outcome
    finally:
        if group not in _waiting:
            group.close()


_waiting: list[_Group] = []  # at most one: what this process, a Tune actor, has from its run before


def _waiting_group(bundles: PlacementGroup, resources: WorkerResources, workers: int) -> _Group:
    """The group of the run before, if it is of this placement group and whole; or a new one."""
    while _waiting:
        group = _waiting.pop()
        if group.fits(bundles):
            return group
        group.close()
    return _Group(bundles, resources, workers)


class RunFailedError(Exception):
    """The run failed at one worker; ends the other workers, which wait for it. Carries the outcome."""

    def __init__(self, outcome: dict[str, Any]) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class WorkerLostError(LostError):
    """A worker ended without a word."""


def backend_for(resources: WorkerResources) -> str:
    """How workers talk; nccl connects no two processes on one GPU, which shares of it would be."""
    return "nccl" if resources.gpus == 1 else "gloo"


class _Group:
    """Workers that carry out one order after another."""

    def __init__(self, bundles: PlacementGroup, resources: WorkerResources, workers: int) -> None:
        self._bundles = bundles
        self._told: queue.Queue[dict[str, Any] | None] = queue.Queue()  # None: the group has ended
        self._started: queue.Queue[WorkerGroup | None] = queue.Queue()
        self._workers: WorkerGroup | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._fit, args=(resources, workers), daemon=True)
        self._thread.start()

    def _fit(self, resources: WorkerResources, workers: int) -> None:
        try:
            with tempfile.TemporaryDirectory(prefix="raysearch-train-") as throw_away:
                trainer = TrialTrainer(
                    _work,
                    train_loop_config={"gpus": resources.gpus},
                    torch_config=OneAddress(backend=backend_for(resources)),
                    scaling_config=ScalingConfig(
                        num_workers=workers,
                        use_gpu=resources.gpus > 0,
                        resources_per_worker=resources.bundle(),
                    ),
                    run_config=RunConfig(
                        name=uuid.uuid4().hex,  # never one of before, whose state Train would take up
                        storage_path=throw_away,
                        failure_config=FailureConfig(
                            max_failures=0, max_preemption_failures=0, controller_failure_limit=0
                        ),
                    ),
                )
                trainer.group, trainer.started, trainer.report = (
                    self._bundles,
                    self._started.put,
                    self._told.put,
                )
                trainer.fit()
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits for it
            self._error = error
        finally:
            self._started.put(None)
            self._told.put(None)

    def fits(self, bundles: PlacementGroup) -> bool:
        """Whether all workers are there, in such a placement group."""
        return self._thread.is_alive() and self._bundles.id == bundles.id

    def carry_out(self, order: Order, report: Report, begun: Callable[[], None]) -> Outcome:
        """Carry out an order; see :func:`run_in_group`."""
        if self._workers is None:
            self._workers = self._started.get()
        if self._workers is not None:
            self._workers.execute(_take, order.to_plain())
        while (plain := self._told.get()) is not None:
            if BEGUN in plain:
                begun()
            elif ENDED in plain:
                return Outcome(**plain[ENDED])
            else:
                report(EpochReport(**plain))
        assert self._error is not None  # workers never end by themselves
        raise self._error

    def close(self) -> None:
        """End the workers."""
        if self._workers is None:
            self._workers = self._started.get()
        for worker in self._workers.get_workers() if self._thread.is_alive() and self._workers else ():
            ray.kill(worker.actor)
        self._thread.join(END_S)


_orders: queue.Queue[dict[str, Any]] = queue.Queue()  # in each worker, from the thread that hears of them


def _take(order: dict[str, Any]) -> None:
    """Take an order; called in each of Train's workers."""
    _orders.put(order)


def _work(config: dict[str, Any]) -> None:
    """One worker's part of one order after another; runs in each of Train's workers."""
    while True:
        _carry_out(Order.from_plain(_orders.get()), config["gpus"])


def _carry_out(order: Order, gpus: float) -> None:
    confine(order.environment)
    peers: list[Any] = [None] * order.workers
    dist.all_gather_object(peers, ray.get_runtime_context().current_actor)
    workers = TorchWorkers(limited(get_device(), gpus), server_for(order))
    with findable(order):
        train.report({BEGUN: True})
        outcome = asdict(attempt_run(order, workers, lambda epoch: train.report(asdict(epoch))))
    if outcome["state"] == "failed":
        ray.get([peer.__ray_ready__.remote() for peer in peers])  # a lost peer is no failure of the run
        raise RunFailedError(outcome)
    train.report({ENDED: outcome})


def _told_of(error: WorkerGroupError) -> str:
    """Which workers were lost, and what Ray says of the first, in one line."""
    lost = {
        rank: getattr(failure, "health_check_failure", failure)
        for rank, failure in sorted(error.worker_failures.items())
        if not isinstance(failure, RunFailedError)
    }
    said = str(next(iter(lost.values()))).strip().partition("\n")[0]
    return f"worker {', '.join(map(str, lost))} of its group is gone: {said}"


def _failed_outcome(error: WorkerGroupError) -> Outcome:
    failures = [failure for _, failure in sorted(error.worker_failures.items())]
    for failure in failures:
        if isinstance(failure, StorageError):
            raise failure from None
    outcomes = [failure.outcome for failure in failures if isinstance(failure, RunFailedError)]
    if len(outcomes) < len(failures):
        raise WorkerLostError(_told_of(error)) from error
    return Outcome(**outcomes[0])
