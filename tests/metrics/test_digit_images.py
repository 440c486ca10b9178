"""Digits as images and their distance; and what real rows against real ones would have, from their halves."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from raysearch.metrics.generation.digit_images import (
    digit_features,
    digit_images,
    digit_pictures,
)
from raysearch.metrics.generation.frechet import frechet_distance
from raysearch.metrics.generation.halves import INVERSE, ROOT, from_halves


def test_intensities_add_up_where_points_are() -> None:
    points = np.array([[[7, 0, 0.5], [1.2, 3.4, 0.25], [0.9, 3, 0.25], [30, -2, 1.0], [0, 0, 0]]])
    image = digit_images(points, side=8, cells=8)[0]
    assert image[0, 7] == 1.5  # the first, and the one beyond the rim
    assert image[3, 1] == 0.5
    assert image.sum() == 2
    coarse = digit_images(np.array([[[27, 13, 1.0], [4, 14, 1.0]]]), side=28, cells=8)[0]
    assert coarse[3, 7] == coarse[4, 1] == 1


def some_digits(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 10, n)
    places = np.stack([labels % 8, rng.integers(0, 8, n)], axis=1)[:, None]
    return np.concatenate([places, rng.random((n, 1, 1))], axis=2), labels


def test_the_distance_sees_wrong_labels_if_it_is_told_them() -> None:
    points, labels = some_digits(400, 1)
    turned = points[::-1]  # the same digits in another order, and so with others' labels
    assert frechet_distance(digit_features(points, 8), digit_features(turned, 8)) == pytest.approx(
        0, abs=1e-9
    )
    with_labels = digit_features(points, 8, labels), digit_features(turned, 8, labels)
    assert with_labels[0].shape == (400, 64 + 10)
    assert frechet_distance(*with_labels) > 0.02


def test_pictures_stand_upright_with_their_labels() -> None:
    points, labels = some_digits(30, 1)
    points[0] = [[3, 0, 1.0]]  # of the uppermost row, which the report draws last
    shown = digit_pictures(points, points, 8, labels)
    assert shown.real[0, 7, 3] == 1
    assert shown.captions[0] == str(labels[0])
    assert len(shown.real) == 10


@pytest.mark.parametrize(
    ("power", "distance"),
    [
        (ROOT, lambda a, b: wasserstein_distance(a[:, 0], b[:, 0])),
        (INVERSE, frechet_distance),
    ],
)
def test_halves_tell_what_whole_samples_would_have(power: float, distance) -> None:
    """Against 300 pairs of fresh samples of the whole size; without the power it would be 1.4 or 2 times."""
    rng = np.random.default_rng(3)
    fresh = np.mean([distance(rng.normal(size=(400, 2)), rng.normal(size=(400, 2))) for _ in range(300)])
    found = [from_halves(distance, rng.normal(size=(400, 2)), power=power) for _ in range(30)]
    assert np.mean([each.value for each in found]) == pytest.approx(fresh, rel=0.15)
    one = from_halves(distance, np.arange(40.0).reshape(20, 2) ** 2, power=power)
    assert one == from_halves(distance, np.arange(40.0).reshape(20, 2) ** 2, power=power)
    assert one.error is not None
    assert one.error > 0
