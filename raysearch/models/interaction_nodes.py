"""Which constituents of a batch of jets JEDI-net has to compute: all different ones, in blocks of like jets.

JEDI-net (arXiv:1908.05318) masks nothing: the zero rows that pad a jet are nodes like others, send effects
and are classified. But a jet's trailing zero rows are all one and the same node. So a jet of n constituents
out of N needs n + 1 nodes, the last of them standing for N - n, and exactly the same function results:

    Ebar_i = sum_j (m_j - delta_ij) f_R(I_i, I_j),    m_j = N - n for the last node, else 1.        (M)

Jets are sorted by length and cut into blocks in which all have as many nodes as the longest. Some of these
are then zero rows of their own, and the last node's multiplicity is the same in all the block.

Shapes in names: B jets, N constituents, P features, X nodes of all jets, block after block, jet after jet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_LEAST_USED = 0.8  # of a block's nodes a jet; for the large blocks of a GPU and for short jets


@dataclass(frozen=True, slots=True)
class JetBlock:
    """Some jets with equally many nodes each.

    Attributes:
        start: the first node's place among all nodes.
        jets: how many.
        nodes: of each jet.
        copies: how many constituents the last node of each jet stands for.
    """

    start: int
    jets: int
    nodes: int
    copies: int

    @property
    def columns(self) -> slice:
        """The block's places among all nodes."""
        return slice(self.start, self.start + self.jets * self.nodes)


@dataclass(frozen=True, slots=True)
class Nodes:
    """The nodes of a batch.

    Attributes:
        rows_X: the row of the constituents (B * N, P) that each node is.
        node_BN: the node that each constituent is.
        blocks: whose nodes they are.
    """

    rows_X: Tensor
    node_BN: Tensor
    blocks: list[JetBlock]


def find_nodes(x_BNP: Tensor, most_edges: int, *, merge: bool = True) -> Nodes:
    """Find the nodes of a batch.

    Args:
        x_BNP: constituents (B, N, P).
        most_edges: of a block with more than one jet.
        merge: make one node of a jet's trailing zero rows.

    Returns:
        Nodes that lie in memory by falling number per jet; jets of one number keep their order.
    """
    jets, constituents, _ = x_BNP.shape
    place_N = torch.arange(constituents, device=x_BNP.device)
    if merge:
        # By the last row that is not zero: a zero row among others is a constituent that the paper sees too.
        length_B = ((x_BNP != 0).any(2) * (place_N + 1)).amax(1)
        needed_B = (length_B + 1).clamp(max=constituents)
    else:
        needed_B = place_N.new_full((jets,), constituents)
    # Stable, so that the same batch gives the same blocks and, by them, the same rounding.
    needed_B, jet_B = needed_B.sort(descending=True, stable=True)
    blocks, size_per_jet, start = [], [], 0
    for like_jets in _cut(needed_B.tolist(), most_edges):
        nodes = like_jets[0]
        blocks.append(JetBlock(start, len(like_jets), nodes, constituents - nodes + 1))  # m_j of (M)
        size_per_jet += [nodes] * len(like_jets)
        start += nodes * len(like_jets)
    size_B = place_N.new_tensor(size_per_jet)
    start_B = size_B.cumsum(0) - size_B
    node_BN = torch.empty(jets, constituents, dtype=torch.long, device=x_BNP.device)
    # What lies beyond a jet's nodes is its last one, which stands for the padding.
    node_BN[jet_B] = start_B[:, None] + torch.minimum(place_N, size_B[:, None] - 1)
    rows_X = (jet_B[:, None] * constituents + place_N)[place_N < size_B[:, None]]
    return Nodes(rows_X, node_BN, blocks)


def _cut(needed: Sequence[int], most_edges: int) -> Iterator[Sequence[int]]:
    """Cut falling numbers of nodes where a block would become too large or its jets too different."""
    first = 0
    for end in range(1, len(needed) + 1):
        if (
            end == len(needed)
            or (end + 1 - first) * needed[first] ** 2 > most_edges
            or needed[end] < _LEAST_USED * needed[first]
        ):
            yield needed[first:end]
            first = end
