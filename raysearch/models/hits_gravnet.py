"""The GravNet network of arXiv:1902.07987, section 4: four blocks on learned neighbours, 106,049 parameters.

Two variants are public. In the ``paper`` a sensor gathers from its k nearest others with the potential
exp(-d^2); in the authors' training ``code`` (jkiesele/DeepHGCal) the k nearest count the sensor itself, which
then is left out, so that k - 1 others remain, with exp(-10 d^2).

Shapes in names: B events, N sensors, M nodes, F features.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - the usual name
from torch import Tensor, nn

from raysearch.errors import InputError, one_of
from raysearch.models.dense import at_least
from raysearch.models.gravnet_sums import neighbour_sums
from raysearch.models.hits_layers import (
    FEATURES,
    Dense,
    Fractions,
    SensorNorm,
    dense,
    with_mean,
)
from raysearch.models.hits_nodes import HitsNetwork, Nodes
from raysearch.models.interaction_network import KERNELS
from raysearch.models.nearest_sensors import squared_distances_flop

VARIANTS: dict[str, tuple[float, int]] = {"paper": (1.0, 0), "code": (10.0, 1)}  # steepness, itself among k


@dataclass(frozen=True, slots=True, kw_only=True)
class GravNetShape:
    """What a :class:`GravNet` looks like; symbols of the paper in brackets.

    Attributes:
        blocks: of dense layers and a GravNet layer.
        hidden: width of each block's three dense layers.
        neighbours: of each sensor (N, in the paper's figures k).
        space: dimensions of the learned space (S).
        propagated: features that are gathered (F_LR).
        outputs: features of each block (F_OUT).
        combined: width of the layer on all blocks.
        variant: ``paper`` or ``code``, see above.
        particles: whose shares are told.

    Raises:
        InputError: for sizes or names that make no network; lists all.
    """

    blocks: int = 4
    hidden: int = 64
    neighbours: int = 40
    space: int = 4
    propagated: int = 22
    outputs: int = 48
    combined: int = 128
    variant: str = "paper"
    particles: int = 2

    def __post_init__(self) -> None:
        sizes = ("blocks", "hidden", "space", "propagated", "outputs", "combined")
        problems = list(at_least(1, **{name: getattr(self, name) for name in sizes}))
        problems += at_least(2, neighbours=self.neighbours, particles=self.particles)
        if self.variant not in VARIANTS:
            problems.append(f"variant: needs {one_of(list(VARIANTS))}, got {self.variant!r}")
        if problems:
            raise InputError(*problems)


def kernel_problems(kernel: str) -> list[str]:
    """Tell what is wrong with how to compute."""
    return [] if kernel in KERNELS else [f"kernel: needs {one_of(KERNELS)}, got {kernel!r}"]


class GravNetLayer(nn.Module):
    """One GravNet layer: F_in features a sensor to F_OUT.

    Args:
        inputs: F_in.
        shape: the rest of its sizes.
        kernel: ``fused``, ``torch`` or ``plain``, see ``neighbour_sums``.
    """

    def __init__(self, inputs: int, shape: GravNetShape, kernel: str) -> None:
        super().__init__()
        self.steepness, itself = VARIANTS[shape.variant]
        self.others, self.kernel = shape.neighbours - itself, kernel
        self.space = dense(inputs, shape.space)
        self.propagated = dense(inputs, shape.propagated)
        self.out = dense(inputs + 2 * shape.propagated, shape.outputs)

    def forward(self, x_BNF: Tensor) -> Tensor:
        """Gather from the nearest in the learned space; (B, N, F_in) to (B, N, F_OUT)."""
        with torch.autocast(
            x_BNF.device.type, enabled=False
        ):  # neighbours are found in the weights' precision
            x_BNF = x_BNF.to(self.space.weight.dtype)
            gathered = neighbour_sums(
                self.space(x_BNF), self.propagated(x_BNF), self.others, self.steepness, self.kernel
            )
        # W [x ; gathered] + b in two products: the pair, the largest tensor of the layer, is never made.
        own = x_BNF.shape[2]
        out = F.linear(x_BNF, self.out.weight[:, :own], self.out.bias)
        return torch.tanh(out + F.linear(gathered, self.out.weight[:, own:]))

    def more_flop(self, x_BNF: Tensor) -> int:
        """Operations beside matrix products: squared distances of all pairs, and what is gathered."""
        events, sensors, _ = x_BNF.shape
        gathered = sensors * self.others * (1 + 2 * self.propagated.out_features)  # weight, products, sums
        return events * (squared_distances_flop(sensors, self.space.out_features) + gathered)


class GravNetBlock(nn.Module):
    """The event's mean, three dense layers, a GravNet layer and batch normalisation."""

    def __init__(self, inputs: int, shape: GravNetShape, kernel: str) -> None:
        super().__init__()
        widths = (2 * inputs, shape.hidden, shape.hidden)
        self.dense = nn.Sequential(*(Dense(width, shape.hidden, torch.tanh) for width in widths))
        self.layer = GravNetLayer(shape.hidden, shape, kernel)
        self.norm = SensorNorm(shape.outputs)

    def forward(self, x_BMF: Tensor, weight_BM1: Tensor | None) -> Tensor:
        """Transform nodes (B, M, inputs) to (B, M, outputs)."""
        return self.norm(self.layer(self.dense(with_mean(x_BMF, weight_BM1))), weight_BM1)


class GravNetBlocks(HitsNetwork):
    """The blocks side by side and the layer that combines them, before whatever is told of each node.

    Args:
        shape: its sizes.
        kernel: how neighbours and their sums are computed: ``fused`` by a C++ kernel on CPUs, compiled when
            it is first needed, ``torch`` in any case; one function but for rounding.
    """

    def __init__(self, shape: GravNetShape, kernel: str = "torch") -> None:
        super().__init__()
        self.shape = shape
        self.norm = SensorNorm(FEATURES)
        self.stand_ins = None if kernel == "plain" else shape.neighbours + 1
        self.blocks = nn.ModuleList(
            GravNetBlock(inputs, shape, kernel)
            for inputs in [FEATURES] + [shape.outputs] * (shape.blocks - 1)
        )
        self.combined = Dense(shape.blocks * shape.outputs, shape.combined, torch.relu)

    def describe(self, nodes: Nodes) -> Tensor:
        """Describe each node by its surroundings, (B, M, combined)."""
        weight = nodes.weight_BM1
        x_BMF = self.norm(nodes.features_BMF, weight)
        found = []
        for block in self.blocks:
            x_BMF = block(x_BMF, weight)
            found.append(x_BMF)
        combined: Tensor = self.combined(torch.cat(found, dim=2))
        return combined


class GravNet(GravNetBlocks):
    """Shares of each sensor's energy that belong to each particle; arguments as for the blocks."""

    def __init__(self, shape: GravNetShape, kernel: str = "torch") -> None:
        super().__init__(shape, kernel)
        self.fractions = Fractions(shape.combined, shape.particles)

    def of_nodes(self, nodes: Nodes) -> Tensor:
        """Share out what there is in each node."""
        shares: Tensor = self.fractions(self.describe(nodes))
        return shares

    def plain_twin(self) -> GravNet:
        """Build the network with all sensors and all their distances in plain sight."""
        return GravNet(self.shape, kernel="plain")
