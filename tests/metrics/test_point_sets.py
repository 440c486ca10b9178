"""The distance of clouds from what was reconstructed of them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from raysearch.metrics.generation.point_sets import MOST, mean_distance, sample_distance


def test_a_cloud_is_as_far_as_its_points_are() -> None:
    one = np.array([[[0, 0, 1], [3, 4, 1], [0, 0, 0]]], float)
    other = np.array([[[0, 0, 1], [0, 0, 3], [0, 0, 0]]], float)
    # Points of the first: 0 and 5; of the other: 0 and 2; the padding is nobody's neighbour.
    assert mean_distance(one, other) == pytest.approx((2.5 + 1) / 2)
    assert mean_distance(one, one) == 0


def test_the_order_of_points_does_not_matter_nor_clouds_without_any() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.uniform(1, 8, (2, 4, 6, 3))
    expected = mean_distance(one, other)
    assert mean_distance(one, other[:, ::-1]) == pytest.approx(expected)
    empty = np.zeros((2, 6, 3))
    assert mean_distance(np.concatenate([one, empty]), np.concatenate([other, empty + 9])) == expected
    assert math.isnan(mean_distance(empty, empty))


def test_of_many_clouds_some_are_looked_at_from_first_to_last() -> None:
    many = np.ones((3 * MOST, 1, 3))
    far = many.copy()
    far[[0, -1]] += 1
    assert mean_distance(many, far) == pytest.approx(2 * 3**0.5 / MOST)


def test_a_sample_is_far_where_either_side_has_nothing_near() -> None:
    rng = np.random.default_rng(1)
    real = rng.uniform(1, 2, (80, 5, 3))
    real[40:] += 8
    real[::3, 4:] = 0  # padding
    fresh = np.where(real != 0, real + rng.normal(0, 0.1, real.shape), 0)
    found = sample_distance(real, fresh)
    assert 0 < found.value < 1.3 * found.itself
    assert found.n == 40
    collapsed = np.where(real != 0, 1.5, 0)  # near to half of the real ones; nothing is near to the others
    assert sample_distance(real, collapsed).value > 4 * found.itself
    strange = fresh.copy()
    strange[::2] += 50 * (
        strange[::2] != 0
    )  # all real ones have a neighbour, half of the made ones have none
    assert sample_distance(real, strange).value > 10 * found.itself


def test_clouds_without_points_are_in_no_sample() -> None:
    rng = np.random.default_rng(2)
    real, made = rng.uniform(1, 2, (2, 40, 5, 3))
    empty = np.zeros((10, 5, 3))
    expected = sample_distance(real, made)
    assert sample_distance(np.concatenate([real, empty]), np.concatenate([made, empty])) == expected
