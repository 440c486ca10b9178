"""The CNN of arXiv:1908.05318 on images of jets: convolutions, pooled once, then dense layers.

A layer is a convolution that keeps the image's size, batch normalisation, activation and dropout; the first
one also takes the maximum over squares of ``pool`` cells, the others do not, as in the authors' code. Here
the maximum is taken before the activation and not after it, which is the same, since all three rise, and half
the time. With 10 filters of 3 x 3, pooling over 5 x 5 and three dense layers of 50 it has 205,525 parameters
and 20 running means and variances, 205,545 in all, as in the paper. Batch normalisation has Keras' constants,
epsilon 1e-3 and momentum 0.99 (0.01 in torch's words).

Images of jets are mostly zero, which ``compute: fused`` makes use of in the first layer, see
raysearch/models/image_fused.py.

The scale of an image does not matter, since the first thing after a linear layer is a normalisation.

Shapes in names: B jets, F filters, X and Y cells.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from raysearch.errors import InputError, one_of
from raysearch.models.dense import (
    ACTIVATIONS,
    DenseShape,
    at_least,
    dense_layers,
    is_activation,
    lecun_uniform,
)
from raysearch.models.image_fused import first_layer, sparse_kernel

COMPUTE = ("plain", "fused")


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
    """The CNN.

    Args:
        shape: what it looks like.
        compute: ``"fused"`` takes a C++ kernel for the first layer, whose cost goes by the occupied cells, in
            single precision on a CPU; it is compiled when first needed. Where there is no compiler, in other
            precisions, on other devices, and where a gradient with respect to images is wanted, it is as
            ``"plain"``. One function but for rounding, with the same parameters.

    Raises:
        InputError: for another ``compute``.
    """

    def __init__(self, shape: ImageNetworkShape, *, compute: str = "plain") -> None:
        super().__init__()
        if problems := compute_problems(compute):
            raise InputError(*problems)
        self.shape, self.compute = shape, compute
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
        if library := self._fused(x_B1XY):
            convolution = cast("nn.Conv2d", self.convolutions[0])
            norm = cast("nn.BatchNorm2d", self.convolutions[1])
            first_BFXY = first_layer(library, x_B1XY, convolution, norm, self.shape.pool)
        else:
            first_BFXY = self.convolutions[:3](x_B1XY)
        return self.dense(self.convolutions[3:](first_BFXY).flatten(1))

    def _fused(self, x_B1XY: Tensor) -> ctypes.CDLL | None:
        """Get the compiled kernel where it is wanted, fits and can be had."""
        wants_gradient = x_B1XY.requires_grad and torch.is_grad_enabled()
        precisions = {x_B1XY.dtype, self.convolutions[0].weight.dtype}
        if self.compute == "plain" or x_B1XY.device.type != "cpu" or precisions != {torch.float32}:
            return None
        if wants_gradient or torch.is_autocast_enabled("cpu"):
            return None
        return sparse_kernel(self.shape.filters)


def compute_problems(compute: str) -> list[str]:
    """Say what is wrong with the way an :class:`ImageNetwork` is to compute."""
    return [] if compute in COMPUTE else [f"compute: needs {one_of(COMPUTE)}, got {compute!r}"]


def plain_form(model: nn.Module) -> nn.Module:
    """Put a network in its plain form, with the very weights of the model; any other model is its own."""
    if not isinstance(model, ImageNetwork) or model.compute == "plain":
        return model
    with torch.device("meta"):  # no weights are drawn
        plain = ImageNetwork(model.shape)
    plain.load_state_dict(model.state_dict(), assign=True)
    return plain.train(model.training)
