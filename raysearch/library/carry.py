"""Carry studies out with a watcher, mirror them to MLflow, and write their reports."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from raysearch.errors import (
    DiskBudgetError,
    FinalTestError,
    NoFinishedTrialError,
    RaysearchError,
    StoppedError,
    StorageError,
    TooManyFailedError,
)
from raysearch.launch.request import Where
from raysearch.ledger.endings import alike_line
from raysearch.ledger.history import History, read_history
from raysearch.ledger.search_lines import search_lines
from raysearch.ledger.study_records import OUT_OF_TIME
from raysearch.library.jobs import Job
from raysearch.library.remarks import window_remark
from raysearch.library.report_writer import write_in_background, write_report
from raysearch.library.watching import Watcher
from raysearch.space.space_file import ResourcesSection
from raysearch.study.folders import as_typed, is_series, name_of, resume_command
from raysearch.study.listening import HearingRuns
from raysearch.tracking.kept import KeptMirror, ensure_mirror

if TYPE_CHECKING:
    from raysearch.launch.executor import Executor
    from raysearch.launch.stop_flag import StopFlag


def carry_out_series(jobs: list[Job], where: Where, folder: Path, watcher: Watcher, stop: StopFlag) -> None:
    """Carry studies out and, if they are a series', write its report, also when one of them went wrong.

    Raises:
        RaysearchError: of the first study that went wrong.
    """
    try:
        carry_out_all(jobs, where, watcher, stop)
    # What the other members found is worth its report; after a stop or a full disk nothing is written.
    except (NoFinishedTrialError, TooManyFailedError, FinalTestError):
        _finish_series(folder, watcher)
        raise
    _finish_series(folder, watcher)


def _out_of_time(history: History, folder: Path) -> str:
    done, time = f"{history.n_committed} of {history.n_trials} trials", history.limits["time"]
    return (
        f"{name_of(folder)}: out of time ({time}) after {done}; for as long again: {resume_command(folder)}, "
        "for another time or without end: --time +2h, --time none"
    )


def _finish_series(folder: Path, watcher: Watcher) -> None:
    """Write the report of a series over its studies; nothing for a single study."""
    if is_series(folder):
        from raysearch.report.series_report import build_series_report

        watcher.series_over(folder, build_series_report(folder, as_typed(folder)))


def carry_out_all(jobs: Sequence[Job], where: Where, watcher: Watcher, stop: StopFlag) -> None:
    """Carry studies out, one after another, on one Ray as long as their runs take the same.

    Raises:
        RaysearchError: of the first study that went wrong; only a stop, a full disk or the like keep the next
            ones from being carried out.
    """
    failures: list[RaysearchError] = []
    for resources, alike in itertools.groupby(jobs, key=lambda job: job.space_file.resources):
        failures += _carry_out_alike(list(alike), resources, where, watcher, stop)
    if failures:
        raise failures[0]


def _carry_out_alike(
    jobs: Sequence[Job], resources: ResourcesSection, where: Where, watcher: Watcher, stop: StopFlag
) -> list[RaysearchError]:
    """Carry out studies whose runs take the same; give what went wrong with some of them."""
    watcher.say("running in this process" if where.in_process else "starting Ray")
    from raysearch.cluster.open_executor import executor_for

    failures: list[RaysearchError] = []
    with ExitStack() as open_one:
        with stop.breaking_off("the start" if where.in_process else "the start of Ray"):
            executor = open_one.enter_context(executor_for(where, resources, stop.lose_cluster))
        if not where.in_process:
            watcher.say(f"Ray is up: {executor.slots} run{'s' if executor.slots > 1 else ''} at a time")
        for job in jobs:
            try:
                _carry_out(job, executor, watcher, stop)
            except (NoFinishedTrialError, TooManyFailedError, FinalTestError) as error:
                failures.append(error)
    return failures


def _carry_out(job: Job, executor: Executor, watcher: Watcher, stop: StopFlag) -> None:
    """Carry one study out; its report is written and its watcher told also where it went wrong."""
    from raysearch.launch.carry_out import carry_out

    failure: RaysearchError | None = None
    with job.open_ledger(executor.slots) as ledger:
        folder = ledger.folder
        if remark := window_remark(History(ledger.entries), executor.slots):
            watcher.say(remark)
        try:
            with KeptMirror() as mirror, watcher.follow() as listen:
                heard = HearingRuns(listen, mirror.run_begun)
                history = carry_out(ledger, executor, heard, mirror.start, job.wish, stop)
            if history.closed is not None and history.closed.reason == OUT_OF_TIME:
                watcher.say(_out_of_time(history, folder))
            # Told at the end: the trials that did finish are kept, tested and reported.
            if history.n_failed > job.space_file.budget.max_failed:
                failure = TooManyFailedError(
                    f"{name_of(folder)}: {history.n_failed} trials failed, "
                    f"budget.max_failed allows {job.space_file.budget.max_failed}"
                )
        except (NoFinishedTrialError, FinalTestError, StoppedError, DiskBudgetError) as error:
            failure = error
        except StorageError as error:
            raise type(error)(
                f"{error}\nonce that is mended, go on with: {resume_command(folder)}"
            ) from error
    # Outside of the ledger's lock: a report only reads.
    if not isinstance(failure, (StoppedError, DiskBudgetError)):
        _report(folder, watcher, stop)
    watcher.study_over(folder)
    if failure is not None:
        raise failure


def _report(folder: Path, watcher: Watcher, stop: StopFlag) -> None:
    """Say what the search came to, and have the report written."""
    history = read_history(folder)
    for line in search_lines(history):
        watcher.say(line)
    if line := alike_line(history):
        watcher.say(f"warning: {line}")
    # That of a member of a series would compete with the next one's runs.
    if watcher.waits or history.created.series or not write_in_background(folder):
        watcher.say("writing the report")
        with stop.breaking_off("the report"):
            write_report(folder)
        ensure_mirror(folder)  # the one of the search may have waited for the report in vain
