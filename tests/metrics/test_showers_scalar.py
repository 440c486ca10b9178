"""The scalar metric of 3DGAN against its published formulas, also where they divide by 0."""

import numpy as np
import pytest
from toy_showers import sample, toy_cells

from raysearch.errors import InputError
from raysearch.metrics.showers.bins import EnergyBin, energy_bins, filled
from raysearch.metrics.showers.scalar import relative_deviation, sampling_fraction_error, scalar_metric

BINS = (EnergyBin(0), EnergyBin(100, 40), EnergyBin(300, 40))


@pytest.fixture(scope="module")
def cells():
    """Real and generated showers of one seed of energies, the generated ones a little off."""
    real, energy = toy_cells(400, seed=1)
    made, made_energy = toy_cells(400, seed=2)
    return real, energy, 1.1 * made, made_energy


def published(real, energy, made, made_energy, angle=None):
    """GANutils.py, metric, shower by shower."""
    parts = []
    for one in BINS:
        sides = []
        for found, energies in ((real, energy), (made, made_energy)):
            inside = found[
                np.ones(len(found), bool) if one.center_gev == 0 else np.abs(energies - one.center_gev) < 40
            ]
            inside = inside.astype(np.float64)
            sums = [inside.sum((2, 3)), inside.sum((1, 3)), inside.sum((1, 2))]
            moments = []
            for profile in sums:
                places = np.arange(profile.shape[1])
                first = profile @ places / inside.sum((1, 2, 3))
                second = (profile * (places - first[:, None]) ** 2).sum(1) / inside.sum((1, 2, 3))
                moments.append((first.mean(), second.mean()))
            sides.append((np.array(moments), [profile.mean(0) for profile in sums]))
        (m_act, p_act), (m_gan, p_gan) = sides
        p = np.abs((m_act - m_gan) / m_act).sum() / 3 / 2
        e = np.mean([np.sum(np.abs((a - g) / a)) / len(a) for a, g in zip(p_act, p_gan, strict=True)])
        parts.append((p, e))
    return np.mean(parts, axis=0)


def test_moments_and_profiles_are_the_published_ones(cells):
    real, energy, made, made_energy = cells
    p, e = published(*cells)
    found = scalar_metric(sample(real, energy), sample(made, made_energy), BINS)
    assert found.moments == pytest.approx(p, rel=1e-4)
    assert found.profiles == pytest.approx(e, rel=1e-4)
    assert found.total == pytest.approx(p + e, rel=1e-4)
    assert found.angle is None
    assert scalar_metric(sample(real, energy), sample(real, energy), BINS).total == 0


def test_the_angle_counts_what_was_asked_for_against_what_is_measured():
    theta = np.random.default_rng(1).uniform(1.1, 2.0, 100)
    cells, energy = toy_cells(100, seed=1, theta=theta)
    real = sample(cells, energy, theta)
    right = scalar_metric(real, real, (EnergyBin(0),))
    assert (
        right.total == right.angle == pytest.approx(np.mean(np.abs(theta - real.features["angle"]) / theta))
    )
    assert right.angle < 0.05
    straight = sample(toy_cells(100, seed=1)[0], energy, theta)
    assert scalar_metric(real, straight, (EnergyBin(0),)).angle == pytest.approx(
        np.mean(np.abs(theta - np.pi / 2) / theta), abs=0.03
    )


def test_cells_that_the_simulation_leaves_empty_give_0_or_1_and_never_nan(cells):
    real, energy, made, made_energy = (part.copy() for part in cells)
    real[:, 0] = 0
    made[:, 0] = 0
    both_empty = scalar_metric(sample(real, energy), sample(made, made_energy), BINS)
    made[:, 0] = 1e-3
    only_real_empty = scalar_metric(sample(real, energy), sample(made, made_energy), BINS)
    assert np.isfinite([both_empty.total, only_real_empty.total]).all()
    np.testing.assert_array_equal(
        relative_deviation([0, 0, 2, 2, 2], [0, 5, 0, 3, 2], zero=1e-9), [0, 1, 1, 0.5, 0]
    )
    assert relative_deviation(1e-10, -1e-10, zero=1e-9) == 0


def test_showers_in_one_cell_and_showers_without_energy_give_numbers(cells):
    real, energy, _, _ = cells
    one_cell, nothing = np.zeros_like(real), np.zeros_like(real)
    one_cell[:, 6, 6, 3] = 1
    values = [
        scalar_metric(sample(first, energy), sample(second, energy), BINS).total
        for first, second in ((one_cell, one_cell), (one_cell, real), (real, one_cell), (real, nothing))
    ]
    assert values[0] == 0
    assert np.isfinite(values).all()
    assert scalar_metric(sample(real, energy), sample(nothing, energy), BINS).total == pytest.approx(2)


def test_bins_follow_the_range_and_empty_ones_are_told():
    assert [one.center_gev for one in energy_bins(10, 510)] == [0, 50, 100, 200, 250, 300, 400, 500]
    assert [one.center_gev for one in energy_bins(10, 500)] == [0, 50, 100, 200, 250, 300, 400]
    assert [(one.center_gev, one.half_width_gev) for one in energy_bins(100, 200)] == [
        (0, 5.0),
        (110, 5.0),
        (150, 5.0),
        (190, 5.0),
    ]
    assert energy_bins(50, 50) == (EnergyBin(0),)
    energy = np.concatenate([np.full(30, 50.0), np.full(19, 100.0), [105.0]])
    found = filled(energy_bins(10, 500), energy, energy)
    assert [one.name for one in found.used] == ["all", "50 GeV"]
    assert "100 GeV" in [one.name for one in found.left_out]
    with pytest.raises(InputError, match="no energy bin holds 20 of each sample; there are 5, 100"):
        filled(energy_bins(10, 500), np.ones(5), np.ones(100))
    with pytest.raises(InputError, match="need a range above 0"):
        energy_bins(5, 1)


def test_the_error_is_the_spread_between_samples_and_the_same_for_the_same_seed(cells):
    real, energy, made, made_energy = cells
    pair = sample(real, energy), sample(made, made_energy)
    found = scalar_metric(*pair, BINS, error_seed=3)
    assert found.error == scalar_metric(*pair, BINS, error_seed=3).error
    others = [
        scalar_metric(sample(*toy_cells(400, seed)), sample(*toy_cells(400, seed + 1)), BINS).total
        for seed in range(10, 26, 2)
    ]
    assert 0.3 < found.error / np.std(others, ddof=1) < 3


def test_sampling_fraction_error_and_its_error(cells):
    real, energy, made, made_energy = cells
    value, error = sampling_fraction_error(sample(real, energy), sample(made, made_energy), (EnergyBin(0),))
    assert value == pytest.approx(0.1, abs=4 * error)
    assert 5e-4 < error < 5e-3


def test_other_grids_are_refused(cells):
    real, energy, made, made_energy = cells
    with pytest.raises(
        InputError, match=r"grids differ, \(13, 13, 12\) cells simulated and \(13, 13, 11\) generated"
    ):
        scalar_metric(sample(real, energy), sample(made[..., :11], made_energy))
