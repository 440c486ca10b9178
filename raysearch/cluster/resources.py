"""What a run asks Ray for, and how many runs fit at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import ray
from ray import tune

from raysearch.cluster.executor import fits


@dataclass(frozen=True)
class WorkerResources:
    """What each worker of a run gets."""

    cpus: float = 1.0
    gpus: float = 0.0

    def bundle(self) -> dict[str, float]:
        """The bundle of a placement group, as Ray spells it."""
        return {"CPU": self.cpus} | ({"GPU": self.gpus} if self.gpus else {})


def group_trial_resources(workers: int, resources: WorkerResources) -> tune.PlacementGroupFactory:
    """What a Tune trial asks for: nothing for its own process, which only waits, and the workers' bundles."""
    return tune.PlacementGroupFactory([{}, *([resources.bundle()] * workers)], strategy="PACK")


def machines() -> list[dict[str, float]]:
    """What each machine of the cluster has in all, ``CPU`` and ``GPU`` among it."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def group_slots(workers: int, resources: WorkerResources, machines: Iterable[Mapping[str, float]]) -> int:
    """How many runs of so many workers fit at once; a worker needs all it gets on one machine."""
    bundle = resources.bundle().items()
    places = sum(min(fits(machine.get(name, 0.0), each) for name, each in bundle) for machine in machines)
    return places // workers
