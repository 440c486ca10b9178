import numpy as np
import pytest

from raysearch.evolve.truncation_ga import Settings, TruncationGA

RNG = np.random.default_rng


def told(strategy, state, losses, seed=0):
    state, asked = strategy.ask(state, RNG(seed))
    return strategy.tell(state, losses), asked


@pytest.fixture
def strategy():
    return TruncationGA(Settings(population=6, parents=3, elite_candidates=2, elite_batches=5))


@pytest.fixture
def first(strategy):
    """After the first population, whose best are candidates 4, 2, 0."""
    return told(strategy, strategy.begin(1), [3, 9, 2, 8, 1, 7])


def test_the_elite_is_chosen_by_a_second_look_at_the_best(strategy, first):
    state, asked = first
    state, second = told(strategy, state, [0.9, 0.8])
    assert second.candidates == (asked.candidates[4], asked.candidates[2])
    assert second.batches == 5
    assert strategy.best(state) == asked.candidates[2]


def test_the_elite_is_a_parent_and_counted_once(strategy, first):
    state, asked = first
    state, _ = told(strategy, state, [0.9, 0.8])
    assert state.parents == tuple(asked.candidates[place] for place in (2, 4, 0))


def test_children_are_drawn_from_the_best_alone_and_each_of_them(strategy, first):
    state, _ = told(strategy, first[0], [0.9, 0.8])
    seen = set()
    for seed in range(20):
        _, asked = strategy.ask(state, RNG(seed))
        assert len(asked.candidates) == 5
        seen |= {child.parent for child in asked.candidates}
    assert seen == set(state.parents)


def test_the_elite_before_stands_again_and_stays_if_it_is_better(strategy, first):
    state, _ = told(strategy, first[0], [0.9, 0.8])
    elite = strategy.best(state)
    state, asked = told(strategy, state, [5, 4, 3, 2, 1])
    kept, second = told(strategy, state, [0.5, 0.6])
    assert second.candidates == (elite, asked.candidates[4])
    assert strategy.best(kept) == elite
    assert kept.parents == (elite, asked.candidates[4], asked.candidates[3])
    beaten, _ = told(strategy, state, [0.6, 0.5])
    assert strategy.best(beaten) == asked.candidates[4]
    assert beaten.parents == tuple(asked.candidates[place] for place in (4, 3, 2))


def test_the_best_is_the_elite_before_while_a_new_one_is_chosen(strategy, first):
    state, _ = told(strategy, first[0], [0.9, 0.8])
    elite = strategy.best(state)
    state, _ = told(strategy, state, [5, 4, 3, 2, 1])
    assert strategy.best(state) == elite
