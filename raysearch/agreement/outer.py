"""Algorithms whose centre takes an optimiser's step along what the workers have moved by.

- Downpour SGD: Dean et al., NIPS 2012, section 4.1 and Algorithm 1.1 of its appendix, with
  n_fetch = n_push; the centre steps at every message.
- Local SGD: Stich, arXiv:1805.09767, Algorithm 1; the centre is the mean of the workers.
- DiLoCo: Douillard et al., arXiv:2311.08105, Algorithm 1; Nesterov's step along the mean.

What a worker has moved by, theta(start) - theta_i, takes the place of a gradient, so that each worker's own
optimiser may be any. With ``centre_optimizer: sgd`` and a rate of 1 the centre moves as far as the worker.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adadelta, Adagrad, Adam, Optimizer, RMSprop

from raysearch.agreement import sides
from raysearch.agreement.sides import FreeSettings

# Each from the parameters, the rate and the momentum.
OPTIMIZERS: dict[str, Callable[[list[nn.Parameter], float, float], Optimizer]] = {
    "sgd": SGD,  # its third argument is the momentum
    "nesterov": lambda weights, rate, momentum: SGD(weights, rate, momentum, nesterov=True),
    "adagrad": lambda weights, rate, _: Adagrad(weights, rate),
    "adam": lambda weights, rate, _: Adam(weights, rate),
    "rmsprop": lambda weights, rate, momentum: RMSprop(weights, rate, momentum=momentum),
    "adadelta": lambda weights, rate, _: Adadelta(weights, rate),
}
WITHOUT_MOMENTUM = ("adagrad", "adam", "adadelta")


@dataclass(frozen=True)
class DownpourSettings(FreeSettings):
    """Settings of Downpour SGD; the paper's centre has ``adagrad``.

    Args:
        centre_optimizer: that of the centre.
        centre_rate: its learning rate.
        centre_momentum: its momentum, of ``sgd``, ``nesterov`` and ``rmsprop``.
    """

    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {
        **FreeSettings.choices,
        "centre_optimizer": tuple(OPTIMIZERS),
    }

    centre_optimizer: str = "sgd"
    centre_rate: float = 1.0
    centre_momentum: float = 0.0

    def problems(self) -> list[str]:
        """List the faults."""
        if found := super().problems():
            return found
        found = _outer_problems(self, self.centre_optimizer == "nesterov")
        if self.centre_momentum and self.centre_optimizer in WITHOUT_MOMENTUM:
            found.append(f"centre_momentum: {self.centre_optimizer} has none; leave it out")
        return found


@dataclass(frozen=True)
class LocalSettings(sides.Settings):
    """Settings of local SGD: none but those of every algorithm."""

    exchange_every: int = 8
    centre_optimizer: ClassVar[str] = "sgd"
    centre_rate: ClassVar[float] = 1.0
    centre_momentum: ClassVar[float] = 0.0


@dataclass(frozen=True)
class DiLoCoSettings(sides.Settings):
    """Settings of DiLoCo, as the paper has them.

    Args:
        centre_rate: the outer learning rate.
        centre_momentum: the outer momentum.
    """

    exchange_every: int = 500
    centre_rate: float = 0.7
    centre_momentum: float = 0.9
    centre_optimizer: ClassVar[str] = "nesterov"

    def problems(self) -> list[str]:
        """List the faults."""
        return super().problems() or _outer_problems(self, is_nesterov=True)


def _outer_problems(settings: DownpourSettings | DiLoCoSettings, is_nesterov: bool) -> list[str]:
    found = settings.above_zero("centre_rate")
    momentum = settings.centre_momentum
    if not 0 <= momentum < 1 or (is_nesterov and momentum == 0):
        least = "above 0" if is_nesterov else "at least 0"
        found.append(f"centre_momentum: must be {least} and below 1, got {momentum!r}")
    return found


class MovingWorker:
    """A worker that tells how far it has moved, and begins again from the centre.

    Args:
        weights: the centre's, (n,).
    """

    def __init__(self, weights: Tensor) -> None:
        self._start = weights.clone()

    def outgoing(self, weights: Tensor) -> Tensor:
        """Send the way that was gone, with a gradient's sign."""
        # Downpour, Algorithm 1.1: accruedgradients, each times its rate; DiLoCo, Algorithm 1, line 12:
        return (self._start - weights)[None]  # theta(t-1) - theta_i(t)

    def incoming(self, weights: Tensor, reply: Tensor) -> Tensor:  # noqa: ARG002 - every worker's signature
        """Begin again from the centre."""
        self._start = reply[0].clone()
        return reply[0].clone()  # Downpour: parameters fetched; DiLoCo, line 3: theta_i(t) <- theta(t-1)

    def state(self) -> dict[str, Any]:
        """Where it began."""
        return {"start": self._start}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take it back."""
        self._start = state["start"].clone()


class SteppingCentre:
    """A centre with an optimiser of its own.

    Args:
        weights: to begin with, (n,).
        optimizer: a key of ``OPTIMIZERS``.
        rate, momentum: its.
    """

    def __init__(self, weights: Tensor, optimizer: str, rate: float, momentum: float) -> None:
        self._weights = nn.Parameter(weights.detach().clone())
        self._optimizer = OPTIMIZERS[optimizer]([self._weights], rate, momentum)

    @property
    def weights(self) -> Tensor:
        """The centre's, (n,)."""
        return self._weights.detach()

    def apply(self, messages: Sequence[Tensor]) -> list[Tensor]:
        """Step along the mean of the messages; of one worker this is Downpour's step."""
        self._weights.grad = torch.cat(list(messages)).mean(0)  # DiLoCo, line 12: Delta = mean_i (...)
        # DiLoCo, line 14: theta(t) <- OuterOpt(theta(t-1), Delta). By plain SGD of rate 1 that is
        # theta(t-1) - Delta, and so local SGD's synchronisation, x <- 1/K sum_k x_k.
        self._optimizer.step()
        return [self.weights.clone()[None] for _ in messages]

    def restart(self, message: Tensor) -> Tensor:  # noqa: ARG002 - every centre's signature
        """Send the centre, as to anybody."""
        return self.weights.clone()[None]

    def move(self, weights: Tensor) -> None:
        """Go on from other weights, with the same momentum."""
        self._weights.data.copy_(weights)

    def state(self) -> dict[str, Any]:
        """The weights, and the optimiser's moments."""
        # Copies, for a step changes both where they are.
        return {
            "weights": self.weights.clone(),
            "optimizer": copy.deepcopy(self._optimizer.state_dict()),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take all back."""
        self.move(state["weights"])
        self._optimizer.load_state_dict(state["optimizer"])
