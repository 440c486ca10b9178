"""Jets turned about their hardest constituent, against numbers worked out by hand."""

import numpy as np
import pytest

from raysearch.data.jets.rotation import hardest_up, turned, wrap


def one_jet(*constituents):
    """Turn one jet of (pT, eta, phi); etarot and phirot of its constituents."""
    pt, eta, phi = np.array([constituents], dtype=float).transpose(2, 0, 1)
    eta_rot, phi_rot = turned(pt, eta, phi)
    return eta_rot[0], phi_rot[0]


def test_the_next_constituent_apart_comes_to_negative_phirot():
    # 0.2 away in eta alone: y = 0, z = sinh(0.2); turned to y = -sinh(0.2), z = 0, beside x = 1
    eta, phi = one_jet((100, 1.0, 0.5), (50, 1.2, 0.5))
    np.testing.assert_allclose(eta, [0, 0], atol=1e-15)
    np.testing.assert_allclose(phi, [0, -np.arcsin(np.sinh(0.2) / np.hypot(1, np.sinh(0.2)))])
    # 0.3 away in phi alone: x = cos(0.3), y = sin(0.3), already without z: half a turn, and phirot is -0.3
    eta, phi = one_jet((100, 1.0, 0.5), (50, 1.0, 0.8))
    np.testing.assert_allclose(eta, [0, 0], atol=1e-15)
    np.testing.assert_allclose(phi, [0, -0.3])


def test_what_lies_beside_is_turned_along_and_mirrored_to_the_side_of_more_pt():
    # For a second one straight above, the turn takes (y, z) to (-z, y). The third has y = sin(0.2), z = 0.
    above = [(100, 0.0, 0.0), (50, 0.3, 0.0), (20, 0.0, 0.2)]
    eta, phi = one_jet(*above)
    x = np.cos(0.2)
    np.testing.assert_allclose(eta[2], np.arcsinh(np.sin(0.2) / x))
    np.testing.assert_allclose(phi[2], 0, atol=1e-15)
    # More pT below the hardest than above it: the same turn, then etarot changes sign.
    eta, phi = one_jet((100, 0.0, 0.0), (50, 0.3, 0.0), (20, 0.0, 0.2), (19, -0.02, 0.0), (32, -0.02, 0.0))
    np.testing.assert_allclose(eta[2], -np.arcsinh(np.sin(0.2) / x))
    np.testing.assert_allclose(phi[1], -np.arcsin(np.sinh(0.3) / np.hypot(1, np.sinh(0.3))))


def test_equal_pt_on_both_sides_is_not_mirrored():
    eta, _ = one_jet((100, 0.0, 0.0), (50, 0.3, 0.0), (50, -0.3, 0.1))
    assert eta[2] == pytest.approx(np.arcsinh(np.sin(0.1) / np.hypot(np.cos(0.1), np.sinh(0.3))))


def test_constituents_within_a_tenth_do_not_turn_a_jet():
    near = [(100, 0.0, 0.0), (60, 0.0, 0.09), (50, 0.05, -0.05)]
    eta, phi = one_jet(*near)
    np.testing.assert_allclose(phi, [0, 0.09, np.arcsin(np.sin(-0.05))])
    np.testing.assert_allclose(eta[2], np.arcsinh(np.sinh(0.05) / 1.0), rtol=1e-12)
    # the first apart by falling pT is the one that counts, not the next one
    eta, phi = one_jet(*near, (10, 0.2, 0.0), (5, 0.0, 0.3))
    assert phi[3] < -0.19
    np.testing.assert_allclose(eta[3], 0, atol=1e-15)


def test_a_lone_constituent_an_empty_jet_and_padding_give_zeros():
    eta, phi = one_jet((100, 2.0, 3.0))
    assert not eta.any()
    assert not phi.any()
    eta, phi = one_jet((0, 0, 0), (0, 0, 0))
    assert not eta.any()
    assert not phi.any()
    # padding lies at eta 0, far from a forward jet: it neither turns nor mirrors it
    eta, phi = one_jet((100, 2.0, 3.0), (50, 2.05, 3.0), (0, 0, 0), (0, 0, 0))
    np.testing.assert_allclose(eta[:2], [0, 0.05])


def test_a_jet_turned_as_a_whole_about_the_beam_or_across_the_seam_is_the_same():
    jet = np.array([[80, 0.1, 0.0], [40, 0.25, 0.2], [20, -0.1, -0.15], [10, 0.0, 0.3]])
    for shift in (1.0, np.pi - 0.1, -np.pi + 0.05):
        moved = jet.copy()
        moved[:, 2] = wrap(jet[:, 2] + shift)
        np.testing.assert_allclose(one_jet(*moved), one_jet(*jet), atol=1e-12)
    forward = jet.copy()
    forward[:, 1] += 1.3
    np.testing.assert_allclose(one_jet(*forward), one_jet(*jet), atol=1e-12)


def test_the_two_mirror_images_of_a_jet_are_one():
    jet = np.array([[80, 0.0, 0.0], [40, 0.2, 0.0], [20, -0.1, -0.15], [10, 0.0, 0.3]])
    eta, phi = one_jet(*jet)
    other_eta, other_phi = one_jet(*(jet * [1, -1, 1]))
    # Turned from below instead of from above, the sides change; the mirror brings them together again.
    np.testing.assert_allclose(other_eta, eta, atol=1e-12)
    np.testing.assert_allclose(other_phi, phi, atol=1e-12)


@pytest.mark.parametrize("turn", [0.0, 0.7, 2.5])
def test_version_0_1_0_put_the_hardest_on_positive_phirot_and_kept_handedness(turn):
    offsets = np.array([[0.1, 0.0], [-0.2, 0.15], [0.05, -0.3]])  # (eta, phi) about the axis
    cosine, sine = np.cos(turn), np.sin(turn)
    rel_eta, rel_phi = (offsets @ np.array([[cosine, sine], [-sine, cosine]])).T
    eta, phi = (rotated[0] for rotated in hardest_up(rel_eta[None], rel_phi[None]))
    assert eta[0] == pytest.approx(0, abs=1e-12)
    assert phi[0] == pytest.approx(0.1)
    np.testing.assert_allclose(np.hypot(eta, phi), np.hypot(rel_eta, rel_phi))
    np.testing.assert_allclose(
        eta[1] * phi[2] - phi[1] * eta[2], rel_eta[1] * rel_phi[2] - rel_phi[1] * rel_eta[2]
    )


def test_angles_are_wrapped():
    np.testing.assert_allclose(wrap(np.array([np.pi, -np.pi, 3.5])), [-np.pi, -np.pi, 3.5 - 2 * np.pi])
