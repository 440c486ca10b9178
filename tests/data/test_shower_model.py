"""The showers have what was put into them: profile, radii, resolution."""

import numpy as np
import pytest

from raysearch.data.showers.model import (
    CALORIMETER,
    Calorimeter,
    draw_profiles,
    middle_profiles,
    radial_profile,
)
from raysearch.data.showers.simulation import falling_fraction, simulate

WIDE = Calorimeter(cell_cm=20.0)  # nothing leaks sideways
LARGE = Calorimeter(n_cells=51)
WIDE_AND_DEEP = Calorimeter(cell_cm=20.0, n_layers=60)


def showers(energy_gev, n, calorimeter=CALORIMETER, seed=1):
    energy = np.full(n, float(energy_gev))
    return simulate(energy, np.random.default_rng(seed), calorimeter)


def response(energy_gev, n, calorimeter=CALORIMETER):
    found = showers(energy_gev, n, calorimeter).sum(axis=(1, 2, 3), dtype=np.float64)
    return found / energy_gev / calorimeter.sampling_fraction


def test_the_detector_is_tungsten_and_silicon():
    assert CALORIMETER.layer_x0 == pytest.approx(0.947, abs=1e-3)
    assert CALORIMETER.moliere_cm == pytest.approx(1.03, abs=0.01)
    assert CALORIMETER.critical_gev == pytest.approx(8.16e-3, rel=2e-3)
    assert CALORIMETER.sampling_fraction == pytest.approx(0.0182, abs=1e-4)


@pytest.mark.parametrize("energy", [10, 100, 500])
def test_the_mean_energy_in_a_layer_is_that_of_the_gamma_profiles(energy):
    layers = showers(energy, 400, WIDE).sum(axis=(1, 2), dtype=np.float64).mean(axis=0)
    many = np.full(20_000, float(energy))
    profiles = draw_profiles(many, np.random.default_rng(2))
    expected = profiles.shares(WIDE.edges).mean(axis=0)
    got = layers / energy / WIDE.sampling_fraction
    assert np.abs(got - expected).max() < 0.035 * expected.max()


def test_the_maximum_deepens_by_one_radiation_length_when_the_energy_grows_e_fold():
    energy = np.array([10.0, 30.0, 100.0, 300.0])
    middles = (WIDE.edges[1:] + WIDE.edges[:-1]) / 2
    deepest = []
    for gev in energy:
        layers = showers(gev, 200, WIDE).sum(axis=(1, 2), dtype=np.float64).mean(axis=0)
        peak = np.arange(layers.argmax() - 3, layers.argmax() + 4)
        bend, slope, _ = np.polyfit(middles[peak], np.log(layers[peak]), 2)
        deepest.append(-slope / 2 / bend)
    assert np.polyfit(np.log(energy), deepest, 1)[0] == pytest.approx(1.0, abs=0.1)
    offset = middle_profiles(energy).t_max - (np.log(energy / WIDE.critical_gev) - 0.812)
    np.testing.assert_allclose(offset, -0.725, atol=0.005)  # -0.55 * 0.947 - 0.69 * (1 - 0.704)


@pytest.mark.parametrize("energy", [10, 60])
def test_the_resolution_is_the_one_put_in_and_the_response_is_one(energy):
    found = response(energy, 2000, WIDE_AND_DEEP)
    assert found.std() * np.sqrt(energy) == pytest.approx(0.17, rel=0.05)
    assert found.mean() == pytest.approx(1, abs=4 * found.std() / np.sqrt(2000))


def test_the_detector_holds_nearly_all_and_less_of_more_energy():
    contained = [response(energy, 200).mean() for energy in (10, 100, 500)]
    assert 0.97 < contained[2] < contained[1] < contained[0] < 0.998


def test_across_the_shower_energy_lies_as_core_and_tail_say():
    energy, n = 100.0, 400
    across = showers(energy, n).sum(axis=(0, 2, 3), dtype=np.float64)
    many = np.full(n, energy)
    profiles = draw_profiles(many, np.random.default_rng(3))
    alpha = middle_profiles(many).alpha[:, None]
    mean_depth = (profiles.t_max * profiles.alpha / (profiles.alpha - 1))[:, None]
    middles = (CALORIMETER.edges[1:] + CALORIMETER.edges[:-1]) / 2
    radii = radial_profile(middles / mean_depth * alpha / (alpha - 1), many[:, None])
    shares = profiles.shares(CALORIMETER.edges)

    def below(x_cm):
        """2 r R^2 / (r^2 + R^2)^2 seen from the side has the integral 1/2 + x / (2 sqrt(x^2 + R^2))."""
        core, tail = (x_cm / np.hypot(x_cm, CALORIMETER.moliere_cm * r) / 2 for r in (radii.core, radii.tail))
        return (shares * (radii.core_part * core + (1 - radii.core_part) * tail)).sum() / n

    hits = (np.arange(40) + 0.5) / 40 - 0.5
    edges = np.arange(26) - 12.5
    integral = np.array([np.mean([below((edge - hit) * 0.51) for hit in hits]) for edge in edges])
    both_sides = (across + across[::-1]) / across.sum() / 2
    np.testing.assert_allclose(both_sides, np.diff(integral) / np.ptp(integral), atol=0.002)
    tail = both_sides[:10] + both_sides[:-11:-1]
    np.testing.assert_allclose(tail, 2 * np.diff(integral)[:10] / np.ptp(integral), rtol=0.25)


def test_both_transverse_axes_are_alike_and_the_shower_is_in_the_middle():
    found = showers(50, 300).sum(axis=(0, 3), dtype=np.float64)
    found /= found.sum()
    np.testing.assert_allclose(found.sum(axis=0), found.sum(axis=1), atol=0.006)
    assert found[12, 12] == found.max()
    np.testing.assert_allclose(found, found[::-1, ::-1], atol=0.006)


def test_single_showers_fluctuate_in_depth_as_they_should():
    energy = np.full(50_000, 100.0)
    profiles = draw_profiles(energy, np.random.default_rng(4))
    log_y = np.log(100 / CALORIMETER.critical_gev)
    log_t, log_alpha = np.log(profiles.t_max), np.log(profiles.alpha)
    assert log_t.std() == pytest.approx(1 / (-2.5 + 1.25 * log_y), rel=0.02)
    assert log_alpha.std() == pytest.approx(1 / (-0.82 + 0.79 * log_y), rel=0.03)
    assert np.corrcoef(log_t, log_alpha)[0, 1] == pytest.approx(0.784 - 0.023 * log_y, abs=0.02)


def test_the_same_generator_gives_the_same_showers():
    energies = np.linspace(10, 500, 30)
    one, two, other = (simulate(energies, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.dtype == np.float32
    assert one.shape == (30, 25, 25, 25)
    np.testing.assert_array_equal(one, two)
    assert (one != other).any(axis=(1, 2, 3)).all()
    assert (one >= 0).all()


def inclined(degrees, n=150, energy_gev=100.0, calorimeter=LARGE):
    energy, theta = np.full(n, energy_gev), np.full(n, np.radians(degrees))
    return simulate(energy, np.random.default_rng(1), calorimeter, theta=theta)


def test_a_right_angle_given_as_an_angle_gives_the_same_showers_on_average():
    straight = simulate(np.full(150, 100.0), np.random.default_rng(2), LARGE).sum(axis=0, dtype=np.float64)
    given = inclined(90).sum(axis=0, dtype=np.float64)
    assert given.sum() == pytest.approx(straight.sum(), rel=0.01)
    for axes in ((1, 2), (0, 1), (0, 2)):
        profiles = [found.sum(axis=axes) / found.sum() for found in (straight, given)]
        np.testing.assert_allclose(*profiles, atol=0.03)


@pytest.mark.parametrize("degrees", [60, 80, 110])
def test_the_axis_lies_in_the_y_z_plane_at_the_angle_that_was_asked_for(degrees):
    found = inclined(degrees).sum(axis=0, dtype=np.float64)
    layers = np.arange(2, 12)  # where the shower is narrow
    x, y = (found.sum(axis=axis)[:, layers] for axis in (1, 0))
    places = np.arange(51) - 25
    rise_x, rise_y = (np.polyfit(layers, places @ side / side.sum(axis=0), 1)[0] for side in (x, y))
    assert rise_x == pytest.approx(0, abs=0.02)
    assert np.degrees(np.arctan2(1, rise_y)) == pytest.approx(degrees, abs=2.5)


@pytest.mark.parametrize("degrees", [60, 115])
def test_spots_lie_across_the_inclined_axis(degrees):
    theta = np.radians(degrees)
    found = inclined(degrees).sum(axis=(0, 1), dtype=np.float64)
    y, z = np.arange(51)[:, None] - 25, np.arange(25)[None] - 12
    across = y * np.sin(theta) - z * np.cos(theta)
    along = y * np.cos(theta) + z * np.sin(theta)
    mean_across, mean_along = ((found * place).sum() / found.sum() for place in (across, along))
    together = (found * (across - mean_across) * (along - mean_along)).sum()
    assert together / (found * (across - mean_across) ** 2).sum() == pytest.approx(0, abs=0.25)  # else 1.7


def test_inclined_showers_are_shallower_and_leak_less():
    straight, tilted = inclined(90), inclined(60)
    depth = [(found.sum(axis=(0, 1, 2)) * np.arange(25)).sum() / found.sum() for found in (straight, tilted)]
    assert depth[1] / depth[0] == pytest.approx(np.sin(np.radians(60)), abs=0.03)
    assert tilted.sum() > straight.sum()
    mirrored = inclined(120).sum(axis=(0, 1, 3))
    np.testing.assert_allclose(
        mirrored[::-1] / mirrored.sum(), tilted.sum(axis=(0, 1, 3)) / tilted.sum(), atol=0.01
    )


@pytest.mark.parametrize(("energy", "share"), [(20, 0.02158), (100, 0.02019), (480, 0.01812)])
def test_the_sum_of_all_cells_falls_as_in_3dgan_if_asked_to(energy, share):
    gev = np.full(200, float(energy))
    found = simulate(gev, np.random.default_rng(3), sampling_fraction=falling_fraction(gev))
    assert found.sum(dtype=np.float64) / gev.sum() == pytest.approx(share, rel=0.012)
