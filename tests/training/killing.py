"""A run that is killed after an epoch, in this process."""

from __future__ import annotations

from collections.abc import Callable

from raysearch.training.order import EpochReport


class Killed(BaseException):
    """Stands for a killed process: nothing in the run may catch it."""


def kill_after(epoch: int) -> Callable[[EpochReport], None]:
    """What a run reports to, and dies of after so many epochs."""

    def report(epoch_report: EpochReport) -> None:
        if epoch_report.epoch == epoch:
            raise Killed

    return report
