"""The losses of object condensation: J. Kieseler, Eur. Phys. J. C 80 (2020) 886, arXiv:2002.03605, section 2.

Of an event with n sensors hit, j, and K particles, k: M_jk is 1 where sensor j belongs to particle k, that is
where k left the largest share of it. With the charges q_j, alpha_k the sensor of largest charge of particle
k, x the places and d_jk = |x_j - x_alpha_k|,

    (1)  q_j = arctanh^2(beta_j) + q_min
    (2)  L_V = 1/n sum_j q_j sum_k [M_jk d_jk^2 + (1 - M_jk) max(0, 1 - d_jk)] q_alpha_k
    (3)  L_beta = 1/K sum_k (1 - beta_alpha_k)
    (4)  L_p = 1/K sum_k [sum_j M_jk arctanh^2(beta_j) L(p_j, t_k)] / [sum_j M_jk arctanh^2(beta_j)]
    (5)  L = L_p + s_C (L_beta + L_V)

The numbers are this file's. There is no noise in these events, so that L_beta has no term of it. L(p, t) of
an energy is ours: the distance of its logarithms, squared where it is small (Huber). Of beta the arctanh is
taken over 1.001, for beta may round to 1; such a ceiling is in public codes too.

Shapes in names: B events, N sensors, K particles, C coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - the usual name
from torch import Tensor

CEILING = 1.001
LEAST = 1e-12  # squared distances whose root has no gradient
LEAST_GEV = 1e-6


@dataclass(frozen=True)
class Condensed:
    """What a network tells of each sensor of some events.

    Attributes:
        beta_BN: confidence, 0 to 1.
        energy_BN: GeV, of the particle.
        place_BNC: where its particle's sensors gather.
    """

    beta_BN: Tensor
    energy_BN: Tensor
    place_BNC: Tensor

    @classmethod
    def of(cls, told_BNF: Tensor) -> Condensed:
        """Take confidence, energy and coordinates apart, in the order of columns."""
        return cls(told_BNF[..., 0], told_BNF[..., 1], told_BNF[..., 2:])


@dataclass(frozen=True)
class CondensationLosses:
    """The three losses of each event (B,); 0 in events without hits."""

    potential: Tensor
    confidence: Tensor
    payload: Tensor

    def total(self, clustering_weight: float = 1.0) -> Tensor:
        """All three, eq. (5), (B,)."""
        return self.payload + clustering_weight * (self.confidence + self.potential)


def condensation_losses(
    energy_BN: Tensor, true_BNK: Tensor, told: Condensed, q_min: float
) -> CondensationLosses:
    """Judge what a network tells of some events.

    Args:
        energy_BN: measured, GeV; sensors without energy count nothing.
        true_BNK: each particle's share of it.
        told: by the network.
        q_min: least charge.
    """
    owner_BNK = F.one_hot(true_BNK.argmax(2), true_BNK.shape[2]).bool() & (energy_BN > 0)[..., None]
    # A particle that is nowhere the largest has no sensor of its own, and is none of the event's objects.
    is_object_BK = owner_BNK.any(1)
    n_objects_B = is_object_BK.sum(1).clamp(min=1)
    squared_arctanh_BN = torch.atanh(told.beta_BN / CEILING).square()
    charge_BN = squared_arctanh_BN + q_min  # (1)
    alpha_BK = told.beta_BN.detach()[..., None].masked_fill(~owner_BNK, -1).argmax(1)
    potential_BNK = _potentials(told.place_BNC, owner_BNK, alpha_BK)
    potential_BNK = potential_BNK * (charge_BN.gather(1, alpha_BK) * is_object_BK)[:, None]
    hit_BN = energy_BN > 0
    potential_B = (potential_BNK.sum(2) * charge_BN * hit_BN).sum(1) / hit_BN.sum(1).clamp(min=1)  # (2)
    missing_BK = (1 - told.beta_BN.gather(1, alpha_BK)) * is_object_BK
    own_gev_BK = torch.einsum("bn,bnk->bk", energy_BN, true_BNK.to(energy_BN.dtype)).clamp(min=LEAST_GEV)
    wrong_BNK = _distance_of_logarithms(told.energy_BN[..., None], own_gev_BK[:, None])
    # Where all confidences vanish the weights become equal: else no confidence would make no loss.
    weight_BNK = (squared_arctanh_BN + LEAST)[..., None] * owner_BNK
    payload_BK = (weight_BNK * wrong_BNK).sum(1) / weight_BNK.sum(1).clamp(min=LEAST)
    return CondensationLosses(
        potential_B,
        missing_BK.sum(1) / n_objects_B,  # (3)
        (payload_BK * is_object_BK).sum(1) / n_objects_B,  # (4)
    )


def _potentials(place_BNC: Tensor, owner_BNK: Tensor, alpha_BK: Tensor) -> Tensor:
    """Attractive where a sensor belongs to a particle, repulsive where not, without charges, (B, N, K)."""
    at_BKC = place_BNC.gather(1, alpha_BK[..., None].expand(-1, -1, place_BNC.shape[2]))
    squared_BNK = (place_BNC[:, :, None] - at_BKC[:, None]).square().sum(3)
    # The root of 0 has no gradient, and alpha lies at 0 from itself.
    apart_BNK = squared_BNK.masked_fill(owner_BNK, 1).clamp(min=LEAST).sqrt()
    return torch.where(owner_BNK, squared_BNK, torch.relu(1 - apart_BNK))


def _distance_of_logarithms(found: Tensor, true: Tensor) -> Tensor:
    """Huber's, of energies in GeV."""
    found, true = torch.broadcast_tensors(found.clamp(min=LEAST_GEV).log(), true.log())
    return F.smooth_l1_loss(found, true, reduction="none")
