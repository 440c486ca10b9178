"""What a study needs of whoever carries its runs out, on Ray or in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # with torch; what counts places needs none
    from raysearch.launch.stop_flag import StopFlag
    from raysearch.study.study import Study
    from raysearch.training.final import TestOutcome
    from raysearch.training.order import Order


class Executor(Protocol):
    """Carries out the runs of a study."""

    slots: int
    at_a_stop: str  # what a stop waits for, before the words for the runs under way

    def execute(self, study: Study, stop: StopFlag) -> None:
        """Carry out runs until the study is over or the flag is set.

        Raises:
            StorageError: the disk is full or failed, here or where a run trains.
        """

    def evaluate(self, order: Order, weights: str, weights_sha256: str) -> TestOutcome:
        """Apply the best model to the test set."""


def fits(there: float, each: float) -> int:
    """How often ``each`` fits into what is there, as people count: 0.1 fits into 1 ten times."""
    return int(there / each + 1e-9)
