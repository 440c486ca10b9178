"""The GarNet network of arXiv:1902.07987, section 4: eleven layers on learned aggregators.

A sensor's potential to each of S aggregators comes from a learned distance d: exp(-|d|) in the ``paper``,
exp(-d^2) in the authors' training ``code`` (jkiesele/DeepHGCal). With w_ia the potential of sensor i to
aggregator a, and g_i the sensor's propagated features and potentials,

    (1)  max_a = max_i w_ia g_i,    (2)  mean_a = mean_i w_ia g_i,
    (3)  out_i = tanh(W [x_i ; w_i1 (max_1, mean_1) ; ... ; w_iS (max_S, mean_S) ; w_i]).

Numbers are this file's; 107,645 parameters. Shapes in names: B events, N sensors, M
nodes, A aggregators, F features.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from raysearch.errors import InputError, one_of
from raysearch.models.dense import at_least
from raysearch.models.hits_layers import (
    FEATURES,
    Dense,
    Fractions,
    SensorNorm,
    dense,
    mean_of,
    with_mean,
)
from raysearch.models.hits_nodes import HitsNetwork, Nodes

POTENTIALS: dict[str, Callable[[Tensor], Tensor]] = {
    "paper": lambda distance: torch.exp(-distance.abs()),
    "code": lambda distance: torch.exp(-distance.square()),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GarNetShape:
    """What a :class:`GarNet` looks like; symbols of the paper in brackets.

    Attributes:
        layers: GarNet layers.
        aggregators: of each (S).
        propagated: features that are gathered (F_LR).
        outputs: features of each layer (F_OUT), and of the dense layer before them.
        combined: width of the layer on all of them.
        variant: ``paper`` or ``code``, see above.
        particles: whose shares are told.

    Raises:
        InputError: for sizes or names that make no network; lists all.
    """

    layers: int = 11
    aggregators: int = 4
    propagated: int = 20
    outputs: int = 32
    combined: int = 48
    variant: str = "paper"
    particles: int = 2

    def __post_init__(self) -> None:
        sizes = ("layers", "aggregators", "propagated", "outputs", "combined")
        problems = list(at_least(1, **{name: getattr(self, name) for name in sizes}))
        problems += at_least(2, particles=self.particles)
        if self.variant not in POTENTIALS:
            problems.append(f"variant: needs {one_of(list(POTENTIALS))}, got {self.variant!r}")
        if problems:
            raise InputError(*problems)


class GarNetLayer(nn.Module):
    """One GarNet layer, F_in features a sensor to F_OUT."""

    def __init__(self, inputs: int, shape: GarNetShape) -> None:
        super().__init__()
        self.potential = POTENTIALS[shape.variant]
        self.distance = dense(inputs, shape.aggregators)
        self.propagated = dense(inputs, shape.propagated)
        gathered = 2 * shape.aggregators * (shape.propagated + shape.aggregators)
        self.out = dense(inputs + gathered + shape.aggregators, shape.outputs)

    def forward(self, x_BNF: Tensor, count_BN1: Tensor | None) -> Tensor:
        """Send features to the aggregators and back; (B, N, F_in) to (B, N, F_OUT)."""
        weight_BNA = self.potential(self.distance(x_BNF))
        sent_BNF = torch.cat([self.propagated(x_BNF), weight_BNA], dim=2)
        # Aggregator by aggregator: nothing of sensors x aggregators x features is held for all at once.
        of_each = [weight_BNA[..., a : a + 1] * sent_BNF for a in range(weight_BNA.shape[2])]
        max_BAF = torch.stack([each.amax(1) for each in of_each], dim=1)  # (1)
        mean_BAF = torch.cat([mean_of(each, count_BN1) for each in of_each], dim=1)  # (2)
        both_BAF = torch.cat([max_BAF, mean_BAF.to(max_BAF.dtype)], dim=2)
        back_BNF = (weight_BNA[..., None] * both_BAF[:, None]).flatten(2)
        return torch.tanh(self.out(torch.cat([x_BNF, back_BNF, weight_BNA], dim=2)))  # (3)


class GarNet(HitsNetwork):
    """Shares of each sensor's energy that belong to each particle; ``plain`` computes all sensors."""

    def __init__(self, shape: GarNetShape, *, plain: bool = False) -> None:
        super().__init__()
        self.shape, self.stand_ins = shape, None if plain else 1
        self.norm, self.norm_with_mean = SensorNorm(FEATURES), SensorNorm(2 * FEATURES)
        self.first = Dense(2 * FEATURES, shape.outputs, torch.tanh)
        self.layers = nn.ModuleList(GarNetLayer(shape.outputs, shape) for _ in range(shape.layers))
        self.norms = nn.ModuleList(SensorNorm(shape.outputs) for _ in range(shape.layers))
        self.combined = Dense(shape.layers * shape.outputs, shape.combined, torch.relu)
        self.fractions = Fractions(shape.combined, shape.particles)

    def of_nodes(self, nodes: Nodes) -> Tensor:
        """Share out what there is in each node."""
        count = nodes.weight_BM1
        x_BMF = with_mean(self.norm(nodes.features_BMF, count), count)
        x_BMF = self.first(self.norm_with_mean(x_BMF, count))
        found = []
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x_BMF = norm(layer(x_BMF, count), count)
            found.append(x_BMF)
        return self.fractions(self.combined(torch.cat(found, dim=2)))

    def plain_twin(self) -> GarNet:
        """Build the network with all sensors."""
        return GarNet(self.shape, plain=True)
