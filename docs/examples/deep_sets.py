"""A task of one's own: jets tagged by a deep set, phi summed over constituents, then rho (arXiv:1703.06114).

Search it with:  raysearch tune docs/examples/deep_sets.yaml
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from raysearch.data.jets.layout import CLASSES, FEATURES
from raysearch.tasks.jets import JetTask


@dataclass(frozen=True)
class DeepSetsSettings:
    """Every setting the task reads; those without default must stand in the space file."""

    width: int
    latent: int
    learning_rate: float
    constituents: int = 30
    standardize: bool = True
    batch_size: int = 200


class Network(nn.Module):
    """(jet, constituent, 16) -> logits (jet, 5)."""

    def __init__(self, width: int, latent: int) -> None:
        super().__init__()
        self.phi = nn.Sequential(
            nn.Linear(len(FEATURES), width), nn.ReLU(), nn.Linear(width, latent), nn.ReLU()
        )
        self.rho = nn.Sequential(nn.Linear(latent, width), nn.ReLU(), nn.Linear(width, len(CLASSES)))

    def forward(self, constituents: Tensor) -> Tensor:
        return self.rho(self.phi(constituents).mean(dim=1))


class DeepSets(JetTask[DeepSetsSettings]):
    """JetTask reads the jets and knows loss and metrics; for other data see own_gan.py."""

    Settings = DeepSetsSettings

    def model(self, settings: DeepSetsSettings) -> nn.Module:
        return Network(settings.width, settings.latent)

    def optimizer(self, settings: DeepSetsSettings, parameters: Iterable[nn.Parameter]) -> Optimizer:
        return Adam(parameters, lr=settings.learning_rate)
