"""Pions' cascades without Pythia: what flies, stops, collides and showers, by collisions made up here."""

from random import Random

import numpy as np
import pytest

from raysearch.data.hits.cascade import Cascade, Hadron, Made, Tracks
from raysearch.data.hits.deposits import deposits_of, points_of
from raysearch.data.hits.electromagnetic import X0_CM, strewn
from raysearch.data.hits.geometry import N_SENSORS, sensor_at
from raysearch.data.hits.model import MODEL, SOLID
from raysearch.data.hits.overlay import overlaid

PION = Hadron(211, 0.13957, 1.0, 40.0, (1.0, 2.0, 0.0), (0.0, 0.0, 1.0))
CENTRE = np.array([20.0, 30.0, 50.0])  # mm, in the first layer


def nothing(*_):
    return [], 0.0


def photons(pdg, energy, nucleon):
    """All energy to two photons at right angles to each other, 30 degrees and more off the hadron."""
    p = (energy - 0.13957) / 2
    made = [Made(22, 0.0, 0.0, p, (0.5 * p, 0.0, 0.75**0.5 * p)), Made(22, 0.0, 0.0, p, (0.0, p, 0.0))]
    return made, 25.0


def test_a_charged_hadron_loses_energy_along_its_way_and_a_neutral_one_does_not():
    flown = []
    for seed in range(300):
        start, *_ = Cascade(nothing, Random(seed)).of(PION).segments
        length = start[5] - start[2]
        assert start[:5] == pytest.approx((1.0, 2.0, 0.0, 1.0, 2.0))
        assert start[6] == pytest.approx(length * MODEL.loss_gev_cm)
        flown.append(length)
    # The pion interaction length of tungsten, by the Particle Data Group 11.33 cm; 6 % is one error.
    assert np.mean(flown) == pytest.approx(11.33, rel=0.15)
    neutral = PION._replace(pdg=130, charge=0.0)
    assert len(Cascade(nothing, Random(1)).of(neutral).segments) == 1


def test_a_slow_hadron_leaves_the_part_that_is_seen_and_what_flies_out_is_lost():
    slow = PION._replace(kinetic=0.5)
    (segment,) = Cascade(nothing, Random(1)).of(slow).segments
    assert segment[6] == pytest.approx(0.65 * 0.5)
    assert segment[5] <= 0.5 / MODEL.loss_gev_cm
    sums = [
        sum(each[6] for each in Cascade(nothing, Random(seed)).of(PION._replace(kinetic=1.2)).segments)
        for seed in range(1000)
    ]
    assert max(sums) == pytest.approx(1.2)  # of those that come to rest before they meet a nucleus
    antiproton = slow._replace(pdg=-2212, mass=0.938)
    assert Cascade(nothing, Random(1)).of(antiproton).segments[0][6] == pytest.approx(0.65 * (0.5 + 1.876))
    backwards = PION._replace(direction=(0.0, 0.0, -1.0))
    tracks = Cascade(photons, Random(1)).of(backwards)
    assert len(tracks.segments) == 1
    assert not tracks.showers


def test_what_collisions_make_is_turned_into_the_direction_of_the_hadron():
    along = np.array([0.6, 0.0, 0.8])
    tracks = Cascade(photons, Random(3)).of(PION._replace(direction=tuple(along)))
    first, second = np.array(tracks.showers)[:, 3:6]
    assert np.linalg.norm([first, second], axis=1) == pytest.approx(1)
    assert first @ along == pytest.approx(0.75**0.5)
    assert second @ along == pytest.approx(0, abs=1e-12)
    assert first @ second == pytest.approx(0, abs=1e-12)
    (segment,) = tracks.segments
    assert sum(shower[6] for shower in tracks.showers) + segment[6] == pytest.approx(40.0)
    np.testing.assert_allclose(np.array(tracks.showers)[:, :3], [segment[3:6]] * 2)


def test_the_foremost_hits_as_many_nucleons_as_cross_sections_say():
    """Mean A sigma / sigma of the nucleus, 184 x 30 mb / 1.40 b = 3.9, of collisions that change nothing."""
    calls = []

    def straight(pdg, energy, nucleon):
        calls.append(nucleon)
        return [Made(211, 0.13957, 1.0, energy - 0.13957, (0.0, 0.0, energy))], 30.0

    nuclei = 0
    for seed in range(300):
        tracks = Cascade(straight, Random(seed)).of(PION)
        nuclei += sum(1 for segment in tracks.segments if segment[5] < 200 and segment[6] < 40) - 1
    assert len(calls) / nuclei == pytest.approx(3.94, rel=0.1)
    assert np.mean(np.array(calls) == 2212) == pytest.approx(74 / 183.84, abs=0.03)


def test_electromagnetic_showers_keep_their_energy_and_have_the_profile_that_was_put_in():
    showers = np.tile([0.0, 0.0, 0.0, 0.0, 0.6, 0.8, 10.0, 0.0], (60, 1))
    spots, of_spot = strewn(showers, np.random.default_rng(0))
    np.testing.assert_allclose(np.bincount(of_spot, spots[:, 3]), 10.0)
    along = spots[:, :3] @ [0, 0.6, 0.8] / X0_CM
    # hep-ex/0001020 without sampling: the maximum at ln y - 0.812, 6.3 X0 at 10 GeV; the mean is behind it.
    t_max = np.log(10 / SOLID.critical_gev) - 0.812
    heights, edges = np.histogram(along, np.arange(0, 30, 0.5))
    assert edges[heights.argmax()] == pytest.approx(t_max, abs=0.8)
    across = np.sqrt((spots[:, :3] ** 2).sum(1) - (along * X0_CM) ** 2)
    assert 0.6 < np.quantile(across, 0.9) / SOLID.moliere_cm < 1.0  # 90 % within a Moliere radius
    electron, photon = (
        strewn(np.array([[0, 0, 0, 0, 0, 1, 5.0, kind]] * 2000), np.random.default_rng(1))[0][:, 2].mean()
        for kind in (0, 1)
    )
    assert (photon - electron) / X0_CM == pytest.approx(9 / 7, abs=0.1)


def test_deposits_are_what_lies_inside_sensor_by_sensor():
    x, y, z = CENTRE / 10
    one = Tracks(
        segments=[(x, y, 2.0, x, y, 38.0, 3.6), (x, y, z, x, y, z, 0.1), (0, 0, -9, 0, 0, -1, 5.0)],
        showers=[(x, y, z, 0.0, 0.0, 1.0, 0.005, 0.0)],
    )
    found = deposits_of([one, Tracks(), one], np.random.default_rng(0))
    assert found.shape == (3, N_SENSORS)
    np.testing.assert_array_equal(found[0], found[2])
    assert not found[1].any()
    hit = sensor_at(*(CENTRE + [[0, 0, layer * 100] for layer in range(4)]).T)
    np.testing.assert_allclose(found[0, hit], [0.8 + 0.105, 1, 1, 0.8])
    assert found[0].sum() == pytest.approx(3.705)
    points, owner = points_of([one, one], np.random.default_rng(0))
    assert points[owner == 1, 3].sum() == pytest.approx(8.705)


def test_pions_are_summed_sensor_by_sensor_and_ordered_by_where_they_left_most():
    left, right = sensor_at(np.array([-60.0, 60]), np.array([10.0, 10]), np.array([50.0, 50]))
    deposits = np.zeros((3, N_SENSORS))
    deposits[0, right], deposits[0, left] = 4, 1
    deposits[1, left] = 3
    deposits[2, right] = 7
    vertex = np.array([[60, 10, -2000], [-60, 10, -2000], [60, 10, -2000.0]])
    block = overlaid(deposits, np.array([5.0, 4, 9]), vertex, np.array([2, 1]), 2)
    assert block.event.tolist() == [0, 0, 1]
    by_sensor = dict(zip(block.sensor[:2].tolist(), block.deposits[:2].tolist(), strict=True))
    assert by_sensor == {left: [3, 1], right: [0, 4]}
    assert block.deposits[2].tolist() == [7, 0]
    np.testing.assert_array_equal(block.particle_energy, [[4, 5], [9, 0]])
    assert block.vertex[0, :, 0].tolist() == [-60, 60]
    assert block.vertex[1].tolist() == [[60, 10, -2000], [0, 0, 0]]
