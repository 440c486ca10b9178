"""A task of two networks, small enough that a run takes milliseconds: a GAN that draws from two peaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.optim import Adam, Optimizer
from torch.optim.lr_scheduler import ExponentialLR, LinearLR

from raysearch.data.source import DataSource
from raysearch.data.tensors import Batch, Parts, TensorData
from raysearch.tasks.schedule import Schedule
from raysearch.tasks.task import Descent, Outputs, Task

N_TRAIN, N_OTHER = 256, 1500  # more than are evaluated at once


@dataclass(frozen=True)
class ToyGanSettings:
    latent: int = 3
    width: int = 16
    learning_rate: float = 0.02
    critic_learning_rate: float = 0.01
    generator_every: int = 1  # batches
    warm_up: int = 4  # steps
    batch_size: int = 64


class ToyGanNetwork(nn.Module):
    def __init__(self, latent: int, width: int) -> None:
        super().__init__()
        self.latent = latent
        self.generator = nn.Sequential(
            nn.Linear(latent, width), nn.BatchNorm1d(width), nn.ELU(), nn.Linear(width, 1)
        )
        self.critic = nn.Sequential(
            nn.Linear(1, width), nn.ELU(), nn.Linear(width, width), nn.ELU(), nn.Linear(width, 1)
        )


class ToyGan(Task[ToyGanSettings]):
    """A batch is (places,); ``loss`` is the mean distance between sorted places, real and made."""

    Settings = ToyGanSettings

    def inspect(self, source: DataSource, settings: ToyGanSettings) -> dict[str, Any]:
        return {
            "files": {},
            "n_train": N_TRAIN,
            "n_validation": N_OTHER,
            "n_test": N_OTHER,
            "split_by": "rows",
        }

    def load(self, source: DataSource, settings: ToyGanSettings) -> Parts:
        chance = torch.Generator().manual_seed(1)
        n = N_TRAIN + 2 * N_OTHER
        x = torch.randint(2, (n, 1), generator=chance) * 2.0 - 1 + 0.3 * torch.randn((n, 1), generator=chance)
        return Parts(*(TensorData((part,)) for part in x.split([N_TRAIN, N_OTHER, N_OTHER])))

    def model(self, settings: ToyGanSettings) -> nn.Module:
        return ToyGanNetwork(settings.latent, settings.width)

    def optimizers(self, settings: ToyGanSettings, model: nn.Module) -> Mapping[str, Optimizer]:
        rate, critic_rate = settings.learning_rate, settings.critic_learning_rate
        return {
            "critic": Adam(model.critic.parameters(), lr=critic_rate, betas=(0.5, 0.9)),
            "generator": Adam(model.generator.parameters(), lr=rate, betas=(0.5, 0.9)),
        }

    def schedulers(self, settings: ToyGanSettings, optimizers: Mapping[str, Optimizer]) -> Sequence[Schedule]:
        warm_up = LinearLR(optimizers["generator"], start_factor=0.25, total_iters=settings.warm_up)
        return [Schedule(warm_up, "step"), Schedule(ExponentialLR(optimizers["critic"], 0.9), "epoch")]

    def noise(self, model: nn.Module, batch: Batch, chance: torch.Generator | None = None) -> Tensor:
        return torch.randn((len(batch[0]), model.latent), generator=chance, device=batch[0].device)

    def step(self, descent: Descent, batch: Batch) -> None:
        model: Any = descent.model
        fake = model.generator(self.noise(model, batch))
        real_score, fake_score = model.critic(batch[0]), model.critic(fake.detach())
        descent(softplus(-real_score).mean() + softplus(fake_score).mean(), "critic")
        if descent.batch_number % descent.settings.generator_every == 0:
            descent(softplus(-model.critic(fake)).mean(), "generator")

    def predict(self, model: nn.Module, batch: Batch, chance: torch.Generator) -> Outputs:
        made = model.generator(self.noise(model, batch, chance))
        return {"made": made, "cells": made.expand(-1, 50)}

    def kept(self, outputs: Outputs, batch: Batch) -> Outputs:
        return {"made": outputs["made"]}

    def metrics(self, outputs: Outputs, data: TensorData) -> dict[str, float]:
        assert set(outputs) == {"made"}, "cells are never kept"
        distance = outputs["made"].sort(0).values - data.column(0).sort(0).values
        return {"loss": distance.abs().mean().item()}

    def predictions(self, outputs: Outputs, data: TensorData) -> dict[str, Any]:
        return {"made": outputs["made"].numpy()}
