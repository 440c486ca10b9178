"""Sharing out calorimeter hits by a dynamic graph network: EdgeConv on neighbours found anew.

arXiv:1902.07987, section 4; the network is in raysearch/models/hits_dgcnn.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from raysearch.models.hits_dgcnn import Dgcnn, DgcnnShape
from raysearch.tasks.hits import HitsTask
from raysearch.tasks.hits_settings import HitsSettings


@dataclass(frozen=True, kw_only=True)
class HitsDgcnnSettings(HitsSettings):
    """Settings of a dynamic graph network; those of the network as in ``DgcnnShape``."""

    blocks: int = 4
    first: int = 16
    hidden: int = 64
    neighbours: int = 40
    combined: int = 32

    @property
    def shape(self) -> DgcnnShape:
        """The network's sizes."""
        return DgcnnShape(
            blocks=self.blocks,
            first=self.first,
            hidden=self.hidden,
            neighbours=self.neighbours,
            combined=self.combined,
            particles=self.particles,
        )

    def check_network(self) -> None:
        """Build the network's shape."""
        _ = self.shape


class HitsDgcnn(HitsTask[HitsDgcnnSettings]):
    """Sharing out of hits by a dynamic graph network."""

    Settings = HitsDgcnnSettings

    def model(self, settings: HitsDgcnnSettings) -> nn.Module:
        """Build the network."""
        return Dgcnn(settings.shape)
