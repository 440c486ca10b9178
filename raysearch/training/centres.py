"""Where the centres of a run are, one for each optimiser: with every worker, or in a server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor

from raysearch.agreement.centre import AnyCentre, hear_all
from raysearch.agreement.make import Agreement
from raysearch.training.centre_server import CentreServer
from raysearch.training.workers import Workers


class Centres(Protocol):
    """A worker's way to the centres."""

    def begin(self, of: str, weights: Tensor) -> None:
        """Make the centre of an optimiser, from weights that are the same at all workers."""
        ...

    def exchange(self, of: str, message: Tensor) -> Tensor:
        """Send a worker's message, and wait for the reply."""
        ...

    def begin_epoch(self) -> None:
        """Come together before an epoch."""
        ...

    def end_epoch(self) -> None:
        """Come together after it; until the next one nobody exchanges."""
        ...

    def weights(self, of: str) -> Tensor:
        """A centre's weights between epochs, (n,)."""
        ...

    def n_refused(self) -> int:
        """How many messages were refused, in all."""
        ...

    def state(self) -> dict[str, Any]:
        """Tensors and plain values for a checkpoint."""
        ...

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take :meth:`state` back, with tensors on the weights' device."""
        ...


class HeldByAll:
    """Every worker holds all centres, and applies all messages to its own, in an order that is drawn.

    Messages are gathered from all workers. So nobody waits for a server, and a run that goes on from a
    checkpoint has the bits of one that was never interrupted.

    Args:
        workers: the run's.
        agreement: the algorithm.
        seed: of the run.
    """

    def __init__(self, workers: Workers, agreement: Agreement, seed: int) -> None:
        self._workers, self._agreement, self._seed = workers, agreement, seed
        self._centres: dict[str, AnyCentre] = {}
        self._exchanges: dict[str, int] = {}

    def begin(self, of: str, weights: Tensor) -> None:
        """Make a centre."""
        self._centres[of] = self._agreement.centre(weights, self._workers.size)
        self._exchanges[of] = 0

    def exchange(self, of: str, message: Tensor) -> Tensor:
        """Gather all messages and apply them; all workers exchange at the same step."""
        messages = self._workers.gather_vectors(message)
        place = (list(self._centres).index(of), self._exchanges[of])
        self._exchanges[of] += 1
        return hear_all(self._centres[of], messages, self._seed, *place)[self._workers.rank]

    def begin_epoch(self) -> None:
        """Nothing: exchanges keep them together."""

    def end_epoch(self) -> None:
        """Nothing."""

    def weights(self, of: str) -> Tensor:
        """A centre's weights, (n,)."""
        return self._centres[of].weights

    def n_refused(self) -> int:
        """How many messages were refused, in all."""
        return sum(centre.refused for centre in self._centres.values())

    def state(self) -> dict[str, Any]:
        """All of them, and how many exchanges there were."""
        centres = {of: centre.state() for of, centre in self._centres.items()}
        return {"centres": centres, "exchanges": self._exchanges}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take all back."""
        self._exchanges = dict(state["exchanges"])
        for of, centre in self._centres.items():
            centre.load_state(state["centres"][of])


class Served:
    """A server holds all centres, and hears whoever comes; only at an epoch's ends all wait for each other.

    Args:
        workers: the run's.
        server: what they all reach.
    """

    def __init__(self, workers: Workers, server: CentreServer) -> None:
        self._workers, self._server = workers, server

    def begin(self, of: str, weights: Tensor) -> None:
        """Make a centre, whoever is the first to ask for it."""
        self._server.begin(of, weights.cpu())

    def exchange(self, of: str, message: Tensor) -> Tensor:
        """Send a message, and wait for the reply alone."""
        with self._workers.agreeing.averaging.running():
            return self._server.take(of, self._workers.rank, message.cpu()).to(message.device)

    def begin_epoch(self) -> None:
        """Have the server wait for every worker again, before one of them has a step behind it."""
        if self._workers.rank == 0:
            self._server.wake()
        self._workers.wait()

    def end_epoch(self) -> None:
        """Have the server wait for this worker no longer, then wait for the others."""
        self._server.rest(self._workers.rank)
        self._workers.wait()

    def weights(self, of: str) -> Tensor:
        """A centre's weights, (n,)."""
        return self._server.weights(of).to(self._workers.device)

    def n_refused(self) -> int:
        """How many messages were refused, in all."""
        return self._server.n_refused()

    def state(self) -> dict[str, Any]:
        """The server's."""
        return self._server.state()

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Have the server take it back."""
        if self._workers.rank == 0:
            self._server.load_state(state)
        self._workers.wait()
