"""The Ray session of a study: a cluster of this machine alone, or one that is already there."""

from __future__ import annotations

import math
import socket
from collections.abc import Mapping

import ray
from ray._private.authentication.authentication_token_setup import enable_token_auth_by_default
from ray._private.services import canonicalize_bootstrap_address

from raysearch.cluster.connect import QUIET, as_resource_error, connect, on_loopback, own_handler_after
from raysearch.cluster.environment import TOKEN
from raysearch.cluster.gpus import check_gpus
from raysearch.cluster.own_ray import OwnRay, own_ray
from raysearch.cluster.places import WorkerResources, group_slots
from raysearch.cluster.resources import machines
from raysearch.errors import ResourceError
from raysearch.launch.cgroups import usable_cpus
from raysearch.space.space_file import ResourcesSection

ANSWER_S = 10.0
MORE_THERE = "give --address of a larger cluster"
YET_TO_JOIN = "wait for the machines that have them: raysearch cluster wait"
_own: list[OwnRay] = []  # that this process has started


def start_session(address: str | None, resources: ResourcesSection) -> None:
    """Start a local Ray or connect to a cluster.

    Args:
        address: of a running cluster (``auto`` for the one on this host), or None for a new local one.
        resources: what one worker of a run gets.

    Raises:
        ResourceError: no cluster there, wrong token, it cannot hold one run, or torch cannot use its GPUs.
    """
    if address is None:
        _start_here(resources)
    else:
        with as_resource_error(f"the Ray cluster at {address!r}"):
            _check_answers(address)
        connect(address)
    # Only after Ray has started: it is Ray that makes the file.
    if TOKEN.is_file():  # Ray makes both readable to all
        TOKEN.chmod(0o600)
        TOKEN.parent.chmod(0o700)
    _check_resources(resources, MORE_THERE if address is None else YET_TO_JOIN)


def _start_here(resources: ResourcesSection) -> None:
    # Ray takes seconds to start; which GPUs there are it finds out better than we
    _check_total(resources, {"CPU": usable_cpus(), "GPU": math.inf}, MORE_THERE)
    _own.append(own_ray(resources))
    address = _own[-1].address()
    with as_resource_error("a local Ray"), own_handler_after(), on_loopback():
        enable_token_auth_by_default()
        ray.init(address=address, **QUIET)


def _check_answers(address: str) -> None:
    """Ray would try an address that nothing listens at for a quarter of an hour, and fill the terminal."""
    found = canonicalize_bootstrap_address(address)  # 'auto' may be what an earlier Ray left behind
    if found is not None:
        host, _, port = found.rpartition(":")
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_S).close()


def _check_resources(resources: ResourcesSection, otherwise: str) -> None:
    try:
        _check_total(resources, ray.cluster_resources(), otherwise)
        each_worker = WorkerResources.of(resources)
        memory = "" if resources.memory is None else f" and {resources.memory} of memory"
        if not group_slots(resources.least_workers, each_worker, machines()):
            raise ResourceError(
                f"the cluster's machines, each for itself, cannot hold {resources.least_workers} workers of "
                f"{resources.cpus:g} CPU and {resources.gpus:g} GPU{memory}; change resources, or {otherwise}"
            )
        # Last: it takes seconds, in which every node imports torch.
        if resources.gpus:
            check_gpus()
    except ResourceError:
        ray.shutdown()
        raise


def _check_total(resources: ResourcesSection, total: Mapping[str, float], otherwise: str) -> None:
    for name, each in (("CPU", resources.cpus), ("GPU", resources.gpus)):
        workers = resources.least_workers
        wanted, there = each * workers, total.get(name, 0)
        if wanted > there:
            sum_of = f" ({workers} workers x {each:g})" if workers > 1 else ""
            raise ResourceError(
                f"a run needs {wanted:g} {name}{sum_of}, there are {there:g}; "
                f"change resources.{name.lower()}s, or {otherwise}"
            )


def stop_session() -> None:
    """Leave the cluster; a local one ends, and its session's folder goes."""
    ray.shutdown()
    while _own:
        _own.pop().end()
