"""The workers of a run: a group of data-parallel processes, or one process as a group of size one.

The loop knows only this interface, so it has no branch for being distributed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from raysearch.training.centre_server import CentreServer
from raysearch.training.timing import Agreeing

T = TypeVar("T")


class Workers(Protocol):
    """What the loop needs of a group; every method is collective. ``agreeing`` times them.

    ``server`` is there where workers are not to wait for each other.

    How workers agree on a model is another object's, which uses these methods; see
    :mod:`raysearch.training.consensus`.
    """

    rank: int
    size: int
    device: torch.device
    agreeing: Agreeing
    server: CentreServer | None

    def share_model(self, model: nn.Module) -> None:
        """Give all workers the first one's parameters and buffers."""

    def average(self, parameters: Sequence[Tensor]) -> None:
        """Make the gradients of some parameters, the same on all workers, their means over the workers."""

    def share_buffers(self, model: nn.Module) -> None:
        """Give all workers the first one's buffers (running means), which are the ones that are saved."""

    def sum(self, value: float) -> float:
        """Add a number up over the workers."""

    def gather(self, mine: T) -> list[T]:
        """Collect what every worker holds, tensors on the CPU or plain values, in the workers' order."""

    def gather_vectors(self, mine: Tensor) -> list[Tensor]:
        """Collect tensors of one shape, on the workers' devices, in the workers' order."""

    def wait(self) -> None:
        """Return when all workers have come here."""


class OneWorker:
    """A single process."""

    rank, size = 0, 1
    server: CentreServer | None = None

    def __init__(self, device: torch.device | None = None) -> None:
        self.device = device or torch.device("cpu")
        self.agreeing = Agreeing()

    def share_model(self, model: nn.Module) -> None:
        """Leave the model as it is."""

    def average(self, parameters: Sequence[Tensor]) -> None:
        """Leave the gradients as they are."""

    def share_buffers(self, model: nn.Module) -> None:
        """Leave the model as it is."""

    def sum(self, value: float) -> float:
        """Return the value."""
        return value

    def gather(self, mine: T) -> list[T]:
        """Return one worker's."""
        return [mine]

    def gather_vectors(self, mine: Tensor) -> list[Tensor]:
        """Return one worker's."""
        return [mine]

    def wait(self) -> None:
        """Return at once."""


class TorchWorkers:
    """A torch.distributed process group that is already set up (gloo on CPUs, nccl on GPUs)."""

    def __init__(self, device: torch.device, server: CentreServer | None = None) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self.device, self.server = device, server
        self.agreeing = Agreeing()

    def share_model(self, model: nn.Module) -> None:
        """Broadcast parameters and buffers."""
        _broadcast(weight.detach() for weight in model.parameters())
        # Parameters once, after which all take the same steps; buffers go apart with the rows they see.
        self.share_buffers(model)

    def share_buffers(self, model: nn.Module) -> None:
        """Broadcast buffers."""
        with self.agreeing.waiting.running():
            _broadcast(model.buffers())

    def average(self, parameters: Sequence[Tensor]) -> None:
        """All-reduce gradients, those of one type as one vector, in the order of the parameters."""
        with self.agreeing.averaging.running():
            for alike in _by_type(parameters):
                self._average(alike)

    def _average(self, alike: Sequence[Tensor]) -> None:
        gradients = [torch.zeros_like(each) if each.grad is None else each.grad for each in alike]
        # A parameter that no worker's loss depends on keeps no gradient, as with one worker: zeros would
        # move it, by weight decay and by moments. So the vector ends with who has one.
        has = alike[0].new_tensor([each.grad is not None for each in alike])
        flat = torch.cat([*(gradient.reshape(-1) for gradient in gradients), has])
        flat /= self.size  # before the sum, so that it overflows no sooner than one worker's
        dist.all_reduce(flat)
        *means, shares = flat.split([*(each.numel() for each in alike), len(alike)])
        for parameter, mean, share in zip(alike, means, shares, strict=True):
            if parameter.grad is not None:
                parameter.grad.copy_(mean.view_as(parameter))
            elif share > 0:
                parameter.grad = mean.view_as(parameter).clone()

    def sum(self, value: float) -> float:
        """All-reduce in double precision."""
        # Double, as Python adds up losses with one worker.
        total = torch.tensor(value, dtype=torch.float64, device=self.device)
        with self.agreeing.waiting.running():
            dist.all_reduce(total)
            return total.item()

    def gather(self, mine: T) -> list[T]:
        """All-gather; the workers' tensors may have any number and shapes."""
        held: list[Any] = [None] * self.size
        with self.agreeing.waiting.running():
            dist.all_gather_object(held, mine)
        return held

    def gather_vectors(self, mine: Tensor) -> list[Tensor]:
        """All-gather."""
        held = [torch.empty_like(mine) for _ in range(self.size)]
        with self.agreeing.averaging.running():
            dist.all_gather(held, mine.contiguous())
        return held

    def wait(self) -> None:
        """Barrier."""
        dist.barrier()


def _broadcast(tensors: Iterable[Tensor]) -> None:
    """Write the first worker's values into every worker's tensors, those of one type as one vector."""
    for alike in _by_type(tensors):
        flat = torch.cat([each.reshape(-1) for each in alike])
        dist.broadcast(flat, src=0)
        for each, values in zip(alike, flat.split([each.numel() for each in alike]), strict=True):
            each.copy_(values.view_as(each))


def _by_type(tensors: Iterable[Tensor]) -> list[list[Tensor]]:
    """Group tensors that can be one vector, in the order given, which is the same on all workers."""
    groups: dict[torch.dtype, list[Tensor]] = {}
    for each in tensors:
        groups.setdefault(each.dtype, []).append(each)
    return list(groups.values())
