"""What a study needs of whoever carries its runs out, on Ray or in this process."""

from __future__ import annotations

import signal
from dataclasses import asdict
from types import FrameType
from typing import Any, Protocol, Self

from raysearch.data.source import DataSource
from raysearch.ledger.records import Ended
from raysearch.space.space_file import SpaceFile
from raysearch.study.study import Run, Study
from raysearch.training.final import TestOutcome
from raysearch.training.order import Order, Outcome
from raysearch.training.settings import divide


class StopFlag:
    """Set by Ctrl-C or SIGTERM; everyone who waits looks at it. A second signal ends the process at once."""

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self._before: dict[int, Any] = {}

    @property
    def requested(self) -> bool:
        """Whether the study is to stop."""
        return self.signal_number is not None

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._set)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _set(self, number: int, _: FrameType | None) -> None:
        if self.requested:
            signal.signal(number, signal.SIG_DFL)  # the ledger is whole at every moment
            signal.raise_signal(number)
        self.signal_number = number


class Executor(Protocol):
    """Carries out the runs of a study."""

    slots: int

    def execute(self, study: Study, stop: StopFlag) -> None:
        """Carry out runs until the study is over or the flag is set.

        Raises:
            StorageError: the disk is full or failed, here or where a run trains.
        """

    def evaluate(self, order: Order, weights: str, weights_sha256: str) -> TestOutcome:
        """Apply the best model to the test set."""


def fits(there: float, each: float) -> int:
    """How often ``each`` fits into what is there, with fractions as people count: 0.1 fits into 1 ten times."""
    return int(there / each + 1e-9)


def source_of(space_file: SpaceFile) -> DataSource:
    """Write down where the data of a space file lie and how they are parted."""
    data = space_file.data
    return DataSource(
        data.path, data.split, folds=space_file.budget.folds, fold_by=data.fold_by, limit=data.limit
    )


def order_for(study: Study, run: Run) -> Order:
    """Write the order for a run of a study."""
    space_file, created = study.space_file, study.history.created
    settings = divide(space_file.strategy, run.settings)
    return Order(
        task=space_file.task,
        study_folder=str(study.ledger.folder.resolve()),
        trial=run.trial,
        fold=run.fold,
        attempt=run.attempt,
        settings=settings.task,
        seed=run.seed,
        source=source_of(space_file),
        objective=created.objective,
        maximise=created.maximise,
        others=tuple(created.others),
        epochs=space_file.budget.epochs,
        limits=space_file.limits.given,
        cuts=run.schedule.cuts,
        shares=run.schedule.shares,
        shuffle=space_file.data.shuffle,
        patience=space_file.budget.patience,
        threads=space_file.resources.threads,
        workers=space_file.resources.workers,
        runs=space_file.budget.runs,
        strategy=space_file.strategy,
        evolution=settings.evolution,
        precision=settings.precision,
        parent=run.parent,
        parent_sha256=run.parent_sha256,
        breeds=run.breeds,
        environment=space_file.resources.environment,
    )


def ended_record(run: Run, outcome: Outcome) -> Ended:
    """Write the ledger's record of an outcome."""
    return Ended(trial=run.trial, fold=run.fold, attempt=run.attempt, **asdict(outcome))
