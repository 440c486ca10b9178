"""The figures by which generators are looked at while they train: what they are of, and their floors."""

from __future__ import annotations

import numpy as np
import pytest
from jet_files import sample_clouds

from raysearch.metrics.generation.frechet import frechet_distance
from raysearch.metrics.generation.jet_sample import JetSample
from raysearch.metrics.generation.quick_figures import digit_figures, jet_figures
from raysearch.metrics.generation.wasserstein import quick_w1


def test_jets_are_judged_by_their_mass_beside_its_floor() -> None:
    first, second = (JetSample(sample_clouds()[rows]) for rows in (slice(600), slice(600, 1200)))
    found, expected = jet_figures(first, second), quick_w1(first, second)
    assert found["loss"] == expected["W1-M"]
    assert (found["w1p"], found["w1pt"]) == (expected["W1-P"], expected["W1-pT"])
    # Real against as many other real ones lies within what a single comparison scatters by.
    assert abs(found["loss"] - found["floor"]) < 4 * found["floor_error"]
    heavier = JetSample(second.particles * np.array([1.5, 1.5, 1]))
    assert jet_figures(first, heavier)["loss"] > 5 * found["floor"]


def test_digits_are_judged_by_the_frechet_distance_beside_its_floor() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 2000, 8))
    found = digit_figures(first, second)
    assert found["loss"] == frechet_distance(first, second)
    assert found["loss"] == pytest.approx(found["floor"], rel=0.5)
    assert digit_figures(first, second + 0.2)["loss"] > 5 * found["floor"]
