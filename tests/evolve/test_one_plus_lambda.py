import numpy as np
import pytest

from raysearch.evolve.one_plus_lambda import OnePlusLambda, Settings

RNG = np.random.default_rng


def told(strategy, state, losses):
    state, asked = strategy.ask(state, RNG(0))
    return strategy.tell(state, losses), asked


@pytest.fixture
def strategy():
    return OnePlusLambda(Settings(parents=4, children=3))


@pytest.fixture
def started(strategy):
    return told(strategy, strategy.begin(1), [3.0, 1.0, 2.0, 1.0])


def test_the_best_of_the_random_parents_stays(strategy, started):
    state, asked = started
    assert all(genome.parent is None for genome in asked.candidates)
    assert len(set(asked.candidates)) == 4
    assert strategy.best(state) == asked.candidates[1]


def test_a_round_is_the_parent_and_its_children(strategy, started):
    parent = strategy.best(started[0])
    _, asked = strategy.ask(started[0], RNG(0))
    assert asked.candidates[0] == parent
    assert [child.parent for child in asked.candidates[1:]] == [parent] * 3
    assert len(set(asked.candidates)) == 4
    assert asked.whole == (True, False, False, False)


@pytest.mark.parametrize(
    ("losses", "survivor"),
    [([2, 3, 1, 4], 2), ([1, 2, 3, 4], 0), ([1, 1, 1, 1], 0), ([float("nan"), 5, 4, -np.inf], 2)],
)
def test_the_lowest_loss_survives_and_the_parent_a_draw(strategy, started, losses, survivor):
    state, asked = told(strategy, started[0], losses)
    assert strategy.best(state) == asked.candidates[survivor]


def test_a_parent_met_by_a_hard_batch_loses_to_its_child_on_that_batch_alone(strategy, started):
    """Losses of former rounds count for nothing: the parent had 1.0 and still loses at 9.0 to 8.0."""
    state, asked = told(strategy, started[0], [9.0, 8.0, 10.0, 11.0])
    assert strategy.best(state) == asked.candidates[1]
