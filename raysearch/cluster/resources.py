"""What a run asks Ray for, and what Ray has."""

from __future__ import annotations

import ray
from ray import tune
from ray.util.placement_group import PlacementGroup, get_current_placement_group

from raysearch.cluster.places import WorkerResources
from raysearch.errors import ResourceError


def group_trial_resources(workers: int, resources: WorkerResources) -> tune.PlacementGroupFactory:
    """What a Tune trial asks for: nothing for its own process, which only waits, and the workers' bundles."""
    # PACK: gradients are averaged after every batch, and faster within one machine than between two.
    return tune.PlacementGroupFactory([{}, *([resources.bundle()] * workers)], strategy="PACK")


def request_for(workers: int, resources: WorkerResources) -> tune.PlacementGroupFactory:
    """What a Tune trial asks for whose run has so many workers; a single one is the trial's own process."""
    if workers == 1:
        return tune.PlacementGroupFactory([resources.bundle()])
    return group_trial_resources(workers, resources)


def trial_group(workers: int) -> PlacementGroup:
    """The placement group of the Tune trial that this process carries out, with a bundle for each worker.

    Raises:
        ResourceError: this process is not in such a group.
    """
    group = get_current_placement_group()
    if group is None or group.bundle_count != workers:
        found = "in none" if group is None else f"in one of {group.bundle_count}"
        raise ResourceError(
            f"a run of {workers} workers needs a placement group of {workers} bundles; it is {found}"
        )
    return group


def machines() -> list[dict[str, float]]:
    """What each machine of the cluster has in all, ``CPU`` and ``GPU`` among it."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]
