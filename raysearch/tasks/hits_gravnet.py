"""Sharing out calorimeter hits by GravNet: what is gathered from neighbours in a learned space.

arXiv:1902.07987, section 4; the network is in raysearch/models/hits_gravnet.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from raysearch.models.hits_gravnet import GravNet
from raysearch.tasks.gravnet_settings import GravNetSettings
from raysearch.tasks.hits import HitsTask
from raysearch.tasks.hits_settings import HitsSettings


@dataclass(frozen=True, kw_only=True)
class HitsGravnetSettings(GravNetSettings, HitsSettings):
    """Settings of GravNet, and of how it shares out hits."""


class HitsGravnet(HitsTask[HitsGravnetSettings]):
    """Sharing out of hits by GravNet."""

    Settings = HitsGravnetSettings

    def model(self, settings: HitsGravnetSettings) -> nn.Module:
        """Build the network."""
        return GravNet(settings.gravnet_shape, kernel=settings.kernel)
