"""The network that estimates an electron's energy from its shower's projection: convolution, one dense layer.

It is the regressor of the genetic-algorithm part of the 3DGAN paper (G. Khattak, S. Vallecorsa, F. Carminati
et al., distributed training and evolution of 3DGAN): a 25 x 25 projection, one convolution that keeps the
image's size, one dense layer. The paper gives neither filters nor activation; 16 filters of 3 x 3 have 10,161
weights. Two or three convolutions are for the search over architectures. Weights start as Keras', in which
the paper's networks are written: Glorot uniform, U(-sqrt(6 / (fan_in + fan_out)), ...) (Glorot, Bengio,
2010), and biases at 0, as in its table 1.

Cells are taken in GeV as they are, and what the dense layer gives counts ``ENERGY_GEV``: the sensors hold
some 2 % of an electron's energy, so that weights of order 0.1 to 1 make ordinary energies.

Shapes in names: B showers, F filters, Z layers along the shower, X cells across it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from torch import Tensor, nn

from raysearch.errors import InputError, one_of
from raysearch.models.dense import ACTIVATIONS as OF_DENSE_LAYERS
from raysearch.models.dense import at_least

SIDE = 25  # cells along each axis of a projection
ENERGY_GEV = 100.0  # as in 3DGAN's code
ACTIVATIONS: dict[str, type[nn.Module]] = {**OF_DENSE_LAYERS, "tanh": nn.Tanh}
COMPUTE = ("torch", "fused")
MOST_LAYERS = 3
Layer = TypeVar("Layer", nn.Linear, nn.Conv2d, nn.Conv3d)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaloShape:
    """What a :class:`CaloNetwork` looks like.

    Attributes:
        conv_layers: convolutions, 1 to 3; the paper has 1.
        filters: of each.
        kernel: cells along each side of a filter; odd, so that the image keeps its size.
        activation: after each convolution: relu, elu, selu or tanh.

    Raises:
        InputError: for sizes or names that make no network; lists all.
    """

    conv_layers: int = 1
    filters: int = 16
    kernel: int = 3
    activation: str = "relu"

    def __post_init__(self) -> None:
        problems = list(at_least(1, conv_layers=self.conv_layers, filters=self.filters, kernel=self.kernel))
        if not problems and self.conv_layers > MOST_LAYERS:
            problems.append(f"conv_layers: needs at most {MOST_LAYERS}, got {self.conv_layers}")
        if not problems and (self.kernel % 2 == 0 or self.kernel > SIDE):
            problems.append(f"kernel: needs an odd number of at most {SIDE}, got {self.kernel}")
        if self.activation not in ACTIVATIONS:
            problems.append(f"activation: needs {one_of(list(ACTIVATIONS))}, got {self.activation!r}")
        if problems:
            raise InputError(*problems)


class CaloNetwork(nn.Module):
    """Energy from a projection.

    Args:
        shape: its sizes.
        compute: ``fused`` lets the losses of many children with one convolution be computed by a C++ kernel,
            see raysearch/models/calo_children.py; the network itself is the same.
    """

    def __init__(self, shape: CaloShape, compute: str = "torch") -> None:
        super().__init__()
        self.shape, self.compute = shape, compute
        layers: list[nn.Module] = []
        for number in range(shape.conv_layers):
            channels = shape.filters if number else 1
            convolution = nn.Conv2d(channels, shape.filters, shape.kernel, padding=shape.kernel // 2)
            # Drawn layer by layer in the order of the data: from one seed another order is another network.
            layers += [glorot_uniform(convolution), ACTIVATIONS[shape.activation]()]
        self.convolutions = nn.Sequential(*layers)
        self.dense = glorot_uniform(nn.Linear(shape.filters * SIDE**2, 1))

    def forward(self, x_BZX: Tensor) -> Tensor:
        """Estimate energies in GeV (B,) from projections (B, 25, 25) in GeV a cell."""
        maps_BFZX = self.convolutions(x_BZX.unsqueeze(1))
        # No activation at the end: an energy is no bounded quantity.
        return self.dense(maps_BFZX.flatten(1)).squeeze(1) * ENERGY_GEV


def glorot_uniform(layer: Layer) -> Layer:
    """Draw a layer's weights anew, with a variance of 2 / (fan_in + fan_out), and set its biases to 0."""
    nn.init.xavier_uniform_(layer.weight)  # Glorot, Bengio, AISTATS 2010, eq. 16
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def compute_problems(compute: str) -> list[str]:
    """Tell what is wrong with how to compute."""
    return [] if compute in COMPUTE else [f"compute: needs {one_of(COMPUTE)}, got {compute!r}"]
