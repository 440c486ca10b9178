"""What a worker gets, and how many of them machines have places for; imports no Ray."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from raysearch.launch.executor import fits
from raysearch.space.sizes import parse_size

if TYPE_CHECKING:
    from raysearch.space.sections import ResourcesSection


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
