"""What a run asks Ray for, and how many runs fit at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import ray
from ray import tune
from ray.util.placement_group import PlacementGroup, get_current_placement_group

from raysearch.errors import ResourceError
from raysearch.launch.executor import fits
from raysearch.space.sections import ResourcesSection
from raysearch.space.sizes import parse_size


@dataclass(frozen=True)
class WorkerResources:
    """What each worker of a run gets; of GPUs one, a share of one, or none; of memory bytes, or None."""

    cpus: float = 1.0
    gpus: float = 0.0
    memory: int | None = None

    @classmethod
    def of(cls, resources: ResourcesSection) -> WorkerResources:
        """As a space file has them."""
        memory = None if resources.memory is None else parse_size(resources.memory)
        return cls(resources.cpus, resources.gpus, memory)

    def options(self) -> dict[str, float]:
        """The options of a Ray task or actor."""
        memory = {} if self.memory is None else {"memory": self.memory}
        return {"num_cpus": self.cpus, "num_gpus": self.gpus, **memory}

    def bundle(self) -> dict[str, float]:
        """The bundle of a placement group, as Ray spells it."""
        gpus = {"GPU": self.gpus} if self.gpus else {}
        return {"CPU": self.cpus, **gpus, **({} if self.memory is None else {"memory": self.memory})}


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


def group_slots(workers: int, resources: WorkerResources, machines: Iterable[Mapping[str, float]]) -> int:
    """How many runs of so many workers fit at once; a worker needs all it gets on one machine and one GPU."""
    # Workers of one run may be on several machines, one worker may not.
    return n_places(resources, machines) // workers


def n_places(resources: WorkerResources, machines: Iterable[Mapping[str, float]]) -> int:
    """How many workers fit at once."""
    return sum(_places(resources, machine) for machine in machines)


def _places(resources: WorkerResources, machine: Mapping[str, float]) -> int:
    places = fits(machine.get("CPU", 0.0), resources.cpus)
    if resources.gpus:  # of two GPUs 0.6 can be had twice, not three times
        places = min(places, int(machine.get("GPU", 0.0)) * fits(1.0, resources.gpus))
    if resources.memory is not None:
        places = min(places, fits(machine.get("memory", 0.0), resources.memory))
    return places
