import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysearch.evolve.genome import Genome, Vector, pack, unpack

SEED = st.integers(0, 2**64 - 1)
CHAINS = st.lists(
    st.lists(SEED | st.integers(0, 2), min_size=1, max_size=12).map(tuple).map(Genome), max_size=8
)


def test_a_child_is_its_parent_and_one_seed_more():
    genome = Genome((5,))
    assert genome.parent is None
    assert genome.child(9) == Genome((5, 9))
    assert genome.child(9).parent == genome


@given(st.lists(SEED, min_size=1))
def test_bytes_are_eight_a_link_and_read_again(seeds):
    data = Genome(tuple(seeds)).to_bytes()
    assert len(data) == 8 * len(seeds)
    assert Genome.from_bytes(data) == Genome(tuple(seeds))


@pytest.mark.parametrize("data", [b"", b"1234567"])
def test_broken_bytes_are_an_error(data):
    with pytest.raises(ValueError, match=r"seed|size"):
        Genome.from_bytes(data)


@given(CHAINS)
def test_packed_genomes_are_read_again(genomes):
    assert unpack(pack(genomes)) == tuple(genomes)


def test_relatives_are_packed_into_little():
    parent = Genome(tuple(range(1000)))
    packed = pack([parent.child(seed) for seed in range(5000, 5064)])
    assert sum(map(len, packed)) == 1002 + 63 * 2


def test_vectors_are_equal_by_value():
    ones = np.ones(3, np.float32)
    assert Vector(1, ones) == Vector(1, ones.copy())
    assert len({Vector(1, ones), Vector(1, ones.copy())}) == 1
    assert Vector(1, ones) != Vector(2, ones)
    assert Vector(1, ones) != Vector(1, 2 * ones)
