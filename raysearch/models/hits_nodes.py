"""Which sensors of a batch the networks on hits have to compute: those with energy, and a few of the rest.

Nothing is masked in the networks of arXiv:1902.07987: sensors without energy are nodes like others. But all
their features are 0, so that they are one and the same node wherever they are. In place of an event's m
sensors without energy c stand in, each of which counts m / c times in means and in batch normalisation, and
exactly the same function results if c is enough for every sensor to find as many neighbours among them as it
would among all: its k nearest, and itself.

Shapes in names: B events, N sensors, M nodes, F features, P particles.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn

from raysearch.models.hits_layers import sensor_features


@dataclass(frozen=True, slots=True)
class Nodes:
    """The nodes of a batch.

    Attributes:
        features_BMF: what a network sees of each.
        weight_BM1: how many sensors each stands for; None: each for itself.
        node_BN: the node that each sensor is; None: the one in its place.
        distinct: how many of each event's nodes, its first, are all that differ: with energy, and one
            without; None: all of them.
    """

    features_BMF: Tensor
    weight_BM1: Tensor | None = None
    node_BN: Tensor | None = None
    distinct: Sequence[int] | None = None

    def of_sensors(self, values_BMP: Tensor) -> Tensor:
        """Give each sensor its node's values, (B, N, P)."""
        if self.node_BN is None:
            return values_BMP
        return values_BMP.gather(1, self.node_BN[..., None].expand(-1, -1, values_BMP.shape[2]))


def find_nodes(energy_BN: Tensor, sensors_BN6: Tensor, stand_ins: int) -> Nodes:
    """Find the nodes of a batch.

    Args:
        energy_BN: GeV, 0 where there is nothing.
        sensors_BN6: as for ``sensor_features``.
        stand_ins: for sensors without energy, at least so many an event that has them.

    Returns:
        Nodes with energy first, by rising number of the sensor; as many in all events.
    """
    sensors = energy_BN.shape[1]
    is_empty_BN = energy_BN <= 0
    order_BN = is_empty_BN.int().argsort(dim=1, stable=True)
    with_energy_B = (~is_empty_BN).sum(1).to(energy_BN.dtype)
    nodes = min(sensors, int(with_energy_B.max()) + stand_ins)
    chosen_BM = order_BN[:, :nodes]
    features_BMF = sensor_features(
        energy_BN.gather(1, chosen_BM), sensors_BN6.gather(1, chosen_BM[..., None].expand(-1, -1, 6))
    )
    each_B = (sensors - with_energy_B) / (nodes - with_energy_B).clamp(min=1)
    is_stand_in_BM = torch.arange(nodes, device=energy_BN.device) >= with_energy_B[:, None]
    weight_BM = torch.where(is_stand_in_BM, each_B[:, None], 1)
    # The last node of an event that has more sensors than nodes is one without energy.
    node_BN = order_BN.argsort(dim=1).clamp(max=nodes - 1)
    distinct = (with_energy_B.long() + 1).clamp(max=nodes).tolist()
    return Nodes(features_BMF, weight_BM[..., None], node_BN, distinct)


class HitsNetwork(nn.Module, ABC):
    """A network on hits whose sensors without energy are all alike.

    Attributes:
        shape: its sizes; with ``particles``, whose shares are told, or whatever ``n_values`` is.
        stand_ins: how many of these are needed; None: all sensors are computed.
    """

    shape: Any
    stand_ins: int | None

    @property
    def n_values(self) -> int:
        """How many values there are of each sensor."""
        return int(self.shape.particles)

    def forward(self, energy_BN: Tensor, sensors_BN6: Tensor) -> Tensor:
        """Judge energies (B, N) in GeV of sensors (B, N, 6): shares (B, N, particles), or other values."""
        if energy_BN.shape[0] == 0:
            return energy_BN.new_empty(*energy_BN.shape, self.n_values)
        if self.stand_ins is None:
            return self.of_nodes(Nodes(sensor_features(energy_BN, sensors_BN6)))
        nodes = find_nodes(energy_BN, sensors_BN6, self.stand_ins)
        return nodes.of_sensors(self.of_nodes(nodes))

    @abstractmethod
    def of_nodes(self, nodes: Nodes) -> Tensor:
        """Judge each node, (B, M, values)."""

    @abstractmethod
    def plain_twin(self) -> Self:
        """Build a network of the same shape in operations that others can read, with all sensors."""


def plain_form(model: nn.Module) -> nn.Module:
    """Put a network in its plain form, with the very weights of the model; any other model is its own."""
    if not isinstance(model, HitsNetwork):
        return model
    with torch.device("meta"):  # no weights are drawn
        plain: Any = model.plain_twin()
    plain.load_state_dict(model.state_dict(), assign=True)
    return plain.train(model.training)
