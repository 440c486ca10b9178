"""Gradient energy matching (GEM): Hermans and Louppe, arXiv:1805.08469, and their code beside it.

Many workers that step without waiting give the centre more energy than one that steps with momentum would,
and so it overshoots. Each worker's step u is scaled, weight by weight, by

    pi = (kappa |m| - |theta~_now - theta~_then|) / |u|, within 0 and 5,

where m is the momentum that the worker would have had by itself, and theta~ the centre, now and when the
worker last came, before its own step then. So what all workers have moved the centre by meanwhile is held at
what the momentum of one would have.

Lines are signed with the functions of their code (montefiore-institute/gradient-energy-matching,
code/gem.py). The paper's worker fetches the centre, scales its step and commits it. Here the centre does the
scaling: it knows itself as it is now, and one exchange is enough.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from raysearch.agreement.sides import FreeSettings, WeightsAlone

EPSILON = 1e-12  # the code's 10e-13
LARGEST = 5.0  # of pi, "for numerical stability"


@dataclass(frozen=True)
class Settings(FreeSettings):
    """Settings of GEM; the paper's learning rate is the task's own, as a step is what its optimiser makes.

    Args:
        kappa: how much more energy than one worker's momentum the centre may have.
        gem_momentum: that of the worker by itself.
    """

    kappa: float = 2.0
    gem_momentum: float = 0.9

    def problems(self) -> list[str]:
        """List the faults."""
        if found := super().problems():
            return found
        found = self.above_zero("kappa")
        if not 0 <= self.gem_momentum < 1:
            found.append(f"gem_momentum: must be at least 0 and below 1, got {self.gem_momentum!r}")
        return found


class EnergyWorker:
    """A worker that keeps the momentum it would have by itself.

    Args:
        weights: the centre's, (n,).
        momentum: mu.
    """

    def __init__(self, weights: Tensor, momentum: float) -> None:
        self._momentum = momentum
        self._start, self._then = weights.clone(), weights.clone()
        self._moment = torch.zeros_like(weights)

    def outgoing(self, weights: Tensor) -> Tensor:
        """Send the step, the momentum, and the centre as it was when this worker last came."""
        step = weights - self._start  # their Worker.step: u = -eta g
        self._moment = self._momentum * self._moment + step  # Worker.step: m <- mu m + u
        return torch.stack([step, self._moment, self._then])

    def incoming(self, weights: Tensor, reply: Tensor) -> Tensor:  # noqa: ARG002 - every worker's signature
        """Begin again from the centre after the step, and remember it as it was before."""
        self._then, self._start = reply[0].clone(), reply[1].clone()  # Worker.pull: stale <- theta~
        return reply[1].clone()

    def state(self) -> dict[str, Any]:
        """Where it began, what it saw then, and its momentum."""
        return {"start": self._start, "then": self._then, "moment": self._moment}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take all back."""
        self._start, self._then = state["start"].clone(), state["then"].clone()
        self._moment = state["moment"].clone()


class EnergyCentre(WeightsAlone):
    """A centre that takes only as much of a step as its energy allows.

    Args:
        weights: to begin with, (n,).
        kappa: see the settings.
    """

    def __init__(self, weights: Tensor, kappa: float) -> None:
        super().__init__(weights)
        self._kappa = kappa

    def apply(self, messages: Sequence[Tensor]) -> list[Tensor]:
        """Add scaled steps: one, or the mean of those that waited for each other."""
        before = self.weights
        # ParameterServer.run: theta~ <- theta~ + pi u
        self.weights = before + torch.stack([self._scaled(*message) for message in messages]).mean(0)
        return [torch.stack([before, self.weights]) for _ in messages]

    def _scaled(self, step: Tensor, moment: Tensor, then: Tensor) -> Tensor:
        gone = (self.weights - then).abs()  # Worker.pull: |theta~_now - theta~_then|
        # Worker.gradient_energy_matching: pi = (kappa |m| - |theta~_now - theta~_then|) / |u + epsilon|
        pi = (self._kappa * moment.abs() - gone) / (step + EPSILON).abs()
        return pi.clamp(0.0, LARGEST) * step  # Worker.step: pi u

    def restart(self, message: Tensor) -> Tensor:  # noqa: ARG002 - every centre's signature
        """Send the centre."""
        return torch.stack([self.weights, self.weights])
