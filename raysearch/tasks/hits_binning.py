"""Sharing out calorimeter hits by convolutions on a regular grid.

arXiv:1902.07987, section 4; the network is in raysearch/models/hits_binning.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from raysearch.data.source import DataSource
from raysearch.models.hits_binning import Binning, BinningShape, shared_bins
from raysearch.tasks.hits import SENSORS, HitsTask
from raysearch.tasks.hits_settings import HitsSettings


@dataclass(frozen=True, kw_only=True)
class HitsBinningSettings(HitsSettings):
    """Settings of the binning network; those of the network as in ``BinningShape``."""

    bins: int = 20
    layers: int = 20
    first: int = 20
    blocks: int = 8
    channels: int = 14
    across: int = 7
    along: int = 3
    combined: int = 128

    @property
    def shape(self) -> BinningShape:
        """The network's sizes."""
        return BinningShape(
            bins=self.bins,
            layers=self.layers,
            first=self.first,
            blocks=self.blocks,
            channels=self.channels,
            across=self.across,
            along=self.along,
            combined=self.combined,
            particles=self.particles,
        )

    def check_network(self) -> None:
        """Build the network's shape."""
        _ = self.shape


class HitsBinning(HitsTask[HitsBinningSettings]):
    """Sharing out of hits by the binning network."""

    Settings = HitsBinningSettings

    def inspect(self, source: DataSource, settings: HitsBinningSettings) -> dict[str, Any]:
        """Describe the files; with a warning where sensors of the detector share bins."""
        described = super().inspect(source, settings)
        rows, _ = self.mapped(source, settings)
        told = list(shared_bins(rows.tensors[SENSORS][:1], settings.bins, settings.layers))
        return described | ({"warnings": [*described.get("warnings", ()), *told]} if told else {})

    def model(self, settings: HitsBinningSettings) -> nn.Module:
        """Build the network."""
        return Binning(settings.shape)
