"""The CNN of arXiv:1908.05318 on images of jets: convolutions, pooled once, then dense layers.

A layer is a convolution that keeps the image's size, batch normalisation, activation and dropout; the first
one also takes the maximum over squares of ``pool`` cells, the others do not, as in the authors' code. Here
the maximum is taken before the activation and not after it, which is the same, since all three rise, and half
the time. With 10 filters of 3 x 3, pooling over 5 x 5 and three dense layers of 50 it has 205,525 parameters
and 20 running means and variances, 205,545 in all, as in the paper. Batch normalisation has Keras' constants,
epsilon 1e-3 and momentum 0.99 (0.01 in torch's words).

The scale of an image does not matter, since the first thing after a linear layer is a normalisation.

Shapes in names: B jets, F filters, X and Y cells.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from raysearch.errors import InputError
from raysearch.models.dense import (
    ACTIVATIONS,
    DenseShape,
    at_least,
    dense_layers,
    is_activation,
    lecun_uniform,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageNetworkShape:
    """What an :class:`ImageNetwork` looks like.

    Attributes:
        side: cells along each side of an image.
        layers: convolutions.
        filters: of each.
        kernel: cells along each side of a filter; odd, so that the image keeps its size.
        pool: cells along each side of a square of which the first layer keeps the largest value.
        activation: after each convolution.
        dense: what follows; its dropout is that of the convolutions too.

    Raises:
        InputError: for sizes or names that make no network; lists all.
    """

    side: int = 100
    layers: int = 1
    filters: int = 10
    kernel: int = 3
    pool: int = 5
    activation: str = "elu"
    dense: DenseShape

    def __post_init__(self) -> None:
        names = {
            "conv_layers": self.layers,
            "filters": self.filters,
            "kernel": self.kernel,
            "pool": self.pool,
        }
        problems = [*at_least(1, **names), *is_activation(conv_activation=self.activation)]
        if self.kernel % 2 == 0:
            problems.append(f"kernel: needs an odd number, got {self.kernel!r}")
        if self.pool > self.side:
            problems.append(f"pool: needs at most {self.side}, the image's side, got {self.pool!r}")
        if problems:
            raise InputError(*problems)


class ImageNetwork(nn.Module):
    """The CNN."""

    def __init__(self, shape: ImageNetworkShape) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for number in range(shape.layers):
            channels = shape.filters if number else 1
            convolution = nn.Conv2d(channels, shape.filters, shape.kernel, padding=shape.kernel // 2)
            layers += [
                lecun_uniform(convolution),
                nn.BatchNorm2d(shape.filters, eps=1e-3, momentum=0.01),  # Keras' constants
                *([] if number else [nn.MaxPool2d(shape.pool)]),  # max a(x) = a(max x), a rising
                ACTIVATIONS[shape.activation](),
                nn.Dropout(shape.dense.dropout),
            ]
        self.convolutions = nn.Sequential(*layers)
        self.dense = dense_layers(shape.filters * (shape.side // shape.pool) ** 2, shape.dense)

    def forward(self, x_B1XY: Tensor) -> Tensor:
        """Classify images (B, 1, X, Y); returns logits (B, C)."""
        return self.dense(self.convolutions(x_B1XY).flatten(1))
