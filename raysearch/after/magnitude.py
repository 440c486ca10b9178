"""Which weights to drop: those small beside the largest of their layer, round by round.

Duarte et al., JINST 13 (2018) P07027, arXiv:1804.06913, section 2.3, and its code (keras-training,
train/prune.py, train_prune_eval_retrain.sh): weights are ranked by |w| / max |w| of their layer over all
layers together, biases are left alone, and the shares that are zero after each round are ``PUBLISHED``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from raysearch.errors import InputError

PUBLISHED = (0.327, 0.475, 0.565, 0.630, 0.667, 0.700, 0.717)

Masks = dict[str, Tensor]


def schedule(rounds: int, target: float) -> list[float]:
    """Shares of the weights that are zero after each round, the last one ``target``.

    The published seven for 7 rounds to 0.717; else their curve, read at as many places and scaled.

    Raises:
        InputError: no round, or a target outside (0, 1); lists both.
    """
    problems = []
    if rounds < 1:
        problems.append(f"--rounds: needs at least 1, got {rounds}")
    if not 0 < target < 1:
        problems.append(f"--target: needs a share above 0 and below 1, got {target}")
    if problems:
        raise InputError(*problems)
    places = np.linspace(0, len(PUBLISHED), rounds + 1)[1:]
    shares = np.interp(places, range(len(PUBLISHED) + 1), (0.0, *PUBLISHED))
    return [float(target * (share / PUBLISHED[-1])) for share in shares]


def all_kept(model: nn.Module) -> Masks:
    """Masks that drop nothing: a name to 1 for every weight; biases and other vectors have none."""
    return {name: torch.ones_like(weight) for name, weight in model.named_parameters() if weight.ndim > 1}


def drop_smallest(weights: Mapping[str, Tensor], masks: Masks, share: float) -> Masks:
    """Drop the lowest-ranked weights until a share of all is dropped; what was dropped before stays so.

    Args:
        weights: a ``state_dict``.
        masks: of the round before, a name to 1 where kept and 0 where not.
        share: of all weights under masks, rounded down to whole weights.
    """
    ranks = []
    for name, mask in masks.items():
        size = weights[name].abs()
        # By layer: sizes differ with the width of layers, and the widest would be emptied first.
        largest = (size * mask).max().clamp_min(torch.finfo(size.dtype).tiny)
        # Dropped ones rank below all others, and so are among the dropped again.
        ranks.append(torch.where(mask > 0, size / largest, -1.0).flatten())
    rank = torch.cat(ranks)
    keep = torch.ones_like(rank)
    # Stable, so that ties fall alike everywhere; 1e-9, so that 0.29 of 100 weights, 28.999..., are 29.
    keep[rank.argsort(stable=True)[: int(share * len(rank) + 1e-9)]] = 0
    parts = keep.split([mask.numel() for mask in masks.values()])
    return {name: part.view_as(mask) for (name, mask), part in zip(masks.items(), parts, strict=True)}


@torch.no_grad()
def hold(model: nn.Module, masks: Masks) -> None:
    """Set the dropped weights of a model to zero."""
    for name, weight in model.named_parameters():
        if name in masks:
            weight.mul_(masks[name].to(weight.device))


def n_dropped(masks: Masks) -> int:
    """How many weights are dropped."""
    return int(sum((mask == 0).sum() for mask in masks.values()))


def n_weights(masks: Masks) -> int:
    """How many weights there are, dropped ones among them."""
    return sum(mask.numel() for mask in masks.values())
