"""The CNN baseline of arXiv:1908.05318: jets tagged from images of 100 x 100 cells.

Images are read from the files (``jetImage``) or computed from the constituents; see
raysearch/data/jets/images.py. There is no ``standardize``: the
network normalises what its first convolution gives, so that an image's scale has no effect.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from raysearch.data.jets.arrays import JetInput
from raysearch.data.jets.images import SIDE, rasterise
from raysearch.data.tensors import Batch
from raysearch.models.image_network import ImageNetwork, ImageNetworkShape, compute_problems, plain_form
from raysearch.tasks.taggers import Baseline, BaselineSettings

PREDICTED_AT_ONCE = 20  # jets whose convolutions stay in a core's cache: three times as fast as 1000


@dataclass(frozen=True, kw_only=True)
class JetCnnSettings(BaselineSettings):
    """Settings of the CNN.

    Attributes:
        filters, kernel, pool, conv_layers, conv_activation: the convolutions, as in ``ImageNetworkShape``.
        dropout: of both the convolutions and the dense layers.
        compute: ``fused`` is many times as fast on a CPU with a C++ compiler, see :class:`ImageNetwork`;
            the same function but for rounding.
    """

    filters: int
    kernel: int
    pool: int
    conv_layers: int
    conv_activation: str
    # A setting like others, so that the ledger has it: bits depend on it.
    compute: str = "plain"

    @property
    def network(self) -> ImageNetworkShape:
        """The network's part of the settings."""
        return ImageNetworkShape(
            side=SIDE,
            layers=self.conv_layers,
            filters=self.filters,
            kernel=self.kernel,
            pool=self.pool,
            activation=self.conv_activation,
            dense=self.dense,
        )

    def check_network(self) -> None:
        """Raise InputError for sizes or names that make no network."""
        _ = self.network

    def problems(self) -> Iterator[str]:
        """Tell every fault."""
        yield from compute_problems(self.compute)
        yield from super().problems()


class JetCnn(Baseline[JetCnnSettings]):
    """Jet tagging by convolutions on images."""

    Settings = JetCnnSettings

    def jet_input(self, settings: JetCnnSettings) -> JetInput:
        """Ask for the occupied cells."""
        return JetInput("image")

    def is_standardized(self, settings: JetCnnSettings) -> bool:
        """Say no."""
        return False

    def network_input(self, batch: Batch) -> Tensor:
        """Make the images (B, 1, 100, 100)."""
        cells, values, _ = batch
        return rasterise(cells, values)

    def predict(self, model: nn.Module, batch: Batch, chance: torch.Generator) -> Tensor:
        """Logits (B, 5), a few jets at a time on a CPU."""
        at_once = PREDICTED_AT_ONCE if batch[0].device.type == "cpu" else len(batch[0])
        cells, values, _ = batch
        pieces = zip(cells.split(at_once), values.split(at_once), strict=True)
        return torch.cat([model(rasterise(*piece)) for piece in pieces])

    def model(self, settings: JetCnnSettings) -> nn.Module:
        """Build the network."""
        return ImageNetwork(settings.network, compute=settings.compute)

    def plain(self, model: nn.Module) -> nn.Module:
        """Give its plain form: no exporter can follow a compiled kernel."""
        return plain_form(model)
