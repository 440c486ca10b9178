"""What a model costs, counted from the real one: trained weights, and operations for one example.

An operation is a multiplication or an addition, so that a matrix product of (m, k) with (k, n) counts 2 m k n;
additions of biases and activation functions are not counted (the convention of torch's FlopCounterMode). The
example is one without padding, whatever a model saves on examples that have some.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from raysearch.data.tensors import TensorData
from raysearch.tasks.task import Task

COUNTED = ("parameters", "mflop")


def count_parameters(model: nn.Module) -> int:
    """Number of weights that are trained."""
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


@torch.no_grad()
def count_mflop(task: Task[Any], model: nn.Module, data: TensorData) -> float:
    """Operations of one example's inference, in 10^6; the model's mode is left as it was.

    Args:
        task: knows how to apply the model.
        model: on the CPU or a GPU.
        data: on the same device; the example has the shape of its first row.
    """
    row = tuple(torch.ones_like(tensor[:1]) for tensor in data.tensors)
    was_training = model.training
    model.eval()
    with FlopCounterMode(display=False) as counter:
        task.predict(model, row)
    model.train(was_training)
    return counter.get_total_flops() / 1e6
