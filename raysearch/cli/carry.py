"""Carry studies out with a view on them, mirror them to MLflow, write their reports, and say how it went."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from raysearch.errors import (
    DiskBudgetError,
    InputError,
    NoFinishedTrialError,
    RaysearchError,
    StoppedError,
    StorageError,
    TooManyFailedError,
)
from raysearch.study.folders import has_begun, name_of, resume_command

if TYPE_CHECKING:
    from raysearch.launch.executor import Executor
    from raysearch.launch.prepare import Prepared
    from raysearch.launch.request import Where, Wish
    from raysearch.ledger.ledger import Ledger
    from raysearch.space.space_file import SpaceFile


@dataclass(frozen=True)
class Job:
    """A study to carry out: how to open its ledger (given the slots), and its checked space file."""

    open_ledger: Callable[[int], Ledger]
    space_file: SpaceFile
    wish: Wish


def say(text: str) -> None:
    """Tell the user what goes on; not part of a command's output."""
    typer.echo(text, err=True)


def begin(prepared: Prepared, folder: Path, wish: Wish, series: str = "") -> Job:
    """Make the job of a study that begins."""
    from raysearch.launch.begin import create_study

    return Job(lambda slots: create_study(prepared, folder, slots, series), prepared.space_file, wish)


def go_on(folder: Path, wish: Wish, *, allow_skew: bool) -> Job | None:
    """Make the job of a study that was begun, after the checks that it is still the same; None if it is done."""
    from raysearch.ledger.ledger import Ledger

    with Ledger(folder) as ledger:  # busy or damaged: say so before anything else
        done = _is_done(ledger)
    if done and not wish.extra_trials:
        more = resume_command(folder, f"--trials +{done}")
        typer.echo(f"{name_of(folder)}: all {done} trials are done, nothing is left to do; for more: {more}")
        return None
    say(f"{name_of(folder)}: checking that task, data and packages are the same")
    from raysearch.launch.unchanged import check_unchanged

    space_file = check_unchanged(folder, allow_skew=allow_skew, wish=wish)
    return Job(lambda _: Ledger(folder), space_file, wish)


def carry_out_all(jobs: Sequence[Job], where: Where) -> None:
    """Carry studies out, one after another, on one Ray.

    Raises:
        RaysearchError: of the first study that went wrong; only a stop, a full disk or the like keep the next ones
            from being carried out.
    """
    if not jobs:
        return
    say("running in this process" if where.in_process else "starting Ray")
    from raysearch.cluster.open_executor import executor_for

    failures: list[RaysearchError] = []
    with executor_for(where, jobs[0].space_file.resources) as executor:
        if not where.in_process:
            say(f"Ray is up: {executor.slots} run{'s' if executor.slots > 1 else ''} at a time")
        for job in jobs:
            try:
                _carry_out(job, executor)
            except (NoFinishedTrialError, TooManyFailedError) as error:
                failures.append(error)
    if failures:
        raise failures[0]


def _carry_out(job: Job, executor: Executor) -> None:
    from raysearch.cli.summary import print_summary
    from raysearch.cli.view import open_view
    from raysearch.launch.carry_out import carry_out
    from raysearch.tracking.mirror import start_mirror

    failure: RaysearchError | None = None
    with job.open_ledger(executor.slots) as ledger:
        folder = ledger.folder
        try:
            with open_view() as view:
                history = carry_out(ledger, executor, view, start_mirror, job.wish)
            if history.n_failed > job.space_file.budget.max_failed:
                failure = TooManyFailedError(
                    f"{name_of(folder)}: {history.n_failed} trials failed, "
                    f"budget.max_failed allows {job.space_file.budget.max_failed}"
                )
        except (NoFinishedTrialError, StoppedError, DiskBudgetError) as error:
            failure = error
        except StorageError as error:
            raise StorageError(
                f"{error}\nonce that is mended, go on with: {resume_command(folder)}"
            ) from error
    if not isinstance(failure, (StoppedError, DiskBudgetError)):
        say("writing the report")
        from raysearch.report.build import build_report

        build_report(folder)
    print_summary(folder)
    if failure is not None:
        raise failure


def wish_of(folder: Path, space_file: SpaceFile) -> Wish:
    """Check that a study, if it exists, is one of this space, and tell what the file has anew: the disk budget.

    Raises:
        InputError: it is not; every difference is named.
    """
    from raysearch.launch.request import NO_WISH, Wish
    from raysearch.ledger.history import History
    from raysearch.ledger.ledger import read_entries
    from raysearch.space.space_file import SpaceFile

    if not has_begun(folder):
        return NO_WISH
    created = History(read_entries(folder)).created
    there = SpaceFile.model_validate(created.space_file)
    if created.identity != space_file.identity:
        before, now = _flat(created.space_file), _flat(space_file.model_dump(mode="json"))
        differing = [key for key in {**before, **now} if before.get(key) != now.get(key)]
        raise InputError(
            f"{folder} is a study of another space; give another --name. It differs in:",
            *(
                f"  {key}: {before.get(key, 'absent')} there, {now.get(key, 'absent')} here"
                for key in differing
            ),
        )
    if there.storage.keep != space_file.storage.keep:
        raise InputError(
            f"storage.keep: {folder} keeps {there.storage.keep}, not {space_file.storage.keep}; what was deleted does "
            "not come back"
        )
    disk = space_file.storage.disk
    return NO_WISH if disk == there.storage.disk else Wish(disk=disk)


def _is_done(ledger: Ledger) -> int:
    """How many trials a study has that is complete, with test figures and report; 0 if it is not."""
    from raysearch.ledger.history import History

    history = History(ledger.entries)
    if not history.is_complete:
        return 0
    runs = set() if history.best is None else {(run.trial, run.fold) for run in history.best.runs}
    is_tested = runs <= {(record.trial, record.fold) for record, _ in history.tests}
    is_reported = (ledger.folder / "report" / "index.html").is_file()
    return history.n_trials if is_tested and is_reported else 0


def _flat(tree: object, prefix: str = "") -> dict[str, object]:
    if not isinstance(tree, dict):
        return {prefix: tree}
    return {
        key: value
        for name, inner in tree.items()
        for key, value in _flat(inner, f"{prefix}.{name}" if prefix else str(name)).items()
    }
