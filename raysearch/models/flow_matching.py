"""Flow matching of point clouds: what a velocity field is, its loss, and the way from noise to clouds.

Y. Lipman et al., arXiv:2210.02747; paths and their width as in the public code of EPiC-FM
(uhh-pd-ml/beyond_kinematics, components/losses.py).

Shapes in names: B clouds, N points, F features of a point, C labels, T numbers that tell the time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from raysearch.models.point_pairing import Pairing, as_drawn

FREQUENCIES = 6  # of the sines and cosines that tell the time
SIGMA = 1.0e-4  # width of a cloud's end of the paths, as published

Field = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""Points on their way (B, N, F), the time (B,), which points are there (B, N), labels (B, C): velocities."""


@dataclass(frozen=True, kw_only=True)
class FieldShape:
    """What any field is told of clouds; a network's own adds its layers.

    Attributes:
        features: of a point.
        labels: of how many values a cloud's label is; 0: it is not told.
        points: a cloud may have.
    """

    features: int = 3
    labels: int = 0
    points: int = 30

    @property
    def told(self) -> int:
        """How many numbers a field is told of a cloud: of the time, of its number of points, its label."""
        return 2 * FREQUENCIES + 1 + self.labels


def tell(time_B: Tensor, n_B1: Tensor, points: int, labels_BC: Tensor) -> Tensor:
    """Put together what a field is told of its clouds; the time from 0, noise, to 1, a cloud."""
    turns_T = math.pi * torch.arange(1, FREQUENCIES + 1, device=time_B.device)
    angles_BT = time_B.unsqueeze(1) * turns_T
    of_time_BT = torch.cat([angles_BT.sin(), angles_BT.cos()], dim=1).to(time_B.dtype)
    return torch.cat([of_time_BT, n_B1 / points, labels_BC], dim=1)


class FlowGenerator(nn.Module):
    """Noise of points in, points out: the first n of each cloud, by the midpoint rule along the field.

    Args:
        field: leads from noise, at time 0, to clouds, at 1.
        features: of a point.
        steps: of the midpoint rule, each of two looks at the field.
        pair: says which noise of a cloud goes to which of its points while the field is taught.
    """

    noise_width = 1.0  # standard deviation of the noise

    def __init__(self, field: nn.Module, features: int, steps: int, pair: Pairing = as_drawn) -> None:
        super().__init__()
        self.field, self.features, self.steps, self.pair = field, features, steps, pair

    def noise_shape(self, points: int) -> tuple[int, ...]:
        """Of a cloud's noise: a normal draw for each feature of each point."""
        return points, self.features

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


def flow_matching_loss(
    field: Field, x_BNF: Tensor, there_BN: Tensor, labels_BC: Tensor, pair: Pairing = as_drawn
) -> Tensor:
    """How far a field is from the velocities of straight paths from noise to clouds.

    A time and noise are drawn for every cloud, from torch's own generator. The squares of all points are
    added up and divided by the number of clouds and of the points they may have.

    Args:
        field: to be taught.
        x_BNF: clouds, as the field sees them; padding may be anything finite.
        there_BN: which points are there.
        labels_BC: one-hot, C as many as the field is told.
        pair: of a :class:`FlowGenerator`.

    Returns:
        Loss, a scalar: Eq. (23) of arXiv:2210.02747, of a cloud's points together, by N.
    """
    noise_BNF = pair(torch.randn_like(x_BNF), x_BNF, there_BN)
    time_B = torch.rand_like(x_BNF[:, 0, 0])
    share_B11 = time_B.view(-1, 1, 1)
    there_BN1 = there_BN.unsqueeze(2)
    on_the_way_BNF = (1 - (1 - SIGMA) * share_B11) * noise_BNF + share_B11 * x_BNF  # Eq. (22)
    velocity_BNF = x_BNF - (1 - SIGMA) * noise_BNF
    found_BNF = field(on_the_way_BNF * there_BN1, time_B, there_BN, labels_BC)
    apart_BNF = (found_BNF - velocity_BNF * there_BN1).square()  # Eq. (23)
    return apart_BNF.sum((1, 2)).mean() / x_BNF.shape[1]
