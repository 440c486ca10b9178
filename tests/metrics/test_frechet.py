"""Frechet distances against the exact ones of Gaussians, and FPD and KPD against what they should see."""

import numpy as np
import pytest

from raysearch.errors import InputError
from raysearch.metrics.generation.frechet import fpd, frechet_distance, gaussian_distance, kpd, mmd

COVARIANCE = np.array([[1, 0.25], [0.25, 1]])


@pytest.mark.parametrize(
    ("mean", "covariance", "exact"),
    [
        ([0, 0], COVARIANCE, 0),
        ([1, 0], COVARIANCE, 1),
        ([0.1, 0], COVARIANCE, 0.01),
        ([0, 0], np.eye(2), 0.0319),
        ([0, 0], 10 * COVARIANCE, 9.351),
        ([0, 0], COVARIANCE / 10, 0.9351),
    ],
)
def test_exact_distances_of_gaussians(mean, covariance, exact):
    """The distortions of the toy study in arXiv:2211.10295."""
    assert gaussian_distance([0, 0], COVARIANCE, mean, covariance) == pytest.approx(exact, rel=2e-5, abs=5e-5)
    rng = np.random.default_rng(1)
    samples = [rng.multivariate_normal(*of, 20_000) for of in (([0, 0], COVARIANCE), (mean, covariance))]
    assert frechet_distance(*samples) == pytest.approx(exact, rel=0.05, abs=2e-3)


def test_covariances_without_full_rank_are_no_trouble():
    flat = np.diag([1.0, 0.0])
    assert gaussian_distance([0, 0], flat, [0, 0], flat) == pytest.approx(0, abs=1e-12)
    assert gaussian_distance([0, 0], flat, [0, 0], np.eye(2)) == pytest.approx(1)


def test_fpd_of_gaussians_and_of_one_distribution():
    rng = np.random.default_rng(2)
    real, other = (rng.multivariate_normal([0, 0], COVARIANCE, 20_000) for _ in range(2))
    none, shifted = (fpd(real, made, draws=3) for made in (other, other + np.array([1, 0])))
    assert none.value < 5e-5
    scale = np.abs(real[:, 0]).max()
    assert shifted.value == pytest.approx(1 / scale**2, rel=0.04)
    assert shifted == fpd(real, other + np.array([1, 0]), draws=3)
    wide = fpd(1000 * real, 1000 * (other + np.array([1, 0])), draws=3)
    assert wide.value == pytest.approx(shifted.value, rel=1e-6)


def test_mmd_is_unbiased_and_what_a_plain_sum_gives():
    rng = np.random.default_rng(3)
    first, second = rng.normal(size=(6, 3)), rng.normal(size=(5, 3))

    def kernel(x, y):
        return (x @ y / 3 + 1) ** 4

    def alike(rows):
        pairs = [kernel(rows[i], rows[j]) for i in range(len(rows)) for j in range(len(rows)) if i != j]
        return np.mean(pairs)

    between = np.mean([kernel(x, y) for x in first for y in second])
    assert mmd(first, second) == pytest.approx(alike(first) + alike(second) - 2 * between)
    values = [mmd(*rng.normal(size=(2, 50, 3))) for _ in range(400)]
    assert np.mean(values) == pytest.approx(0, abs=4 * np.std(values) / 20)


def test_kpd_sees_a_shape_that_frechet_is_blind_to():
    rng = np.random.default_rng(4)
    real, other = np.sqrt(0.99) * rng.choice([-1, 1], (2, 2000, 2)) + 0.1 * rng.normal(size=(2, 2000, 2))
    made = rng.normal(size=(2000, 2))
    assert frechet_distance(real, made) < 0.02
    same, shape = (kpd(real, part, batch=2000, batches=4) for part in (other, made))
    assert shape.value > 5 * abs(same.value)
    assert shape.value > 5 * shape.error


def test_too_few_rows_and_numbers_that_are_none_are_refused():
    rows = np.zeros((19_999, 2))
    with pytest.raises(InputError, match="at least 20,000 a side, got 19,999 and 19,999"):
        fpd(rows, rows)
    with pytest.raises(InputError, match="at least 5,000 a side"):
        kpd(rows[:10], rows)
    with pytest.raises(InputError, match=r"made: 1 features are not finite, the first at \[0, 1\]"):
        frechet_distance([[0, 1], [1, 2]], [[0, np.nan], [1, 2]])
    with pytest.raises(InputError, match=r"got \(2, 3\) and \(2, 2\)"):
        frechet_distance(np.zeros((2, 3)), np.zeros((2, 2)))
