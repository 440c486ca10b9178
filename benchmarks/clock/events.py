"""Events on a virtual clock: workers that compute, send and hear, and a centre that serves one by one."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from benchmarks.clock.cluster import Cluster
from raysearch.agreement.centre import AnyCentre, Reply

Watch = Callable[
    [float, int, Tensor], None
]  # virtual seconds, steps of all workers so far, the centre's weights


class Learner(Protocol):
    """A worker's side of the learning; of time it knows nothing."""

    def message(self, n_steps: int) -> Tensor:
        """Take steps, and give what goes to the centre."""

    def hear(self, reply: Tensor) -> None:
        """Go on from a reply."""


class Exchange:
    """A run of an algorithm with a centre.

    Args:
        cluster: what takes how long.
        learners: by worker.
        centre: takes each message as it arrives; its link is one, so that messages and replies queue there.
        every: a worker's steps between two exchanges.
        n_steps: of all workers together, after which none begins another.
        watch: told after every message that was taken.
    """

    def __init__(
        self,
        cluster: Cluster,
        learners: Sequence[Learner],
        centre: AnyCentre,
        every: int,
        n_steps: int,
        watch: Watch,
    ) -> None:
        self._cluster, self._learners, self._centre = cluster, learners, centre
        self._every, self._n_steps, self._watch = every, n_steps, watch
        self._chances = np.random.default_rng(cluster.seed).spawn(cluster.workers)
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._numbers = itertools.count()  # who was first among equals, so that callbacks are never compared
        self._begun = self._taken = 0
        self._free_at = 0.0  # the centre's link
        self._gone: set[int] = set()  # lost, whether or not it was noticed
        self._left: set[int] = set()  # lost, and noticed

    def run(self) -> float:
        """Go on until nothing happens any more; returns the virtual seconds that took."""
        now = 0.0
        for worker in range(self._cluster.workers):
            self._begin(worker, now)
        for worker, when in self._cluster.lost.items():
            self._at(when, self._lose, worker)
        while self._heap:
            when, _, happen, about = heapq.heappop(self._heap)
            if happen != self._lose or self._begun < self._n_steps:  # who is lost after the end is not missed
                now = when
                happen(now, *about)
        return now

    def _at(self, when: float, happen: Callable[..., None], *about: Any) -> None:
        heapq.heappush(self._heap, (when, next(self._numbers), happen, about))

    def _begin(self, worker: int, now: float) -> None:
        if self._begun >= self._n_steps or worker in self._gone:
            return
        self._begun += self._every
        took = self._cluster.steps_s(worker, self._every, self._chances[worker])
        self._at(now + took, self._computed, worker)

    def _computed(self, now: float, worker: int) -> None:
        if worker not in self._gone:
            message = self._learners[worker].message(self._every)
            self._at(now + self._cluster.link_s(worker), self._arrived, worker, message)

    def _arrived(self, now: float, worker: int, message: Tensor) -> None:
        # There and back through the centre's own link, one message at a time.
        self._free_at = max(now, self._free_at) + 2 * self._cluster.message_s
        self._at(self._free_at, self._served, worker, message)

    def _served(self, now: float, worker: int, message: Tensor) -> None:
        if worker in self._left:
            return
        self._taken += self._every
        self._answer(now, self._centre.take(worker, message))
        self._watch(now, self._taken, self._centre.weights)

    def _answer(self, now: float, replies: Sequence[Reply]) -> None:
        for reply in replies:
            self._at(now + self._cluster.link_s(reply.worker), self._heard, reply.worker, reply.content)

    def _heard(self, now: float, worker: int, content: Tensor) -> None:
        if worker not in self._gone:
            self._learners[worker].hear(content)
            self._begin(worker, now)

    def _lose(self, now: float, worker: int) -> None:
        self._gone.add(worker)
        self._at(now + self._cluster.noticed_s, self._notice, worker)

    def _notice(self, now: float, worker: int) -> None:
        self._left.add(worker)
        self._answer(now, self._centre.leave(worker))


def in_step(
    cluster: Cluster,
    step: Callable[[Sequence[int]], Tensor],
    n_steps: int,
    watch: Watch,
) -> float:
    """A run by all-reduce: all take each step together, at the pace of the slowest.

    When a worker is lost the step in which it was missed is done again without it.

    Args:
        cluster: what takes how long.
        step: takes one with the rows of these workers, and gives the weights after it.
        n_steps: of all workers together.
        watch: told after every step.

    Returns:
        The virtual seconds that took.
    """
    chances = np.random.default_rng(cluster.seed).spawn(cluster.workers)
    alive, lost = list(range(cluster.workers)), dict(cluster.lost)
    now, taken = 0.0, 0
    while taken < n_steps:
        slowest = max(cluster.steps_s(worker, 1, chances[worker]) for worker in alive)
        end = now + slowest + cluster.ring_s(len(alive))
        if missed := [worker for worker in alive if lost.get(worker, end) < end]:
            now = max(lost[worker] for worker in missed) + cluster.noticed_s
            alive = [worker for worker in alive if worker not in missed]
            continue
        now, taken = end, taken + len(alive)
        watch(now, taken, step(alive))
    return now
