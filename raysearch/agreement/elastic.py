"""Elastic averaging SGD: Zhang, Choromanska and LeCun, NIPS 2015, arXiv:1412.6651.

A spring holds each worker to the centre, and between exchanges workers explore by themselves. Symbols are
the paper's: x_i a worker's weights, x~ the centre's, p the number of workers, alpha = eta rho,
beta = p alpha. Force meets an equal force, so that an exchange leaves the sum of all weights, x~ + sum_i x_i,
as it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from raysearch.agreement.sides import FreeSettings, WeightsAlone


@dataclass(frozen=True)
class Settings(FreeSettings):
    """Settings of elastic averaging.

    Args:
        elasticity: beta, of which each worker has the p-th part; above 1 it is not stable.
    """

    exchange_every: int = 10  # tau, of which the paper has 1, 4, 16, 64 with results much alike
    elasticity: float = 0.9

    def problems(self) -> list[str]:
        """List the faults."""
        if found := super().problems():
            return found
        if not 0 < self.elasticity <= 1:
            found.append(f"elasticity: must be above 0 and at most 1, got {self.elasticity!r}")
        return found


class ElasticWorker:
    """A worker on its spring; all it sends is where it is."""

    def outgoing(self, weights: Tensor) -> Tensor:
        """Send the weights."""
        return weights[None]

    def incoming(self, weights: Tensor, reply: Tensor) -> Tensor:
        """Give way to the spring."""
        return weights - reply[0]  # Algorithm 1, a), and the spring of Eq. (5): x_i <- x_i - alpha (x_i - x~)

    def state(self) -> dict[str, Any]:
        """Nothing: its weights are the model's."""
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Nothing."""


class ElasticCentre(WeightsAlone):
    """The centre, which is drawn to each worker as each worker is to it.

    Args:
        weights: to begin with, (n,).
        alpha: of each worker.
    """

    def __init__(self, weights: Tensor, alpha: float) -> None:
        super().__init__(weights)
        self._alpha = alpha

    def apply(self, messages: Sequence[Tensor]) -> list[Tensor]:
        """Move by all springs at once; of one worker this is the asynchronous Algorithm 1."""
        pulls = [self._alpha * (message - self.weights) for message in messages]  # alpha (x_i - x~) of both
        # Of one worker Algorithm 1, b): x~ <- x~ + alpha (x_i - x~). Of all Eq. (6), as alpha = beta / p:
        # x~ <- (1 - beta) x~ + beta mean_i x_i = x~ + sum_i alpha (x_i - x~)
        self.weights = self.weights + torch.cat(pulls).sum(0)
        return pulls

    def restart(self, message: Tensor) -> Tensor:
        """Pull the worker all the way."""
        return message - self.weights
