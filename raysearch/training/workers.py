"""The workers of a run: a group of data-parallel processes, or one process as a group of size one.

The loop knows only this interface, so it has no branch for being distributed.
"""

from __future__ import annotations

from typing import Protocol

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel


class Workers(Protocol):
    """What the loop needs of a group; every method is collective."""

    rank: int
    size: int
    device: torch.device

    def wrap(self, model: nn.Module) -> nn.Module:
        """Make gradients the mean over the workers."""

    def share_buffers(self, model: nn.Module) -> None:
        """Give all workers the first one's buffers (running means), which are the ones that are saved."""

    def sum(self, value: float) -> float:
        """Add a number up over the workers."""

    def gather_rows(self, rows: Tensor, n_rows: int) -> Tensor:
        """Join the workers' rows (worker r holds rows r, r + size, ...) in their order, on the CPU."""

    def wait(self) -> None:
        """Return when all workers have come here."""


class OneWorker:
    """A single process."""

    rank, size = 0, 1

    def __init__(self, device: torch.device | None = None) -> None:
        self.device = device or torch.device("cpu")

    def wrap(self, model: nn.Module) -> nn.Module:
        """Leave the model as it is."""
        return model

    def share_buffers(self, model: nn.Module) -> None:
        """Leave the model as it is."""

    def sum(self, value: float) -> float:
        """Return the value."""
        return value

    def gather_rows(self, rows: Tensor, n_rows: int) -> Tensor:  # noqa: ARG002 - the same shape as TorchWorkers
        """Return the rows."""
        return rows.cpu()

    def wait(self) -> None:
        """Return at once."""


class TorchWorkers:
    """A torch.distributed process group that is already set up (gloo on CPUs, nccl on GPUs)."""

    def __init__(self, device: torch.device) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self.device = device

    def wrap(self, model: nn.Module) -> nn.Module:
        """Wrap in DistributedDataParallel: the same start everywhere, gradients averaged."""
        return DistributedDataParallel(model)

    def share_buffers(self, model: nn.Module) -> None:
        """Broadcast them; DistributedDataParallel does so only before a step."""
        for buffer in model.buffers():
            dist.broadcast(buffer, src=0)

    def sum(self, value: float) -> float:
        """All-reduce in double precision."""
        total = torch.tensor(value, dtype=torch.float64, device=self.device)
        dist.all_reduce(total)
        return total.item()

    def gather_rows(self, rows: Tensor, n_rows: int) -> Tensor:
        """All-gather, undoing the interleaved distribution; (n_rows, ...)."""
        longest = -(-n_rows // self.size)
        padded = rows.new_zeros((longest, *rows.shape[1:]))
        padded[: len(rows)] = rows
        shares = [torch.empty_like(padded) for _ in range(self.size)]
        dist.all_gather(shares, padded)
        return torch.stack(shares, dim=1).flatten(0, 1)[:n_rows].cpu()

    def wait(self) -> None:
        """Barrier."""
        dist.barrier()
