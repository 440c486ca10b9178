"""Encoder and decoder of the NND VAE on sets: no point has a place among the others.

Layers exchange between points and what stands for the whole cloud, as EPiC-GAN's do (E. Buhmann, G.
Kasieczka, J. Thaler, arXiv:2301.08128): cost grows with the points, not with their pairs. The decoder begins
with one learnt vector for each point that there can be; exchanged vectors exchange points.

Shapes in names: B clouds, N points, F features, W width, Z Gaussians.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from raysearch.models.nnd_shape import FEATURES, SetShape

SLOPE = 0.01  # of LeakyReLU below 0, as in EPiC-GAN


class SetLayer(nn.Module):
    """The cloud hears of its points, then each point of the cloud; both are added to what was."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.to_cloud = nn.Linear(3 * width, width)
        self.to_point = nn.Linear(2 * width, width)

    def forward(self, points_BNW: Tensor, cloud_BW: Tensor, there_BN: Tensor) -> tuple[Tensor, Tensor]:
        """Give points (B, N, W) and cloud (B, W)."""
        heard_BW = self.to_cloud(torch.cat([pooled(points_BNW, there_BN), cloud_BW], 1))
        cloud_BW = cloud_BW + _active(heard_BW)
        around_BNW = cloud_BW[:, None].expand(-1, points_BNW.shape[1], -1)
        return points_BNW + _active(self.to_point(torch.cat([points_BNW, around_BNW], 2))), cloud_BW


class SetEncoder(nn.Module):
    """Clouds to the means and logarithms of variances of Gaussians, whatever the order of points."""

    def __init__(self, shape: SetShape) -> None:
        super().__init__()
        width = shape.width
        self.first = nn.Linear(FEATURES, width)
        self.begin = nn.Linear(2 * width, width)
        self.layers = nn.ModuleList(SetLayer(width) for _ in range(shape.layers))
        self.last = nn.Linear(3 * width, 2 * shape.latent)

    def forward(self, points_BNF: Tensor, there_BN: Tensor) -> Tensor:
        """Give means and logarithms of variances (B, 2 Z)."""
        points = _active(self.first(points_BNF))
        cloud = _active(self.begin(pooled(points, there_BN)))
        for layer in self.layers:
            points, cloud = layer(points, cloud, there_BN)
        return self.last(torch.cat([pooled(points, there_BN), cloud], 1))


class SetDecoder(nn.Module):
    """Values of Gaussians to clouds."""

    def __init__(self, shape: SetShape) -> None:
        super().__init__()
        width = shape.width
        self.slots = nn.Parameter(torch.randn(shape.points, width))
        self.begin = nn.Linear(shape.latent, width)
        self.layers = nn.ModuleList(SetLayer(width) for _ in range(shape.layers))
        self.last = nn.Linear(width, FEATURES)

    def forward(self, z_BZ: Tensor, there_BN: Tensor) -> Tensor:
        """Give points (B, N, F) between 0 and 1."""
        cloud = _active(self.begin(z_BZ))
        points = self.slots + cloud[:, None]
        for layer in self.layers:
            points, cloud = layer(points, cloud, there_BN)
        return self.last(points).sigmoid()


def pooled(points_BNW: Tensor, there_BN: Tensor) -> Tensor:
    """Mean over the points that are there, and their sum over all that could be, (B, 2 W)."""
    sums_BW = (points_BNW * there_BN[..., None]).sum(1)
    counts_B1 = there_BN.sum(1, keepdim=True).clamp_min(1)
    # The sum tells how many there are; by their greatest number, so that it is of the mean's size.
    return torch.cat([sums_BW / counts_B1, sums_BW / there_BN.shape[1]], 1)


def _active(x: Tensor) -> Tensor:
    return nn.functional.leaky_relu(x, SLOPE)
