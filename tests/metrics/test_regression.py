"""Figures of an energy regression worked out by hand, and the calibration against a search."""

import numpy as np
import pytest

from raysearch.errors import InputError
from raysearch.metrics.regression import Calibration, bias, relative_error, resolution

TRUE = [100.0, 200.0, 50.0, 10.0]
ESTIMATED = [110.0, 180.0, 50.0, 12.0]  # off by 10, -10, 0 and 20 percent


def test_against_numbers_by_hand():
    assert relative_error(ESTIMATED, TRUE) == pytest.approx(0.1)
    assert bias(ESTIMATED, TRUE) == pytest.approx(0.05)
    assert resolution(ESTIMATED, TRUE) == pytest.approx(np.sqrt((0.05**2 * 2 + 0.15**2 * 2) / 3))
    assert resolution([11.0], [10.0]) == 0.0


def test_many_estimates_at_once_are_each_alone_to_the_bit():
    rng = np.random.default_rng(0)
    true = rng.uniform(10, 500, 130).astype(np.float32)
    estimated = (true * rng.normal(1, 0.1, (64, 130))).astype(np.float32)
    together = relative_error(estimated, true)
    assert together.shape == (64,)
    assert [relative_error(each, true) for each in estimated] == together.tolist()


def test_single_precision_is_added_up_in_double():
    true = np.full(1_000_000, 3.0, np.float32)
    estimated = true * np.float32(1.25)
    assert relative_error(estimated, true) == pytest.approx(0.25, rel=1e-12)


@pytest.mark.parametrize("true", [[], [1.0, 0.0], [1.0, -2.0], [float("nan")]])
def test_energies_must_be_above_zero(true):
    with pytest.raises(InputError, match="above 0"):
        relative_error(true, true)


def some_showers(n=400):
    rng = np.random.default_rng(1)
    energy = rng.uniform(10, 500, n)
    return 0.018 * energy * (1 + 0.17 / np.sqrt(energy) * rng.standard_normal(n)) + 0.01, energy


def test_the_calibration_is_exact_where_sums_are():
    energy = np.array([10.0, 100.0, 499.0])
    found = Calibration.fit(0.02 * energy + 0.05, energy)
    assert (found.slope, found.offset_gev) == pytest.approx((50.0, -2.5))
    assert found(0.02 * energy + 0.05) == pytest.approx(energy)


def test_no_other_line_has_less_squared_relative_error():
    sums, energy = some_showers()
    found = Calibration.fit(sums, energy)

    def squares(slope, offset):
        return (((slope * sums + offset - energy) / energy) ** 2).sum()

    least = squares(found.slope, found.offset_gev)
    for slope, offset in [(1.001, 0.0), (0.999, 0.0), (1.0, 0.1), (1.0, -0.1), (1.0005, -0.05)]:
        assert squares(found.slope * slope, found.offset_gev + offset) > least
    unweighted = np.polyfit(sums, energy, 1)  # least squares of the energy itself is another line
    assert squares(*unweighted) > least


def test_a_calibration_needs_showers_that_differ():
    for sums, energy in [([1.0], [50.0]), ([1.0, 2.0], [50.0, 0.0]), ([1.0, 1.0], [50.0, 50.0])]:
        with pytest.raises(InputError, match="calibration"):
            Calibration.fit(sums, energy)
