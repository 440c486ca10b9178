"""Ray Train's controller in the process of a Tune trial, with its workers in the trial's placement group.

By itself Ray Train reserves a placement group of its own for its workers. That group belongs to the
job: when the trial is stopped or killed it stays behind with its CPUs, unless an actor that needs the
dashboard and the right address notices. Here Tune reserves the workers' bundles together with the
trial (``resources.group_trial_resources``), Train's workers are placed in those bundles, and everything ends
with the trial because Tune removes its group. Nothing waits for resources while holding others, either.
Nor is the controller an actor of its own, whose process would take seconds to start before any worker's.

This needs five names of Ray Train that are not public (``TrainController``, ``WorkerGroup`` and its
``_get_worker_runtime_env``, ``FixedScalingPolicy`` and
``DataParallelTrainer._initialize_and_run_controller``), hence Ray is pinned to a minor release and
``tests/cluster/test_worker_group.py`` fails when their behaviour changes.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

from ray.runtime_env import RuntimeEnv
from ray.train.v2._internal.callbacks import AcceleratorSetupCallback, BackendSetupCallback
from ray.train.v2._internal.execution.callback import ReportCallback, WorkerGroupCallback
from ray.train.v2._internal.execution.context import TrainRunContext
from ray.train.v2._internal.execution.controller import TrainController
from ray.train.v2._internal.execution.scaling_policy import FixedScalingPolicy
from ray.train.v2._internal.execution.training_report import _TrainingReport
from ray.train.v2._internal.execution.worker_group import WorkerGroup
from ray.train.v2._internal.execution.worker_group.placement_group_handle import DefaultPlacementGroupHandle
from ray.train.v2.api.result import Result
from ray.train.v2.torch.torch_trainer import TorchTrainer
from ray.util.placement_group import PlacementGroup

from raysearch.cluster.train_environment import TRAIN_ENVIRONMENT

Report = Callable[[dict[str, Any]], None]
Started = Callable[[WorkerGroup], None]


class _BorrowedGroup(DefaultPlacementGroupHandle):
    """The trial's placement group, which Train may use and must not remove."""

    def shutdown(self) -> None:
        """Leave it to Tune."""


class _FixedSize(FixedScalingPolicy):
    """So many workers; asks no autoscaler for what Tune has reserved already."""

    def after_controller_start(self, train_run_context: TrainRunContext) -> None:
        """Ask for nothing."""

    def _maybe_send_resource_request(self) -> None:
        """Ask for nothing."""


class _Told(ReportCallback, WorkerGroupCallback):
    """Passes on what the workers report, and that they are there."""

    def __init__(self, started: Started, report: Report) -> None:
        self._started, self._report = started, report

    def after_worker_group_training_start(self, worker_group: WorkerGroup) -> None:
        """The workers run."""
        self._started(worker_group)

    def after_report(
        self,
        training_report: _TrainingReport,  # noqa: ARG002 - Train's signature
        metrics: list[dict[str, Any]],
    ) -> None:
        """All workers have reported the same."""
        self._report(metrics[0])


class TrialTrainer(TorchTrainer):
    """A TorchTrainer whose controller and workers live and die with a trial's placement group.

    Attributes:
        group: the trial's.
        started: called in the thread that fits when the workers run; they can be given more to do by its
            ``execute``.
        report: called there with each report of the first worker.
    """

    group: PlacementGroup
    started: Started
    report: Report

    def _initialize_and_run_controller(self, **arguments: Any) -> Result:
        # A Ray that was started for the study has given it to all of its processes. Those that wait there for
        # work are taken by workers that ask for no environment of their own.
        has_all = os.environ.items() >= TRAIN_ENVIRONMENT.items()
        os.environ.update(TRAIN_ENVIRONMENT)
        size: Any = self.scaling_config
        arguments["scaling_policy"] = _FixedSize(size)
        arguments["callbacks"] = [
            AcceleratorSetupCallback(self.backend_config, size),
            BackendSetupCallback(self.backend_config),
            _Told(self.started, self.report),
        ]
        group = self.group

        class InGroup(WorkerGroup):
            """Workers in the bundles of the trial's placement group."""

            def _create_placement_group(self, *_: Any) -> _BorrowedGroup:
                return _BorrowedGroup(group)

            @staticmethod
            def _get_worker_runtime_env(
                custom_runtime_env: dict[str, Any] | RuntimeEnv,
            ) -> dict[str, Any] | RuntimeEnv:
                return {} if has_all else WorkerGroup._get_worker_runtime_env(custom_runtime_env)

        class Controller(TrainController):
            """Train's, of such workers."""

            worker_group_cls = InGroup

        controller = Controller(**arguments)
        asyncio.run(controller.run())
        return controller.get_result()
