import numpy as np
import pytest

from raysearch.data.jets.constituents import derive_features
from raysearch.data.jets.frames import Frame
from raysearch.data.jets.layout import FEATURES


def momentum(pt, eta, phi):
    return [pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), pt * np.cosh(eta)]


def feature(features, name):
    return features[0, :, FEATURES.index(name)]


def test_two_massless_constituents_give_the_numbers_worked_out_by_hand():
    # pT 3 and 1 along x and y at eta 0: jet px 3, py 1, pz 0, e 4, pT sqrt(10), phi atan(1/3)
    got = derive_features(np.array([[momentum(3, 0, 0), momentum(1, 0, np.pi / 2), [0, 0, 0, 0]]]))
    axis = np.arctan2(1, 3)
    expected = {
        "j1_px": [3, 0, 0],
        "j1_py": [0, 1, 0],
        "j1_pz": [0, 0, 0],
        "j1_e": [3, 1, 0],
        "j1_erel": [0.75, 0.25, 0],
        "j1_pt": [3, 1, 0],
        "j1_ptrel": [3 / np.sqrt(10), 1 / np.sqrt(10), 0],
        "j1_eta": [0, 0, 0],
        "j1_etarel": [0, 0, 0],
        "j1_etarot": [0, 0, 0],
        "j1_phi": [0, np.pi / 2, 0],
        "j1_phirel": [-axis, np.pi / 2 - axis, 0],
        "j1_phirot": [0, -np.pi / 2, 0],  # from the hardest, the other one turned to -phirot
        "j1_deltaR": [axis, np.pi / 2 - axis, 0],
        "j1_costheta": [0, 0, 0],
        "j1_costhetarel": [0, 0, 0],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(feature(got, name), values, atol=1e-12, err_msg=name)


def test_angles_to_the_beam_and_in_eta():
    got = derive_features(np.array([[momentum(2, 1.0, 0.3), momentum(1, -0.5, 0.2)]]))
    pz, e = 2 * np.sinh(1) + np.sinh(-0.5), 2 * np.cosh(1) + np.cosh(0.5)
    pt = np.hypot(2 * np.cos(0.3) + np.cos(0.2), 2 * np.sin(0.3) + np.sin(0.2))
    np.testing.assert_allclose(feature(got, "j1_eta"), [1.0, -0.5])
    np.testing.assert_allclose(feature(got, "j1_etarel"), np.array([1.0, -0.5]) - np.arcsinh(pz / pt))
    np.testing.assert_allclose(feature(got, "j1_costheta"), np.tanh([1.0, -0.5]))
    np.testing.assert_allclose(feature(got, "j1_erel"), [2 * np.cosh(1) / e, np.cosh(0.5) / e])


def test_polar_angle_of_a_massive_constituent_is_that_of_its_momentum():
    got = derive_features(np.array([[[3.0, 0.0, 4.0, 13.0]]]))
    assert feature(got, "j1_costheta")[0] == pytest.approx(4 / 5)
    assert feature(got, "j1_eta")[0] == pytest.approx(np.arcsinh(4 / 3))


def test_a_jet_across_the_cut_in_phi_stays_together():
    got = derive_features(np.array([[momentum(5, 0, np.pi - 0.1), momentum(4, 0, -np.pi + 0.1)]]))
    assert np.abs(feature(got, "j1_phirel")).max() < 0.12


def test_angle_to_the_turned_axis_is_that_of_etarot():
    momenta = np.array([[momentum(50, 0.1, 0.2), momentum(30, 0.3, 0.1), momentum(10, 0.1, 0.4), [0] * 4]])
    got = derive_features(momenta)
    assert np.abs(feature(got, "j1_etarot")[2]) > 0.1
    np.testing.assert_allclose(feature(got, "j1_costhetarel"), np.tanh(feature(got, "j1_etarot")))


def test_of_version_0_1_0_it_was_the_angle_to_the_beam_and_another_rotation():
    momenta = np.array([[momentum(50, 0.1, 0.2), momentum(30, 0.3, 0.1), momentum(10, -0.1, 0.3), [0] * 4]])
    got, public = derive_features(momenta, frame=Frame.first), derive_features(momenta)
    np.testing.assert_array_equal(feature(got, "j1_costhetarel"), feature(got, "j1_costheta"))
    assert feature(got, "j1_phirot")[0] == pytest.approx(feature(got, "j1_deltaR")[0])
    turned = [FEATURES.index(name) for name in ("j1_etarot", "j1_phirot", "j1_costhetarel")]
    np.testing.assert_array_equal(np.delete(got, turned, axis=-1), np.delete(public, turned, axis=-1))


@pytest.mark.parametrize("frame", Frame)
def test_axis_and_turn_are_those_of_all_constituents_even_if_few_are_asked_for(frame):
    momenta = np.random.default_rng(0).normal(size=(6, 9, 4)) + np.array([20, 0, 0, 40])
    few, all_of_them = derive_features(momenta, 3, frame), derive_features(momenta, frame=frame)
    np.testing.assert_array_equal(few, all_of_them[:, :3])


def test_padding_a_lone_constituent_and_an_empty_jet_give_no_nan():
    momenta = np.zeros((2, 3, 4))
    momenta[0, 0] = momentum(7, 0.4, 1.0)
    got = derive_features(momenta)
    assert np.isfinite(got).all()
    assert not got[0, 1:].any()
    assert not got[1].any()
    assert feature(got, "j1_deltaR")[0] == pytest.approx(0, abs=1e-9)
