"""The rows of a study's data: tensors shared by all its parts, which rows a part has, how they are scaled.

The tensors may be maps of files (raysearch/data/prepared.py), larger than memory. So a part holds positions
in them, and rows are copied and scaled only when a batch asks for them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from raysearch.data.scaling import Scaling

Batch = tuple[Tensor, ...]
DEVICE_SHARE = 0.25  # of the memory that we have there, for one part; larger ones go there batch by batch


class TensorData:
    """Rows of tensors of one length; row i of each belongs to example i.

    Args:
        tensors: each (row, ...), in the order in which the task's batches have them.
        selection: int64 (example,), the rows that are the examples; None: all.
        scaling: shifts and scales the first tensor's rows when they are read.
    """

    def __init__(
        self, tensors: tuple[Tensor, ...], selection: Tensor | None = None, scaling: Scaling | None = None
    ) -> None:
        self._stored, self._selection, self._scaling = tensors, selection, scaling
        self._device: torch.device | None = None  # where batches go, if the stored tensors stay

    def __len__(self) -> int:
        return len(self._stored[0] if self._selection is None else self._selection)

    def rows(self, indices: Tensor) -> Batch:
        """Select examples; ``indices`` int64 (row,)."""
        indices = indices.to(self._stored[0].device)
        if self._selection is not None:
            indices = self._selection.index_select(0, indices)
        found = [tensor.index_select(0, indices) for tensor in self._stored]
        if self._device is not None:
            found = [tensor.to(self._device) for tensor in found]
        if self._scaling is not None:
            found[0] = self._scaling(found[0])
        return tuple(found)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All examples, copied if a selection; of a large part take :meth:`column` or :meth:`rows`."""
        if self._selection is None and self._scaling is None:
            return self._stored
        return self.rows(torch.arange(len(self)))

    def column(self, number: int) -> Tensor:
        """One of the tensors (example, ...), unscaled; which is what, the task knows that made them."""
        tensor = self._stored[number]
        return tensor if self._selection is None else tensor.index_select(0, self._selection)

    def every(self, step: int) -> TensorData:
        """Every ``step``-th example, without copying any."""
        rows = torch.arange(0, len(self), step)
        chosen = rows if self._selection is None else self._selection[rows]
        return TensorData(self._stored, chosen, self._scaling)

    def to(self, device: torch.device) -> TensorData:
        """Move to a device what fits well; of the rest, each batch will go there when it is read."""
        if device == self._stored[0].device:
            return self
        n_bytes = sum(tensor[:1].nbytes for tensor in self._stored) * len(self)
        if device.type == "cuda" and n_bytes > DEVICE_SHARE * _memory(device):
            moved = TensorData(self._stored, self._selection, self._to(device))
            moved._device = device
            return moved
        columns = tuple(self.column(number).to(device) for number in range(len(self._stored)))
        return TensorData(columns, None, self._to(device))

    def _to(self, device: torch.device) -> Scaling | None:
        return None if self._scaling is None else self._scaling.to(device)


def _memory(device: torch.device) -> float:
    """Bytes of a GPU's memory that this process may take."""
    share = torch.cuda.get_per_process_memory_fraction(device)
    return share * torch.cuda.get_device_properties(device).total_memory


@dataclass(frozen=True)
class Parts:
    """The three parts of a study's data; the test part is for the final evaluation alone."""

    train: TensorData
    validation: TensorData
    test: TensorData
