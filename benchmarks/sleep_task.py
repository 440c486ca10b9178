"""A task that sleeps instead of training, to measure what is not training."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from stamps import stamped_sleep
from torch import Tensor, nn
from torch.optim import Optimizer

from raysearch.data.source import DataSource
from raysearch.data.tensors import Batch, Parts, TensorData
from raysearch.tasks.task import Outputs, Task


@dataclass(frozen=True)
class SleepSettings:
    """How long a run sleeps, and a number to search over."""

    x: float
    seconds: float
    batch_size: int = 1


class Sleep(Task[SleepSettings]):
    """One weight, one step, some sleep."""

    Settings = SleepSettings

    def inspect(self, source: DataSource, settings: SleepSettings) -> dict[str, Any]:
        """Nothing to read."""
        n_rows = settings.batch_size
        return {
            "files": {},
            "n_train": n_rows,
            "n_validation": n_rows,
            "n_test": n_rows,
            "split_by": "rows",
        }

    def load(self, source: DataSource, settings: SleepSettings) -> Parts:
        """One batch each; holds x and the pause."""
        self._x, self._seconds = settings.x, settings.seconds
        row = TensorData((torch.full((settings.batch_size, 1), settings.x),))
        return Parts(row, row, row)

    def model(self, settings: SleepSettings) -> nn.Module:
        """One weight."""
        return nn.Linear(1, 1)

    def optimizer(self, settings: SleepSettings, parameters: Iterable[Tensor]) -> Optimizer:
        """Plain gradient descent."""
        return torch.optim.SGD(parameters, lr=0.0)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Sleep."""
        stamped_sleep(self._x, self._seconds)
        return model(batch[0]).mean()

    def predict(self, model: nn.Module, batch: Batch, chance: torch.Generator) -> Tensor:
        """Return x."""
        return batch[0]

    def metrics(self, outputs: Outputs, data: TensorData) -> dict[str, float]:
        """A bowl."""
        return {"loss": (outputs["outputs"].mean().item() - 0.5) ** 2}
