import numpy as np
import pytest

from raysearch.evolve.make import STRATEGIES
from raysearch.evolve.nevergrad_weights import FAMILIES, NevergradWeights, Settings
from raysearch.seeds import generator

N = 30


def rounds(strategy, count, losses):
    state = strategy.begin(3)
    for place in range(count):
        state, asked = strategy.ask(state, generator(3, "generation", place))
        state = strategy.tell(state, losses(asked))
    return state


def bowl(asked):
    return [float(np.mean((candidate.offset - 0.3) ** 2)) for candidate in asked.candidates]


@pytest.fixture(params=FAMILIES)
def strategy(request):
    return NevergradWeights(Settings(children=5, power=0.1), request.param, N)


def test_every_family_is_offered_and_nothing_else():
    assert {name.partition(":")[2] for name in STRATEGIES if name.startswith("nevergrad:")} == set(FAMILIES)


def test_the_reference_is_the_best_so_far_and_begins_at_the_initial_weights(strategy):
    state = strategy.begin(3)
    best = None
    for place in range(8):
        state, asked = strategy.ask(state, generator(3, "generation", place))
        losses = bowl(asked)
        if best is None:
            assert not asked.candidates[0].offset.any()
        else:
            assert asked.candidates[0] == best
        best = asked.candidates[int(np.argmin(losses))]
        state = strategy.tell(state, losses)


def test_the_archive_stays_small(strategy):
    state = rounds(strategy, 60, bowl)
    optimizer = strategy._at(state).optimizer
    assert optimizer.num_tell == 300
    assert len(optimizer.archive) < 4 * 5


def test_weights_are_single_precision_and_cannot_be_written(strategy):
    _, asked = strategy.ask(strategy.begin(3), generator(3, "generation", 0))
    for candidate in asked.candidates:
        assert candidate.offset.dtype == np.float32
        assert candidate.offset.shape == (N,)
        assert not candidate.offset.flags.writeable


def test_going_on_makes_no_new_optimiser(strategy):
    state = rounds(strategy, 3, bowl)
    live = strategy._at(state)
    state, asked = strategy.ask(state, generator(3, "generation", 3))
    state = strategy.tell(state, bowl(asked))
    strategy.best(state)
    assert strategy._at(state) is live


def test_with_the_weights_of_a_network_chance_is_the_generator_s_and_global_ones_are_left_alone(strategy):
    """From some hundred weights on, CMA's package uses NumPy's global generator."""
    histories = []
    for seed in (1, 2):
        network = NevergradWeights(strategy.settings, strategy.family, 10_161)
        np.random.seed(seed)  # noqa: NPY002
        state = rounds(network, 7, bowl)
        drawn = np.random.random()  # noqa: NPY002
        np.random.seed(seed)  # noqa: NPY002
        assert drawn == np.random.random()  # noqa: NPY002
        histories.append((state.heard, network.best(state)))
    assert histories[0] == histories[1]
