"""Between clouds in their own units and the numbers that networks of them see.

Shapes in names: B clouds, N points, S statistics, F features: eta_rel, phi_rel, pT_rel, or x, y, intensity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

CENTRE, GREATEST, MEAN, SD, LEAST = range(5)  # rows of statistics
SIGMAS = 5  # EPiC-GAN's standard deviation of a feature


class Frame(Protocol):
    """Between clouds in their own units and what networks see of them."""

    def inward(self, points_BNF: Tensor) -> Tensor:
        """Turn points into what networks see."""
        ...

    def outward(self, x_BNF: Tensor) -> Tensor:
        """Turn what generators give into points."""
        ...


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
    def of_spread(cls, statistics_BSF: Tensor, sigmas: float = SIGMAS) -> CloudFrame:
        """As EPiC-GAN does: standardised, times five; pT are at least the training part's least."""
        mean, sd = statistics_BSF[:, None, MEAN], statistics_BSF[:, None, SD]
        return cls(mean, sd / sigmas, statistics_BSF[:, None, LEAST, -1])

    def inward(self, points_BNF: Tensor) -> Tensor:
        """Turn points into what networks see."""
        return (points_BNF - self.offset_B1F) / self.width_B1F

    def outward(self, x_BNF: Tensor) -> Tensor:
        """Turn what generators give into points."""
        points_BNF = x_BNF.to(self.width_B1F.dtype) * self.width_B1F + self.offset_B1F
        last_BN = points_BNF[..., -1].maximum(self.least_B1)
        return torch.cat([points_BNF[..., :-1], last_BN.unsqueeze(2)], dim=2)


@dataclass(frozen=True)
class LogFrame:
    """Jets with the logarithm of pT_rel in its place, standardised: their softest particles lie apart.

    Attributes:
        of_logs: made of statistics of :func:`with_logs`.
    """

    of_logs: CloudFrame

    @classmethod
    def of_spread(cls, statistics_BSF: Tensor) -> LogFrame:
        """Standardise; pT are at least the training part's least."""
        return cls(CloudFrame.of_spread(statistics_BSF, 1))

    def inward(self, points_BNF: Tensor) -> Tensor:
        """Turn points into what networks see; of padding something finite."""
        return self.of_logs.inward(with_logs(points_BNF))

    def outward(self, x_BNF: Tensor) -> Tensor:
        """Turn what generators give into points."""
        logs_BNF = self.of_logs.outward(x_BNF)
        return torch.cat([logs_BNF[..., :-1], logs_BNF[..., -1:].exp()], dim=-1)


def with_logs(points: Tensor) -> Tensor:
    """Take the logarithm of the last feature of (..., F); of 0 and less, of the least normal number."""
    least = torch.finfo(points.dtype).tiny
    return torch.cat([points[..., :-1], points[..., -1:].clamp(min=least).log()], dim=-1)


def statistics(points: Tensor, there: Tensor, centre: Tensor, greatest: Tensor) -> Tensor:
    """Put together what frames are made of, (S, F).

    Args:
        points: (cloud, point, F) of the training part.
        there: bool (cloud, point), which are no padding.
        centre: (F,), for :meth:`CloudFrame.of_greatest`.
        greatest: (F,), for the same.
    """
    return torch.cat([torch.stack([centre, greatest]), spread(points, there)])


def spread(points: Tensor, there: Tensor) -> Tensor:
    """Take means, standard deviations and least values of the points that are there, (3, F)."""
    features = points[there].double()
    of_all = [features.mean(0), features.std(0, correction=0).clamp(min=1e-6), features.amin(0)]
    return torch.stack(of_all).float()


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
