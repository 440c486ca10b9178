"""The calorimeter of arXiv:1902.07987, by the counts of its public code."""

import numpy as np
import pytest

from raysearch.data.hits.geometry import COLUMNS, paper_sensors, sensor_at

COUNTS = [112, 172, 292, 292, *4 * [172], *4 * [112], 28, 28, *6 * [7]]
SENSORS = paper_sensors()
X, Y, Z, WIDTH, DEPTH, LAYER = SENSORS.T


def test_layers_have_the_published_counts_and_sizes():
    assert COLUMNS == ("x", "y", "z", "width", "depth", "layer")
    assert SENSORS.shape == (2102, 6)
    assert SENSORS.dtype == np.float32
    assert np.bincount(LAYER.astype(int)).tolist() == COUNTS
    np.testing.assert_array_equal(Z, LAYER * 100 + 50)
    assert (DEPTH == 100).all()
    fine = (X > 0) & (Y > 0)
    sizes = [18.75, 18.75, 15, 15, *8 * [18.75], 37.5, 37.5, *6 * [75]]
    others = [37.5, 25, 18.75, 18.75, *4 * [25], *4 * [37.5], 75, 75, *6 * [150]]
    for layer in range(20):
        here = layer == LAYER
        assert set(WIDTH[here & fine]) == {sizes[layer]}
        assert set(WIDTH[here & ~fine]) == {others[layer]}


def test_sensors_tile_each_layer_without_gap_or_overlap():
    areas = np.bincount(LAYER.astype(int), WIDTH.astype(float) ** 2)
    np.testing.assert_allclose(areas, 300.0**2)
    # Areas sum up and every point is in exactly one square: then squares neither overlap nor leave a gap.
    points = np.random.default_rng(0).uniform((-150, -150, 0), (150, 150, 2000), (3000, 3))
    inside = (np.abs(points[:, None, :2] - SENSORS[:, :2]) < WIDTH[:, None] / 2).all(axis=2)
    inside &= np.abs(points[:, None, 2] - Z) < DEPTH / 2
    assert (inside.sum(axis=1) == 1).all()
    np.testing.assert_array_equal(sensor_at(*points.T), inside.argmax(axis=1))


def test_the_middle_of_a_sensor_and_its_corners_lie_in_it_and_nothing_lies_outside():
    number = np.arange(len(SENSORS))
    np.testing.assert_array_equal(sensor_at(X, Y, Z), number)
    for right, upper in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        shift = 0.499 * WIDTH.astype(float)
        np.testing.assert_array_equal(sensor_at(X + right * shift, Y + upper * shift, Z - 49.9), number)


@pytest.mark.parametrize("place", [(150, 0, 5), (0, -150, 5), (0, 0, -0.1), (0, 0, 2000), (1e9, 0, 5)])
def test_outside_there_is_no_sensor(place):
    assert sensor_at(*np.array([place], float).T).tolist() == [-1]
