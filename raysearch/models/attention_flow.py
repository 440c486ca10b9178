"""A velocity field of point clouds in which every point looks at every other.

Blocks of attention (A. Vaswani et al., arXiv:1706.03762) that are told the time and the like by scales and
shifts which begin at 0 (adaLN-Zero, W. Peebles, S. Xie, arXiv:2212.09748). It costs N^2 a cloud, EPiC layers
N; in exchange points see where each of the others is, without which they do not keep apart.

Shapes in names: B clouds, N points, F features of a point, W width, H heads, K width of a head, C labels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - the usual name
from torch import Tensor, nn

from raysearch.models.flow_matching import FieldShape, tell

WIDER = 2  # times the width: of what lies between the two layers that each point goes through by itself


@dataclass(frozen=True, kw_only=True)
class AttentionShape(FieldShape):
    """What the field looks like.

    Attributes:
        width: of all layers, a multiple of the heads.
        heads: of the attention.
        layers: how many blocks.
    """

    width: int = 48
    heads: int = 4
    layers: int = 4


class Told(nn.Module):
    """A layer's norm, scaled and shifted by what the cloud is told, and a gate for what comes of it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.three = nn.Linear(width, 3 * width)
        nn.init.zeros_(self.three.weight)
        nn.init.zeros_(self.three.bias)

    def forward(self, x_BNW: Tensor, told_BW: Tensor) -> tuple[Tensor, Tensor]:
        """Give what the block sees, and the gate."""
        scale_B1W, shift_B1W, gate_B1W = self.three(told_BW).unsqueeze(1).chunk(3, dim=2)
        return self.norm(x_BNW) * (1 + scale_B1W) + shift_B1W, gate_B1W


class Block(nn.Module):
    """Attention between a cloud's points, then two layers of each point; both with a residual."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.of_all, self.of_each = Told(width), Told(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.mixed = nn.Linear(width, width)
        self.wide, self.narrow = nn.Linear(width, WIDER * width), nn.Linear(WIDER * width, width)

    def forward(self, x_BNW: Tensor, told_BW: Tensor, unseen_B11N: Tensor) -> Tensor:
        """Update the points; those that are unseen tell the others nothing."""
        seen_BNW, gate_B1W = self.of_all(x_BNW, told_BW)
        x_BNW = x_BNW + gate_B1W * self.mixed(self._attended(seen_BNW, unseen_B11N))
        seen_BNW, gate_B1W = self.of_each(x_BNW, told_BW)
        return x_BNW + gate_B1W * self.narrow(F.gelu(self.wide(seen_BNW)))

    def _attended(self, x_BNW: Tensor, unseen_B11N: Tensor) -> Tensor:
        query_BHNK, key_BHNK, value_BHNK = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for part in self.query_key_value(x_BNW).chunk(3, dim=2)
        )
        alike_BHNN = query_BHNK @ key_BHNK.transpose(2, 3) / math.sqrt(query_BHNK.shape[3])  # Eq. (1)
        shares_BHNN = alike_BHNN.masked_fill(unseen_B11N, -torch.inf).softmax(dim=3)
        return (shares_BHNN @ value_BHNK).transpose(1, 2).flatten(2)


class AttentionField(nn.Module):
    """Clouds on their way, and how far they are, in; the velocity of each point out."""

    def __init__(self, shape: AttentionShape) -> None:
        super().__init__()
        width = shape.width
        self.shape = shape
        self.of_point = nn.Linear(shape.features, width)
        self.of_cloud = nn.Sequential(
            nn.Linear(shape.told, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU()
        )
        self.blocks = nn.ModuleList(Block(width, shape.heads) for _ in range(shape.layers))
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, shape.features)

    def forward(self, x_BNF: Tensor, time_B: Tensor, there_BN: Tensor, labels_BC: Tensor) -> Tensor:
        """Give velocities (B, N, F), 0 where there is no point; see ``flow_matching.py``."""
        there_BN1 = there_BN.unsqueeze(2).to(x_BNF.dtype)
        told_BW = self.of_cloud(tell(time_B, there_BN1.sum(1), self.shape.points, labels_BC))
        # In a cloud without points all see all: shares of nothing would be no numbers.
        unseen_BN = ~there_BN & there_BN.any(1, keepdim=True)
        unseen_B11N = unseen_BN[:, None, None]
        x_BNW = self.of_point(x_BNF)
        for block in self.blocks:
            x_BNW = block(x_BNW, told_BW, unseen_B11N)
        return self.out(self.norm(x_BNW)) * there_BN1
