import numpy as np
import pytest

from raysearch.errors import InputError
from raysearch.evolve import strata
from raysearch.evolve.strata import StratifiedNormals, StratifiedSigns, numbers_of

SEEDS = numbers_of(np.array([5], np.uint64), 3000)[0]


def test_numbers_are_those_of_split_mix_64():
    """The first three of seed 1234567, as Rosetta Code and Java's SplittableRandom have them."""
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert numbers_of(np.array([1234567], np.uint64), 3)[0].tolist() == expected


@pytest.mark.parametrize(("rate", "k"), [(0.001, 1), (0.02, 2), (0.3, 31), (1, 103)])
def test_each_stratum_changes_one_weight(rate, k):
    drawn = StratifiedSigns(rate).draw_all(SEEDS, 103)
    assert drawn.places.shape == drawn.deltas.shape == (3000, k)
    assert (np.diff(drawn.places) > 0).all()
    edges = np.arange(k + 1) * 103 // k
    assert ((edges[:-1] <= drawn.places) & (drawn.places < edges[1:])).all()
    assert set(np.unique(drawn.deltas)) == {-1, 1}


def test_all_weights_change_equally_often_and_either_way():
    drawn = StratifiedSigns(0.1).draw_all(SEEDS, 100)
    times = np.bincount(drawn.places.ravel(), minlength=100)
    assert abs(times - 300).max() < 5 * np.sqrt(300)
    ups = np.bincount(drawn.places.ravel(), drawn.deltas.ravel(), 100)
    assert abs(ups).max() < 5 * np.sqrt(300)
    assert abs(np.corrcoef(drawn.deltas.T) - np.eye(10)).max() < 5 / np.sqrt(3000)


def test_normal_changes_have_the_moments_of_normal_ones():
    changes = StratifiedNormals(1).draw_all(SEEDS, 100).deltas.astype(float)
    found = [np.mean(changes**power) for power in (1, 2, 3, 4)]
    np.testing.assert_allclose(found, [0, 1, 0, 3], atol=5 * np.sqrt(105 / changes.size))  # E z^8 = 105
    shares = [np.mean(changes < edge) for edge in (-2, -1, 0, 1, 2)]
    np.testing.assert_allclose(shares, [0.02275, 0.15866, 0.5, 0.84134, 0.97725], atol=0.005)
    assert abs(np.corrcoef(changes.T) - np.eye(100)).max() < 5 / np.sqrt(3000)


def test_normal_changes_fall_where_signs_fall_and_say_nothing_about_the_place():
    normals, signs = (kind(0.1).draw_all(SEEDS, 100) for kind in (StratifiedNormals, StratifiedSigns))
    assert np.array_equal(normals.places, signs.places)
    within = normals.places - 10 * np.arange(10)
    assert abs(np.corrcoef(within.ravel(), normals.deltas.ravel())[0, 1]) < 5 / np.sqrt(30000)
    assert abs(np.corrcoef(within.ravel(), normals.deltas.ravel() ** 2)[0, 1]) < 5 / np.sqrt(30000)


@pytest.mark.parametrize("kind", [StratifiedSigns, StratifiedNormals])
def test_a_step_is_the_same_alone_and_among_others(kind):
    mutation = kind(0.1)
    drawn = mutation.draw_all(SEEDS[:50], 77)
    for place, seed in enumerate(SEEDS[:50].tolist()):
        step = mutation.draw(seed, 77)
        assert np.array_equal(step.places, drawn.places[place])
        assert np.array_equal(step.deltas, drawn.deltas[place])


@pytest.mark.parametrize("power", [1, 2])
def test_a_mixture_is_the_sum_of_weighted_steps(power):
    mutation, weights, expected = StratifiedNormals(0.1), np.linspace(-1, 2, 50), np.zeros(77)
    for seed, weight in zip(SEEDS[:50].tolist(), weights, strict=True):
        step = mutation.draw(seed, 77)
        expected[step.places] += weight * step.deltas.astype(float) ** power
    found = mutation.mixed(SEEDS[:50], weights, 77, power=power)
    np.testing.assert_allclose(found, expected, atol=1e-11)


def test_a_mixture_in_parts_has_the_bits_of_the_whole(monkeypatch):
    mutation, weights = StratifiedSigns(0.1), np.random.default_rng(0).normal(size=3000)
    whole = mutation.mixed(SEEDS, weights, 77)
    monkeypatch.setattr(strata, "AT_ONCE", 1000)
    assert np.array_equal(mutation.mixed(SEEDS, weights, 77), whole)


@pytest.mark.parametrize("rate", [0, -0.1, 1.1])
def test_a_rate_is_a_share(rate):
    with pytest.raises(InputError, match="rate: must be above 0 and at most 1"):
        StratifiedSigns(rate)
