"""What a run asks Ray for, and how many runs fit at once."""

from __future__ import annotations

from dataclasses import dataclass

from ray import tune


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


def group_slots(workers: int, resources: WorkerResources, total_cpus: float, total_gpus: float = 0.0) -> int:
    """How many runs of so many workers fit at once."""
    slots = int(total_cpus // (workers * resources.cpus))
    return min(slots, int(total_gpus // (workers * resources.gpus))) if resources.gpus else slots
