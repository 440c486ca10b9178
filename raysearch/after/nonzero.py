"""Operations that are left of a network some of whose weights are zero, counted from the network itself.

A product counts if both its factors may be other than zero: the network is copied with every kept weight and
bias a small positive number, and given an example of ones, so that an activation is zero only where nothing
reaches it. Convention as in raysearch/training/counting.py: a multiplication and an addition for each
product, in 10^6.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.flop_counter import FlopCounterMode, flop_registry

from raysearch.data.tensors import TensorData
from raysearch.tasks.task import Task
from raysearch.training.counting import apply_to_ones, in_double

SMALL = 1e-3  # in double precision, so that gates do not saturate and deep products do not vanish

aten = torch.ops.aten


@torch.no_grad()
def count_nonzero_mflop(task: Task[Any], model: nn.Module, data: TensorData) -> float:
    """Operations of one example's inference that no zero weight makes needless, in 10^6.

    Args:
        task: knows how to apply the model.
        model: with zeros where weights are dropped; it is not changed.
        data: its first row has the shape of an example.
    """
    bare = _structure(task.plain(model))
    with in_double(), FlopCounterMode(display=False, custom_mapping=_FORMULAS) as counter:
        apply_to_ones(task, bare, data.to(torch.device("cpu")))
    return counter.get_total_flops() / 1e6


def _structure(model: nn.Module) -> nn.Module:
    """Copy a network with a small positive number wherever a weight is not zero, and no running means."""
    bare = copy.deepcopy(model).cpu().double().eval()
    for weight in bare.parameters():
        kept = weight != 0 if weight.ndim > 1 else torch.ones_like(weight, dtype=torch.bool)
        # All of one sign: no sum can cancel to a zero that no dropped weight made.
        weight.copy_(kept * SMALL)
    for module in bare.modules():
        if isinstance(module, _BatchNorm):
            module.reset_running_stats()
    return bare


def _products(a: Tensor, b: Tensor) -> int:
    """Of matrices (..., m, k) and (..., k, n): pairs of factors that are both not zero."""
    # Of each k: factors in its column of a times those in its row of b.
    return int(((a != 0).sum(-2) * (b != 0).sum(-1)).sum())


def _mm(a: Tensor, b: Tensor, *_: object, **__: object) -> int:
    return 2 * _products(a, b)


def _addmm(_: Tensor, a: Tensor, b: Tensor, *__: object, **___: object) -> int:
    return 2 * _products(a, b)


def _convolution(x: Tensor, weight: Tensor, *rest: Any, out_val: Tensor | None = None, **more: Any) -> int:
    """Operations of all weights, times the share that is not zero."""
    dense = flop_registry[aten.convolution](x, weight, *rest, out_val=out_val, **more)
    # A weight of a kernel is used at every place alike.
    return round(dense * int((weight != 0).sum()) / weight.numel())


def _raw(formula: Callable[..., int]) -> Callable[..., int]:
    """Have torch's counter hand tensors to a formula, not their shapes."""
    formula._get_raw = True  # type: ignore[attr-defined] # how the counter tells them apart
    return formula


_FORMULAS = {
    aten.mm: _raw(_mm),
    aten.bmm: _raw(_mm),
    aten.addmm: _raw(_addmm),
    aten.baddbmm: _raw(_addmm),
    aten.convolution: _raw(_convolution),
}
