"""Separation power, correlations, classifiers and spectra: definitions, seeds and refusals."""

import numpy as np
import pytest
import torch
from toy_showers import sample, toy_cells

from raysearch.errors import InputError
from raysearch.metrics.generation.separation import separation_power
from raysearch.metrics.generation.two_sample import ClassifierSettings, classifier_auc
from raysearch.metrics.showers.classifier import LowLevel, high_level_inputs
from raysearch.metrics.showers.comparison import comparison
from raysearch.metrics.showers.correlation import NAMES, correlations
from raysearch.metrics.showers.separation import histogram, separation_powers
from raysearch.metrics.showers.spectra import correlation_pictures, shower_spectra
from raysearch.metrics.shown import pack, unpack


def test_separation_power_by_hand():
    assert separation_power([1, 1, 0], [2, 2, 0]) == 0
    assert separation_power([1, 0], [0, 7]) == 1
    assert separation_power([1, 1], [3, 1]) == pytest.approx(0.5 * (0.25**2 / 1.25 + 0.25**2 / 0.75))
    with pytest.raises(InputError, match="entries in both"):
        separation_power([0, 0], [1, 1])


def test_showers_outside_a_range_are_not_lost():
    assert histogram([-5, 0.5, 1, 2, 99], [0, 1, 2]).tolist() == [2, 3]


def test_separation_powers_are_1_for_showers_that_have_nothing_in_common():
    cells, energy = toy_cells(100, seed=1)
    real, far = sample(cells, energy), sample(100 * cells, energy)
    found = separation_powers(real, far)
    assert found["sampling fraction"] > 0.99
    assert found["layer width x"] == pytest.approx(0, abs=0.1)
    assert set(separation_powers(real, real).values()) == {0.0}
    assert {"layer energy", "sparsity", "cell energy", "layer center r", "layer width y"} <= set(found)


def test_correlations_are_those_of_numpy_and_a_constant_feature_has_none():
    cells, energy = toy_cells(200, seed=1)
    showers = sample(cells, energy)
    found = correlations(showers)
    assert found.shape == (len(NAMES), len(NAMES))
    hits, total = showers.features["hits"], showers.sampling_fraction
    assert found[1, 2] == pytest.approx(np.corrcoef(total, hits)[0, 1])
    same = sample(np.repeat(cells[:1], 50, axis=0), energy[:50])
    assert np.isfinite(correlations(same)).all()
    np.testing.assert_array_equal(correlations(same)[2], np.eye(len(NAMES))[2])


def test_a_classifier_separates_what_is_separable_and_has_one_result_a_seed():
    rng = np.random.default_rng(1)
    real, made = (rng.normal(shift, 1, (500, 4)).astype(np.float32) for shift in (0, 1))
    state = torch.random.get_rng_state()
    found = classifier_auc(real, made, seed=4)
    assert torch.equal(state, torch.random.get_rng_state())
    assert found == classifier_auc(real, made, seed=4)
    assert found != classifier_auc(real, made, seed=5)
    assert found.n_test == 100
    exact = 0.921  # of Gaussians two standard deviations apart: Phi(2 / sqrt(2))
    assert found.value == pytest.approx(exact, abs=4 * found.error)


def test_a_classifier_is_judged_by_showers_it_has_not_seen():
    rng = np.random.default_rng(1)
    real, made = (rng.normal(0, 1, (300, 200)).astype(np.float32) for _ in range(2))
    found = classifier_auc(real, made, ClassifierSettings(learning_rate=1e-2))
    assert abs(found.value - 0.5) < 4 * found.error  # it knows its training part by heart


def test_a_classifier_needs_as_many_showers_a_side():
    with pytest.raises(InputError, match="as many rows a side, 50 or more, got 60 and 61"):
        classifier_auc(np.zeros((60, 2)), np.zeros((61, 2)))
    with pytest.raises(InputError, match="got 10 and 10"):
        classifier_auc(np.zeros((10, 2)), np.zeros((10, 2)))


def test_inputs_of_classifiers():
    cells, energy = toy_cells(60, seed=1)
    low = LowLevel(cells, energy, sampling=0.02)
    rows = np.array([5, 2])
    np.testing.assert_allclose(low[rows][:, 0], np.log10(1e3 * energy[rows]), rtol=1e-6)
    np.testing.assert_allclose(low[rows][:, 1:].sum(1), 100, rtol=0.15)
    high, _ = high_level_inputs(sample(cells, energy), sample(cells, energy))
    assert np.isfinite(high).all()
    np.testing.assert_allclose(high.std(0).max(), 1, rtol=1e-4)


def test_spectra_hold_the_published_quantities_and_pack():
    theta = np.random.default_rng(1).uniform(1.1, 2.0, 80)
    cells, energy = toy_cells(80, seed=1, theta=theta)
    pair = sample(cells[:40], energy[:40], theta[:40]), sample(cells[40:], energy[40:], theta[40:])
    found = shower_spectra(*pair)
    by_name = {each.quantity: each for each in found}
    assert by_name["sampling fraction"].trend
    np.testing.assert_allclose(by_name["sampling fraction"].real, pair[0].sampling_fraction)
    assert by_name["energy along layer"].real.shape == (40, 12)
    assert {"hits", "cells", "mean x", "variance along layer", "maximum at y", "measured angle"} <= set(
        by_name
    )
    assert by_name["hits"].over.edges[1:-1].tolist() == [50, 100, 200, 250, 300, 400]
    pictures = correlation_pictures(*pair)
    again = unpack(pack([*found, pictures]))
    assert [type(each) for each in again] == [type(each) for each in (*found, pictures)]


def test_spectra_of_one_energy_and_a_narrow_range():
    cells, _ = toy_cells(40, seed=1)
    alone, narrow = np.full(40, 50.0), np.linspace(110, 140, 40)
    assert all(
        len(each.over.edges) == 2 for each in shower_spectra(sample(cells, alone), sample(cells, alone))
    )
    hits = shower_spectra(sample(cells, narrow), sample(cells, narrow))[-2:]
    assert len(hits[0].over.edges) == 5


def test_a_comparison_holds_every_metric_beside_its_floor_and_tells_which_were_refused():
    real, made = (sample(*toy_cells(200, seed)) for seed in (1, 2))
    quick = ClassifierSettings(hidden=8, epochs=2)
    found = comparison(real, made, sample(*toy_cells(200, 3)), classifier=quick)
    assert set(found.refused) == {"FPD", "KPD"}
    assert "at least 20,000 a side, got 200 and 200" in found.refused["FPD"]
    wanted = {
        "3DGAN metric",
        "AUC, high-level features",
        "separation power, layer energy",
        "correlation difference",
    }
    assert wanted <= set(found.values)
    for name, value in found.values.items():
        assert value.n == 200, name
        assert np.isfinite([value.value.value, value.itself.value]).all(), name
    errors = [found.values[name].value.error for name in ("3DGAN metric", "sampling fraction error")]
    assert min(errors) > 0
    powers = [each.value.value for name, each in found.values.items() if name.startswith("separation power")]
    assert powers[0] == pytest.approx(np.mean(powers[1:]))
    assert powers[1:] == sorted(powers[1:], reverse=True)
    parts = [found.values[f"3DGAN metric{part}"].value.value for part in ("", ", moments", ", profiles")]
    assert parts[0] == pytest.approx(parts[1] + parts[2])
    halves = comparison(real, made, classifier=quick, fpd_least=100)
    assert set(halves.refused) == {"KPD"}
    assert halves.values["3DGAN metric"].n == 100
    assert halves.values["FPD"].value.value >= 0
    assert halves.values["FPD"].value.error > 0
