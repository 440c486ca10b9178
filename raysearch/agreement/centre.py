"""A centre and its workers: whose message is taken when, whose is too old, and who is waited for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from raysearch import seeds
from raysearch.agreement.sides import CentreSide, WorkerSide


@dataclass(frozen=True)
class Reply:
    """What a worker hears.

    Attributes:
        worker: which.
        content: for :meth:`~raysearch.agreement.sides.WorkerSide.incoming`.
        refused: whether its message was too old to be taken.
    """

    worker: int
    content: Tensor
    refused: bool = False


class AnyCentre(Protocol):
    """One centre, or a hierarchy of them."""

    @property
    def weights(self) -> Tensor:
        """Those that are evaluated and saved, (n,)."""
        ...

    @property
    def refused(self) -> int:
        """How many messages were too old."""
        ...

    def take(self, worker: int, message: Tensor) -> list[Reply]:
        """Take a worker's message; give the replies that can be sent now, to whomever they are."""
        ...

    def leave(self, worker: int) -> list[Reply]:
        """Wait for a worker no longer; give the replies that can be sent now."""
        ...

    def rest(self, worker: int) -> list[Reply]:
        """Do not wait for a worker before :meth:`wake`; give the replies that can be sent now."""
        ...

    def wake(self) -> None:
        """Wait again for all who rest."""
        ...

    def state(self) -> dict[str, Any]:
        """Tensors and plain values for a checkpoint, written when no worker waits."""
        ...

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take :meth:`state` back."""
        ...


class Centre:
    """One centre.

    Args:
        side: the algorithm's, with the weights.
        workers: their numbers.
        threshold: the share of workers whose messages make one step; None: each makes one by itself.
        most_stale: by how many of its steps the centre may have gone on since a worker last heard of it; None
            for any number.

    Attributes:
        version: how many steps it has taken.
        refused: how many messages were too old.
    """

    def __init__(
        self,
        side: CentreSide,
        workers: Sequence[int],
        *,
        threshold: float | None = None,
        most_stale: int | None = None,
    ) -> None:
        self.side = side
        self._threshold, self._most_stale = threshold, most_stale
        self.version, self.refused = 0, 0
        # The version of each worker's last reply.
        self._heard = dict.fromkeys(workers, 0)
        self._waiting: dict[int, Tensor] = {}
        self._resting: set[int] = set()

    @property
    def weights(self) -> Tensor:
        """The centre's, (n,)."""
        return self.side.weights

    def staleness(self, worker: int) -> int:
        """How many steps the centre has taken since a worker last heard of it."""
        return self.version - self._heard[worker]

    def take(self, worker: int, message: Tensor) -> list[Reply]:
        """Take a worker's message; give the replies that can be sent now."""
        if self._most_stale is not None and self.staleness(worker) > self._most_stale:
            self.refused += 1
            self._heard[worker] = self.version
            return [Reply(worker, self.side.restart(message), refused=True)]
        self._waiting[worker] = message
        return self._step()

    def leave(self, worker: int) -> list[Reply]:
        """Wait for a worker no longer; those that waited for it may go on."""
        del self._heard[worker]
        self._waiting.pop(worker, None)
        self._resting.discard(worker)
        return self._step()

    def rest(self, worker: int) -> list[Reply]:
        """Do not wait for a worker before :meth:`wake`: those that are late would wait for it for ever."""
        self._resting.add(worker)
        return self._step()

    def wake(self) -> None:
        """Wait again for all who rest."""
        self._resting.clear()

    def _step(self) -> list[Reply]:
        """Take a step if enough workers have come."""
        if not self._waiting or len(self._waiting) < self._wanted:
            return []
        # By number and not by arrival, so that who came first does not decide how a sum rounds.
        workers = sorted(self._waiting)
        contents = self.side.apply([self._waiting.pop(worker) for worker in workers])
        self.version += 1
        self._heard.update(dict.fromkeys(workers, self.version))
        return [Reply(worker, content) for worker, content in zip(workers, contents, strict=True)]

    @property
    def _wanted(self) -> int:
        """How many messages make a step."""
        if self._threshold is None:
            return 1
        # 1e-9, as 0.7 of 10 comes out above 7.
        return math.ceil(self._threshold * (len(self._heard) - len(self._resting)) - 1e-9)

    def state(self) -> dict[str, Any]:
        """All of it, written when no worker waits."""
        return {
            "side": self.side.state(),
            "version": self.version,
            "refused": self.refused,
            "heard": dict(self._heard),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take all back."""
        self.side.load_state(state["side"])
        self.version, self.refused = state["version"], state["refused"]
        self._heard, self._waiting = dict(state["heard"]), {}


class Hierarchy:
    """Masters with workers of their own, each of them a worker of the centre above.

    Args:
        above: the centre above; a master makes its step by itself.
        masters: worker w belongs to master w modulo their number.
        sides: each master's side as a worker.
        sync_every: a master's steps from one exchange with the centre above to the next.
    """

    def __init__(
        self, above: Centre, masters: Sequence[Centre], sides: Sequence[WorkerSide], sync_every: int
    ) -> None:
        self._above, self._masters, self._sides = above, masters, sides
        self._sync_every = sync_every

    @property
    def weights(self) -> Tensor:
        """Those of the centre above, (n,)."""
        return self._above.weights

    @property
    def refused(self) -> int:
        """How many messages were too old, at any level."""
        return self._above.refused + sum(master.refused for master in self._masters)

    def take(self, worker: int, message: Tensor) -> list[Reply]:
        """Hand a worker's message to its master, and what has come of it upwards when it is time."""
        number = worker % len(self._masters)
        master = self._masters[number]
        before = master.version
        replies = master.take(worker, message)
        if master.version > before and master.version % self._sync_every == 0:
            weights = master.weights.clone()
            (reply,) = self._above.take(number, self._sides[number].outgoing(weights))
            master.side.move(self._sides[number].incoming(weights, reply.content))
        return replies

    def leave(self, worker: int) -> list[Reply]:
        """Wait for a worker no longer."""
        return self._masters[worker % len(self._masters)].leave(worker)

    def rest(self, worker: int) -> list[Reply]:
        """Do not wait for a worker before :meth:`wake`."""
        return self._masters[worker % len(self._masters)].rest(worker)

    def wake(self) -> None:
        """Wait again for all who rest."""
        for master in self._masters:
            master.wake()

    def state(self) -> dict[str, Any]:
        """All of it."""
        return {
            "above": self._above.state(),
            "masters": [master.state() for master in self._masters],
            "sides": [side.state() for side in self._sides],
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take all back."""
        self._above.load_state(state["above"])
        for master, known in zip(self._masters, state["masters"], strict=True):
            master.load_state(known)
        for side, known in zip(self._sides, state["sides"], strict=True):
            side.load_state(known)


def hear_all(centre: AnyCentre, messages: Sequence[Tensor], seed: int, *place: int) -> list[Tensor]:
    """Have a centre hear every worker once, in an order drawn from a seed; the same on whoever does it.

    Args:
        centre: no worker waits for it.
        messages: by worker, from 0.
        seed: of the run.
        place: which exchange of the run it is.

    Returns:
        The replies by worker.
    """
    replies: dict[int, Tensor] = {}
    for worker in seeds.generator(seed, "exchange", *place).permutation(len(messages)).tolist():
        replies |= {reply.worker: reply.content for reply in centre.take(worker, messages[worker])}
    return [replies[worker] for worker in range(len(messages))]
