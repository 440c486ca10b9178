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
import torch.nn.functional as F  # noqa: N812 - the usual name
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
        """Work through the events; neighbours' features are gathered for some rows at a time."""
        index_BNK = nearest(space_BNS, k)
        sums, winners = [], []
        for space_NS, features_NF, index_NK in zip(space_BNS, features_BNF, index_BNK, strict=True):
            _, weight_NK = _weights(space_NS, index_NK, steepness)
            # Sums of weighted rows, of which no copy is made.
            total_NF = F.embedding_bag(index_NK, features_NF, mode="sum", per_sample_weights=weight_NK)
            parts = zip(index_NK.split(ROWS), weight_NK.split(ROWS), strict=True)
            maxima, places = zip(*(_maxima(features_NF, *part) for part in parts), strict=True)
            sums.append(torch.cat([total_NF / k, torch.cat(maxima)], dim=1))  # (2), (3)
            winners.append(torch.cat(places))
        return torch.stack(sums), index_BNK, torch.stack(winners)

    def backward(self, saved: tuple[Tensor, ...], g_sums: Tensor, steepness: float) -> tuple[Tensor, Tensor]:
        """Compute the weights again, and add up what each neighbour gets from them."""
        events = zip(*(each.unbind() for each in (*saved, g_sums)), strict=True)
        found = [_event_gradients(event, steepness) for event in events]
        g_spaces, g_features = zip(*found, strict=True)
        return torch.stack(g_spaces), torch.stack(g_features)


def _maxima(features_NF: Tensor, index_RK: Tensor, weight_RK: Tensor) -> tuple[Tensor, Tensor]:
    """The greatest of each row's weighted values, and the first places at which they are, both (R, F)."""
    # Neighbours come first: a maximum over the first dimension takes half the time, without its places.
    values_KRF = _gathered(features_NF, index_RK.T) * weight_RK.T[..., None]
    max_RF = values_KRF.amax(0)
    k = len(values_KRF)
    left_K11 = torch.arange(k, 0, -1, dtype=max_RF.dtype, device=max_RF.device)[:, None, None]
    left_RF = torch.eq(values_KRF, max_RF, out=values_KRF).mul_(left_K11).amax(0)
    return max_RF, (k - left_RF).clamp_(max=k - 1).to(torch.int16)  # NaN is nowhere


def _event_gradients(event: tuple[Tensor, ...], steepness: float) -> tuple[Tensor, Tensor]:
    """Gradients of an event's space and features."""
    space_NS, features_NF, index_NK, winner_NF, g_sums_NF = event
    # index_add takes numbers of 64 bits in half the time.
    index_NK, winner_NF = index_NK.long(), winner_NF.long()
    away_SNK, weight_NK = _weights(space_NS, index_NK, steepness)
    g_means, g_max_NF = g_sums_NF.split(features_NF.shape[1], dim=1)
    g_mean_NF = g_means / index_NK.shape[1]

    from_NF = index_NK.gather(1, winner_NF)
    g_features = torch.zeros_like(features_NF)
    g_features.scatter_add_(0, from_NF, g_max_NF * weight_NK.gather(1, winner_NF))
    g_weight_NK = torch.zeros_like(weight_NK)
    g_weight_NK.scatter_add_(1, winner_NF, g_max_NF * features_NF.gather(0, from_NF))
    parts = (each.split(ROWS) for each in (index_NK, weight_NK, g_mean_NF[:, None], g_weight_NK))
    for index_RK, weight_RK, g_R1F, out_RK in zip(*parts, strict=True):
        g_features.index_add_(0, index_RK.flatten(), (g_R1F * weight_RK[..., None]).flatten(0, 1))
        out_RK.add_((_gathered(features_NF, index_RK) * g_R1F).sum(2))

    g_away_SNK = away_SNK * (g_weight_NK * weight_NK * (-2 * steepness))  # by (1)
    g_space_SN = -g_away_SNK.sum(2)
    for g_N, g_away_NK in zip(g_space_SN, g_away_SNK, strict=True):
        g_N.index_add_(0, index_NK.flatten(), g_away_NK.flatten())
    return g_space_SN.T, g_features


def _weights(space_NS: Tensor, index_NK: Tensor, steepness: float) -> tuple[Tensor, Tensor]:
    """Way to each neighbour (S, N, K) and its weight (N, K)."""
    space_SN = space_NS.T.contiguous()  # sums over a few dimensions that lie apart are quick
    near_SNK = space_SN.index_select(1, index_NK.flatten()).unflatten(1, index_NK.shape)
    away_SNK = near_SNK.sub_(space_SN[..., None])
    return away_SNK, torch.exp(away_SNK.square().sum(0).mul_(-steepness))  # (1)


def _gathered(features_NF: Tensor, index_RK: Tensor) -> Tensor:
    """Neighbours' features, (R, K, F)."""
    return features_NF.index_select(0, index_RK.flatten()).unflatten(0, index_RK.shape)
