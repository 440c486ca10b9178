"""A GravNet layer's gathering in its usual form: all distances, topk, all neighbours' features.

As in the public Keras layer (jkiesele/caloGraphNN): squared distances as |a|^2 - 2 a b + |b|^2, the sensor
itself found as the nearest of k + 1 and left out, features gathered to (events, sensors, k, features).
"""

from __future__ import annotations

import torch
from torch import Tensor


def squared_distances(space_BNS: Tensor) -> Tensor:
    """All of them, (B, N, N)."""
    size_BN = space_BNS.square().sum(2)
    return (size_BN[:, :, None] - 2 * space_BNS @ space_BNS.transpose(1, 2) + size_BN[:, None]).abs()


def textbook_sums(
    space_BNS: Tensor, features_BNF: Tensor, k: int, steepness: float, _kernel: str = ""
) -> Tensor:
    """Means and maxima (B, N, 2 F) over the k nearest others."""
    near = squared_distances(space_BNS).topk(k + 1, dim=2, largest=False)
    weight_BNK = torch.exp(-steepness * near.values[..., 1:])
    event = torch.arange(len(space_BNS))[:, None, None]
    value_BNKF = weight_BNK[..., None] * features_BNF[event, near.indices[..., 1:]]
    return torch.cat([value_BNKF.mean(2), value_BNKF.amax(2)], dim=2)
