import pytest
import torch

from raysearch.data.shuffling import chunk_shuffled


def rows(n, chunk, pool, seed=0):
    return chunk_shuffled(n, torch.Generator().manual_seed(seed), chunk, pool)


@pytest.mark.parametrize(
    ("n", "chunk", "pool"), [(0, 3, 2), (1, 5, 5), (10, 3, 2), (1000, 7, 4), (1000, 2000, 1)]
)
def test_every_row_comes_once(n, chunk, pool):
    got = rows(n, chunk, pool)
    assert got.dtype == torch.int64
    assert got.sort().values.tolist() == list(range(n))


def test_a_pool_holds_its_chunks_and_no_others():
    got = rows(10_000, 100, 5)
    for pool in got.split(500):
        assert len(set((pool // 100).tolist())) == 5


def test_neighbours_are_mixed_and_chunks_come_from_everywhere():
    got = rows(100_000, 100, 20)
    assert (got.diff().abs() == 1).float().mean() < 0.01
    batch_chunks = [len(set((batch // 100).tolist())) for batch in got.split(100)[:50]]
    assert min(batch_chunks) >= 15
    first_pool = got[:2000].float() / 100_000
    assert 0.3 < first_pool.mean() < 0.7
    assert first_pool.std() > 0.15


def test_the_order_follows_from_the_generator():
    assert torch.equal(rows(500, 10, 3, seed=1), rows(500, 10, 3, seed=1))
    assert not torch.equal(rows(500, 10, 3, seed=1), rows(500, 10, 3, seed=2))


@pytest.mark.parametrize(("chunk", "pool"), [(0, 1), (1, 0)])
def test_sizes_that_cannot_be(chunk, pool):
    with pytest.raises(ValueError, match="need at least 1"):
        rows(10, chunk, pool)
