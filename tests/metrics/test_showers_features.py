"""What is kept of showers, each number against a plain computation of its definition."""

import math

import numpy as np
import pytest
import torch
from toy_showers import GRID, sample, toy_cells

from raysearch.errors import InputError
from raysearch.metrics.showers import features as module
from raysearch.metrics.showers.features import LOG_EDGES, NO_ANGLE, features_of, shower_features
from raysearch.metrics.showers.high_level import high_level, names


@pytest.fixture(scope="module")
def toy():
    cells, energy = toy_cells(30, seed=4)
    return cells, energy, features_of(cells)


def test_profiles_moments_peak_and_hits_of_every_shower(toy):
    cells, _, found = toy
    for number, shower in enumerate(cells.astype(np.float64)):
        for k, axis in enumerate("xyz"):
            profile = shower.sum(axis=tuple({0, 1, 2} - {k}))
            places = np.arange(GRID[k])
            mean = (places * profile).sum() / profile.sum()
            variance = ((places - mean) ** 2 * profile).sum() / profile.sum()
            np.testing.assert_allclose(found[f"profile_{axis}"][number], profile, rtol=1e-5, atol=1e-7)
            assert found["mean"][number, k] == pytest.approx(mean, rel=1e-5)
            assert found["variance"][number, k] == pytest.approx(variance, rel=1e-4)
        assert tuple(found["peak"][number]) == np.unravel_index(shower.argmax(), GRID)
        assert found["total"][number] == pytest.approx(shower.sum(), rel=1e-5)
        assert found["hits"][number] == np.count_nonzero(cells[number] > 2e-4)


def test_centers_widths_and_sparsity_of_every_layer(toy):
    cells, _, found = toy
    x = np.arange(GRID[0]) - (GRID[0] - 1) / 2
    places = {"x": x[:, None] + 0 * x, "y": 0 * x[:, None] + x, "r": np.hypot(x[:, None], x)}
    for number, layer in ((0, 0), (3, 5), (29, 11)):
        plane = cells[number, :, :, layer].astype(np.float64)
        for axis, place in places.items():
            center = (place * plane).sum() / plane.sum()
            width = math.sqrt(((place - center) ** 2 * plane).sum() / plane.sum())
            assert found[f"layer_center_{axis}"][number, layer] == pytest.approx(center, abs=1e-4)
            assert found[f"layer_width_{axis}"][number, layer] == pytest.approx(width, abs=1e-3)
        assert found["sparsity"][number, layer] == pytest.approx(1 - (plane > 2e-4).mean(), abs=1e-6)


def test_the_spectrum_counts_every_cell_with_energy_once(toy):
    cells, _, found = toy
    expected = np.histogram(np.log10(cells[cells > 0]), LOG_EDGES)[0]
    assert np.abs(found["spectrum"].sum(0) - expected).sum() <= 10  # rounding at an edge
    assert found["spectrum"].sum() == np.count_nonzero(cells)
    outside = shower_features(torch.tensor([[[[1e-9, 0.0, -1.0, 1e6]]]]))["spectrum"]
    assert (outside[0, 0], outside[0, -1], outside.sum()) == (1, 1, 2)


@pytest.mark.parametrize("degrees", [60, 90, 115])
def test_the_measured_angle_is_that_of_a_thin_shower_towards_y(degrees):
    theta = math.radians(degrees)
    cells = torch.zeros(1, 9, 41, 12)
    for layer in range(12):
        y = 20.3 + (layer - 5.5) / math.tan(theta)
        cells[0, 4, math.floor(y), layer] = 1 - y % 1  # two cells whose centre of energy lies on the axis
        cells[0, 4, math.floor(y) + 1, layer] = y % 1
    found = shower_features(cells)["angle"].item()
    assert found == pytest.approx(theta, abs=1e-3)
    assert shower_features(cells.flip(2))["angle"].item() == pytest.approx(math.pi - theta, abs=1e-3)
    assert shower_features(cells.transpose(1, 2))["angle"].item() == pytest.approx(math.pi / 2, abs=1e-3)


def test_showers_without_energy_have_zeros_and_an_impossible_angle_and_no_nan():
    found = shower_features(torch.zeros(2, 5, 4, 3))
    assert {
        name: float(part.abs().max()) for name, part in found.items() if name not in ("angle", "sparsity")
    } == (dict.fromkeys(set(found) - {"angle", "sparsity"}, 0.0))
    assert found["angle"].tolist() == [NO_ANGLE, NO_ANGLE]
    one_cell = torch.zeros(1, 5, 4, 3)
    one_cell[0, 2, 1, 1] = 1.0
    assert all(torch.isfinite(part).all() for part in shower_features(one_cell).values())


def test_chunks_types_and_batches_change_nothing_but_rounding(toy, monkeypatch):
    cells, _, whole = toy
    monkeypatch.setattr(module, "AT_ONCE", 7)
    for name, part in features_of(cells).items():
        np.testing.assert_allclose(part, whole[name], rtol=1e-5, atol=1e-6)
    half = shower_features(torch.from_numpy(cells).half())
    assert half["total"].dtype == torch.float32
    np.testing.assert_allclose(half["total"], whole["total"], rtol=2e-3)


def test_what_is_no_shower_is_refused():
    with pytest.raises(InputError, match=r"need cells \(shower, x, y, layer\), got \(2, 3, 4\)"):
        shower_features(torch.zeros(2, 3, 4))
    with pytest.raises(InputError, match="at least one"):
        features_of(np.zeros((0, 3, 3, 3), np.float32))


def test_a_sample_takes_rows_and_refuses_what_does_not_fit(toy):
    cells, energy, found = toy
    showers = sample(cells, energy, np.full(30, 1.5))
    assert len(showers[energy > 250]) == np.count_nonzero(energy > 250)
    assert showers[[3, 1]].features["total"].tolist() == [found["total"][3], found["total"][1]]
    assert showers[:2].theta.tolist() == [1.5, 1.5]
    with pytest.raises(InputError, match="total: has 30 showers, but energy 29"):
        type(showers)(energy[:29], {"total": found["total"]})
    with pytest.raises(InputError, match="above 0"):
        type(showers)(0 * energy, {})


def test_high_level_features_are_named_column_by_column(toy):
    cells, energy, found = toy
    table = dict(zip(names(GRID[2]), high_level(sample(cells, energy)).T, strict=True))
    np.testing.assert_allclose(table["log10 E particle"], np.log10(1e3 * energy))
    np.testing.assert_allclose(
        table["log10 E, layer 3"], np.log10(1e3 * found["profile_z"][:, 3] + 1e-8), rtol=1e-6
    )
    np.testing.assert_allclose(table["sparsity, layer 0"], found["sparsity"][:, 0])
    np.testing.assert_allclose(table["width r, layer 11"], found["layer_width_r"][:, 11] / 20)
