"""A user's task that takes not every point of a space: its settings constrain each other."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn
from toy_task import Toy, ToySettings


@dataclass(frozen=True)
class Settings(ToySettings):
    latent: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.latent > self.width:
            raise ValueError(f"latent: must not be above width, got {self.latent} and {self.width}")
        if self.activation == "elu" and self.width > 3:
            raise ValueError("activation: elu is for narrow networks")


class Narrow(Toy):
    Settings = Settings

    def model(self, settings: Settings) -> nn.Module:
        _ = settings.latent  # read, as a setting must be
        return super().model(settings)
