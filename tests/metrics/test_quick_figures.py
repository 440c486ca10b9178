"""The figures by which generators are looked at while they train: what they are of, and their floors."""

from __future__ import annotations

import numpy as np
import pytest
from jet_files import sample_clouds

from raysearch.metrics.generation.frechet import frechet_distance
from raysearch.metrics.generation.jet_sample import JetSample
from raysearch.metrics.generation.quick_figures import digit_figures, jet_figures
from raysearch.metrics.generation.wasserstein import quick_w1


def test_jets_are_judged_by_their_mass_and_particles_beside_the_floor() -> None:
    first, second = (JetSample(sample_clouds()[rows]) for rows in (slice(600), slice(600, 1200)))
    found, expected = jet_figures(first, second), quick_w1(first, second)
    assert [found[name] for name in ("w1m", "w1p", "w1pt")] == [
        expected[n] for n in ("W1-M", "W1-P", "W1-pT")
    ]
    assert found["loss"] == found["w1m"] + found["w1p"]
    # Real against as many other real ones lies within what a single comparison scatters by.
    for name in ("", "w1m_"):
        value = found["w1m" if name else "loss"]
        assert abs(value - found[f"{name}floor"]) < 4 * found[f"{name}floor_error"]
    heavier = JetSample(second.particles * np.array([1.5, 1.5, 1]))
    assert jet_figures(first, heavier)["loss"] > 5 * found["floor"]


def test_jets_of_the_right_mass_with_particles_in_the_wrong_place_are_seen() -> None:
    real = JetSample(sample_clouds()[:600])
    turned = JetSample(real.particles[..., [1, 0, 2]] * np.array([-1, 1, 1]) + np.array([0, 0.3, 0]))
    shifted = JetSample(np.where(real.there[..., None], turned.particles, 0))
    found = jet_figures(real, shifted)
    assert found["w1m"] < 5 * found["w1m_floor"]
    assert found["loss"] > 20 * found["floor"]


def test_digits_are_judged_by_the_frechet_distance_beside_its_floor() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 2000, 8))
    found = digit_figures(first, second)
    assert found["loss"] == frechet_distance(first, second)
    assert found["loss"] == pytest.approx(found["floor"], rel=0.5)
    assert digit_figures(first, second + 0.2)["loss"] > 5 * found["floor"]
