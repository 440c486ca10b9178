"""The two sides of an exchange between a worker and a centre, and what every algorithm can be told.

    message = worker.outgoing(weights)            at the worker, every ``exchange_every`` steps
    replies = centre.apply([message, ...])        at the centre
    weights = worker.incoming(weights, reply)     at the worker again

Weights are a flat vector of n numbers, those of one optimiser. Messages and replies have the shape (rows, n);
how many rows is the algorithm's. Neither side knows of time, of processes or of the other workers, so that
the same code runs in every worker, in a server, and in a simulation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from torch import Tensor

from raysearch.recipes import CheckedSettings

DETERMINISTIC, ASYNCHRONOUS = "deterministic", "asynchronous"


class WorkerSide(Protocol):
    """A worker's side; it begins with the centre's weights."""

    def outgoing(self, weights: Tensor) -> Tensor:
        """Write a message.

        Args:
            weights: the worker's now, (n,).
        """
        ...

    def incoming(self, weights: Tensor, reply: Tensor) -> Tensor:
        """Read the reply, and give the weights to go on with.

        Args:
            weights: as they were in :meth:`outgoing`, (n,).
            reply: the centre's.
        """
        ...

    def state(self) -> dict[str, Any]:
        """Tensors and plain values for a checkpoint."""
        ...

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take :meth:`state` back."""
        ...


class CentreSide(Protocol):
    """The centre's side, which holds the weights that count."""

    @property
    def weights(self) -> Tensor:
        """The centre's, (n,); not to be changed."""
        ...

    def apply(self, messages: Sequence[Tensor]) -> list[Tensor]:
        """Take one step by one message or, of workers that wait for each other, by several.

        Returns:
            A reply to each.
        """
        ...

    def restart(self, message: Tensor) -> Tensor:
        """Reply to a message that is refused: its worker goes on from the centre."""
        ...

    def move(self, weights: Tensor) -> None:
        """Go on from other weights, (n,): what a centre above has replied."""
        ...

    def state(self) -> dict[str, Any]:
        """Tensors and plain values for a checkpoint."""
        ...

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take :meth:`state` back."""
        ...


class WeightsAlone:
    """What a centre is that keeps its weights and nothing beside them.

    Args:
        weights: to begin with, (n,).
    """

    def __init__(self, weights: Tensor) -> None:
        self.weights = weights.clone()

    def move(self, weights: Tensor) -> None:
        """Go on from other weights."""
        self.weights = weights.clone()

    def state(self) -> dict[str, Any]:
        """The weights."""
        return {"weights": self.weights}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take them back."""
        self.weights = state["weights"].clone()


@dataclass(frozen=True)
class Settings(CheckedSettings):
    """Settings of every algorithm.

    Args:
        exchange_every: a worker's steps from one exchange to the next; an epoch ends with one, too.
        exchange: ``deterministic``: all workers exchange at the same step, and the centre hears them in an
            order drawn from the run's seed; ``asynchronous``: each when it gets there.
        sync_threshold: the share of workers for which a synchronous centre waits.
        masters: centres between the workers and the one above; 1: there is one centre alone.
        sync_every: a master's steps from one exchange with the centre above to the next.
    """

    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {"exchange": (DETERMINISTIC, ASYNCHRONOUS)}

    exchange_every: int = 1
    exchange: str = DETERMINISTIC
    sync_threshold: float = 0.95
    masters: int = 1
    sync_every: int = 1

    def problems(self) -> list[str]:
        """List the faults."""
        if found := super().problems():
            return found
        found = self.at_least(1, "exchange_every", "masters", "sync_every")
        if not 0 < self.sync_threshold <= 1:
            found.append(f"sync_threshold: must be above 0 and at most 1, got {self.sync_threshold!r}")
        return found

    @property
    def waits(self) -> bool:
        """Whether the centre takes the messages of several workers in one step."""
        return True

    @property
    def most_stale(self) -> int | None:
        """By how many of its steps the centre may have gone on since a worker last heard of it."""
        return 0  # a message of an earlier round belongs to a model that is no longer there


@dataclass(frozen=True)
class FreeSettings(Settings):
    """Settings of algorithms whose workers need not wait for each other.

    Args:
        synchronous: whether the centre waits for ``sync_threshold`` of the workers all the same.
        staleness_limit: the most steps that the centre may have gone on since a worker last heard of it;
            older messages are refused, and their worker goes on from the centre. None: all are taken.
    """

    synchronous: bool = False
    staleness_limit: int | None = None

    def problems(self) -> list[str]:
        """List the faults."""
        if found := super().problems():
            return found
        limit = self.staleness_limit
        if limit is not None and (not isinstance(limit, int) or limit < 0):
            found.append(f"staleness_limit: must be a whole number from 0 on, or none, got {limit!r}")
        return found

    @property
    def waits(self) -> bool:
        """Whether the centre takes the messages of several workers in one step."""
        return self.synchronous

    @property
    def most_stale(self) -> int | None:
        """By how many of its steps the centre may have gone on since a worker last heard of it."""
        return super().most_stale if self.synchronous else self.staleness_limit
