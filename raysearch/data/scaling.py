"""Standardises rows of features by the mean and standard deviation of a training part."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

PIECE = 2000  # rows read at a time
LEAST_SD = 1e-12  # of a feature that is always the same, which becomes 0


@dataclass(frozen=True)
class Scaling:
    """``(x - mean) / sd`` of each feature; padding, items of which all features are 0, stays 0.

    Attributes:
        mean, sd: float32 (feature,).
        padded: whether rows (item, feature) hold padding; rows (feature,) never do.
    """

    mean: Tensor
    sd: Tensor
    padded: bool

    @classmethod
    def of(cls, tensor: Tensor, rows: Tensor) -> Scaling:
        """Measure the rows of a part.

        Reads them in pieces, twice, since a variance from sums of squares loses all digits where the mean is large.

        Args:
            tensor: (row, feature), or (row, item, feature) with padding; may be larger than memory.
            rows: int64 (example,).
        """
        padded = tensor.ndim == 3
        n, total = 0, torch.zeros(tensor.shape[-1], dtype=torch.float64)
        for piece in rows.split(PIECE):
            items = _items(tensor.index_select(0, piece), padded=padded)
            n, total = n + len(items), total + items.sum(0)
        mean = total / n
        squares = torch.zeros_like(mean)
        for piece in rows.split(PIECE):
            squares += (_items(tensor.index_select(0, piece), padded=padded) - mean).square().sum(0)
        sd = (squares / max(n - 1, 1)).sqrt().clamp_min(LEAST_SD)
        return cls(mean.float(), sd.float(), padded)

    def __call__(self, x: Tensor) -> Tensor:
        """Standardise rows of a batch."""
        scaled = (x - self.mean) / self.sd
        return scaled * x.any(dim=-1, keepdim=True) if self.padded else scaled

    def to(self, device: torch.device) -> Scaling:
        """Move to a device."""
        return Scaling(self.mean.to(device), self.sd.to(device), self.padded)


def _items(rows: Tensor, *, padded: bool) -> Tensor:
    return (rows[rows.any(dim=-1)] if padded else rows).double()
