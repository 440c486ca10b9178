"""What the parametric detector makes of single particles, by hand, and of many, by their spread."""

import numpy as np
import pytest

from raysearch.data.jets.choices import Detector
from raysearch.data.jets.detector import (
    CHARGED,
    HADRON_CELL,
    NEUTRAL,
    PHOTON_CELL,
    Particles,
    detect,
    resolution,
)

PION, KAON_LONG, PHOTON, ELECTRON, MUON, OMEGA, NEUTRINO = 211, 130, 22, 11, 13, 3334, 14
N_ETA = {PHOTON: 342, KAON_LONG: 272}  # whole cells of 0.0175 and 0.022 in -3 to 3
N_PHI = {PHOTON: 359, KAON_LONG: 285}  # and in 0 to 2 pi


def momentum(pt, eta, phi, mass=0.0):
    pz = pt * np.sinh(eta)
    return [pt * np.cos(phi), pt * np.sin(phi), pz, np.sqrt(pt**2 + pz**2 + mass**2)]


def seen(*particles, detector=Detector.cells, events=None):
    """Each particle a PDG code and a momentum."""
    events = np.zeros(len(particles), int) if events is None else np.array(events)
    momenta = np.array([values for _, values in particles], dtype=float)
    codes = np.array([code for code, _ in particles])
    return detect(Particles(events, momenta), codes, detector, np.random.default_rng(0))


def place(momenta):
    px, py, pz, _ = momenta
    return np.arcsinh(pz / np.hypot(px, py)), np.arctan2(py, px) % (2 * np.pi)


@pytest.mark.parametrize("code", [PION, -PION, -321, 2212, 3112, 3222, -3312, ELECTRON, -ELECTRON, MUON])
def test_charged_hadrons_and_leptons_keep_their_momenta(code):
    track = momentum(219.9, 1.234, 2.0, mass=0.5)
    np.testing.assert_array_equal(seen((code, track)).momenta, [track])


def test_above_220_gev_a_charged_hadron_is_a_cell_of_hadrons_and_a_lepton_is_none():
    hard = momentum(220.1, 1.234, 2.0, mass=0.5)
    (found,) = seen((PION, hard)).momenta
    (neutral,) = seen((KAON_LONG, hard)).momenta
    np.testing.assert_array_equal(found, neutral)
    assert found[3] == pytest.approx(hard[3])
    np.testing.assert_array_equal(seen((ELECTRON, hard)).momenta, [hard])


@pytest.mark.parametrize("code", [PHOTON, KAON_LONG, 310, -2112, 3122, 3322])
def test_a_cell_is_massless_at_its_centre_with_the_energy_inside(code):
    kind = PHOTON if code == PHOTON else KAON_LONG
    given = momentum(10, 0.5001, 1.0001, mass=0.0 if code == PHOTON else 0.9)
    (found,) = seen((code, given)).momenta
    assert found[3] == pytest.approx(given[3])
    assert np.linalg.norm(found[:3]) == pytest.approx(found[3])
    eta, phi = place(found)
    # the centres are whole and a half cells from -3, and from 0
    assert ((eta + 3) * N_ETA[kind] / 6) % 1 == pytest.approx(0.5)
    assert (phi * N_PHI[kind] / (2 * np.pi)) % 1 == pytest.approx(0.5)
    assert abs(eta - 0.5001) <= 3 / N_ETA[kind]
    assert abs(phi - 1.0001) <= np.pi / N_PHI[kind]


def test_cells_are_as_large_as_they_are_called_within_half_a_per_cent():
    for kind, size in ((PHOTON, PHOTON_CELL), (KAON_LONG, HADRON_CELL)):
        assert size <= 6 / N_ETA[kind] < 1.005 * size
        assert size <= 2 * np.pi / N_PHI[kind] < 1.005 * size


def test_particles_of_one_cell_are_one_and_those_of_two_events_or_sorts_are_not():
    middle = 6 / N_ETA[PHOTON] * 0.5, 2 * np.pi / N_PHI[PHOTON] * 0.5  # of the cell just above the axes
    near, far = momentum(5, 0.8 * middle[0], middle[1]), momentum(7, 1.2 * middle[0], 0.9 * middle[1])
    beside = momentum(1, middle[0], 3 * middle[1])
    found = seen((PHOTON, near), (PHOTON, far), (PHOTON, beside))
    np.testing.assert_allclose(sorted(found.momenta[:, 3]), [beside[3], near[3] + far[3]])
    two_events = seen((PHOTON, far), (PHOTON, near), events=[1, 0])
    assert two_events.event.tolist() == [0, 1]
    np.testing.assert_allclose(two_events.momenta[:, 3], [near[3], far[3]])
    assert len(seen((PHOTON, near), (KAON_LONG, near)).event) == 2


def test_cells_end_at_eta_3_and_tracks_do_not():
    forward = momentum(5, 3.01, 1.0)
    assert len(seen((PHOTON, forward)).event) == 0
    assert len(seen((KAON_LONG, momentum(5, -3.01, 1.0))).event) == 0
    assert len(seen((PHOTON, momentum(5, 2.99, 1.0))).event) == 1
    assert len(seen((PION, forward)).event) == 1


def test_the_seam_in_phi_is_an_edge_of_cells():
    below, above = seen((PHOTON, momentum(5, 0, -1e-3)), (PHOTON, momentum(5, 0, 1e-3))).momenta
    half = np.pi / N_PHI[PHOTON]
    assert sorted([place(below)[1], place(above)[1]]) == pytest.approx([half, 2 * np.pi - half])
    assert len(seen((PHOTON, momentum(5, 0, -1e-18))).event) == 1  # whose angle rounds to 2 pi itself


def test_other_species_and_neutrinos_are_lost():
    for code in (OMEGA, -OMEGA, NEUTRINO, 12, 16, 1000010020):
        assert len(seen((code, momentum(50, 0, 0))).event) == 0
    assert len(seen((OMEGA, momentum(50, 0, 0)), detector=Detector.smeared).event) == 0


def test_resolutions_worked_out_by_hand():
    momenta = np.array([[40.0, 30.0, 0.0, 50.0], [0, 28.0, 0, 28.0], [16.0, 0, 0, 16.0]])
    expected = [
        np.hypot(0.0125, 0.015),  # 0.00025 x 50 GeV of pT
        np.hypot(1.2 / 2, 0.05),  # 28 GeV are four times 7
        np.sqrt(0.027**2 / 10 + 0.015**2 + 0.005**2),  # 16 GeV are ten times 1.6
    ]
    np.testing.assert_allclose(resolution(momenta, np.array([0, 1, 2])), expected)


@pytest.mark.parametrize("sort", [0, 1, 2])
def test_smearing_spreads_momenta_by_the_resolution_and_keeps_directions(sort):
    code, pt = [(PION, 150.0), (KAON_LONG, 150.0), (PHOTON, 5.0)][sort]
    n = 20_000
    given = (code, momentum(pt, 0.3, 0.4))
    sharp = seen(given).momenta[0]
    found = seen(*[given] * n, events=np.arange(n), detector=Detector.smeared).momenta
    factor = found[:, 3] / sharp[3]
    width = resolution(sharp[None], np.array([sort]))[0]
    assert factor.std() == pytest.approx(width, rel=0.03)
    assert factor.mean() == pytest.approx(1, abs=4 * width / np.sqrt(n))
    np.testing.assert_allclose(found, factor[:, None] * sharp)


def test_smearing_never_turns_a_momentum_round():
    soft = (KAON_LONG, momentum(0.05, 0.0, 0.0))  # a resolution of 1,400 %
    found = seen(*[soft] * 1000, events=np.arange(1000), detector=Detector.smeared).momenta
    assert (found[:, 3] > 0).all()
    assert (found[:, 3] < 1e-9).mean() > 0.3


def test_no_species_is_of_two_sorts():
    assert not {*CHARGED} & {*NEUTRAL, PHOTON, ELECTRON, MUON}
