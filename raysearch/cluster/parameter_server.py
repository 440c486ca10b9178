"""The server of a run whose workers do not wait for each other: a Ray actor that holds the centres.

It lives in the trial's placement group, where it asks for nothing, and dies with the first worker, which has
started it. What it knows is in the checkpoints: a lost server costs what was done since the last one, as a
lost worker does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import ray
import torch
import torch.distributed as dist
from ray.actor import ActorHandle
from ray.exceptions import RayActorError
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy
from torch import Tensor

from raysearch.agreement.centre import AnyCentre, Reply
from raysearch.agreement.make import ALGORITHMS, make_agreement
from raysearch.agreement.sides import ASYNCHRONOUS
from raysearch.cluster.resources import trial_group
from raysearch.training.centre_server import CentreServer, ServerLostError
from raysearch.training.order import Order


class ParameterServer:
    """The centres; one method at a time, but for those that wait for a reply."""

    def __init__(self, agreement: str, settings: Mapping[str, Any], n_workers: int) -> None:
        torch.set_num_threads(1)
        self._agreement, self._n_workers = make_agreement(agreement, settings), n_workers
        self._centres: dict[str, AnyCentre] = {}
        self._replies: dict[tuple[str, int], asyncio.Future[Tensor]] = {}

    async def begin(self, of: str, weights: Tensor) -> None:
        """Make the centre of an optimiser, unless there is one."""
        if of not in self._centres:
            self._centres[of] = self._agreement.centre(weights, self._n_workers)

    async def take(self, of: str, worker: int, message: Tensor) -> Tensor:
        """Take a message, and reply when it is time."""
        waiting = self._replies[of, worker] = asyncio.get_running_loop().create_future()
        self._send(of, self._centres[of].take(worker, message))
        return await waiting

    async def rest(self, worker: int) -> None:
        """Have no centre wait for a worker before :meth:`wake`."""
        for of, centre in self._centres.items():
            self._send(of, centre.rest(worker))

    def _send(self, of: str, replies: Sequence[Reply]) -> None:
        for reply in replies:
            self._replies.pop((of, reply.worker)).set_result(reply.content)

    async def wake(self) -> None:
        """Have the centres wait for all workers again."""
        for centre in self._centres.values():
            centre.wake()

    async def weights(self, of: str) -> Tensor:
        """A centre's weights, (n,)."""
        return self._centres[of].weights

    async def n_refused(self) -> int:
        """How many messages were refused, in all."""
        return sum(centre.refused for centre in self._centres.values())

    async def state(self) -> dict[str, Any]:
        """Of all centres."""
        return {"centres": {of: centre.state() for of, centre in self._centres.items()}}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Take it back."""
        for of, centre in self._centres.items():
            centre.load_state(state["centres"][of])


class RayServer:
    """A worker's view of the actor; see :class:`raysearch.training.centre_server.CentreServer`."""

    def __init__(self, actor: ActorHandle) -> None:
        self._actor = actor

    def begin(self, of: str, weights: Tensor) -> None:
        """Make the centre of an optimiser, unless there is one."""
        self._ask("begin", of, weights)

    def take(self, of: str, worker: int, message: Tensor) -> Tensor:
        """Hand a message over, and wait for the reply."""
        reply: Tensor = self._ask("take", of, worker, message)
        return reply

    def rest(self, worker: int) -> None:
        """Have no centre wait for a worker before :meth:`wake`."""
        self._ask("rest", worker)

    def wake(self) -> None:
        """Have the centres wait for all workers again."""
        self._ask("wake")

    def weights(self, of: str) -> Tensor:
        """A centre's weights, (n,)."""
        weights: Tensor = self._ask("weights", of)
        return weights

    def n_refused(self) -> int:
        """How many messages were refused, in all."""
        return int(self._ask("n_refused"))

    def state(self) -> dict[str, Any]:
        """Of all centres."""
        return dict(self._ask("state"))

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Have it taken back."""
        self._ask("load_state", state)

    def _ask(self, method: str, *arguments: object) -> Any:  # noqa: ANN401 - the method's
        try:
            return ray.get(getattr(self._actor, method).remote(*arguments))
        except RayActorError as error:
            raise ServerLostError(f"the server of the run's centres is gone: {error}") from error


def server_for(order: Order) -> CentreServer | None:
    """Start the server of a run, if it has one; to be called by all of its workers.

    Raises:
        ResourceError: this process is not in the trial's placement group.
    """
    if order.agreement not in ALGORITHMS:
        return None
    if make_agreement(order.agreement, order.exchange).settings.exchange != ASYNCHRONOUS:
        return None
    held: list[Any] = [_start(order) if dist.get_rank() == 0 else None]
    dist.broadcast_object_list(held, src=0)
    return RayServer(held[0])


def _start(order: Order) -> ActorHandle:
    here = PlacementGroupSchedulingStrategy(trial_group(order.workers), placement_group_bundle_index=0)
    actor: Any = ray.remote(ParameterServer).options(num_cpus=0, scheduling_strategy=here)
    handle: ActorHandle = actor.remote(order.agreement, order.exchange, order.workers)
    return handle
