"""The discriminator of 3DGAN: is a shower real, what is its energy; and the sum and the angle of its cells.

Convolutions with LeakyReLU, batch normalisation (but after the first) and dropout, the mean over 2 x 2 x 2
cells, then two dense heads. Cells' sum and angle have no weights. The published head "real or fake" ends in
a sigmoid under a binary cross-entropy; here it gives the logit, which is the same loss. Batch normalisation
takes a batch's means in training and running ones in evaluation mode; svalleco/3Dgan has revisions with and
without ``training=True``, which takes a batch's means in both.

Shapes in names: B showers, C channels, X, Y, Z cells along x, y and layer, F what the heads see.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 - the usual name
from torch import Tensor, nn

from raysearch.errors import InputError
from raysearch.models.gan3d_angle import measured_angle
from raysearch.models.gan3d_block import Block, glorot_uniform_dense
from raysearch.models.gan3d_shape import Gan3dShape


class Judgement(NamedTuple):
    """What a discriminator says of showers; each (B,).

    Attributes:
        real_logit: logit of being real.
        energy: in 100 GeV.
        cell_sum: of all cells, in their unit.
        angle: in radian; None at a fixed angle.
    """

    real_logit: Tensor
    energy: Tensor
    cell_sum: Tensor
    angle: Tensor | None


class Discriminator(nn.Module):
    """A judgement of showers."""

    def __init__(self, shape: Gan3dShape, *, compute: str) -> None:
        super().__init__()
        self.shape, self.compute = shape, compute
        blocks, channels = [], 1
        for step in shape.discriminator:
            block = Block(
                channels,
                step,
                nn.init.xavier_uniform_,
                active="leaky_relu",
                epsilon=shape.epsilon,
                compute=compute,
            )
            blocks.append(block)
            channels = step.filters
        self.blocks = nn.ModuleList(blocks)
        self.dropout = nn.Dropout(shape.dropout)
        self.real = glorot_uniform_dense(shape.judged, 1)
        self.energy = glorot_uniform_dense(shape.judged, 1)

    def forward(self, cells_BXYZ: Tensor) -> Judgement:
        """Judge showers.

        Args:
            cells_BXYZ: not negative, raised to ``shape.power``.

        Raises:
            InputError: other than ``shape.cells``.
        """
        if cells_BXYZ.ndim != 4 or tuple(cells_BXYZ.shape[1:]) != self.shape.cells:
            wanted = ", ".join(map(str, self.shape.cells))
            raise InputError(f"cells: needs shape (showers, {wanted}), got {tuple(cells_BXYZ.shape)}")
        x_BCXYZ = cells_BXYZ.unsqueeze(1)
        if self.compute == "phases":
            x_BCXYZ = cells_BXYZ.unsqueeze(4).permute(0, 4, 1, 2, 3)  # channels last
        for block in self.blocks:
            x_BCXYZ = self.dropout(block(x_BCXYZ))
        pooled_BF = F.avg_pool3d(x_BCXYZ, 2).permute(0, 2, 3, 4, 1).flatten(1)  # Keras' order
        cell_sum, angle = self._read_off(cells_BXYZ)
        return Judgement(self.real(pooled_BF).squeeze(1), self.energy(pooled_BF).squeeze(1), cell_sum, angle)

    def _read_off(self, cells_BXYZ: Tensor) -> tuple[Tensor, Tensor | None]:
        with torch.autocast(cells_BXYZ.device.type, enabled=False):
            if self.shape.power != 1:
                cells_BXYZ = cells_BXYZ ** (1 / self.shape.power)
            angle = measured_angle(cells_BXYZ) if self.shape.angle else None
            return cells_BXYZ.sum((1, 2, 3)), angle
