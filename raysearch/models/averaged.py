"""Averages of a network's weights over the steps of its training, by which it may be judged."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class Averaged(nn.Module):
    """A copy of a network whose weights follow those that learn, as an exponential moving average.

    The weights of the copy are buffers: no optimiser has them, checkpoints do, and several workers have the
    first one's; those of ``torch.optim.swa_utils.AveragedModel`` are parameters, which would be counted and
    agreed on. Early averages look back less far, as in TensorFlow's ``ExponentialMovingAverage``.

    Args:
        network: that learns; it is not kept.
        decay: how much of the average stays in a step.
    """

    steps: Tensor

    def __init__(self, network: nn.Module, decay: float) -> None:
        super().__init__()
        self.network, self.decay = _with_buffers(copy.deepcopy(network)), decay
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def follow(self, network: nn.Module) -> None:
        """Take in what the network's weights are after a step."""
        n = int(self.steps)
        decay = min(self.decay, (1 + n) / (10 + n))
        averages = dict(self.network.named_buffers())
        for name, weight in network.named_parameters():
            averages[name].lerp_(weight, 1 - decay)
        self.steps += 1


def _with_buffers(network: nn.Module) -> nn.Module:
    """Turn a network's parameters into buffers of the same names."""
    for module in network.modules():
        for name, weight in list(module.named_parameters(recurse=False)):
            delattr(module, name)
            module.register_buffer(name, weight.detach())
    return network
