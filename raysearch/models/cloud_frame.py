"""Between clouds in their own units and the numbers that networks of them see.

Shapes in names: B clouds, N points, S statistics, F features: eta_rel, phi_rel, pT_rel, or x, y, intensity.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

CENTRE, GREATEST, MEAN, SD, LEAST = range(5)  # rows of statistics
SIGMAS = 5  # EPiC-GAN's standard deviation of a feature


@dataclass(frozen=True)
class CloudFrame:
    """How features of some clouds are shifted and scaled.

    Attributes:
        offset_B1F, width_B1F: networks see (x - offset) / width.
        least_B1: of the last feature (pT, intensity); what is generated below it becomes that.
    """

    offset_B1F: Tensor
    width_B1F: Tensor
    least_B1: Tensor

    @classmethod
    def of_greatest(cls, statistics_BSF: Tensor) -> CloudFrame:
        """As MPGAN does: divided by the greatest of the training part; pT_rel, and all of digits, centred.

        Its code has the centre of pT_rel at -0.5 after the division, and takes pT below 0 for 0.
        """
        centre, greatest = statistics_BSF[:, None, CENTRE], statistics_BSF[:, None, GREATEST]
        return cls(centre, greatest, torch.zeros_like(centre[..., -1]))

    @classmethod
    def of_spread(cls, statistics_BSF: Tensor) -> CloudFrame:
        """As EPiC-GAN does: standardised, times five; pT are at least the training part's least."""
        mean, sd = statistics_BSF[:, None, MEAN], statistics_BSF[:, None, SD]
        return cls(mean, sd / SIGMAS, statistics_BSF[:, None, LEAST, -1])

    def inward(self, points_BNF: Tensor) -> Tensor:
        """Turn points into what networks see."""
        return (points_BNF - self.offset_B1F) / self.width_B1F

    def outward(self, x_BNF: Tensor) -> Tensor:
        """Turn what generators give into points."""
        points_BNF = x_BNF.to(self.width_B1F.dtype) * self.width_B1F + self.offset_B1F
        last_BN = points_BNF[..., -1].maximum(self.least_B1)
        return torch.cat([points_BNF[..., :-1], last_BN.unsqueeze(2)], dim=2)


def statistics(points: Tensor, there: Tensor, centre: Tensor, greatest: Tensor) -> Tensor:
    """Put together what frames are made of, (S, F).

    Args:
        points: (cloud, point, F) of the training part.
        there: bool (cloud, point), which are no padding.
        centre: (F,), for :meth:`CloudFrame.of_greatest`.
        greatest: (F,), for the same.
    """
    features = points[there].double()
    spread = torch.stack(
        [features.mean(0), features.std(0, correction=0).clamp(min=1e-6), features.amin(0)]
    ).float()
    return torch.cat([torch.stack([centre, greatest]), spread])


def around_axis(points_BNF: Tensor, there_BN: Tensor) -> Tensor:
    """Shift jets so that the sum of their particles, taken as massless, lies at (0, 0), as EPiC-GAN does.

    Args:
        points_BNF: eta_rel, phi_rel, pT_rel.
        there_BN: which are no padding; what is padding stays as it is.
    """
    eta, phi, pt = (points_BNF * there_BN.unsqueeze(2)).unbind(2)
    px, py, pz = ((pt * part).sum(1) for part in (phi.cos(), phi.sin(), eta.sinh()))
    total = (px.square() + py.square()).sqrt().clamp(min=1e-12)
    axis = torch.stack([(pz / total).asinh(), torch.atan2(py, px), torch.zeros_like(px)], dim=1)
    return points_BNF - axis.unsqueeze(1) * there_BN.unsqueeze(2)
