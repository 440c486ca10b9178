"""Which of a cloud's noise becomes which of its points: all as drawn, or so that ways are short.

Noise is drawn for each point alike, and a field that is blind to the order of points sees a set of pairs. So
dealing a cloud's noise out to its points in another order changes neither the noise nor what is generated,
but paths cross less and are easier to learn: the optimal transport over permutations of equivariant flow
matching (L. Klein, A. Kraemer, F. Noe, arXiv:2306.15030; Y. Song et al., arXiv:2312.07168).

Shapes in names: B clouds, N points, F features of a point.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

Pairing = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Noise and points (B, N, F), and which points are there (B, N), in; the noise of each point out."""


def as_drawn(noise_BNF: Tensor, _x_BNF: Tensor, _there_BN: Tensor) -> Tensor:
    """Leave noise where it was drawn."""
    return noise_BNF


def shortest(noise_BNF: Tensor, x_BNF: Tensor, there_BN: Tensor) -> Tensor:
    """Deal each cloud's noise out to its points so that the squares of their distances add up to the least.

    Points that are there share the noise that was drawn for them; padding keeps its own.
    """
    squares_BNN = torch.cdist(x_BNF.float(), noise_BNF.float()).square().cpu()
    order_BN = torch.arange(x_BNF.shape[1]).repeat(len(x_BNF), 1)
    for squares_NN, there_N, order_N in zip(squares_BNN, there_BN.cpu(), order_BN, strict=True):
        (places,) = there_N.nonzero(as_tuple=True)
        _, chosen = linear_sum_assignment(squares_NN[places][:, places].numpy())
        order_N[places] = places[torch.from_numpy(chosen)]
    order_BN1 = order_BN.to(noise_BNF.device).unsqueeze(2)
    return noise_BNF.gather(1, order_BN1.expand_as(noise_BNF))


AS_DRAWN, SHORTEST = "as_drawn", "shortest"
PAIRINGS: dict[str, Pairing] = {AS_DRAWN: as_drawn, SHORTEST: shortest}
