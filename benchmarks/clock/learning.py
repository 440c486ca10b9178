"""What the simulated workers learn: a shipped task, by its own steps, on the jets that ship."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from raysearch.agreement.make import Agreement
from raysearch.data.source import DataSource
from raysearch.data.tensors import Parts
from raysearch.tasks import load_task
from raysearch.tasks.settings import make_settings
from raysearch.training.descent import Descent, Place
from raysearch.training.evaluation import evaluate
from raysearch.training.randomness import load_parts, seed_all
from raysearch.training.workers import OneWorker

SETTINGS = {  # arXiv:1908.05318, on standardised features
    "layers": 3, "neurons": 80, "activation": "elu", "dropout": 0.11, "optimizer": "adam",
    "learning_rate": 0.001, "batch_size": 16, "standardize": True,
}  # fmt: skip


class Problem:
    """Task, settings and data; and one model's validation loss."""

    def __init__(self, settings: dict[str, Any] = SETTINGS, task: str = "jet_dnn") -> None:
        self.task = load_task(task)
        self.settings = make_settings(self.task, settings)
        self.parts: Parts = load_parts(self.task, DataSource(None, (0.6, 0.2, 0.2)), self.settings)
        self._judged = self.model()

    def model(self) -> nn.Module:
        """A new one, with the same weights every time."""
        seed_all(1)
        return self.task.model(self.settings)

    def start(self) -> Tensor:
        """Those weights, (n,)."""
        return flat(self.model())

    def loss(self, weights: Tensor) -> float:
        """On the validation part."""
        vector_to_parameters(weights, self._judged.parameters())
        outputs = evaluate(self.task, self._judged, self.parts.validation, OneWorker(), seed=1)
        return float(self.task.metrics(outputs, self.parts.validation)["loss"])

    def batches(self, worker: int, workers: int) -> Iterator[Tensor]:
        """Rows of a worker's steps, without end: its own share of the data, in a new order each epoch."""
        own = torch.arange(len(self.parts.train))[worker::workers]
        chance = torch.Generator().manual_seed(1000 + worker)
        size = self.settings.batch_size
        left = own[:0]
        while True:
            while len(left) < size:  # a share may be smaller than a batch
                left = torch.cat([left, own[torch.randperm(len(own), generator=chance)]])
            yield left[:size]
            left = left[size:]


def flat(model: nn.Module) -> Tensor:
    """A model's weights, (n,)."""
    return parameters_to_vector(model.parameters()).detach().clone()


class Stepping:
    """One model that steps by its task's own optimiser."""

    def __init__(self, problem: Problem) -> None:
        self._problem, self.model = problem, problem.model()
        self._descent = Descent(problem.task, problem.settings, self.model, OneWorker())
        self.model.train()

    def step(self, rows: Tensor) -> None:
        """Take one."""
        self._descent.take(
            self._problem.parts.train.rows(rows), Place(1, 1, 1, n_rows=len(rows), n_mine=len(rows))
        )


class Worker:
    """A worker of an algorithm with a centre; see :class:`benchmarks.clock.events.Learner`."""

    def __init__(self, problem: Problem, agreement: Agreement, number: int, workers: int) -> None:
        self._stepping = Stepping(problem)
        self._side = agreement.worker(problem.start())
        self._batches = problem.batches(number, workers)
        self._weights = problem.start()

    def message(self, n_steps: int) -> Tensor:
        """Take steps, and give what goes to the centre."""
        for _ in range(n_steps):
            self._stepping.step(next(self._batches))
        self._weights = flat(self._stepping.model)
        return self._side.outgoing(self._weights)

    def hear(self, reply: Tensor) -> None:
        """Go on from a reply."""
        vector_to_parameters(self._side.incoming(self._weights, reply), self._stepping.model.parameters())


class InStep:
    """All workers of an all-reduce as one model: the mean of their gradients is that of their rows."""

    def __init__(self, problem: Problem, workers: int) -> None:
        self._stepping = Stepping(problem)
        self._batches = [problem.batches(number, workers) for number in range(workers)]

    def step(self, alive: Sequence[int]) -> Tensor:
        """Take a step with the rows of those who are there."""
        self._stepping.step(torch.cat([next(self._batches[worker]) for worker in alive]))
        return flat(self._stepping.model)
