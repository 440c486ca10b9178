"""Files of hits: what is read, what is refused, and where it says the fault lies."""

import json

import h5py
import numpy as np
import pytest

from raysearch.data.hits import files
from raysearch.data.hits.arrays import dense, load_hits
from raysearch.data.hits.check import check_hits
from raysearch.data.hits.files import SAMPLE, load_events
from raysearch.data.hits.geometry import paper_sensors
from raysearch.errors import InputError

# Three sensors in two layers, of other sizes than the paper's.
OTHER = np.array([[0, 0, 5, 20, 10, 0], [20, 0, 5, 20, 10, 0], [10, 0, 20, 40, 20, 1]], np.float32)


@pytest.fixture
def write(tmp_path):
    """Write 3 events of up to 3 particles in a detector of 3 sensors; `change` alters datasets."""

    def write(name="a.h5", change=lambda datasets: None):
        datasets = {
            "sensors": OTHER.copy(),
            "n_hits": np.array([2, 0, 3]),
            "hit_sensor": np.array([0, 2, 2, 1, 0]),
            "hit_deposits": np.array([[1, 0, 0], [0, 3, 0], [1, 2, 1], [0.5, 0, 1], [0, 4, 0.0]]),
            "particle_energy": np.array([[2, 5, 0], [3, 0, 0], [4, 8, 3.0]]),
        }
        change(datasets)
        path = tmp_path / name
        with h5py.File(path, "w") as file:
            for key, values in datasets.items():
                if values is not None:
                    file[key] = values
        return path

    return write


def test_hits_of_any_detector_become_energies_and_fractions_of_all_sensors(write):
    path = write()
    found = load_hits(path, particles=3)
    np.testing.assert_array_equal(found.sensors, OTHER)
    np.testing.assert_array_equal(found.energy, [[1, 0, 3], [0, 0, 0], [4, 1.5, 4]])
    np.testing.assert_array_equal(found.fractions[0], [[1, 0, 0], [0, 0, 0], [0, 1, 0]])
    np.testing.assert_array_equal(found.fractions[1], np.zeros((3, 3)))
    # The order of the file is 1, 2, 3; by x of the sensors where they left most, 0, 10 and 20, or 10.
    np.testing.assert_allclose(found.fractions[2], [[1, 0, 0], [0, 1 / 3, 2 / 3], [0.5, 0.25, 0.25]])
    np.testing.assert_array_equal(found.particle_energy, [[2, 5, 0], [3, 0, 0], [8, 4, 3]])
    assert {array.dtype for array in (found.energy, found.fractions, found.sensors)} == {np.dtype("f4")}
    for array in vars(found).values():
        assert not array.flags.writeable


def test_of_large_detectors_few_events_are_read_at_a_time(write, monkeypatch):
    path = write()
    before = load_hits(path, particles=3)
    monkeypatch.setattr(files, "CELLS", 12)
    assert [len(piece.events) for piece in files.pieces(path)] == [2, 1]
    cut = [dense(piece, piece.energy, 3) for piece in files.pieces(path)]
    np.testing.assert_array_equal(np.concatenate(cut), before.energy)
    assert check_hits(path).hits == pytest.approx(5 / 3)


def test_a_measured_energy_is_taken_and_fractions_stay_those_of_what_was_left(write):
    path = write(change=lambda datasets: datasets.update(hit_energy=np.array([1.1, 2.7, 5, 1, 1])))
    found = load_hits(path, particles=3)
    np.testing.assert_allclose(found.energy[0], [1.1, 0, 2.7], rtol=1e-6)
    np.testing.assert_allclose(found.fractions[2, 2], [0.5, 0.25, 0.25])
    assert check_hits(path).deposited == pytest.approx((3.8 / 7 + 0 + 7 / 15) / 3)


def test_events_of_more_particles_than_a_task_takes_are_refused(write):
    first, second = write("a.h5"), write("b.h5", lambda datasets: datasets.update(event=np.arange(3) + 7))
    with pytest.raises(InputError) as caught:
        load_hits(first.parent, particles=2)
    assert caught.value.problems == tuple(
        f"{file}: has events of 3 particles; this task takes at most 2" for file in (first, second)
    )


def test_columns_that_no_event_fills_are_no_particles_and_missing_ones_are_filled(write):
    def fewer(datasets):
        datasets["hit_deposits"][:, 2] = 0
        datasets["particle_energy"][:, 2] = 0

    path = write(change=fewer)
    assert load_hits(path, particles=2).fractions.shape == (3, 3, 2)
    assert not load_hits(path, particles=5).fractions[..., 2:].any()


def test_a_check_tells_what_there_is(write):
    found = check_hits(write())
    assert found.facts() == {
        "sensors": 3,
        "layers": 2,
        "size_mm": [40, 40, 30],
        "particles_of_an_event": [1, 3],
        "energy_gev": [2, 8],
        "deposited_share": pytest.approx((4 / 7 + 0 + 9.5 / 15) / 3),
        "hits_of_an_event": pytest.approx(5 / 3),
        "event_numbers": False,
    }
    assert found.warnings == (
        "a.h5: the detector is 40 mm long, if sensors is in mm as it must be; is it?",
        "a.h5: 1 event without a hit",
    )


def test_all_faults_of_all_files_are_told_at_once_with_file_and_place(write):
    def spoil(datasets):
        datasets["hit_deposits"][0, 1] = np.nan
        datasets["hit_deposits"][1] = 0, -1, 0
        datasets["hit_deposits"][3] = 0
        datasets["hit_deposits"][4, 0] = 1
        datasets["hit_sensor"][:] = 0, 3, 2, 1, 2
        datasets["particle_energy"][2, 0] = 0
        datasets["particle_energy"][1, 0] = -1
        datasets["sensors"][2, :3] = datasets["sensors"][0, :3]
        datasets["sensors"][1, 3] = 0

    def misshape(datasets):
        datasets.update(n_hits=np.ones((3, 1), int), hit_sensor=np.ones(5), particle_energy=np.ones((2, 3)))

    written = [
        write("a.h5", spoil),
        write("b.h5", misshape),
        write("c.h5", lambda datasets: datasets.update(n_hits=np.array([2, 0, 4]))),
        write("d.h5", lambda datasets: datasets.update(sensors=None, sensor=OTHER, n_hits=np.zeros(0, int))),
        write("e.h5", lambda datasets: datasets.update(n_hits=np.array([3, -1, 3]))),
        write("ee.h5", lambda datasets: datasets.update(n_hits=np.array([2**62, 2**62, 2**63 + 5], "u8"))),
        write("f.h5", lambda datasets: datasets.update(hit_energy=np.array([1, 0, np.inf, 1, 1]))),
    ]
    with pytest.raises(InputError) as caught:
        check_hits(written[0].parent)
    a, b, c, d, e, ee, f = written
    assert caught.value.problems == (
        f"{a}: 1 sensors whose width or depth is not above 0, first sensors[1]",
        f"{a}: 1 sensors where another one is, first sensors[2]",
        f"{a}: 1 deposits that are not finite, first hit_deposits[0, 1]",
        f"{a}: 1 deposits below 0, first hit_deposits[1, 1]",
        f"{a}: 1 hits that no particle left, first hit_deposits[3]",
        f"{a}: 1 energies of particles that are not 0 or positive, first particle_energy[1, 0]",
        f"{a}: 2 deposits of particles of energy 0, which means none, first hit_deposits[2, 0]",
        f"{a}: 1 hits of no sensor (there are 0 to 2), first hit_sensor[1]",
        f"{a}: 1 hits of a sensor that the event has hit already, first hit_sensor[4]",
        f"{b}: n_hits: must be (events,), is (3, 1)",
        f"{b}: hit_sensor: must be whole numbers (hits,)",
        f"{c}: n_hits: sum to 6, but hit_sensor has 5 hits",
        f"{d}: sensors: is missing; it must be (sensors, 6). Did you mean 'sensor'?",
        f"{d}: n_hits: is (0,), without any events",
        f"{d}: particle_energy: is (3, 3), but n_hits has 0 events",
        f"{e}: n_hits: 1 are not 0 to 5, the hits of all events, first that of event 1",
        f"{ee}: n_hits: 3 are not 0 to 5, the hits of all events, first that of event 0",
        f"{f}: 2 energies that are not positive numbers, first hit_energy[1]",
    )


def test_files_of_other_detectors_are_refused_in_one_line(write):
    def moved(datasets):
        datasets["sensors"][1, 0] = 21

    first, second = write("a.h5"), write("b.h5", moved)
    write(
        "c.h5", lambda datasets: datasets.update(sensors=np.delete(OTHER, 1, 0), hit_sensor=[0, 1, 1, 0, 0])
    )
    told = f"{second} and 1 more: sensors are not those of {first}: x of sensor 1 is 21, not 20; files of one"
    for look in (load_hits, check_hits):
        with pytest.raises(InputError) as caught:
            look((first, second))
        assert caught.value.problems == (told.replace(" and 1 more", "") + " study are of one detector",)
    with pytest.raises(InputError) as caught:
        load_hits(first.parent)
    assert caught.value.problems == (told + " study are of one detector",)


def test_what_is_odd_is_told(write):
    def mev(datasets):
        datasets["particle_energy"] *= 1e-3
        datasets["sensors"] = OTHER * np.float32([0.1, 0.1, 0.1, 0.1, 0.1, 1])
        datasets["hit_deposits"][0] = 0, 1, 0
        datasets["extra"] = np.zeros(3)

    assert check_hits(write(change=mev)).warnings == (
        "a.h5: the detector is 4 mm long, if sensors is in mm as it must be; is it?",
        "a.h5: hits hold 602 times the energy of the particles at the median; are both in GeV?",
        "a.h5: 1 event without a hit",
        "a.h5: 1 particle that left nothing, where others did",
        "a.h5: not used are extra",
    )
    found = check_hits(write(change=lambda datasets: datasets["particle_energy"].__imul__(1e5)))
    assert "is in GeV as it must be; is it in MeV?" in found.warnings[1]


def test_deposits_of_other_particles_than_the_energies_are_told(write):
    def others(datasets):
        datasets["particle_energy"] = np.array([[6.999, 1e-3, 0], [3, 0, 0], [8, 7, 1e-3]])

    assert any(
        line.startswith("a.h5: 2 of 6 particles left more than 2 times their own energy")
        for line in check_hits(write(change=others)).warnings
    )
    assert not any("their own energy" in line for line in check_hits(write()).warnings)


def test_particles_without_a_place_or_a_type_are_told(write):
    def change(datasets):
        datasets["particle_vertex"] = np.zeros((3, 3, 3))
        datasets["particle_vertex"][[0, 1], [0, 2]] = np.nan  # the second is no particle
        datasets["particle_type"] = np.array([[211, 0, 0], [211, 0, 0], [211, 22, 13]])

    assert check_hits(write(change=change)).warnings[-2:] == (
        "a.h5: 1 of 6 particles have a particle_vertex that is not finite",
        "a.h5: 1 of 6 particles have a particle_type of 0, which is none",
    )


def test_equal_events_are_found_and_copies_of_a_file_refused(write):
    def twice(datasets):
        datasets["n_hits"] = np.array([2, 2, 1])
        datasets["hit_sensor"] = np.array([0, 2, 2, 0, 1])
        datasets["hit_deposits"] = np.array([[1, 0, 0], [0, 3, 0], [3, 0, 0], [1, 0, 0], [0, 4, 0.0]])
        datasets["particle_energy"] += 1

    path = write(change=twice)
    assert check_hits(path).twins == ((1, 0),)
    copy = path.with_name("b.h5")
    copy.write_bytes(path.read_bytes())
    with pytest.raises(InputError, match="is a copy of a.h5, byte for byte"):
        check_hits(path.parent)


def test_event_numbers_of_the_file_are_taken_and_others_follow_from_its_content(write):
    own = write("own.h5", lambda datasets: datasets.update(event=np.array([7, 9, 8])))
    assert load_events(own)[0].tolist() == load_hits(own, 3).events.tolist() == [7, 9, 8]
    assert check_hits(own).has_events
    path = write("one.h5")
    events, file_index = load_events(path)
    assert np.diff(events).tolist() == [1, 1]
    assert file_index.tolist() == [0, 0, 0]
    np.testing.assert_array_equal(load_events(path.rename(path.with_name("two.h5")))[0], events)


def test_damaged_data_are_told_with_their_place(write):
    path = write()
    with h5py.File(path, "r+") as file:
        del file["hit_deposits"]
        values = np.random.default_rng(0).random((5, 3))
        file.create_dataset("hit_deposits", data=values, chunks=(5, 1), fletcher32=True)
        place = file["hit_deposits"].id.get_chunk_info(1).byte_offset
    with path.open("r+b") as file:
        file.seek(place + 10)
        file.write(b"damage")
    for look in (check_hits, load_hits):
        with pytest.raises(InputError, match=r"a\.h5: hit_deposits, hits 0 to 5: damaged data"):
            look(path)


def test_the_sample_is_small_whole_and_the_one_described():
    found = check_hits()
    provenance = json.loads(SAMPLE.with_name("hits.json").read_text())
    assert found.sha256 == {"hits.h5": provenance["files"]["hits.h5"]["sha256"]}
    assert found.n == provenance["events"]
    assert found.particles == (2, 2)
    assert SAMPLE.stat().st_size < 10e6
    assert not found.warnings
    assert not found.twins
    np.testing.assert_array_equal(load_hits().sensors, paper_sensors())


def test_of_the_sample_shares_sum_to_1_where_there_is_energy_and_are_in_order():
    found = load_hits()
    sums = found.fractions.sum(axis=2)
    np.testing.assert_allclose(sums[found.energy > 0], 1, atol=1e-6)
    assert not sums[found.energy == 0].any()
    hottest = (found.energy[..., None] * found.fractions).argmax(axis=1)
    places = [tuple(map(tuple, found.sensors[pair, :3].tolist())) for pair in hottest]
    assert all(first <= second for first, second in places)
    assert (found.particle_energy > 10).all()
