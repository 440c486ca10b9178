"""Every constituent has its node, and padding has one."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from raysearch.models.interaction_nodes import find_nodes


def jets_of(lengths, constituents):
    x = torch.zeros(len(lengths), constituents, 2)
    for jet, length in zip(x, lengths, strict=True):
        jet[:length] = torch.randn(length, 2)
    return x


@given(st.lists(st.integers(0, 9), max_size=12), st.integers(1, 300), st.booleans())
def test_every_constituent_is_its_node(lengths, most_edges, merge):
    x = jets_of(lengths, 9)
    nodes = find_nodes(x, most_edges, merge=merge)
    node_rows = x.reshape(-1, 2)[nodes.rows_X]
    assert torch.equal(node_rows[nodes.node_BN], x)
    start = 0
    for block in nodes.blocks:
        assert block.start == start
        assert block.jets == 1 or block.jets * block.nodes**2 <= most_edges
        counts = torch.bincount(nodes.node_BN.flatten(), minlength=len(node_rows))
        expected = torch.ones(block.jets, block.nodes, dtype=torch.long)
        expected[:, -1] = block.copies
        assert torch.equal(counts[block.columns].view(block.jets, block.nodes), expected)
        start = block.columns.stop
    assert start == len(nodes.rows_X)


def test_padding_is_one_node_and_like_jets_share_a_block():
    nodes = find_nodes(jets_of([3, 40, 3, 0, 50, 45], 50), 10**6)
    assert [(block.jets, block.nodes, block.copies) for block in nodes.blocks] == [
        (3, 50, 1),  # lengths 50, 45 and 40
        (2, 4, 47),
        (1, 1, 50),
    ]
    assert len(nodes.rows_X) == 3 * 50 + 2 * 4 + 1


def test_zero_rows_before_the_last_constituent_are_nodes():
    x = jets_of([5], 8)
    x[0, :4] = 0
    assert find_nodes(x, 100).blocks[0].nodes == 6


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e-30])
def test_what_is_not_zero_is_no_padding(value):
    x = jets_of([2], 8)
    x[0, 5, 1] = value
    assert find_nodes(x, 100).blocks[0].nodes == 7
