"""A study's data as it began with them: whoever loads them compares their content with the ledger's.

They are compared after they were read. Files that were replaced before that, between two looks or while they
were read, then differ; to compare before would leave the time in between.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from raysearch.data.prepared_files import as_it_began
from raysearch.data.source import DataSource, changes
from raysearch.data.tensors import Parts
from raysearch.errors import ChangedError
from raysearch.tasks.settings import make_settings
from raysearch.tasks.task import Task
from raysearch.training.order import Order
from raysearch.training.randomness import load_parts


def load_as_ordered(
    task: Task[Any],
    order: Order,
    settings: Any,  # noqa: ANN401 - the task's own type
) -> Parts:
    """Load the data of a run.

    Raises:
        ChangedError: they are not those that the study began with.
    """
    with same_data(task, order):
        return load_parts(task, order.source.of_fold(order.fold), settings)


@contextmanager
def same_data(task: Task[Any], order: Order) -> Iterator[None]:
    """Refuse what is read of a study's data inside, if they are no longer those that it began with.

    Args:
        task: reads them.
        order: of a run of the study; one that names no files is not compared.

    Raises:
        ChangedError: they are not, also where reading them failed for it.
    """
    with as_it_began(order.files) as began:
        try:
            yield
        # A file that is gone or of another form fails first of all; what is told is why.
        except Exception as error:
            if problems := _problems(task, order):
                raise _refused(problems) from error
            raise
    if began.serves_all:
        return  # by arrays that are verified to be those of the files of then, whatever lies there now
    if problems := _problems(task, order):
        raise _refused(problems)


def data_problems(
    task: Task[Any],
    source: DataSource,
    settings: Any,  # noqa: ANN401 - the task's own type
    files: Mapping[str, str],
    since: str,
) -> list[str]:
    """Tell which files are not what they were; empty if all are, or if there are none.

    Args:
        task: whose data they are.
        source: where they lie.
        settings: at which the task told of its files when the study began.
        files: name to SHA-256, as told then.
        since: since when, for the message.
    """
    if not files:
        return []
    try:
        now = task.data_sha256(source, settings)
    except Exception as error:  # noqa: BLE001 - the same call told of whole files when the study began
        return [f"data: cannot be read as they were when {since}: {error}"]
    return changes(files, now, since)


def _problems(task: Task[Any], order: Order) -> list[str]:
    settings = make_settings(task, order.inspected or order.settings)
    return data_problems(task, order.source, settings, order.files, "the study began")


def _refused(problems: list[str]) -> ChangedError:
    # A cluster's machines may see other files under one path.
    where = f"on {socket.gethostname()}: put the files back, or start a new study with those that are there"
    return ChangedError("\n".join([*problems, where]))
