"""What a GravNet layer gathers from each sensor's nearest others: Qasim et al., arXiv:1902.07987, section 3.

With N(i) the k sensors nearest to i in a learned space, i itself not among them, d_ij their distances there,

    (1)  w_ij = exp(-steepness d_ij^2),    (2)  mean_i = 1/k sum_j w_ij f_j,    (3)  max_i = max_j w_ij f_j.

The numbers are this file's. Three forms are one function: ``plain`` in operations that others can read, with
all distances of an event and all neighbours' features in memory; ``torch``, event after event and rows after
rows, with distances and weights computed again in the backward pass; ``fused``, the same in C++
(raysearch/models/gravnet_fused.py). Of sensors at one distance, and of equal maxima, the one with the lower
number counts; ``plain`` takes of such sensors whichever torch's topk finds.

Shapes in names: B events, N sensors, R some of them as rows, K neighbours, S dimensions of the learned space,
F features.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from raysearch.errors import InputError
from raysearch.models.gravnet_fused import Found, fused_kernel
from raysearch.models.nearest_plain import of_neighbours, plain_nearest, squared_distances
from raysearch.models.nearest_sensors import nearest

ROWS = 128  # worked on at a time: their distances and neighbours' features stay in the second cache


class Engine(Protocol):
    """One way to compute (1) to (3) and their gradients."""

    def forward(self, space_BNS: Tensor, features_BNF: Tensor, k: int, steepness: float) -> Found:
        """Compute sums, neighbours by rising number, and the places among these of the maxima."""
        ...

    def backward(self, saved: tuple[Tensor, ...], g_sums: Tensor, steepness: float) -> tuple[Tensor, Tensor]:
        """Compute gradients of space and features, from these, neighbours and winners."""
        ...


def neighbour_sums(
    space_BNS: Tensor, features_BNF: Tensor, k: int, steepness: float, kernel: str = "torch"
) -> Tensor:
    """Gather means and maxima over each sensor's k nearest others.

    Args:
        space_BNS: places in the learned space.
        features_BNF: what is gathered.
        k: neighbours, less than N.
        steepness: of the potential, per squared length.
        kernel: ``fused`` takes the C++ kernel where it can be had, on a CPU in single or double precision;
            elsewhere it is as ``torch``. ``plain`` is for exporters.

    Returns:
        (B, N, 2 F), means before maxima.

    Raises:
        InputError: there are not so many others.
    """
    if k >= (sensors := space_BNS.shape[1]):
        raise InputError(f"neighbours: {k} others of each sensor, but events have {sensors} sensors")
    if kernel == "plain":
        return plain_sums(space_BNS, features_BNF, k, steepness)
    engine: Engine | None = None
    if kernel == "fused" and space_BNS.device.type == "cpu":
        engine = fused_kernel(space_BNS.shape[2], features_BNF.shape[2], space_BNS.dtype)
    return _NeighbourSums.apply(
        space_BNS.contiguous(), features_BNF.contiguous(), k, steepness, engine or Blocked()
    )


def plain_sums(space_BNS: Tensor, features_BNF: Tensor, k: int, steepness: float) -> Tensor:
    """The same in operations that exporters can follow."""
    squared_BNN = squared_distances(space_BNS)
    near_BNK = plain_nearest(squared_BNN, k)
    weight_BNK = torch.exp(-steepness * squared_BNN.gather(2, near_BNK))  # (1)
    value_BNKF = weight_BNK[..., None] * of_neighbours(features_BNF, near_BNK)
    return torch.cat([value_BNKF.mean(2), value_BNKF.max(2).values], dim=2)  # (2), (3)


class _NeighbourSums(torch.autograd.Function):
    """Means and maxima; neighbours and winners are kept, distances and weights are not."""

    @staticmethod
    def forward(ctx: Any, *given: Any) -> Tensor:  # noqa: ANN401
        space_BNS, features_BNF, k, steepness, engine = given
        sums, index, winner = engine.forward(space_BNS, features_BNF, k, steepness)
        ctx.save_for_backward(space_BNS, features_BNF, index, winner)
        ctx.engine, ctx.steepness = engine, steepness
        return sums

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        found = ctx.engine.backward(ctx.saved_tensors, gradients[0].contiguous(), ctx.steepness)
        return *found, None, None, None


class Blocked:
    """The engine in torch, on any device."""

    def forward(self, space_BNS: Tensor, features_BNF: Tensor, k: int, steepness: float) -> Found:
        """Work through the events, some rows at a time."""
        index_BNK = nearest(space_BNS, k)
        means, maxima, winners = [], [], []
        for space_NS, features_NF, index_NK in zip(space_BNS, features_BNF, index_BNK, strict=True):
            for rows, index_RK in zip(space_NS.split(ROWS), index_NK.split(ROWS), strict=True):
                _, weight_RK1, values_RKF = _weighted(rows, space_NS, features_NF, index_RK, steepness)
                values_RKF *= weight_RK1
                means.append(values_RKF.mean(1))  # (2)
                most = values_RKF.max(1)  # (3)
                maxima.append(most.values)
                winners.append(most.indices.to(torch.int16))
        sums = torch.cat([torch.cat(means), torch.cat(maxima)], dim=1)
        shape = features_BNF.shape
        return sums.view(*shape[:2], -1), index_BNK, torch.cat(winners).view(shape)

    def backward(self, saved: tuple[Tensor, ...], g_sums: Tensor, steepness: float) -> tuple[Tensor, Tensor]:
        """Compute the same rows' weights again, and add up what each neighbour gets from them."""
        space_BNS, features_BNF, index_BNK, winner_BNF = saved
        g_space, g_features = torch.zeros_like(space_BNS), torch.zeros_like(features_BNF)
        n_features, k = features_BNF.shape[2], index_BNK.shape[2]
        for event, (space_NS, features_NF) in enumerate(zip(space_BNS, features_BNF, strict=True)):
            for first in range(0, len(space_NS), ROWS):
                at = slice(first, first + ROWS)
                index_RK = index_BNK[event, at]
                away_RKS, weight_RK1, values_RKF = _weighted(
                    space_NS[at], space_NS, features_NF, index_RK, steepness
                )
                g_mean_RF, g_max_RF = g_sums[event, at].split(n_features, dim=1)
                g_RKF = (g_mean_RF / k)[:, None].repeat(1, k, 1)
                g_RKF.scatter_add_(1, winner_BNF[event, at].long()[:, None], g_max_RF[:, None])
                g_weight_RK1 = (values_RKF * g_RKF).sum(2, keepdim=True)
                g_away_RKS = away_RKS * (g_weight_RK1 * weight_RK1 * (-2 * steepness))  # by (1)
                flat = index_RK.flatten().long()
                g_features[event].index_add_(0, flat, (g_RKF * weight_RK1).flatten(0, 1))
                g_space[event].index_add_(0, flat, g_away_RKS.flatten(0, 1))
                g_space[event, at] -= g_away_RKS.sum(1)
        return g_space, g_features


def _weighted(
    rows_RS: Tensor, space_NS: Tensor, features_NF: Tensor, index_RK: Tensor, steepness: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Way to each neighbour (R, K, S), its weight (R, K, 1) and its features (R, K, F)."""
    flat, shape = index_RK.flatten(), index_RK.shape
    away_RKS = space_NS.index_select(0, flat).view(*shape, -1) - rows_RS[:, None]
    weight_RK1 = torch.exp(away_RKS.square().sum(2, keepdim=True).mul_(-steepness))  # (1)
    return away_RKS, weight_RK1, features_NF.index_select(0, flat).view(*shape, -1)
