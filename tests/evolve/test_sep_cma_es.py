import math
from dataclasses import replace

import cma
import numpy as np
import pytest

from raysearch import seeds
from raysearch.errors import InputError
from raysearch.evolve import strata
from raysearch.evolve.rebuild import Rebuilder
from raysearch.evolve.sep_cma_es import SepCMAES, Settings
from raysearch.evolve.swarm import Swarm

N = 30


def made(n=N, **told):
    return SepCMAES(Settings(**{"population": 12, "sigma": 0.3} | told), n)


def asked_of(strategy, state, place):
    return strategy.ask(state, seeds.generator(3, "generation", place))


def steps_of(strategy, asked):
    """Each child's z, (child, n): a step of variance 1 in every weight."""
    n = strategy.dimension
    drawn = strategy.mutation.draw_all(asked.candidates.seeds, n)
    steps = np.zeros((len(asked.candidates), n))
    np.put_along_axis(steps, drawn.places, drawn.deltas, 1)
    return steps * math.sqrt(n / drawn.places.shape[1])


@pytest.mark.parametrize("rate", [1, 0.3])
def test_generations_are_those_of_the_paper_s_equations(rate):
    """Written out in doubles, with the numbers of 30 weights and 12 children."""
    strategy = made(rate=rate)
    state = strategy.begin(3)
    weights = math.log(7) - np.log(np.arange(1, 7))
    weights /= weights.sum()
    mu_eff = 1 / (weights**2).sum()
    c_sigma = (mu_eff + 2) / (33 + mu_eff)
    c_cov = 2 / mu_eff / (30 + 2**0.5) ** 2 + (1 - 1 / mu_eff) * (2 * mu_eff - 1) / (32**2 + mu_eff)
    c_cov *= 32 / 3
    m, sigma, c, p_sigma, p_c = np.zeros(N), 0.3, np.ones(N), np.zeros(N), np.zeros(N)
    expected = math.sqrt(30) * (1 - 1 / 120 + 1 / 18900)
    for t in range(8):
        state, asked = asked_of(strategy, state, t)
        z = steps_of(strategy, asked)
        losses = ((m + sigma * np.sqrt(c) * z - 0.5) ** 2 * np.arange(1, N + 1)).sum(1)
        best = z[np.argsort(losses)[:6]]
        y = weights @ (np.sqrt(c) * best)
        m = m + sigma * y
        p_sigma = (1 - c_sigma) * p_sigma + math.sqrt(c_sigma * (2 - c_sigma) * mu_eff) * (weights @ best)
        p_c = (1 - 4 / 34) * p_c + math.sqrt(4 / 34 * (2 - 4 / 34) * mu_eff) * y
        c = (1 - c_cov) * c + c_cov / mu_eff * p_c**2 + c_cov * (1 - 1 / mu_eff) * c * (weights @ best**2)
        sigma *= math.exp(c_sigma / (1 + c_sigma) * (np.linalg.norm(p_sigma) / expected - 1))
        state = strategy.tell(state, losses)
        np.testing.assert_allclose(state.mean, m, atol=1e-5)
        np.testing.assert_allclose(state.variances, c, rtol=1e-4)
        assert state.sigma == pytest.approx(sigma, rel=1e-5)
    assert np.array_equal(strategy.best(state).offset, state.mean)


def test_the_rank_one_update_waits_while_the_step_size_has_to_grow():
    strategy = made()
    state = replace(strategy.begin(3), of_sigma=np.full(N, 10, np.float32))
    state, _ = asked_of(strategy, state, 0)
    state = strategy.tell(state, range(12))
    assert not state.of_variances.any()
    assert state.sigma > 0.3


def test_a_round_s_children_are_steps_of_the_lengths_around_the_mean(monkeypatch):
    """As one swarm, which evaluators take, and each by itself; in the places that its step changes."""
    strategy = made(rate=0.2)
    state = replace(strategy.begin(3), mean=np.arange(N, dtype=np.float32), sigma=0.5)
    state = replace(state, variances=(np.arange(N) / 10).astype(np.float32) ** 2)
    state, asked = asked_of(strategy, state, 0)
    rebuild = Rebuilder(lambda _: np.full(N, 7, np.float32), strategy.mutation, 1)
    expected = 0.5 * np.arange(N) / 10 * steps_of(strategy, asked)
    monkeypatch.setattr(strata, "AT_ONCE", 20)  # three at a time
    together = np.zeros((12, N))
    for part, steps in rebuild.swarm(asked.candidates):
        np.put_along_axis(together[part], steps.places, steps.deltas, 1)
    np.testing.assert_allclose(together, expected, rtol=1e-5)
    for child, step in zip(asked.candidates, together, strict=True):
        base, alone = rebuild.step(child)
        np.testing.assert_array_equal(base, 7 + np.arange(N))
        np.testing.assert_array_equal(alone.deltas, step[alone.places].astype(np.float32))


def evolved(strategy, loss, generations):
    """The loss of the mean after some generations, of weights in doubles."""
    state = strategy.begin(3)
    for place in range(generations):
        state, asked = asked_of(strategy, state, place)
        scales = asked.candidates.scales[0] * np.sqrt(strategy.mutation.changed(N) / N)
        steps = scales * asked.candidates.spread * steps_of(strategy, asked)
        state = strategy.tell(state, loss(state.mean.astype(float) + steps))
    return float(loss(state.mean[None].astype(float))[0])


AXES = 10.0 ** np.linspace(0, 6, N)


def ellipsoid(weights):
    """A bowl that bends a million times as much along one axis as along another; its bottom is at 0.5."""
    return ((weights - 0.5) ** 2 * AXES).sum(1)


@pytest.mark.parametrize("rate", [1, 0.3])
def test_lengths_of_their_own_find_the_bottom_of_an_ill_conditioned_bowl(rate, monkeypatch):
    with_them = evolved(made(rate=rate), ellipsoid, 800)
    strategy = made(rate=rate)
    without = replace(strategy.rates, rank_one=0.0, rank_mu=0.0)
    monkeypatch.setitem(vars(strategy), "rates", without)
    assert with_them < 1e-6
    assert evolved(strategy, ellipsoid, 800) > 1e6 * with_them


def test_it_takes_about_as_many_generations_as_pycma_s_diagonal_one():
    told = {"CMA_diagonal": True, "popsize": 12, "seed": 1, "verbose": -9, "CMA_active": False}
    theirs = cma.CMAEvolutionStrategy(np.zeros(N), 0.3, told)
    generations = 0
    while ellipsoid(theirs.mean[None])[0] > 1e-4:
        asked = theirs.ask()
        theirs.tell(asked, list(ellipsoid(np.array(asked))))
        generations += 1
    assert evolved(made(), ellipsoid, int(1.5 * generations)) < 1e-4


def told(strategy, losses):
    state, _ = asked_of(strategy, strategy.begin(3), 0)
    return strategy.tell(state, losses)


@pytest.mark.parametrize("losses", [[2.5] * 12, [math.nan] * 12, [math.inf] * 11 + [math.nan]])
def test_a_generation_that_tells_nothing_moves_nothing(losses):
    strategy = made()
    state, _ = asked_of(strategy, strategy.begin(3), 0)
    assert strategy.to_plain(strategy.tell(state, losses)) == strategy.to_plain(replace(state, asked=None))


def test_failed_children_are_no_parents():
    """With four that have a loss, of six parents, the mean is of these four, by their ranks."""
    strategy = made()
    _, asked = asked_of(strategy, strategy.begin(3), 0)
    losses = np.array([math.nan, 3.0, math.inf, 1.0, -math.inf, 4.0, math.nan, 2.0] + [math.inf] * 4)
    weights = math.log(7) - np.log([1, 2, 3, 4])
    expected = 0.3 * (weights / weights.sum()) @ steps_of(strategy, asked)[[3, 7, 1, 5]]
    np.testing.assert_allclose(told(strategy, losses).mean, expected, atol=1e-6)


def test_equal_children_count_equally_wherever_they_stand():
    strategy = made()
    _, asked = asked_of(strategy, strategy.begin(3), 0)
    weights = math.log(7) - np.log(np.arange(1, 7))
    weights /= weights.sum()
    counts = np.array([weights[0]] + [weights[1:].sum() / 9] * 9 + [0, 0])  # nine share the ranks 2 to 10
    expected = 0.3 * counts @ steps_of(strategy, asked)
    np.testing.assert_allclose(told(strategy, [1.0] + [2.0] * 9 + [3.0] * 2).mean, expected, atol=1e-6)


def test_the_result_is_the_average_of_means():
    strategy, means = made(averaging=0.5), []
    state = strategy.begin(3)
    for place in range(3):
        state, _ = asked_of(strategy, state, place)
        state = strategy.tell(state, range(12))
        means.append(state.mean.astype(float))
    expected = np.zeros(N)
    for share, mean in zip([1 / 10, 2 / 11, 3 / 12], means, strict=True):  # t / (t + 9), short at first
        expected = share * expected + (1 - share) * mean
    np.testing.assert_allclose(strategy.best(state).offset, expected, atol=1e-6)


def test_a_population_of_none_given_is_4_plus_3_ln_n():
    for n, expected in ((1, 4), (30, 14), (10161, 31)):
        strategy = made(n=n, population=0)
        assert len(asked_of(strategy, strategy.begin(3), 0)[1].candidates) == expected
        assert len(strategy.rates.weights) == expected // 2


def test_a_part_of_a_swarm_has_the_same_children():
    strategy = made(rate=0.2)
    swarm = asked_of(strategy, told(strategy, range(12)), 1)[1].candidates
    part = swarm[1::5]
    assert isinstance(part, Swarm)
    assert len(np.unique(part.spread)) > 1
    assert [(child.seed, child.scale, child.spread is swarm.spread) for child in part] == [
        (child.seed, child.scale, True) for child in list(swarm)[1::5]
    ]


def test_every_fault_of_the_settings_is_told():
    with pytest.raises(InputError) as caught:
        made(population=-3, parents=2, sigma=0, rate=0, averaging=1)
    assert [line.partition(":")[0] for line in caught.value.problems] == [
        "population", "rate", "averaging", "sigma",
    ]  # fmt: skip
    for parents, population in ((12, 12), (-1, 12), (3, 0)):
        with pytest.raises(InputError, match="parents: must lie in 1 to below population"):
            made(parents=parents, population=population)
