"""A data set in memory: some tensors with the same first axis, and the three parts of a study's data."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

Batch = tuple[Tensor, ...]


@dataclass(frozen=True)
class TensorData:
    """Tensors of one length; row i of each belongs to example i.

    Attributes:
        tensors: inputs first, then targets, each (example, ...).
    """

    tensors: tuple[Tensor, ...]

    def __len__(self) -> int:
        return len(self.tensors[0])

    def rows(self, indices: Tensor) -> Batch:
        """Select examples; ``indices`` int64 (row,)."""
        return tuple(tensor.index_select(0, indices) for tensor in self.tensors)

    def to(self, device: torch.device) -> TensorData:
        """Move everything to a device."""
        return TensorData(tuple(tensor.to(device) for tensor in self.tensors))


@dataclass(frozen=True)
class Parts:
    """The three parts of a study's data; the test part is for the final evaluation alone."""

    train: TensorData
    validation: TensorData
    test: TensorData
