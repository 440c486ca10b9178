"""Data-parallel runs: Ray Train workers inside the placement group of the Tune trial that runs them.

By itself Ray Train reserves a placement group of its own for its workers. That group belongs to the
job: when the trial is stopped or killed it stays behind with its CPUs, unless an actor that needs the
dashboard and the right address notices. Here Tune reserves the workers' bundles together with the
trial (``resources.group_trial_resources``), Train's workers are placed in those bundles, and everything ends
with the trial because Tune removes its group. Nothing waits for resources while holding others, either.

This needs four names of Ray Train that are not public (``TrainController``, ``WorkerGroup``,
``FixedScalingPolicy`` and ``DataParallelTrainer._initialize_and_run_controller``), hence Ray is pinned
to a minor release and ``tests/cluster/test_worker_group.py`` fails when their behaviour changes.
"""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import ray
import torch.distributed as dist
from ray import train
from ray.train.torch import get_device
from ray.train.v2._internal.callbacks import AcceleratorSetupCallback, BackendSetupCallback
from ray.train.v2._internal.execution.callback import ReportCallback
from ray.train.v2._internal.execution.context import TrainRunContext
from ray.train.v2._internal.execution.controller import TrainController
from ray.train.v2._internal.execution.scaling_policy import FixedScalingPolicy
from ray.train.v2._internal.execution.training_report import _TrainingReport
from ray.train.v2._internal.execution.worker_group import WorkerGroup
from ray.train.v2._internal.execution.worker_group.placement_group_handle import DefaultPlacementGroupHandle
from ray.train.v2.api.config import FailureConfig, RunConfig, ScalingConfig  # ray.train's, with their types
from ray.train.v2.api.exceptions import WorkerGroupError
from ray.train.v2.api.result import Result
from ray.train.v2.torch.torch_trainer import TorchTrainer
from ray.util.placement_group import PlacementGroup
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from raysearch.cluster.gpus import limited
from raysearch.cluster.parameter_server import server_for
from raysearch.cluster.process_group import OneAddress
from raysearch.cluster.resources import WorkerResources, trial_group
from raysearch.cluster.run_processes import findable
from raysearch.errors import StorageError
from raysearch.launch.run_environment import confine
from raysearch.training.attempt import attempt_run
from raysearch.training.order import EpochReport, Order, Outcome, Report
from raysearch.training.workers import TorchWorkers

# What Train's controller and workers read: poll often (an epoch's report waits for a poll), start no
# watcher of preemptions, write no log files, and do not wait for a process group that has lost a worker.
CONTROLLER_ENVIRONMENT = {
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.1",
    "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": "600",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    "RAY_TRAIN_ENABLE_CONTROLLER_STRUCTURED_LOGGING": "0",
    "RAY_TRAIN_ENABLE_WORKER_STRUCTURED_LOGGING": "0",
    "RAY_WARN_BLOCKING_GET_INSIDE_ASYNC": "0",
    "TORCH_PROCESS_GROUP_SHUTDOWN_TIMEOUT_S": "1",
}

BEGUN = "begun"  # what workers report before any epoch


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
        ray.train.TrainingFailedError, ray.exceptions.RayActorError: a worker or its controller was lost;
            the attempt says nothing about the settings.
    """
    with tempfile.TemporaryDirectory(prefix="raysearch-train-") as throw_away:
        trainer = _TrialTrainer(
            _work,
            train_loop_config={"order": order.to_plain(), "gpus": resources.gpus},
            torch_config=OneAddress(backend=backend_for(resources)),
            scaling_config=ScalingConfig(
                num_workers=order.workers, use_gpu=resources.gpus > 0, resources_per_worker=resources.bundle()
            ),
            run_config=RunConfig(
                name=uuid.uuid4().hex,  # never one of before, whose state Train would take up
                storage_path=throw_away,
                failure_config=FailureConfig(
                    max_failures=0, max_preemption_failures=0, controller_failure_limit=0
                ),
            ),
        )
        trainer.report, trainer.begun, trainer.group = report, begun, trial_group(order.workers)
        try:
            result: Any = trainer.fit()
            return Outcome(**result.return_value)
        except WorkerGroupError as error:
            return _failed_outcome(error)


class RunFailedError(Exception):
    """The run failed at one worker; ends the other workers, which wait for it. Carries the outcome."""

    def __init__(self, outcome: dict[str, Any]) -> None:
        super().__init__(outcome)
        self.outcome = outcome


def backend_for(resources: WorkerResources) -> str:
    """How workers talk; nccl connects no two processes on one GPU, which shares of it would be."""
    return "nccl" if resources.gpus == 1 else "gloo"


def _work(config: dict[str, Any]) -> dict[str, Any]:
    """One worker's part of the attempt; runs in each of Train's workers."""
    order = Order.from_plain(config["order"])
    confine(order.environment)
    peers: list[Any] = [None] * order.workers
    dist.all_gather_object(peers, ray.get_runtime_context().current_actor)
    workers = TorchWorkers(limited(get_device(), config["gpus"]), server_for(order))
    with findable(order):
        train.report({BEGUN: True})
        outcome = asdict(attempt_run(order, workers, lambda epoch: train.report(asdict(epoch))))
    if outcome["state"] == "failed":
        ray.get([peer.__ray_ready__.remote() for peer in peers])  # a lost peer is no failure of the run
        raise RunFailedError(outcome)
    return outcome


def _failed_outcome(error: WorkerGroupError) -> Outcome:
    failures = [failure for _, failure in sorted(error.worker_failures.items())]
    for failure in failures:
        if isinstance(failure, StorageError):
            raise failure from None
    outcomes = [failure.outcome for failure in failures if isinstance(failure, RunFailedError)]
    if len(outcomes) < len(failures):
        raise error
    return Outcome(**outcomes[0])


class _BorrowedGroup(DefaultPlacementGroupHandle):
    """The trial's placement group, which Train may use and must not remove."""

    def shutdown(self) -> None:
        """Leave it to Tune."""


class _TrialWorkerGroup(WorkerGroup):
    """Workers in the bundles of the placement group that the controller is in, which is the trial's."""

    def _create_placement_group(self, *_: Any) -> _BorrowedGroup:
        return _BorrowedGroup(trial_group(self._worker_group_context.num_workers))


class _EpochQueue(ReportCallback):
    """Keeps the first worker's reports until the trial takes them."""

    def __init__(self) -> None:
        self.reports: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

    def after_report(
        self,
        training_report: _TrainingReport,  # noqa: ARG002 - Train's signature
        metrics: list[dict[str, Any]],
    ) -> None:
        """All workers have reported the same epoch."""
        self.reports.put_nowait(metrics[0])


class _TrialController(TrainController):
    """Train's controller, which the trial asks for the next epoch's report."""

    worker_group_cls = _TrialWorkerGroup

    def __init__(self, **arguments: Any) -> None:
        self._epochs = _EpochQueue()
        super().__init__(**arguments | {"callbacks": [*arguments["callbacks"], self._epochs]})

    async def run(self) -> None:
        """Run to the end, then end the reports."""
        await super().run()
        self._epochs.reports.put_nowait(None)

    async def next_report(self) -> dict[str, Any] | None:
        """Wait for a report; None after the last."""
        return await self._epochs.reports.get()


class _FixedSize(FixedScalingPolicy):
    """So many workers; asks no autoscaler for what Tune has reserved already."""

    def after_controller_start(self, train_run_context: TrainRunContext) -> None:
        """Ask for nothing."""

    def _maybe_send_resource_request(self) -> None:
        """Ask for nothing."""


class _TrialTrainer(TorchTrainer):
    """A TorchTrainer whose controller and workers live and die with the trial's placement group."""

    report: Report
    begun: Callable[[], None]
    group: PlacementGroup

    def _initialize_and_run_controller(self, **arguments: Any) -> Result:
        size: Any = self.scaling_config
        arguments["scaling_policy"] = _FixedSize(size)
        arguments["callbacks"] = [
            AcceleratorSetupCallback(self.backend_config, size),
            BackendSetupCallback(self.backend_config),
        ]
        here = PlacementGroupSchedulingStrategy(
            self.group,
            placement_group_bundle_index=0,  # where the trial is
            placement_group_capture_child_tasks=True,
        )
        controller: Any = (
            ray.remote(_TrialController)
            .options(num_cpus=0, scheduling_strategy=here, runtime_env={"env_vars": CONTROLLER_ENVIRONMENT})
            .remote(**arguments)
        )
        try:
            end = controller.run.remote()
            while (plain := ray.get(controller.next_report.remote())) is not None:
                if BEGUN in plain:
                    self.begun()
                else:
                    self.report(EpochReport(**plain))
            ray.get(end)
            return ray.get(controller.get_result.remote())
        finally:
            ray.kill(controller)
