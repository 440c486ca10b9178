"""What a server of centres offers to the workers of a run, in whatever process it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor

from raysearch.training.lost import LostError


class ServerLostError(LostError):
    """The server is gone; all that it knew since the last checkpoint is lost."""


class CentreServer(Protocol):
    """A server of centres, one for each optimiser; tensors are on the CPU.

    Every method raises :class:`ServerLostError` if it is gone.
    """

    def begin(self, of: str, weights: Tensor) -> None:
        """Make the centre of an optimiser, unless there is one."""
        ...

    def take(self, of: str, worker: int, message: Tensor) -> Tensor:
        """Hand a message over; returns with the reply, which may be when others have come."""
        ...

    def rest(self, worker: int) -> None:
        """Have no centre wait for a worker before :meth:`wake`."""
        ...

    def wake(self) -> None:
        """Have the centres wait for all workers again."""
        ...

    def weights(self, of: str) -> Tensor:
        """A centre's weights, (n,)."""
        ...

    def n_refused(self) -> int:
        """How many messages were refused, in all."""
        ...

    def state(self) -> dict[str, Any]:
        """Tensors and plain values for a checkpoint."""
        ...

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take :meth:`state` back."""
        ...
