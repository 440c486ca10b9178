"""Changes to a study that is taken up: whether they may be, and how the ledger says them."""

from __future__ import annotations

from collections.abc import Iterator

from raysearch.errors import InputError
from raysearch.ledger.history import History
from raysearch.ledger.mending_records import Retried
from raysearch.ledger.record import Record
from raysearch.ledger.study_records import Allotted, Extended, Limited, Recoded, Widened
from raysearch.search.make import window_problem
from raysearch.space.space_file import SpaceFile
from raysearch.study.changes import Changes
from raysearch.study.mending import to_retry


def check_changes(changes: Changes, history: History, space_file: SpaceFile) -> None:
    """Check changes against what is known of the study.

    Raises:
        InputError: more trials than the grid has points or where no point is left, or a wider window than
            the sampler's population.
    """
    _check_extra(changes.extra_trials, history, space_file)
    window = changes.window
    if window is not None and (problem := window_problem(space_file.search, window)):
        raise InputError(f"--window {window}: {problem}")


def _check_extra(extra_trials: int, history: History, space_file: SpaceFile) -> None:
    if extra_trials and history.exhausted:
        raise InputError(f"--trials +{extra_trials}: no point of the space is left that may be run")
    size, wanted = space_file.searched.grid_size, history.n_trials + extra_trials
    if space_file.search.sampler == "grid" and size is not None and wanted > size:
        raise InputError(f"--trials +{extra_trials}: the grid has {size} points, that would be {wanted}")


def records_of(changes: Changes, history: History) -> Iterator[Record]:
    """Write down what changes; nothing of what is so already."""
    if changes.extra_trials:
        yield Extended(trials=changes.extra_trials)
    # Never narrower: trials that were asked ahead cannot be taken back.
    if changes.window is not None and changes.window > history.window:
        yield Widened(window=changes.window)
    if changes.disk is not None and changes.disk != history.disk:
        yield Allotted(disk=changes.disk)
    if changes.recode is not None:
        yield Recoded(code=changes.recode)
    if limits := {name: value for name, value in changes.limits.items() if value != history.limits[name]}:
        yield Limited(limits=limits)
    if changes.retry_failed and (numbers := to_retry(history)):
        yield Retried(trials=numbers)
