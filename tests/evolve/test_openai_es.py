import math

import numpy as np
import pytest

from raysearch import seeds
from raysearch.errors import InputError
from raysearch.evolve.openai_es import OpenAIES, Settings
from raysearch.evolve.rebuild import Rebuilder
from raysearch.evolve.swarm import Swarm

N = 30


def made(**told):
    return OpenAIES(Settings(**{"pairs": 6, "rate": 0.2, "power": 0.05, "step_size": 0.02} | told), N)


def asked_of(strategy, state=None, place=0):
    return strategy.ask(
        strategy.begin(3) if state is None else state, seeds.generator(3, "generation", place)
    )


def offsets_of(swarm):
    """Each child's weights minus its centre's."""
    rebuild = Rebuilder(lambda _: np.zeros(N, np.float32), made().mutation, 1)
    centre = rebuild.weights(swarm.centre)
    return np.array([rebuild.weights(child) - centre for child in swarm])


def test_children_come_in_pairs_on_either_side_of_the_centre():
    _, asked = asked_of(made())
    steps = offsets_of(asked.candidates)
    assert steps.shape == (12, N)
    np.testing.assert_array_equal(steps[0::2], -steps[1::2])
    assert {round(float(size), 6) for size in abs(steps[0]) if size} == {0.05}


def test_two_generations_are_those_of_the_equations():
    """Algorithm 1 of 1703.03864 with centred ranks, and algorithm 1 of 1412.6980, written out in doubles."""
    strategy = made(averaging=0.0)
    state = strategy.begin(3)
    theta = first = second = np.zeros(N)
    for t in (1, 2):
        state, asked = asked_of(strategy, state, t)
        losses = np.random.default_rng(t).permutation(12).astype(float)
        gradient = ((losses / 11 - 0.5)[:, None] * offsets_of(asked.candidates) / 0.05).sum(0)
        first, second = 0.9 * first + 0.1 * gradient, 0.99 * second + 0.01 * gradient**2
        step = first / (1 - 0.9**t) / (np.sqrt(second / (1 - 0.99**t)) + 1e-8)
        theta = theta - 0.02 * step
        state = strategy.tell(state, losses.tolist())
        np.testing.assert_allclose(state.centre, theta, atol=1e-5)
        assert np.array_equal(strategy.best(state).offset, state.centre)


def moves(strategy, losses, generations=1):
    state, centres = strategy.begin(3), [np.zeros(N)]
    for place in range(generations):
        state, _ = asked_of(strategy, state, place)
        state = strategy.tell(state, losses)
        centres.append(state.centre.astype(float))
    return np.diff(centres, axis=0), state


@pytest.mark.parametrize("shaping", ["ranks", "differences"])
def test_equal_losses_move_nothing(shaping):
    found, _ = moves(made(shaping=shaping), [2.5] * 12)
    assert not found.any()


@pytest.mark.parametrize("shaping", ["ranks", "differences"])
def test_a_failed_child_counts_as_the_worst_one(shaping):
    losses = [float(k) for k in range(12)]
    worst, _ = moves(made(shaping=shaping), losses)
    failed, _ = moves(made(shaping=shaping), [*losses[:11], math.nan])
    tied, _ = moves(made(shaping=shaping), [*losses[:11], 10.0])
    assert np.array_equal(failed, worst if shaping == "ranks" else tied)


def test_a_generation_without_a_finite_loss_moves_nothing():
    found, _ = moves(made(shaping="differences"), [math.inf] * 12)
    assert not found.any()


def test_sizes_of_losses_count_where_ranks_do_not_see_them():
    losses = [float(k) for k in range(12)]
    stretched = [loss**3 for loss in losses]
    for shaping, are_equal in (("ranks", True), ("differences", False)):
        states = [moves(made(shaping=shaping), each)[1] for each in (losses, stretched)]
        assert np.array_equal(states[0].first, states[1].first) == are_equal
    # Twice the spread, and another level, are the same losses.
    states = [moves(made(shaping="differences"), each)[1] for each in (losses, [5 + 2 * x for x in losses])]
    np.testing.assert_allclose(states[0].first, states[1].first, atol=1e-6)


def test_the_step_halves_after_each_half_life():
    losses = [0.0, 1.0] * 6
    steady, _ = moves(made(), losses, 9)
    fading, _ = moves(made(half_life=4), losses, 9)
    np.testing.assert_allclose(fading[4], steady[4] / 2, atol=1e-6)
    np.testing.assert_allclose(fading[8], steady[8] / 4, atol=1e-6)


def test_the_result_is_the_average_of_centres():
    _, state = moves(made(averaging=0.5), [0.0, 1.0] * 6, 3)
    centres = np.cumsum(moves(made(), [0.0, 1.0] * 6, 3)[0], axis=0)
    kept, expected = [1 / 10, 2 / 11, 3 / 12], np.zeros(N)  # t / (t + 9), short at first
    for share, centre in zip(kept, centres, strict=True):
        expected = share * expected + (1 - share) * centre
    np.testing.assert_allclose(made().best(state).offset, expected, atol=1e-6)


def test_a_part_of_a_swarm_has_the_same_children():
    swarm = asked_of(made())[1].candidates
    part = swarm[1::5]
    assert isinstance(part, Swarm)
    assert [(child.seed, child.scale) for child in part] == [
        (child.seed, child.scale) for child in list(swarm)[1::5]
    ]


def test_every_fault_of_the_settings_is_told():
    with pytest.raises(InputError) as caught:
        made(pairs=0, rate=0, step_size=0, half_life=-1, beta1=1, averaging=-0.1)
    assert [line.partition(":")[0] for line in caught.value.problems] == [
        "rate", "beta1", "averaging", "pairs", "half_life", "step_size",
    ]  # fmt: skip
    with pytest.raises(InputError, match="shaping: needs one of ranks, differences, got 'rank'"):
        made(shaping="rank")
