"""Each of seven distortions of real gluon jets is seen by the metric that should, not by those that cannot.

They are those of arXiv:2211.10295: three change how often jets are, four the particles of each jet; here they
are larger, as there are 1,000 jets a side.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from whole_jets import load_jets

from raysearch.data.jets.layout import FEATURES
from raysearch.metrics.generation.frechet import fpd
from raysearch.metrics.generation.itself import Measured
from raysearch.metrics.generation.jet_sample import JetSample
from raysearch.metrics.generation.jets import logarithms, low_level
from raysearch.metrics.generation.neighbours import neighbour_figures
from raysearch.metrics.generation.two_sample import ClassifierSettings, classifier_auc, standardised
from raysearch.metrics.generation.wasserstein import jet_w1

Jets = np.ndarray
FAST = ClassifierSettings(learning_rate=2e-3, epochs=10)


@pytest.fixture(scope="module")
def gluons() -> tuple[Jets, Jets]:
    jets = load_jets(None, 30)
    columns = [FEATURES.index(f"j1_{name}") for name in ("etarel", "phirel", "ptrel")]
    found = jets.features[jets.labels == 0][..., columns].astype(float)
    order = np.random.default_rng(5).permutation(len(found))
    return found[order[:1000]], found[order[1000:]]


def with_masses(jets: Jets, wanted: np.ndarray) -> Jets:
    """Take, for each wanted mass, the jet whose own is nearest."""
    mass = JetSample(jets).mass
    return jets[np.abs(mass[:, None] - wanted).argmin(axis=0)]


def changed(jets: Jets, axes: tuple[int, ...], change: Callable[[np.ndarray], np.ndarray]) -> Jets:
    found, there = jets.copy(), (jets != 0).any(axis=2)
    for axis in axes:
        found[..., axis] = np.where(there, change(jets[..., axis]), 0)
    return found


def distorted(name: str, jets: Jets) -> Jets:
    rng, mass = np.random.default_rng(1), JetSample(jets).mass

    def moved(values: np.ndarray) -> np.ndarray:
        return values + rng.normal(0, 0.02, values.shape)

    def scaled(values: np.ndarray) -> np.ndarray:
        return values * rng.normal(1, 0.3, values.shape).clip(0.01)

    return {
        "mass smeared": lambda: with_masses(jets, mass * rng.normal(1, 0.6, len(mass)).clip(0)),
        "mass shifted": lambda: with_masses(jets, 1.3 * mass),
        "mass tail cut": lambda: jets[rng.choice(np.flatnonzero(mass < np.quantile(mass, 0.85)), len(jets))],
        "all smeared": lambda: changed(changed(jets, (0, 1), moved), (2,), scaled),
        "eta smeared": lambda: changed(jets, (0,), moved),
        "pT smeared": lambda: changed(jets, (2,), scaled),
        "pT shifted": lambda: changed(jets, (2,), lambda pt: 1.15 * pt),
    }[name]()


def figures(real: Jets, made: Jets) -> dict[str, Measured]:
    first, second = JetSample(real), JetSample(made)
    inputs = standardised(*logarithms(first, second))
    by_energy_flow = classifier_auc(*inputs, FAST)
    return {
        **jet_w1(first, second),
        **neighbour_figures(*(side.astype(float) for side in inputs)),
        "AUC": Measured(by_energy_flow.value, by_energy_flow.error),
    }


@pytest.fixture(scope="module")
def undistorted(gluons: tuple[Jets, Jets]) -> dict[str, Measured]:
    return figures(*gluons)


SEEN = {
    "mass smeared": ("W1-M",),
    "mass shifted": ("W1-M", "W1-EFP", "W1-P"),
    "mass tail cut": ("W1-M", "recall", "coverage"),
    "all smeared": ("precision", "density", "coverage", "AUC"),
    "eta smeared": ("AUC",),
    "pT smeared": ("precision", "density", "AUC"),
    "pT shifted": ("W1-pT", "precision", "density", "AUC"),
}
BLIND = {
    "mass smeared": ("W1-pT", "recall"),
    "mass shifted": ("W1-pT", "precision"),
    "mass tail cut": ("precision", "density"),
    "eta smeared": ("W1-pT", "precision"),
    "pT smeared": ("W1-M", "recall"),
}


@pytest.mark.parametrize("name", SEEN)
def test_a_distortion_is_seen_by_the_metrics_that_should(
    name: str, gluons: tuple[Jets, Jets], undistorted: dict[str, Measured]
) -> None:
    found = figures(gluons[0], distorted(name, gluons[1]))
    sigmas = {
        metric: abs(value.value - undistorted[metric].value)
        / np.hypot(value.error, undistorted[metric].error)
        for metric, value in found.items()
    }
    assert all(sigmas[metric] > 4 for metric in SEEN[name]), sigmas
    assert all(sigmas[metric] < 3 for metric in BLIND.get(name, ())), sigmas


def test_fpd_sees_the_shift_of_pt_and_the_classifier_of_particles_too(gluons: tuple[Jets, Jets]) -> None:
    real, made = gluons
    first, same, other = JetSample(real), JetSample(made), JetSample(distorted("pT shifted", made))
    distances = [
        fpd(first.polynomials, each.polynomials, least=400, most=1000, draws=5) for each in (same, other)
    ]
    assert distances[1].value > 5 * distances[0].value
    aucs = [classifier_auc(*standardised(*low_level(first, each)), FAST) for each in (same, other)]
    assert abs(aucs[0].value - 0.5) < 4 * aucs[0].error
    assert aucs[1].value > 0.85
