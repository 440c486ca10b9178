"""A velocity field of point clouds with one global vector: EPiC-FM, E. Buhmann et al., arXiv:2310.00049.

Layers, and how they are told the time, as in the public code (uhh-pd-ml/beyond_kinematics, epic.py).
Otherwise than there linear layers are plain, without weight normalisation; what the cloud says to its points
is put through a layer once a cloud, not once a point, which is the same function; sums are divided by the
number of points a cloud may have, not by 100; the field is told the number of points, and labels; the time is
told by sines and cosines of pi, 2 pi, ... times it, not of powers of two.

Shapes in names: B clouds, N points, F features of a point, H hidden, G global, C told of a cloud.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - the usual name
from torch import Tensor, nn

from raysearch.models.epic_networks import SLOPE
from raysearch.models.flow_matching import FieldShape, tell


@dataclass(frozen=True, kw_only=True)
class FlowShape(FieldShape):
    """What the field looks like, as published for jets of 30 particles.

    Attributes:
        hidden: width of all layers.
        of_cloud: length of the global vector.
        layers: how many EPiC layers.
    """

    hidden: int = 128
    of_cloud: int = 10
    layers: int = 6


def act(x: Tensor) -> Tensor:
    """Apply what stands between layers."""
    return F.leaky_relu(x, SLOPE)


class TwoSources(nn.Module):
    """A linear layer on what a point carries and on what its cloud says to all of its points."""

    def __init__(self, of_point: int, of_cloud: int, after: int) -> None:
        super().__init__()
        self.local = nn.Linear(of_point, after)
        self.told = nn.Linear(of_cloud, after, bias=False)

    def forward(self, local_BNH: Tensor, told_BC: Tensor) -> Tensor:
        """Apply it; (B, N, after)."""
        return self.local(local_BNH) + self.told(told_BC).unsqueeze(1)


@dataclass(frozen=True)
class Pool:
    """How points are taken together: their mean, and their sum as a share of the points there may be."""

    there_BN1: Tensor
    n_B1: Tensor
    points: int

    def __call__(self, local_BNH: Tensor) -> Tensor:
        """Pool, (B, 2 H)."""
        total_BH = (local_BNH * self.there_BN1).sum(1)
        return torch.cat([total_BH / self.n_B1.clamp(min=1), total_BH / self.points], dim=1)


class FlowLayer(nn.Module):
    """An EPiC layer, told the time: the global vector learns from the points, then they from it."""

    def __init__(self, shape: FlowShape) -> None:
        super().__init__()
        hidden, of_cloud, told = shape.hidden, shape.of_cloud, shape.told
        self.fc_global1 = nn.Linear(2 * hidden + of_cloud + told, hidden)
        self.fc_global2 = nn.Linear(hidden + told, of_cloud)
        self.fc_local1 = TwoSources(hidden, of_cloud + told, hidden)
        self.fc_local2 = TwoSources(hidden, told, hidden)

    def forward(
        self, global_BG: Tensor, local_BNH: Tensor, told_BC: Tensor, pool: Pool
    ) -> tuple[Tensor, Tensor]:
        """Update both."""
        seen_BH = act(self.fc_global1(torch.cat([pool(local_BNH), global_BG, told_BC], dim=1)))
        global_BG = act(self.fc_global2(torch.cat([seen_BH, told_BC], dim=1)) + global_BG)
        hidden_BNH = act(self.fc_local1(local_BNH, torch.cat([global_BG, told_BC], dim=1)))
        return global_BG, act(self.fc_local2(hidden_BNH, told_BC) + local_BNH)


class EpicField(nn.Module):
    """Clouds on their way, and how far they are, in; the velocity of each point out."""

    def __init__(self, shape: FlowShape) -> None:
        super().__init__()
        hidden, told = shape.hidden, shape.told
        self.shape = shape
        self.fc_l1 = TwoSources(shape.features, told, hidden)
        self.fc_l2 = TwoSources(hidden, told, hidden)
        self.fc_g1 = nn.Linear(2 * hidden + told, hidden)
        self.fc_g2 = nn.Linear(hidden + told, shape.of_cloud)
        self.nn_list = nn.ModuleList(FlowLayer(shape) for _ in range(shape.layers))
        self.out = TwoSources(hidden, told, shape.features)

    def forward(self, x_BNF: Tensor, time_B: Tensor, there_BN: Tensor, labels_BC: Tensor) -> Tensor:
        """Give velocities (B, N, F), 0 where there is no point.

        Args:
            x_BNF: points on their way.
            time_B: from 0, noise, to 1, a cloud.
            there_BN: which points are there.
            labels_BC: one-hot, C as many as the shape has labels.
        """
        there_BN1 = there_BN.unsqueeze(2).to(x_BNF.dtype)
        n_B1 = there_BN1.sum(1)
        pool = Pool(there_BN1, n_B1, self.shape.points)
        told_BC = tell(time_B, n_B1, self.shape.points, labels_BC)
        local_BNH = act(self.fc_l1(x_BNF, told_BC))
        local_BNH = act(self.fc_l2(local_BNH, told_BC) + local_BNH)
        seen_BH = act(self.fc_g1(torch.cat([pool(local_BNH), told_BC], dim=1)))
        global_BG = act(self.fc_g2(torch.cat([seen_BH, told_BC], dim=1)))
        for layer in self.nn_list:
            global_BG, local_BNH = layer(global_BG, local_BNH, told_BC, pool)
        return self.out(local_BNH, told_BC) * there_BN1
