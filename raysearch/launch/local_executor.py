"""Runs a study's runs one after another in this process: for tests, debugging and very short runs."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

from raysearch.errors import InputError
from raysearch.launch.alarm import Alarm
from raysearch.launch.cgroups import usable_cpus
from raysearch.launch.executor import fits
from raysearch.launch.orders import end_overdue, ended_record, order_for
from raysearch.launch.run_environment import only_visible
from raysearch.launch.stop_flag import StopFlag
from raysearch.launch.watch import Overdue, Watch
from raysearch.space.space_file import ResourcesSection
from raysearch.study.run import Run
from raysearch.study.study import Study
from raysearch.training.attempt import attempt_run
from raysearch.training.final import TestOutcome, evaluate_on_test
from raysearch.training.order import EpochReport, Order
from raysearch.training.workers import OneWorker


class _Stopped(BaseException):
    """Leaves a run in the middle; not an Exception, which would count as the task's failure."""


def require_one_process(resources: ResourcesSection) -> None:
    """Check that runs need no more than this process.

    Raises:
        InputError: the space file asks for several workers a run, or for GPUs.
    """
    # Refused and not ignored: other sums of gradients would be another study's bits.
    if resources.workers > 1 or resources.gpus > 0:
        raise InputError(
            "--local runs in this one process: set resources.workers to 1 and resources.gpus to 0"
        )


class LocalExecutor:
    """One run at a time, without Ray.

    Raises:
        InputError: the space file asks for several workers a run, or for GPUs.
    """

    at_a_stop = "the epoch of"

    def __init__(self, resources: ResourcesSection) -> None:
        require_one_process(resources)
        # as many as Ray would run here, so that the default window, and with it the history, is the same
        self.slots = max(fits(usable_cpus(), resources.cpus), 1)

    def execute(self, study: Study, stop: StopFlag) -> None:
        """Carry out runs until the study is over or the flag is set."""
        limits = study.history.run_limits
        # No limit of silence that nobody has given: whoever holds a run in a debugger is silent for long.
        watch = Watch(limits, study.history, automatic=False)
        alarm = Alarm(watch, limits)
        while not stop.requested and not study.is_over and (run := study.next_run()) is not None:
            study.started(run)
            order = order_for(study, run)
            watch.begin(run)
            report = _Reporter(study, run, stop, watch, alarm)
            try:
                with only_visible(order.environment):
                    outcome = alarm.carry_out(run, partial(attempt_run, order, OneWorker(), report))
            # The run has its checkpoint and no record of an end: a resume goes on with it.
            except _Stopped:
                return
            if isinstance(outcome, Overdue):
                end_overdue(study, run, outcome)
            else:
                study.end(ended_record(run, outcome))

    def evaluate(self, order: Order, weights: str, weights_sha256: str) -> TestOutcome:
        """Apply the best model to the test set."""
        with only_visible(order.environment):
            return evaluate_on_test(order, weights, weights_sha256)


class _Reporter:
    def __init__(self, study: Study, run: Run, stop: StopFlag, watch: Watch, alarm: Alarm) -> None:
        self._study, self._run, self._stop, self._watch, self._alarm = study, run, stop, watch, alarm

    def __call__(self, report: EpochReport) -> None:
        # First the record, then the stop: the epoch is paid for.
        with self._alarm.held_off():
            self._study.report(self._run, **asdict(report))
            self._watch.heard(self._run, report.seconds)
        if self._stop.requested:
            raise _Stopped
