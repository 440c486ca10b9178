import math

import numpy as np
import pytest

from raysearch.errors import InputError
from raysearch.evolve.mutation import STILL, GaussianMutation, PointMutation

BOTH = [PointMutation(0.05, 0.3), PointMutation(1.0, 0.3), GaussianMutation(0.3)]


@pytest.mark.parametrize("mutation", BOTH, ids=str)
def test_a_step_is_a_function_of_its_seed(mutation):
    first, again, other = mutation.draw(2**63 - 1, 500), mutation.draw(2**63 - 1, 500), mutation.draw(0, 500)
    assert first.deltas.tobytes() == again.deltas.tobytes()
    assert first.deltas.tobytes() != other.deltas.tobytes()
    assert (first.places is None) == (again.places is None)
    if first.places is not None:
        assert np.array_equal(first.places, again.places)


def test_a_step_s_bits_stay_what_they_are():
    """Chains in old checkpoints must still give the same weights."""
    step = PointMutation(0.2, 1.0).draw(12345, 20)
    assert step.places.tolist() == POINT[0]
    assert step.deltas.tobytes().hex() == POINT[1]
    assert GaussianMutation(1.0).draw(12345, 3).deltas.tobytes().hex() == GAUSS


POINT = ([4, 10, 11, 14], "f058213e282043be8c8f5a3f821f393f")
GAUSS = "2cc4e83ecde1963f6e9bb0bd"


@pytest.mark.parametrize("rate", [0.001, 0.03, 0.4, 0.97])
def test_places_have_the_law_of_a_bernoulli_mask(rate):
    """Counts are binomial, every place is as likely, and neighbours are independent."""
    n, draws = 50, 6000
    mask = np.zeros((draws, n))
    for seed in range(draws):
        places = PointMutation(rate, 1.0).draw(seed, n).places
        assert np.all(np.diff(places) > 0)
        mask[seed, places] = 1
    counts = mask.sum(1)
    sd = math.sqrt(rate * (1 - rate))
    assert abs(counts.mean() - n * rate) < 4 * sd * math.sqrt(n / draws)
    kurtosis = 3 + (1 - 6 * sd**2) / (n * sd**2)
    spread = n * sd**2 * math.sqrt((kurtosis - 1) / draws)
    assert abs(counts.var() - n * sd**2) < 4 * spread
    assert np.abs(mask.mean(0) - rate).max() < 4.5 * sd / math.sqrt(draws)
    together = (mask[:, 1:] * mask[:, :-1]).mean(0)
    assert abs(together.mean() - rate**2) < 5 * max(rate, 0.02) * sd / math.sqrt(draws * (n - 1))


def test_the_law_is_told_from_one_with_a_fixed_count():
    """The count's variance is what a draw of a fixed number of places would miss."""
    counts = [len(PointMutation(0.1, 1.0).draw(seed, 100).places) for seed in range(500)]
    assert 6.5 < np.var(counts) < 12


def test_places_beyond_a_first_round_of_gaps_are_found():
    """A row so long that gaps fall short comes once in millions; here the generator is made to give some."""

    class Short:
        calls = 0

        def standard_exponential(self, count):
            self.calls += 1
            return np.full(count, 1e-9)

    generator = Short()
    places = PointMutation(0.01, 1.0)._places(generator, 100)
    assert places.tolist() == list(range(100))
    assert generator.calls > 1


def test_deltas_are_uniform_up_to_the_power():
    deltas = np.concatenate([PointMutation(0.5, 0.3).draw(seed, 1000).deltas for seed in range(100)])
    assert deltas.dtype == np.float32
    assert -0.3 <= deltas.min() < -0.299
    assert 0.299 < deltas.max() <= 0.3
    assert abs(deltas.mean()) < 4 * 0.3 / math.sqrt(3 * len(deltas))
    assert deltas.var() == pytest.approx(0.3**2 / 3, rel=0.02)


def test_gaussian_steps_are_normal():
    deltas = GaussianMutation(0.002).draw(5, 200_000).deltas
    assert deltas.dtype == np.float32
    assert deltas.std() == pytest.approx(0.002, rel=0.01)
    assert abs(deltas.mean()) < 4 * 0.002 / math.sqrt(200_000)
    assert np.mean(np.abs(deltas) < 0.002) == pytest.approx(0.6827, abs=0.005)


def test_seeds_beside_each_other_are_independent():
    first, second = (GaussianMutation(1.0).draw(seed, 100_000).deltas for seed in (8, 9))
    assert abs(np.corrcoef(first, second)[0, 1]) < 4 / math.sqrt(100_000)


def test_a_step_adds_in_place():
    weights = np.ones(50, np.float32)
    step = PointMutation(0.2, 0.5).draw(3, 50)
    step.add_to(weights)
    changed = np.flatnonzero(weights != 1)
    assert np.array_equal(changed, step.places)
    assert np.array_equal(weights[changed], np.float32(1) + step.deltas)
    before = weights.copy()
    STILL.add_to(weights)
    assert np.array_equal(weights, before)


@pytest.mark.parametrize("n", [1, 2])
def test_few_weights_are_enough(n):
    for mutation in BOTH:
        for seed in range(50):
            mutation.draw(seed, n).add_to(np.zeros(n, np.float32))


def test_every_fault_is_told():
    with pytest.raises(InputError) as caught:
        PointMutation(0.0, -1.0)
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["rate", "power"]
    with pytest.raises(InputError, match="power: must be a finite number above 0, got nan"):
        GaussianMutation(math.nan)
