"""Sharing out calorimeter hits by GarNet: features sent to learned aggregators and back.

arXiv:1902.07987, section 4; the network is in raysearch/models/hits_garnet.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from raysearch.models.hits_garnet import GarNet, GarNetShape
from raysearch.tasks.hits import HitsTask
from raysearch.tasks.hits_settings import HitsSettings


@dataclass(frozen=True, kw_only=True)
class HitsGarnetSettings(HitsSettings):
    """Settings of GarNet; those of the network as in ``GarNetShape``."""

    layers: int = 11
    aggregators: int = 4
    propagated: int = 20
    outputs: int = 32
    combined: int = 48
    variant: str = "paper"

    @property
    def shape(self) -> GarNetShape:
        """The network's sizes."""
        return GarNetShape(
            layers=self.layers,
            aggregators=self.aggregators,
            propagated=self.propagated,
            outputs=self.outputs,
            combined=self.combined,
            variant=self.variant,
            particles=self.particles,
        )

    def check_network(self) -> None:
        """Build the network's shape."""
        _ = self.shape


class HitsGarnet(HitsTask[HitsGarnetSettings]):
    """Sharing out of hits by GarNet."""

    Settings = HitsGarnetSettings

    def model(self, settings: HitsGarnetSettings) -> nn.Module:
        """Build the network."""
        return GarNet(settings.shape)
