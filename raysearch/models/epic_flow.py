"""A velocity field of point clouds, and the generator that follows it from noise to clouds.

EPiC-FM: E. Buhmann et al., arXiv:2310.00049, by flow matching, Y. Lipman et al., arXiv:2210.02747. Layers,
and how they are told the time, as in the public code (uhh-pd-ml/beyond_kinematics, components/epic.py).
Otherwise than there linear layers are plain, without weight normalisation; what the cloud says to its points
is put through a layer once a cloud, not once a point, which is the same function; sums are divided by the
number of points a cloud may have, not by 100; the field is told the number of points, and labels; the time is
told by sines and cosines of pi, 2 pi, ... times it, not of powers of two.

Shapes in names: B clouds, N points, F features of a point, H hidden, G global, C told of a cloud, T time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - the usual name
from torch import Tensor, nn

from raysearch.models.epic_networks import SLOPE

FREQUENCIES = 6  # as many as published
SIGMA = 1.0e-4  # width of a cloud's end of the paths, as published


@dataclass(frozen=True, kw_only=True)
class FlowShape:
    """What the field looks like, as published for jets of 30 particles.

    Attributes:
        hidden: width of all layers.
        of_cloud: length of the global vector.
        layers: how many EPiC layers.
        features: of a point.
        labels: of how many values a cloud's label is; 0: it is not told.
        points: a cloud may have.
    """

    hidden: int = 128
    of_cloud: int = 10
    layers: int = 6
    features: int = 3
    labels: int = 0
    points: int = 30

    @property
    def told(self) -> int:
        """Numbers that a cloud is told: of the time, of how many points it has, and its label."""
        return 2 * FREQUENCIES + 1 + self.labels


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
        told_BC = torch.cat([_of_time(time_B), n_B1 / self.shape.points, labels_BC], dim=1)
        local_BNH = act(self.fc_l1(x_BNF, told_BC))
        local_BNH = act(self.fc_l2(local_BNH, told_BC) + local_BNH)
        seen_BH = act(self.fc_g1(torch.cat([pool(local_BNH), told_BC], dim=1)))
        global_BG = act(self.fc_g2(torch.cat([seen_BH, told_BC], dim=1)))
        for layer in self.nn_list:
            global_BG, local_BNH = layer(global_BG, local_BNH, told_BC, pool)
        return self.out(local_BNH, told_BC) * there_BN1


def _of_time(time_B: Tensor) -> Tensor:
    """Sines and cosines of the time, (B, T)."""
    turns_T = math.pi * torch.arange(1, FREQUENCIES + 1, device=time_B.device)
    angles_BT = time_B.unsqueeze(1) * turns_T
    return torch.cat([angles_BT.sin(), angles_BT.cos()], dim=1).to(time_B.dtype)


class FlowGenerator(nn.Module):
    """Noise of points in, points out: the first n of each cloud, by the midpoint rule along the field.

    Args:
        shape: of the field.
        steps: of the midpoint rule, each of two looks at the field.
    """

    noise_width = 1.0  # standard deviation of the noise

    def __init__(self, shape: FlowShape, steps: int) -> None:
        super().__init__()
        self.field, self.steps = EpicField(shape), steps

    def noise_shape(self, points: int) -> tuple[int, ...]:
        """Of a cloud's noise: a normal draw for each feature of each point."""
        return points, self.field.shape.features

    def forward(self, noise_BNF: Tensor, n_B: Tensor, labels_BC: Tensor) -> tuple[Tensor, Tensor]:
        """Generate clouds: points (B, N, F), zeros where there is none, and which are there."""
        there_BN = torch.arange(noise_BNF.shape[1], device=n_B.device) < n_B.unsqueeze(1)
        x_BNF = noise_BNF * there_BN.unsqueeze(2)
        at_0_B, length = torch.zeros_like(noise_BNF[:, 0, 0]), 1 / self.steps
        for step in range(self.steps):
            time_B = at_0_B + step * length
            halfway_BNF = x_BNF + length / 2 * self.field(x_BNF, time_B, there_BN, labels_BC)
            x_BNF = x_BNF + length * self.field(halfway_BNF, time_B + length / 2, there_BN, labels_BC)
        return x_BNF, there_BN


def flow_matching_loss(field: EpicField, x_BNF: Tensor, there_BN: Tensor, labels_BC: Tensor) -> Tensor:
    """How far the field is from the velocities of straight paths from noise to clouds.

    A time and noise are drawn for every cloud, from torch's own generator. The squares of all points are
    added up and divided by the number of clouds and of the points they may have.

    Args:
        field: to be taught.
        x_BNF: clouds, as the field sees them; padding may be anything finite.
        there_BN: which points are there.
        labels_BC: one-hot, C as many as the field's shape has labels.

    Returns:
        Loss, a scalar: Eq. (23) of arXiv:2210.02747, times 3 / (points), for 3 features.
    """
    noise_BNF = torch.randn_like(x_BNF)
    time_B = torch.rand_like(x_BNF[:, 0, 0])
    share_B11 = time_B.view(-1, 1, 1)
    there_BN1 = there_BN.unsqueeze(2)
    on_the_way_BNF = (1 - (1 - SIGMA) * share_B11) * noise_BNF + share_B11 * x_BNF  # Eq. (22)
    velocity_BNF = x_BNF - (1 - SIGMA) * noise_BNF
    found_BNF = field(on_the_way_BNF * there_BN1, time_B, there_BN, labels_BC)
    apart_BNF = (found_BNF - velocity_BNF * there_BN1).square()  # Eq. (23)
    return apart_BNF.sum((1, 2)).mean() / x_BNF.shape[1]
