"""Workers that step on a bowl and exchange, with nothing but the algorithm between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from raysearch.agreement.centre import AnyCentre, hear_all
from raysearch.agreement.make import Agreement, make_agreement
from raysearch.agreement.sides import WorkerSide

N = 5
BOTTOM = torch.linspace(-1, 1, N, dtype=torch.float64)
Step = Callable[[Tensor, int, int], Tensor]  # weights, worker, step -> weights


def start() -> Tensor:
    return torch.linspace(2, 3, N, dtype=torch.float64)


def descend(weights: Tensor, worker: int, step: int) -> Tensor:
    """A step down a bowl, with noise of this worker's and step's own."""
    noise = torch.sin(torch.arange(N, dtype=torch.float64) * (7 + worker) + step)
    return weights - 0.1 * (weights - BOTTOM + 0.3 * noise)


class Group:
    """Workers and their centre."""

    def __init__(self, agreement: Agreement, n_workers: int, seed: int = 3) -> None:
        self.seed, self.exchanges, self.steps = seed, 0, 0
        self.weights = [start() for _ in range(n_workers)]
        self.sides: list[WorkerSide] = [agreement.worker(start()) for _ in range(n_workers)]
        self.centre: AnyCentre = agreement.centre(start(), n_workers)

    def train(self, steps: int, step: Step = descend) -> Group:
        for _ in range(steps):
            self.weights = [step(each, worker, self.steps) for worker, each in enumerate(self.weights)]
            self.steps += 1
            self.exchange()
        return self

    def exchange(self) -> None:
        messages = [side.outgoing(each) for side, each in zip(self.sides, self.weights, strict=True)]
        replies = hear_all(self.centre, messages, self.seed, self.exchanges)
        self.exchanges += 1
        self.weights = [
            side.incoming(each, reply)
            for side, each, reply in zip(self.sides, self.weights, replies, strict=True)
        ]

    def state(self) -> dict[str, Any]:
        return {
            "weights": [each.clone() for each in self.weights],
            "sides": [side.state() for side in self.sides],
            "centre": self.centre.state(),
            "exchanges": self.exchanges,
            "steps": self.steps,
        }

    def load_state(self, state: Mapping[str, Any]) -> Group:
        self.weights = [each.clone() for each in state["weights"]]
        for side, known in zip(self.sides, state["sides"], strict=True):
            side.load_state(known)
        self.centre.load_state(state["centre"])
        self.exchanges, self.steps = state["exchanges"], state["steps"]
        return self


def group(name: str, n_workers: int = 4, **settings: Any) -> Group:
    return Group(make_agreement(name, settings), n_workers)
