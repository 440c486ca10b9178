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
        """Measure the rows of a part, in pieces and in one pass.

        Sums of squares lose all digits where a mean is large, so they are taken about the first piece's mean.

        Args:
            tensor: (row, feature), or (row, item, feature) with padding; may be larger than memory.
            rows: int64 (example,).
        """
        padded = tensor.ndim == 3
        pieces = rows.split(PIECE)
        first = _items(tensor.index_select(0, pieces[0]), padded=padded)
        near = first.sum(0) / max(len(first), 1)
        n, total, squares = 0, torch.zeros_like(near), torch.zeros_like(near)
        for piece in pieces:
            away = _items(tensor.index_select(0, piece), padded=padded) - near
            n, total, squares = n + len(away), total + away.sum(0), squares + away.square().sum(0)
        n = max(n, 1)
        variance = (squares - total.square() / n).clamp_min(0) / max(n - 1, 1)
        return cls((near + total / n).float(), variance.sqrt().clamp_min(LEAST_SD).float(), padded)

    def __call__(self, x: Tensor) -> Tensor:
        """Standardise rows of a batch."""
        scaled = (x - self.mean) / self.sd
        return scaled * x.any(dim=-1, keepdim=True) if self.padded else scaled

    def to(self, device: torch.device) -> Scaling:
        """Move to a device."""
        return Scaling(self.mean.to(device), self.sd.to(device), self.padded)


def _items(rows: Tensor, *, padded: bool) -> Tensor:
    return (rows[rows.any(dim=-1)] if padded else rows).double()
