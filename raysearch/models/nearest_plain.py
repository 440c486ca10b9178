"""The nearest others of each sensor in operations that exporters can follow: for events of any number.

Shapes in names: B events, N sensors, K neighbours, S dimensions.
"""

from __future__ import annotations

import torch
from torch import Tensor


def squared_distances(space_BNS: Tensor) -> Tensor:
    """Squared distances of all sensors of an event from each other, (B, N, N)."""
    # Dimension by dimension: all differences at once would be S times as large, and products of matrices,
    # which need none, lose the digits that tell near neighbours apart.
    squared_BNN, *rest = ((each[:, :, None] - each[:, None]).square() for each in space_BNS.unbind(2))
    for one_BNN in rest:
        squared_BNN = squared_BNN + one_BNN
    return squared_BNN


def plain_nearest(squared_BNN: Tensor, k: int) -> Tensor:
    """Find the k nearest others of each sensor; of several at one distance those that topk finds.

    Args:
        squared_BNN: squared distances.
        k: less than N.

    Returns:
        Numbers of the neighbours, rising, (B, N, K) int64.
    """
    self_NN = torch.eye(squared_BNN.shape[1], dtype=torch.bool, device=squared_BNN.device)
    others_BNN = squared_BNN.detach().masked_fill(self_NN, torch.inf)
    return others_BNN.topk(k, dim=2, largest=False).indices.sort(2).values


def of_neighbours(values_BNF: Tensor, near_BNK: Tensor) -> Tensor:
    """Give each sensor its neighbours' values, (B, N, K, F)."""
    index = near_BNK.flatten(1)[..., None].expand(-1, -1, values_BNF.shape[2])
    return values_BNF.gather(1, index).unflatten(1, near_BNK.shape[1:])
