"""EPiC-GAN: point clouds with one global vector, E. Buhmann, G. Kasieczka, J. Thaler, arXiv:2301.08128.

Layers, residuals and activations as in the public code (uhh-pd-ml/EPiC-GAN, models.py), parameters with its
names but for what torch calls the two factors of a normalised weight today. There batches are of one
multiplicity; here means and sums leave padding out, which is the same function of each cloud.

Shapes in names: B clouds, N points, F features of a point, H hidden, G global.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - the usual name
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

SLOPE = 0.01  # of the leaky ReLU below 0


@dataclass(frozen=True, kw_only=True)
class EpicShape:
    """What both networks look like, as published.

    Attributes:
        hidden: width of all layers.
        of_cloud: length of the global vector, and of its noise.
        noise: features of a point that the generator begins with.
        generator_layers, discriminator_layers: how many EPiC layers.
        features: of a point.
    """

    hidden: int = 128
    of_cloud: int = 10
    noise: int = 3
    generator_layers: int = 6
    discriminator_layers: int = 3
    features: int = 3


def _linear(before: int, after: int) -> nn.Module:
    return weight_norm(nn.Linear(before, after))


def _pooled(local_BNH: Tensor, there_BN1: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and sum over the points that are there."""
    total_BH = (local_BNH * there_BN1).sum(1)
    return total_BH / there_BN1.sum(1).clamp(min=1), total_BH


class EpicLayer(nn.Module):
    """The global vector learns from the points, then the points from it; both with a residual."""

    def __init__(self, hidden: int, of_cloud: int) -> None:
        super().__init__()
        self.fc_global1 = _linear(2 * hidden + of_cloud, hidden)
        self.fc_global2 = _linear(hidden, of_cloud)
        self.fc_local1 = _linear(hidden + of_cloud, hidden)
        self.fc_local2 = _linear(hidden, hidden)

    def forward(self, global_BG: Tensor, local_BNH: Tensor, there_BN1: Tensor) -> tuple[Tensor, Tensor]:
        """Update both."""
        seen_BH = F.leaky_relu(
            self.fc_global1(torch.cat([*_pooled(local_BNH, there_BN1), global_BG], dim=1)), SLOPE
        )
        global_BG = F.leaky_relu(self.fc_global2(seen_BH) + global_BG, SLOPE)
        told_BNG = global_BG.unsqueeze(1).expand(-1, local_BNH.shape[1], -1)
        hidden_BNH = F.leaky_relu(self.fc_local1(torch.cat([local_BNH, told_BNG], dim=2)), SLOPE)
        return global_BG, F.leaky_relu(self.fc_local2(hidden_BNH) + local_BNH, SLOPE)


class EpicGenerator(nn.Module):
    """Noise of clouds and of points in, points out: the first n of each cloud."""

    noise_width = 1.0  # standard deviation of the noise

    def __init__(self, shape: EpicShape) -> None:
        super().__init__()
        self.shape = shape
        self.local_0 = _linear(shape.noise, shape.hidden)
        self.global_0 = _linear(shape.of_cloud, shape.hidden)
        self.global_1 = _linear(shape.hidden, shape.of_cloud)
        layers = [EpicLayer(shape.hidden, shape.of_cloud) for _ in range(shape.generator_layers)]
        self.nn_list = nn.ModuleList(layers)
        self.local_1 = _linear(shape.hidden, shape.features)

    def noise_shape(self, points: int) -> tuple[int, ...]:
        """Of a cloud's noise: the global vector's, then the points'."""
        return (self.shape.of_cloud + points * self.shape.noise,)

    def forward(
        self,
        noise_BZ: Tensor,
        n_B: Tensor,
        labels_BC: Tensor,  # noqa: ARG002 - as of the other networks
    ) -> tuple[Tensor, Tensor]:
        """Generate clouds: points (B, N, features), zeros where there is none, and which are there."""
        global_BG, local_BZ = noise_BZ.tensor_split([self.shape.of_cloud], dim=1)
        local_BNZ = local_BZ.unflatten(1, (-1, self.shape.noise))
        places_N = torch.arange(local_BNZ.shape[1], device=n_B.device)
        there_BN = places_N < n_B.unsqueeze(1)
        there_BN1 = there_BN.unsqueeze(2).to(noise_BZ.dtype)
        local_BNH = F.leaky_relu(self.local_0(local_BNZ), SLOPE)
        global_BG = F.leaky_relu(self.global_0(global_BG), SLOPE)
        global_BG = F.leaky_relu(self.global_1(global_BG), SLOPE)
        first_BG, first_BNH = global_BG, local_BNH
        for layer in self.nn_list:
            global_BG, local_BNH = layer(global_BG, local_BNH, there_BN1)
            global_BG, local_BNH = global_BG + first_BG, local_BNH + first_BNH
        return self.local_1(local_BNH) * there_BN1, there_BN


class EpicDiscriminator(nn.Module):
    """Clouds in, scores out, near 0 for generated and near 1 for real ones; without a sigmoid."""

    def __init__(self, shape: EpicShape) -> None:
        super().__init__()
        hidden, of_cloud = shape.hidden, shape.of_cloud
        self.fc_l1 = _linear(shape.features, hidden)
        self.fc_l2 = _linear(hidden, hidden)
        self.fc_g1 = _linear(2 * hidden, hidden)
        self.fc_g2 = _linear(hidden, of_cloud)
        self.nn_list = nn.ModuleList(EpicLayer(hidden, of_cloud) for _ in range(shape.discriminator_layers))
        self.fc_g3 = _linear(2 * hidden + of_cloud, hidden)
        self.fc_g4 = _linear(hidden, hidden)
        self.fc_g5 = _linear(hidden, 1)

    def forward(self, x_BNF: Tensor, there_BN: Tensor, labels_BC: Tensor) -> Tensor:  # noqa: ARG002
        """Judge clouds, (B,)."""
        there_BN1 = there_BN.unsqueeze(2).to(x_BNF.dtype)
        local_BNH = F.leaky_relu(self.fc_l1(x_BNF), SLOPE)
        local_BNH = F.leaky_relu(self.fc_l2(local_BNH) + local_BNH, SLOPE)
        global_BG = F.leaky_relu(self.fc_g1(torch.cat(_pooled(local_BNH, there_BN1), dim=1)), SLOPE)
        global_BG = F.leaky_relu(self.fc_g2(global_BG), SLOPE)
        for layer in self.nn_list:
            global_BG, local_BNH = layer(global_BG, local_BNH, there_BN1)
        seen_BH = torch.cat([*_pooled(local_BNH, there_BN1), global_BG], dim=1)
        seen_BH = F.leaky_relu(self.fc_g3(seen_BH), SLOPE)
        seen_BH = F.leaky_relu(self.fc_g4(seen_BH) + seen_BH, SLOPE)
        return self.fc_g5(seen_BH).squeeze(1)
