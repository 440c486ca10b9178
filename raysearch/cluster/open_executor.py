"""Opens what carries a study's runs out: this process, a new local Ray, or a cluster that is there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from raysearch.cluster.environment import prepare_environment
from raysearch.errors import InputError
from raysearch.launch.executor import Executor
from raysearch.launch.request import Where
from raysearch.space.space_file import ResourcesSection


@contextmanager
def executor_for(
    where: Where, resources: ResourcesSection, gone: Callable[[str], None] = lambda _: None
) -> Iterator[Executor]:
    """Open what carries the runs out, and give it back at the end.

    Args:
        where: this process, a new Ray, or a cluster.
        resources: what a run gets.
        gone: called in another thread when the head of the cluster, whose address it is given, is gone.

    Raises:
        InputError: a variable that runs are to see is not set.
        ResourceError: the resources asked for are not there.
    """
    if where.address is None and (absent := sorted(set(resources.environment) - set(os.environ))):
        raise InputError(*(f"resources.environment: {name} is not set" for name in absent))
    if where.in_process:
        from raysearch.launch.local_executor import LocalExecutor  # noqa: PLC0415 - one of two, without Ray

        yield LocalExecutor(resources)
        return
    prepare_environment(where.address)
    from raysearch.cluster import session  # noqa: PLC0415 - Ray takes a second to import
    from raysearch.cluster.head_watch import head_watched  # noqa: PLC0415
    from raysearch.cluster.tune_executor import TuneExecutor  # noqa: PLC0415

    try:
        session.start_session(where.address, resources)
        with head_watched(gone):
            yield TuneExecutor(resources)
    finally:
        session.stop_session()
