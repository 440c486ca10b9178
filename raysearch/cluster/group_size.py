"""How many workers each run gets of the machines that are there now, where the number may change."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from raysearch.cluster.places import WorkerResources, n_places
from raysearch.cluster.resources import machines
from raysearch.space.sections import ResourcesSection

LOOK_S = 1.0  # between two questions to Ray


class GroupSize:
    """The number of workers that a run begins or goes on with.

    All of them where they fit, else as many as fit, and never fewer than the least. A run that has less
    than all is alone: what is left over would not hold another one.

    Args:
        resources: of the space file.
        look: what each machine has.
        clock: seconds, for tests.
    """

    def __init__(
        self,
        resources: ResourcesSection,
        look: Callable[[], list[dict[str, float]]] = machines,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.all, self._least = resources.workers, resources.least_workers
        self.may_change = resources.min_workers is not None
        self._each, self._look, self._clock = WorkerResources.of(resources), look, clock
        self._places, self._looked_s = 0, float("-inf")
        self._slots_at_first = self._n_places() // self.workers

    @property
    def workers(self) -> int:
        """Of a run that begins now."""
        return min(self.all, max(self._least, self._n_places())) if self.may_change else self.all

    @property
    def slots(self) -> int:
        """How many such runs fit at once; one at least, which waits where there is no place.

        Of a fixed number of workers as it was at first: a machine that has gone may come back.
        """
        if not self.may_change:
            return self._slots_at_first
        return max(self._n_places() // self.workers, 1)

    def is_stale(self, workers: Mapping[str, int]) -> bool:
        """Whether some of the runs that were handed out have another number of workers than is right now."""
        return self.may_change and any(each != self.workers for each in workers.values())

    def _n_places(self) -> int:
        if self._clock() - self._looked_s >= LOOK_S:
            self._places, self._looked_s = n_places(self._each, self._look()), self._clock()
        return self._places
