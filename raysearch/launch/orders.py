"""The order for a run, written from its study; and an outcome as the ledger's record."""

from __future__ import annotations

from dataclasses import asdict, replace

from raysearch.data.source import DataSource
from raysearch.launch.own_code import code_folder
from raysearch.launch.watch import MOST_HUNG, Overdue
from raysearch.ledger.run_records import Ended
from raysearch.search.make import SAMPLERS
from raysearch.space.space_file import SpaceFile
from raysearch.study.losses import failed_record
from raysearch.study.run import Run
from raysearch.study.study import Study
from raysearch.training.order import Order, Outcome
from raysearch.training.settings import Way, divide


def source_of(space_file: SpaceFile) -> DataSource:
    """Write down where the data of a space file lie and how they are parted."""
    data = space_file.data
    return DataSource(
        data.path, data.split, folds=space_file.budget.folds, fold_by=data.fold_by, limit=data.limit
    )


def way_of(space_file: SpaceFile) -> Way:
    """Write down how weights are trained."""
    return Way(space_file.strategy, space_file.agreements, space_file.resources.workers)


def order_for(study: Study, run: Run) -> Order:
    """Write the order for a run of a study."""
    space_file, created = study.space_file, study.history.created
    settings = divide(way_of(space_file), run.settings)
    return Order(
        task=space_file.task,
        # A worker's working directory is Ray's and not the user's.
        study_folder=str(study.ledger.folder.resolve()),
        trial=run.trial,
        fold=run.fold,
        attempt=run.attempt,
        settings=settings.task,
        seed=run.seed,
        source=source_of(space_file),
        # The ledger's and not the task's: a study keeps what it began with.
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
        agreement=settings.agreement,
        exchange=settings.exchange,
        large_batch=settings.large_batch,
        precision=settings.precision,
        parent=run.parent,
        parent_sha256=run.parent_sha256,
        breeds=run.breeds,
        in_intervals=SAMPLERS[space_file.search.sampler].in_intervals,
        environment=space_file.resources.environment,
        memory=study.history.run_limits.memory_bytes,
        files=created.data.get("files", {}),
        inspected=created.inspected,
        code=code_folder(study.code_of(run)),
    )


def ended_record(run: Run, outcome: Outcome) -> Ended:
    """Write the ledger's record of an outcome."""
    return Ended(trial=run.trial, fold=run.fold, attempt=run.attempt, **asdict(outcome))


def end_overdue(study: Study, run: Run, overdue: Overdue) -> None:
    """Have a study take note of a run that was stopped; one that hung is repeated, once."""
    if overdue.failure == "hung":
        study.lose(run, overdue.reason, failure="hung", most=MOST_HUNG, stack=overdue.stack)
    else:
        known = study.history.run(run.trial, run.fold)
        ended = failed_record(known, overdue.failure, overdue.reason)
        study.end(replace(ended, attempt=run.attempt))  # of a run for lost weights it is not the known one's
