"""The Ray session of a study: a cluster of this machine alone, or one that is already there."""

from __future__ import annotations

import logging
import os

import ray

from raysearch.cluster.environment import TOKEN
from raysearch.cluster.resources import WorkerResources, group_slots, machines
from raysearch.errors import ResourceError
from raysearch.space.space_file import ResourcesSection

OBJECT_STORE_BYTES = 256 * 1024**2  # orders and results are small; data are read where they are used


def start_session(address: str | None, resources: ResourcesSection) -> None:
    """Start a local Ray or connect to a cluster.

    Args:
        address: of a running cluster (``auto`` for the one on this host), or None for a new local one.
        resources: what one worker of a run gets.

    Raises:
        ResourceError: no cluster there, wrong token, or it can never hold one run.
    """
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    try:
        if address is None:
            ray.init(
                address="local",
                num_cpus=len(os.sched_getaffinity(0)),
                object_store_memory=OBJECT_STORE_BYTES,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.CRITICAL,
            )
        else:
            ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL)
    except Exception as error:
        what = f"the Ray cluster at {address!r}" if address else "a local Ray"
        reason = (str(error).strip().splitlines() or ["no reason given"])[0]
        raise ResourceError(f"{what} cannot be used: {type(error).__name__}: {reason}") from error
    if TOKEN.is_file():
        TOKEN.chmod(0o600)  # Ray makes it readable to all
    _check_resources(resources)


def _check_resources(resources: ResourcesSection) -> None:
    total = ray.cluster_resources()
    for name, wanted in (("CPU", resources.cpus), ("GPU", resources.gpus)):
        there = total.get(name, 0)
        if wanted * resources.workers > there:
            ray.shutdown()
            each = f" ({resources.workers} workers x {wanted:g})" if resources.workers > 1 else ""
            raise ResourceError(
                f"a run needs {wanted * resources.workers:g} {name}{each}, there are {there:g}; "
                f"change resources.{name.lower()}s, or give --address of a larger cluster"
            )
    each_worker = WorkerResources(resources.cpus, resources.gpus)
    if not group_slots(resources.workers, each_worker, machines()):
        ray.shutdown()
        raise ResourceError(
            f"the cluster's machines, each for itself, cannot hold {resources.workers} workers of "
            f"{resources.cpus:g} CPU and {resources.gpus:g} GPU; change resources"
        )


def stop_session() -> None:
    """Leave the cluster; a local one ends."""
    ray.shutdown()
