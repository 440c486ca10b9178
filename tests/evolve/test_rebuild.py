import functools

import numpy as np
import pytest

from raysearch.evolve.genome import Genome, Vector
from raysearch.evolve.mutation import GaussianMutation, PointMutation
from raysearch.evolve.rebuild import Rebuilder

N = 300
MUTATIONS = [PointMutation(0.1, 0.5), GaussianMutation(0.1)]


class Counted:
    """A mutation that counts its draws."""

    def __init__(self, mutation):
        self.mutation, self.draws = mutation, 0

    def draw(self, seed, n):
        self.draws += 1
        return self.mutation.draw(seed, n)


def initial(seed):
    return np.random.default_rng(seed).normal(size=N).astype(np.float32)


def by_hand(genome, mutation):
    weights = initial(genome.seeds[0])
    for seed in genome.seeds[1:]:
        step = mutation.draw(seed, N)
        dense = np.zeros(N, np.float32)
        dense[slice(None) if step.places is None else step.places] = step.deltas
        weights += dense
    return weights


def line(length, first=100):
    return Genome((3, *range(first, first + length)))


@pytest.mark.parametrize("mutation", MUTATIONS, ids=str)
@pytest.mark.parametrize("every", [1, 7, 1000])
def test_weights_are_the_same_bits_whatever_is_cached(mutation, every):
    rng = np.random.default_rng(1)
    rebuilder = Rebuilder(initial, mutation, 3, every=every, snapshots=2)
    genomes = [Genome((int(rng.integers(3)),)) for _ in range(4)]
    for _ in range(150):
        parent = genomes[rng.integers(len(genomes))]
        genome = parent.child(int(rng.integers(2**63)))
        genomes = [*genomes[-5:], genome]
        base = rebuilder.step(genome)[0]
        assert base.tobytes() == by_hand(parent, mutation).tobytes()
        assert rebuilder.weights(genome).tobytes() == by_hand(genome, mutation).tobytes()
        assert rebuilder.step(genome, whole=bool(rng.integers(2)))[0].dtype == np.float32


def test_order_of_addition_matters_here():
    """Else the tests of bits would show nothing."""
    mutation = GaussianMutation(0.1)
    genome = line(50)
    sums = [mutation.draw(seed, N).deltas for seed in genome.seeds[1:]]
    assert (initial(3) + functools.reduce(np.add, sums)).tobytes() != by_hand(genome, mutation).tobytes()


def test_a_line_that_goes_on_costs_one_step_a_child():
    mutation = Counted(PointMutation(0.1, 0.5))
    rebuilder = Rebuilder(initial, mutation, 2)
    genome = Genome((3,))
    for generation in range(40):
        before = mutation.draws
        children = [genome.child(10 * generation + i) for i in range(8)]
        for child in children:
            rebuilder.step(child)
        # eight children, and once in the generation the step that made their parent
        assert mutation.draws - before == 8 + (generation > 0)
        genome = children[3]


def test_snapshots_bound_what_is_drawn_again():
    mutation = Counted(PointMutation(0.1, 0.5))
    first = Rebuilder(initial, mutation, 2, every=25)
    genome = line(90)
    first.step(genome)
    snapshots = first.snapshots()
    assert snapshots.weights.shape == (3, N)
    assert [sum(chain[:1]) + len(chain) - 1 for chain in snapshots.chains] == [26, 51, 76]

    fresh = Rebuilder(initial, mutation, 2, every=25)
    fresh.remember(snapshots)
    mutation.draws = 0
    assert fresh.weights(genome).tobytes() == by_hand(genome, mutation.mutation).tobytes()
    assert mutation.draws == 15


def test_children_that_are_not_parents_make_no_snapshots():
    rebuilder = Rebuilder(initial, PointMutation(0.1, 0.5), 2, every=10, snapshots=2)
    parent = line(9)
    for seed in range(64):
        rebuilder.weights(parent.child(seed))
    assert len(rebuilder.snapshots().chains) == 0
    rebuilder.step(parent.child(5).child(6))
    assert len(rebuilder.snapshots().chains) == 1


def test_no_more_is_kept_than_said():
    rebuilder = Rebuilder(initial, PointMutation(0.1, 0.5), 3, every=5, snapshots=2)
    for seed in range(20):
        rebuilder.step(line(30, first=1000 * seed))
    assert len(rebuilder.snapshots().chains) == 2
    assert len(rebuilder._parents.content()[0]) == 3


def test_snapshots_of_a_young_line_are_empty_and_can_be_remembered():
    rebuilder = Rebuilder(initial, PointMutation(0.1, 0.5), 2)
    snapshots = rebuilder.snapshots()
    assert snapshots.chains == []
    rebuilder.remember(snapshots)


def test_a_genome_evaluated_whole_is_its_own_base():
    rebuilder = Rebuilder(initial, PointMutation(0.1, 0.5), 2)
    for candidate in (line(4), Genome((3,))):
        base, step = rebuilder.step(candidate, whole=True)
        assert base.tobytes() == rebuilder.weights(candidate).tobytes()
        assert len(step.places) == len(step.deltas) == 0


def test_a_vector_is_initial_weights_and_an_offset():
    rebuilder = Rebuilder(initial, None, 1)
    offset = np.full(N, 0.25, np.float32)
    assert np.array_equal(rebuilder.weights(Vector(4, offset)), initial(4) + offset)
    base, step = rebuilder.step(Vector(4, offset))
    assert np.array_equal(base, initial(4))
    assert step.deltas is offset


def test_shared_weights_cannot_be_written():
    rebuilder = Rebuilder(initial, PointMutation(0.1, 0.5), 2)
    for weights in (rebuilder.weights(line(4)), rebuilder.step(line(4))[0], rebuilder.weights(Genome((3,)))):
        with pytest.raises(ValueError, match="read-only"):
            weights[0] = 1


def test_a_mutated_genome_needs_a_mutation():
    with pytest.raises(ValueError, match="without a mutation"):
        Rebuilder(initial, None, 1).weights(Genome((1, 2)))
