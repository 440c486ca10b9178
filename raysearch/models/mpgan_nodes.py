"""The points of a batch of clouds that are there, as one list without padding, for message passing.

Clouds of one multiplicity stand side by side, so that all pairs of a block are one tensor of their own shape:
a cloud of n points has n^2 edges, not as many as the fullest one.

Shapes in names: B clouds, N points of a cloud with its padding, X points of all clouds that are there,
F features; b clouds of a block, n points of each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor


class Block(NamedTuple):
    """Neighbouring clouds of one multiplicity, which may be 0."""

    clouds: int
    points: int


@dataclass(frozen=True)
class Nodes:
    """Where the points that are there come from, in the order of blocks.

    Attributes:
        place_X: int64, each point's place in the flat (B N).
        cloud_X: int64, its cloud.
        blocks: of the clouds, by rising multiplicity.
        shape: B and N.
    """

    place_X: Tensor
    cloud_X: Tensor
    blocks: tuple[Block, ...]
    shape: tuple[int, int]

    def taken(self, x_BNF: Tensor) -> Tensor:
        """Take the points that are there, (X, F)."""
        return x_BNF.flatten(0, 1).index_select(0, self.place_X)

    def put_back(self, x_XF: Tensor) -> Tensor:
        """Put points back to their places, (B, N, F), with zeros where there is none."""
        flat = x_XF.new_zeros(self.shape[0] * self.shape[1], x_XF.shape[1])
        return flat.index_copy(0, self.place_X, x_XF).unflatten(0, self.shape)

    def by_part(self, x_XF: Tensor, edges: int) -> Iterator[Tensor]:
        """View points of some clouds, (b, n, F), of one multiplicity: one cloud, or at most so many edges."""
        parts = x_XF.split([block.clouds * block.points for block in self.blocks])
        for block, part in zip(self.blocks, parts, strict=True):
            if block.points:
                clouds = part.view(block.clouds, block.points, x_XF.shape[1])
                yield from clouds.split(max(1, edges // block.points**2))


def find_nodes(there_BN: Tensor) -> Nodes:
    """Find the points that are there.

    Args:
        there_BN: bool.
    """
    n_B = there_BN.sum(1)
    order_B = n_B.argsort(stable=True)
    rank_X, point_X = there_BN[order_B].nonzero(as_tuple=True)
    cloud_X = order_B[rank_X]
    points, clouds = n_B.unique(return_counts=True)
    blocks = tuple(map(Block, clouds.tolist(), points.tolist()))
    n_clouds, n_points = there_BN.shape
    return Nodes(cloud_X * n_points + point_X, cloud_X, blocks, (n_clouds, n_points))
