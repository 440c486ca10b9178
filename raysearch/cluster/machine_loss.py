"""Whether a run that was lost is to blame for it, or a machine that is gone.

Tune hears of a lost process at once. That its machine is gone Ray notices when that has missed some looks:
seconds later, on a slow network many. So who is to blame is not known when a run is lost, and no time tells:
either the machines that the run was on answer, or Ray has noticed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ray

from raysearch.cluster.head_watch import answers

ENDS_S = 3.0  # a machine that goes down ends its processes first, and answers for a moment more
LOOK_S = 1.0  # between two questions to machines
ANSWER_S = 0.5  # for the system of a machine to take a connection or refuse it; its Ray need not be quick
# Ray takes a machine that does not answer for dead; if it never does, the driver alone does not reach it.
GIVEN_UP_S = 600.0

Nodes = Sequence[Mapping[str, Any]]  # as Ray lists them


@dataclass(frozen=True)
class LostRun:
    """What is known of a run that was lost.

    Attributes:
        what: the run, for whoever asks.
        machines: ids of those that it was on; none if that is not known.
        n_dead: how many machines the cluster had lost when it began.
        at_s: when it was heard of.
    """

    what: Any
    machines: Collection[str]
    n_dead: int
    at_s: float


class MachineLoss:
    """Decides on runs that were lost, as soon as that can be.

    Args:
        nodes: the machines of the cluster, dead ones among them.
        reached: whether something listens at ``host:port``.
        clock: seconds, for tests.
    """

    def __init__(
        self,
        nodes: Callable[[], Nodes] = ray.nodes,
        reached: Callable[[str], bool] = lambda address: answers(address, ANSWER_S),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._nodes, self._reached, self._clock = nodes, reached, clock
        self._n_dead: dict[str, int] = {}
        self._lost: list[LostRun] = []
        self._looked_s = float("-inf")

    def began(self, name: str) -> None:
        """A run begins, on machines of those that are there now."""
        self._n_dead[name] = _n_dead(self._nodes())

    def lost(self, name: str, what: Any, machines: Collection[str]) -> None:  # noqa: ANN401 - the caller's
        """A run was lost.

        Args:
            name: as it began.
            what: comes back from :meth:`decided`.
            machines: ids of those that it was on; none if that is not known.
        """
        self._lost.append(LostRun(what, machines, self._n_dead.pop(name, 0), self._clock()))

    def decided(self) -> list[tuple[Any, bool]]:
        """Give the lost runs of which it is known, and whether each is to blame."""
        if not self._lost or self._clock() - self._looked_s < LOOK_S:
            return []
        nodes, self._looked_s = self._nodes(), self._clock()
        verdicts = [(lost, self._is_to_blame(lost, nodes)) for lost in self._lost]
        self._lost = [lost for lost, verdict in verdicts if verdict is None]
        return [(lost.what, verdict) for lost, verdict in verdicts if verdict is not None]

    def _is_to_blame(self, lost: LostRun, nodes: Nodes) -> bool | None:
        """Whether a run is; None as long as nobody knows."""
        if _n_dead(nodes) > lost.n_dead:
            return False
        alive = [node for node in nodes if node["Alive"]]
        passed_s = self._clock() - lost.at_s
        if len(alive) == 1 or passed_s > GIVEN_UP_S:  # the only machine is the one that asks
            return True
        if passed_s < ENDS_S:
            return None
        its = [node for node in alive if node["NodeID"] in lost.machines] or alive
        reached = all(
            self._reached(f"{node['NodeManagerAddress']}:{node['NodeManagerPort']}") for node in its
        )
        return True if reached else None


def _n_dead(nodes: Nodes) -> int:
    return sum(not node["Alive"] for node in nodes)
