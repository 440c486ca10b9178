"""Dense layers with dropout, and the DNN of arXiv:1908.05318 made of them.

The paper's DNN has 16 high-level features, three layers of 80 units with ELU, and 14,725
parameters. Weights start as in its code: lecun_uniform, U(-sqrt(3 / fan_in), sqrt(3 / fan_in))
(LeCun et al., Efficient BackProp, 1998), and biases at 0.

Shapes in names: B jets, P features, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from torch import Tensor, nn

from raysearch.errors import InputError, one_of

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "elu": nn.ELU, "selu": nn.SELU}
Layer = TypeVar("Layer", nn.Linear, nn.Conv2d)


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseShape:
    """A stack of dense layers and the layer of classes after it.

    Attributes:
        layers: hidden layers.
        neurons: of each.
        activation: relu, elu or selu, after each.
        dropout: share of each layer's outputs that a training step leaves out.
        classes: jet classes.

    Raises:
        InputError: for sizes or names that make no network; lists all.
    """

    layers: int = 3
    neurons: int = 80
    activation: str = "elu"
    dropout: float = 0.11
    classes: int = 5

    def __post_init__(self) -> None:
        problems = [
            *at_least(1, layers=self.layers, neurons=self.neurons),
            *is_activation(activation=self.activation),
        ]
        if not 0 <= self.dropout < 1:
            problems.append(f"dropout: needs 0 <= dropout < 1, got {self.dropout!r}")
        if problems:
            raise InputError(*problems)


class DenseNetwork(nn.Module):
    """The DNN on quantities of a jet."""

    def __init__(self, features: int, shape: DenseShape) -> None:
        super().__init__()
        self.layers = dense_layers(features, shape)

    def forward(self, x_BP: Tensor) -> Tensor:
        """Classify jets (B, P); returns logits (B, C)."""
        return self.layers(x_BP)


def dense_layers(inputs: int, shape: DenseShape) -> nn.Sequential:
    """Stack the layers of a shape on so many inputs; (B, inputs) to logits (B, C)."""
    layers: list[nn.Module] = []
    for width in [inputs] + [shape.neurons] * (shape.layers - 1):
        layers += [
            lecun_uniform(nn.Linear(width, shape.neurons)),
            ACTIVATIONS[shape.activation](),
            nn.Dropout(shape.dropout),
        ]
    # Logits and no softmax: cross-entropy takes them, and stays finite where a probability rounds to 0.
    return nn.Sequential(*layers, lecun_uniform(nn.Linear(shape.neurons, shape.classes)))


def lecun_uniform(layer: Layer) -> Layer:
    """Draw a layer's weights anew, with a variance of 1 / fan_in, and set its biases to 0."""
    # U(-b, b) has the variance b^2 / 3. A filter's fan_in is its taps in all channels, hence
    # numel of one output.
    bound = math.sqrt(3 / layer.weight[0].numel())
    nn.init.uniform_(layer.weight, -bound, bound)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def at_least(least: int, **values: int) -> Iterator[str]:
    """Tell which values are no whole numbers of at least so much."""
    for name, value in values.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < least:  # True is an int
            yield f"{name}: needs a whole number of at least {least}, got {value!r}"


def is_activation(**values: str) -> Iterator[str]:
    """Tell which values name no activation."""
    for name, value in values.items():
        if value not in ACTIVATIONS:
            yield f"{name}: needs {one_of(list(ACTIVATIONS))}, got {value!r}"
