"""Runs a study's runs one after another in this process: for tests, debugging and very short runs."""

from __future__ import annotations

from raysearch.errors import InputError
from raysearch.launch.cgroups import usable_cpus
from raysearch.launch.executor import fits
from raysearch.launch.orders import ended_record, order_for
from raysearch.launch.run_environment import only_visible
from raysearch.launch.stop_flag import StopFlag
from raysearch.space.space_file import ResourcesSection
from raysearch.study.study import Run, Study
from raysearch.training.attempt import attempt_run
from raysearch.training.final import TestOutcome, evaluate_on_test
from raysearch.training.order import EpochReport, Order
from raysearch.training.workers import OneWorker


class _Stopped(BaseException):
    """Leaves a run in the middle; not an Exception, which would count as the task's failure."""


class LocalExecutor:
    """One run at a time, without Ray.

    Raises:
        InputError: the space file asks for several workers a run, or for GPUs.
    """

    at_a_stop = "the epoch of"

    def __init__(self, resources: ResourcesSection) -> None:
        # Refused and not ignored: other sums of gradients would be another study's bits.
        if resources.workers > 1 or resources.gpus > 0:
            raise InputError(
                "--local runs in this one process: set resources.workers to 1 and resources.gpus to 0"
            )
        # as many as Ray would run here, so that the default window, and with it the history, is the same
        self.slots = max(fits(usable_cpus(), resources.cpus), 1)

    def execute(self, study: Study, stop: StopFlag) -> None:
        """Carry out runs until the study is over or the flag is set."""
        while not stop.requested and not study.is_over and (run := study.next_run()) is not None:
            study.started(run)
            order = order_for(study, run)
            try:
                with only_visible(order.environment):
                    outcome = attempt_run(order, OneWorker(), _Reporter(study, run, stop))
            # The run has its checkpoint and no record of an end: a resume goes on with it.
            except _Stopped:
                return
            study.end(ended_record(run, outcome))

    def evaluate(self, order: Order, weights: str, weights_sha256: str) -> TestOutcome:
        """Apply the best model to the test set."""
        with only_visible(order.environment):
            return evaluate_on_test(order, weights, weights_sha256)


class _Reporter:
    def __init__(self, study: Study, run: Run, stop: StopFlag) -> None:
        self._study, self._run, self._stop = study, run, stop

    def __call__(self, report: EpochReport) -> None:
        # First the record, then the stop: the epoch is paid for.
        self._study.report(self._run, report.epoch, report.seconds, report.metrics)
        if self._stop.requested:
            raise _Stopped
