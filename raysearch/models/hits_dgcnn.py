"""The dynamic graph network of arXiv:1902.07987, section 4: four EdgeConv layers on neighbours found anew.

EdgeConv is Wang et al., arXiv:1801.07829, section 3, eq. (7) and (8): of a sensor i and its k nearest in the
space of its features, which here count the sensor itself,

    out_i = max_j h([x_i ; x_i - x_j]),    h a perceptron with ReLU.

The first layer of h is split, W [x_i ; x_i - x_j] = (W_1 + W_2) x_i - W_2 x_j, so that it is applied to
sensors and not to pairs. What goes to the last layers is each block's output and the event's mean before its
dense layer: 100,075 parameters, 85,600 of them before the last layers.

Shapes in names: B events, N sensors, M nodes, K neighbours, F features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - the usual name
from torch import Tensor, nn

from raysearch.errors import InputError
from raysearch.models.dense import at_least
from raysearch.models.hits_layers import FEATURES, Dense, Fractions, SensorNorm, dense, with_mean
from raysearch.models.hits_nodes import HitsNetwork, Nodes
from raysearch.models.nearest_plain import of_neighbours, plain_nearest, squared_distances
from raysearch.models.nearest_sensors import nearest, squared_distances_flop


@dataclass(frozen=True, slots=True, kw_only=True)
class DgcnnShape:
    """What a :class:`Dgcnn` looks like.

    Attributes:
        blocks: EdgeConv layers.
        first: width of the dense layer before them.
        hidden: width of each layer of their perceptrons, and of the dense layers between them.
        neighbours: of each sensor, itself among them.
        combined: width of the layer on all blocks.
        particles: whose shares are told.

    Raises:
        InputError: for sizes that make no network; lists all.
    """

    blocks: int = 4
    first: int = 16
    hidden: int = 64
    neighbours: int = 40
    combined: int = 32
    particles: int = 2

    def __post_init__(self) -> None:
        sizes = ("blocks", "first", "hidden", "combined")
        problems = list(at_least(1, **{name: getattr(self, name) for name in sizes}))
        problems += at_least(2, neighbours=self.neighbours, particles=self.particles)
        if problems:
            raise InputError(*problems)


class EdgeConv(nn.Module):
    """One EdgeConv layer with three layers of one width; ``plain`` is for exporters."""

    def __init__(self, inputs: int, hidden: int, neighbours: int, *, plain: bool = False) -> None:
        super().__init__()
        self.neighbours, self.plain = neighbours, plain
        self.edge1, self.edge2, self.edge3 = (
            dense(2 * inputs, hidden),
            dense(hidden, hidden),
            dense(hidden, hidden),
        )

    def forward(self, x_BNF: Tensor, distinct: Sequence[int] | None = None) -> Tensor:
        """Look at each sensor beside its neighbours.

        Args:
            x_BNF: features.
            distinct: of each event, how many of its first sensors are looked at; those behind are what the
                last of these is.

        Returns:
            (B, N, hidden).
        """
        own, other = self.edge1.weight.split(x_BNF.shape[2], dim=1)
        receiver_BNF = F.linear(x_BNF, own + other, self.edge1.bias)
        sender_BNF = F.linear(x_BNF, -other)
        if self.plain:
            near_BNK = nearest_with_itself(x_BNF, self.neighbours, plain=True)
            return self._of_pairs(receiver_BNF, of_neighbours(sender_BNF, near_BNK))
        # Event by event: pairs of all of a batch, forty a sensor, would be gigabytes.
        near_BNK = nearest_with_itself(x_BNF, self.neighbours)
        events, sensors, _ = x_BNF.shape
        parts = zip(receiver_BNF, sender_BNF, near_BNK, distinct or events * [sensors], strict=True)
        found = []
        for receiver_NF, sender_NF, near_NK, n in parts:
            of_first_NF = self._of_pairs(receiver_NF[:n], F.embedding(near_NK[:n], sender_NF))
            found.append(torch.cat([of_first_NF, of_first_NF[-1:].expand(sensors - n, -1)]))
        return torch.stack(found)

    def _of_pairs(self, receiver_NF: Tensor, sent_NKF: Tensor) -> Tensor:
        """Look at each sensor beside what its neighbours send, of one event or of all."""
        edge_NKF = torch.relu_(receiver_NF[..., None, :] + sent_NKF)
        # ReLU never falls: that of the maximum is the maximum of all.
        return torch.relu(self.edge3(torch.relu_(self.edge2(edge_NKF))).amax(-2))

    def more_flop(self, x_BNF: Tensor, _distinct: Sequence[int] | None = None) -> int:
        """Operations beside matrix products: squared distances of all pairs, and the sum of each pair."""
        events, sensors, inputs = x_BNF.shape
        pairs = sensors * self.neighbours * self.edge1.out_features
        return events * (squared_distances_flop(sensors, inputs) + pairs)


def nearest_with_itself(x_BNF: Tensor, k: int, *, plain: bool = False) -> Tensor:
    """Find each sensor itself and its k - 1 nearest others, (B, N, K) int64; ``plain`` is for exporters."""
    x_BNF = x_BNF.detach().float()
    others_BNK = plain_nearest(squared_distances(x_BNF), k - 1) if plain else nearest(x_BNF, k - 1).long()
    itself_N = torch.arange(x_BNF.shape[1], device=x_BNF.device)
    return torch.cat([itself_N.expand(x_BNF.shape[0], -1)[..., None], others_BNK], dim=2)


class Dgcnn(HitsNetwork):
    """Shares of each sensor's energy that belong to each particle; ``plain`` computes all sensors."""

    def __init__(self, shape: DgcnnShape, *, plain: bool = False) -> None:
        super().__init__()
        self.shape, self.stand_ins = shape, None if plain else shape.neighbours
        self.first, self.first_norm = dense(FEATURES, shape.first), SensorNorm(shape.first)
        widths = [shape.first] + [shape.hidden] * (shape.blocks - 1)
        self.edges = nn.ModuleList(
            EdgeConv(width, shape.hidden, shape.neighbours, plain=plain) for width in widths
        )
        self.mixed = nn.ModuleList(Dense(2 * shape.hidden, shape.hidden, torch.relu) for _ in widths[1:])
        self.norms = nn.ModuleList(SensorNorm(shape.hidden) for _ in widths)
        # Of the last block only its own output.
        self.combined = Dense((2 * shape.blocks - 1) * shape.hidden, shape.combined, torch.relu)
        self.fractions = Fractions(shape.combined, shape.particles)

    def of_nodes(self, nodes: Nodes) -> Tensor:
        """Share out what there is in each node."""
        weight = nodes.weight_BM1
        x_BMF = self.first_norm(self.first(nodes.features_BMF), weight)
        found = []
        for edge, mix, norm in zip(self.edges[:-1], self.mixed, self.norms[:-1], strict=True):
            x_BMF = with_mean(edge(x_BMF, nodes.distinct), weight)
            mean_BMF = x_BMF[..., x_BMF.shape[2] // 2 :]
            x_BMF = norm(mix(x_BMF), weight)
            found += [x_BMF, mean_BMF]
        found.append(self.norms[-1](self.edges[-1](x_BMF, nodes.distinct), weight))
        return self.fractions(self.combined(torch.cat(found, dim=2)))

    def plain_twin(self) -> Dgcnn:
        """Build the network with all sensors."""
        return Dgcnn(self.shape, plain=True)
