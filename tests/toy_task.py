"""A user's own task, small enough that a run takes milliseconds: fit a parabola with one weight vector."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from raysearch.data.source import DataSource
from raysearch.data.tensors import Batch, Parts, TensorData
from raysearch.tasks.task import Outputs, Task


@dataclass(frozen=True)
class ToySettings:
    width: int
    learning_rate: float = 0.03
    activation: str = "relu"
    batch_size: int = 16
    pause_s: float = 0.0
    trouble: str = "none"

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError(f"width: needs at least 1, got {self.width}")
        if self.activation not in {"relu", "elu"}:
            raise ValueError(f"activation: one of relu, elu, got {self.activation!r}")


class Toy(Task[ToySettings]):
    Settings = ToySettings

    def inspect(self, source: DataSource, settings: ToySettings) -> dict[str, Any]:
        return {"files": {}, "n_train": 64, "n_validation": 32, "n_test": 32, "split_by": "rows"}

    def load(self, source: DataSource, settings: ToySettings) -> Parts:
        self._pause_s, self._trouble = settings.pause_s, settings.trouble
        x = torch.linspace(-1, 1, 128, dtype=torch.float32)[
            torch.randperm(128, generator=torch.Generator().manual_seed(1))
        ]
        train, validation, test = x.split([64, 32, 32])
        if source.folds > 1:
            rest, is_mine = x[:96], torch.arange(96) % source.folds == source.fold
            train, validation = rest[~is_mine], rest[is_mine]
        train = train[: source.limit]
        data = [TensorData((part[:, None], part[:, None] ** 2)) for part in (train, validation, test)]
        return Parts(*data)

    def model(self, settings: ToySettings) -> nn.Module:
        if settings.trouble == "raises" and "RAYSEARCH_TEST_REHEARSED" in os.environ:
            raise RuntimeError("this model cannot be built")
        activation = {"relu": nn.ReLU, "elu": nn.ELU}[settings.activation]()
        return nn.Sequential(nn.Linear(1, settings.width), activation, nn.Linear(settings.width, 1))

    def optimizer(self, settings: ToySettings, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, lr=settings.learning_rate)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        x, y = batch
        time.sleep(self._pause_s)
        loss = nn.functional.mse_loss(model(x), y)
        if self._trouble == "diverges":
            return loss * float("nan")
        if self._trouble == "dies":
            os.kill(os.getpid(), 9)
        return loss

    def predict(self, model: nn.Module, batch: Batch, chance: torch.Generator) -> Tensor:
        return model(batch[0])

    def metrics(self, outputs: Outputs, data: TensorData) -> dict[str, float]:
        return {"loss": nn.functional.mse_loss(outputs["outputs"], data.tensors[1]).item()}


HERE = Path(__file__)
