"""The loss of arXiv:1902.07987, eq. (2), of energies shared out among particles.

Shapes in names: B events, N sensors, K particles.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

# Of a sensor's energy E and a particle's true share t of it.
WEIGHTS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "paper": lambda energy, share: torch.sqrt(energy * share),
    "code": lambda energy, share: share * torch.sqrt(energy),
}


def event_losses(energy_BN: Tensor, true_BNK: Tensor, found_BNK: Tensor, weight: str = "paper") -> Tensor:
    """Loss of each event, (B,); a particle without energy in it counts nothing.

    Args:
        energy_BN: of each sensor; whatever has none counts nothing.
        true_BNK: each particle's share of it.
        found_BNK: what a network says.
        weight: ``paper``: sqrt(E t), added up over the particles; ``code``: t sqrt(E), with the mean over the
            particles, as in the authors' training code (jkiesele/DeepHGCal).
    """
    w_BNK = WEIGHTS[weight](energy_BN[..., None], true_BNK)
    total_BK = w_BNK.sum(1)
    each_BK = (w_BNK * (found_BNK - true_BNK).square()).sum(1) / total_BK.where(total_BK > 0, 1)  # eq. (2)
    return each_BK.mean(1) if weight == "code" else each_BK.sum(1)
