"""The CNN baseline of arXiv:1908.05318: jets tagged from images of 100 x 100 cells.

Images are read from the files (``jetImage``) or computed from the constituents; see raysearch/data/jet_images.py, also
for what was never published about them. There is no ``standardize``: the network normalises what its first
convolution gives, so that an image's scale has no effect.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from raysearch.data.jet_arrays import JetInput
from raysearch.data.jet_images import SIDE, rasterise
from raysearch.data.layout import CLASSES
from raysearch.data.tensors import Batch
from raysearch.errors import InputError
from raysearch.models.dense import DenseShape
from raysearch.models.image_network import ImageNetwork, ImageNetworkShape
from raysearch.tasks.taggers import Baseline, BaselineSettings

PREDICTED_AT_ONCE = 20  # jets whose convolutions stay in a core's cache: three times as fast as 1000


@dataclass(frozen=True, kw_only=True)
class JetCnnSettings(BaselineSettings):
    """Settings of the CNN.

    Attributes:
        filters, kernel, pool, conv_layers, conv_activation: the convolutions, as in ``ImageNetworkShape``.
        layers, neurons, activation: the dense layers after them, as in ``DenseShape``.
        dropout: of both.
    """

    filters: int
    kernel: int
    pool: int
    conv_layers: int
    conv_activation: str
    layers: int
    neurons: int
    activation: str
    dropout: float

    def problems(self) -> Iterator[str]:
        """Tell every fault."""
        try:
            network_shape(self)
        except InputError as error:
            yield from error.problems
        yield from super().problems()


def network_shape(settings: JetCnnSettings) -> ImageNetworkShape:
    """Take the network's part of the settings."""
    return ImageNetworkShape(
        side=SIDE,
        layers=settings.conv_layers,
        filters=settings.filters,
        kernel=settings.kernel,
        pool=settings.pool,
        activation=settings.conv_activation,
        dense=DenseShape(
            layers=settings.layers,
            neurons=settings.neurons,
            activation=settings.activation,
            dropout=settings.dropout,
            classes=len(CLASSES),
        ),
    )


class JetCnn(Baseline[JetCnnSettings]):
    """Jet tagging by convolutions on images."""

    Settings = JetCnnSettings

    def jet_input(self, settings: JetCnnSettings) -> JetInput:  # noqa: ARG002 - the same for all settings
        """Ask for the occupied cells."""
        return JetInput("image")

    def is_standardized(self, settings: JetCnnSettings) -> bool:  # noqa: ARG002 - the same for all settings
        """Say no."""
        return False

    def network_input(self, batch: Batch) -> Tensor:
        """Make the images (B, 1, 100, 100)."""
        cells, values, _ = batch
        return rasterise(cells, values)

    def predict(self, model: nn.Module, batch: Batch) -> Tensor:
        """Logits (B, 5), a few jets at a time on a CPU."""
        at_once = PREDICTED_AT_ONCE if batch[0].device.type == "cpu" else len(batch[0])
        cells, values, _ = batch
        pieces = zip(cells.split(at_once), values.split(at_once), strict=True)
        return torch.cat([model(rasterise(*piece)) for piece in pieces])

    def model(self, settings: JetCnnSettings) -> nn.Module:
        """Build the network."""
        return ImageNetwork(network_shape(settings))
