"""Hits that a network is applied to: no truth is needed, and none is looked at."""

import json

import h5py
import numpy as np
import pytest
import torch

from raysearch.data.hits.geometry import paper_sensors
from raysearch.data.hits.same_detector import describe_sensors
from raysearch.data.hits.to_score import hits_to_score
from raysearch.errors import InputError
from raysearch.tasks.hits_condensation import HitsCondensation, HitsCondensationSettings

SENSORS = np.array([[0, 0, 5, 20, 10, 0], [20, 0, 5, 20, 10, 0], [10, 0, 20, 40, 20, 1]], np.float32)


@pytest.fixture
def write(tmp_path):
    """Write 3 events of 3 sensors, the second without hits; more datasets, or others, by name; None drops."""

    def write(name="a.h5", **others):
        datasets = {
            "sensors": SENSORS,
            "n_hits": np.array([2, 0, 1]),
            "hit_sensor": np.array([0, 2, 1]),
            "hit_energy": np.array([1.5, 2, 4]),
        }
        path = tmp_path / name
        with h5py.File(path, "w") as file:
            for key, values in {**datasets, **others}.items():
                if values is not None:
                    file[key] = values
        return path

    return write


def test_batches_are_as_in_training_with_fractions_of_0(write):
    path = write()
    found = hits_to_score([path], particles=2, n_sensors=3)
    assert (found.files, found.n_rows, found.noun) == ((path,), 3, "event")
    (piece,) = found.pieces()
    energy, sensors, fractions = piece.batch
    assert energy.tolist() == [[1.5, 0, 2], [0, 0, 0], [0, 4, 0]]
    assert torch.equal(sensors, torch.from_numpy(SENSORS).expand(3, -1, -1))
    assert fractions.shape == (3, 3, 2)
    assert not fractions.any()
    assert {tensor.dtype for tensor in piece.batch} == {torch.float32}
    assert piece.empty.tolist() == [False, True, False]
    assert not piece.columns
    assert {name: values.tolist() for name, values in piece.quantities.items()} == {
        "sum of the hits in GeV": [3.5, 0, 4],
        "hits": [2, 0, 1],
    }


def test_without_measured_energies_the_sum_of_the_deposits_is_taken_and_event_numbers_go_with_it(write):
    deposits = np.array([[1, 0.5], [2, 0], [0, 4]])
    first = write("a.h5", hit_energy=None, hit_deposits=deposits, event=np.array([5, 6, 7]))
    pieces = list(hits_to_score([first, write("b.h5", event=np.arange(3))], particles=2).pieces())
    assert torch.equal(pieces[0].batch[0], pieces[1].batch[0])
    assert [piece.columns["event"].tolist() for piece in pieces] == [[5, 6, 7], [0, 1, 2]]
    assert [piece.file for piece in pieces] == [0, 1]


def test_faults_are_told_before_anything_is_read_where_they_can_be(write):
    files = [
        write("a.h5", hit_energy=None),
        write("b.h5", hit_sensor=np.zeros((3, 1), int)),
    ]
    with pytest.raises(InputError) as caught:
        hits_to_score(files, particles=2)
    assert caught.value.problems == (
        f"{files[0]}: hit_energy: is missing; it must be (hits,). Did you mean 'hit_sensor'?",
        f"{files[1]}: hit_sensor: must be (hits,), is (3, 1)",
    )
    moved = SENSORS.copy()
    moved[1, 0] = 25
    with pytest.raises(
        InputError, match=r"d\.h5: sensors are not those of .*c\.h5: x of sensor 1 is 25, not 20"
    ):
        hits_to_score([write("c.h5"), write("d.h5", sensors=moved)], particles=2)
    with pytest.raises(InputError, match=r"has 3 sensors, but the network takes the 2,102 of the detector"):
        hits_to_score([write("c.h5")], particles=2, n_sensors=2102)


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        ("hit_energy", [1, np.nan, -1], "2 energies that are not positive numbers, first hit_energy[1]"),
        ("hit_sensor", [0, 3, 1], "1 hits of no sensor (there are 0 to 2), first hit_sensor[1]"),
        ("hit_sensor", [0, 0, 1], "1 hits of a sensor that the event has hit already, first hit_sensor[1]"),
        ("n_hits", [2, 0, 2], "n_hits: sum to 4, but hit_sensor has 3 hits"),
    ],
)
def test_what_no_detector_gives_is_told_while_it_is_read(write, name, values, told):
    path = write(**{name: np.array(values)})
    with pytest.raises(InputError) as caught:
        list(hits_to_score([path], particles=2).pieces())
    assert caught.value.problems == (f"{path}: {told}",)


def to_score(path, trained_on=None, particles=2):
    return hits_to_score([path], particles, len(SENSORS), trained_on).warnings


CM = SENSORS * np.float32([0.1, 0.1, 0.1, 0.1, 0.1, 1])


def test_another_detector_of_as_many_sensors_is_told(write):
    trained_on = describe_sensors(SENSORS)
    assert json.loads(json.dumps(trained_on)) == trained_on
    same = to_score(write(), trained_on)
    again = write(sensors=SENSORS[::-1].astype("f8"), hit_sensor=np.array([2, 0, 1]))
    assert to_score(again, trained_on) == same, "the order of the table is no other detector"
    told = [line for line in to_score(write(sensors=CM), trained_on) if line not in same]
    assert (
        "a.h5: the sensors are not those that the network was trained on (x from 0 to 2, not 0 to 20"
        in told[0]
    )
    moved = SENSORS.copy()
    moved[1, 0] = 15
    moved[2, 0] = 20
    assert "in the same ranges, but elsewhere" in to_score(write(sensors=moved), trained_on)[0]
    assert len(to_score(write(sensors=moved))) == 1, "studies of earlier versions do not tell theirs"


def test_a_detector_of_2_m_in_cm_is_told(write):
    paper = paper_sensors()
    told = to_score_of_paper(write(sensors=paper * np.float32([0.1, 0.1, 0.1, 0.1, 0.1, 1])))
    assert told == ("a.h5: the detector is 200 mm long, if sensors is in mm as it must be; is it?",)
    assert to_score_of_paper(write(sensors=paper)) == ()


def to_score_of_paper(path):
    return hits_to_score([path], 2, None).warnings


def test_events_of_more_particles_than_the_network_tells_apart_are_told(write):
    path = write(particle_energy=np.array([[1, 2, 3], [1, 0, 0], [1, 2, 0]]))
    assert any("has events of 3 particles, but the network tells 2 apart" in line for line in to_score(path))
    assert not any("particles" in line for line in to_score(path, particles=3))


def test_nothing_is_given_to_others_by_a_network_that_finds_any_number(write):
    path = write(particle_energy=np.array([[1, 2, 3], [1, 0, 0], [1, 2, 0]]))
    described = {"n_sensors": len(SENSORS)}
    task, settings = HitsCondensation(), HitsCondensationSettings(particles=2)
    assert not any("particles" in line for line in task.to_score([path], settings, described).warnings)


def test_event_numbers_that_would_come_out_as_others_are_refused(write):
    numbers = np.arange(3, dtype="u8") + np.uint64(2**63 - 3)
    (piece,) = hits_to_score([write(event=numbers)], 2).pieces()
    assert piece.columns["event"].tolist() == numbers.tolist()
    with pytest.raises(InputError, match=r"a\.h5: event: has numbers of 2\^63 and more"):
        hits_to_score([write(event=numbers + np.uint64(1))], 2)
