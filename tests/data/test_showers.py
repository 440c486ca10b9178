import json

import h5py
import numpy as np
import pytest

from raysearch.data.showers.files import SAMPLE, check_showers, load_energies, n_showers, pieces
from raysearch.data.source import DataSource
from raysearch.data.splitting import part_examples
from raysearch.errors import InputError


@pytest.fixture
def write(tmp_path):
    """Write a file as the public ones are; `change` may alter datasets, and drop those it sets to None."""

    def write(name="EleEscan_1_1.h5", n=7, change=lambda datasets: None):
        rng = np.random.default_rng(n)
        cells = rng.random((n, 25, 25, 25)) * (rng.random((n, 25, 25, 25)) < 0.1)
        target = np.stack([np.full(n, 11.0), np.arange(n) * 3 + 10.0, *rng.random((3, n))], axis=1)
        datasets = {"ECAL": cells, "HCAL": np.zeros((n, 5, 5, 60)), "target": target}
        change(datasets)
        path = tmp_path / name
        with h5py.File(path, "w") as file:
            for key, values in datasets.items():
                if values is not None:
                    file[key] = values
        return path

    return write


def test_the_energy_is_column_1_of_target_counted_from_0(write):
    path = write(n=230)  # more than are read at a time
    summary = check_showers(path)
    assert summary.n == 230
    assert n_showers(path) == {path: 230}
    assert summary.energy_gev == (10, 10 + 229 * 3)
    assert not summary.has_events
    assert summary.occupancy == pytest.approx(0.1, rel=0.01)
    energy, _, file_index = load_energies(path)
    np.testing.assert_array_equal(energy, np.arange(230) * 3 + 10)
    assert set(file_index) == {0}
    with h5py.File(path) as file:
        cells = file["ECAL"][:].astype(np.float32)
        share = (cells.sum(axis=(1, 2, 3), dtype=np.float64) / file["target"][:, 1]).mean()
    assert summary.deposited == pytest.approx(share)
    read = list(pieces(path))
    assert len(read) > 1
    np.testing.assert_array_equal(np.concatenate([piece.cells for piece in read]), cells)


def test_without_target_the_energy_is_that_of_its_own_dataset(write):
    path = write(change=lambda datasets: datasets.update(target=None, energy=np.arange(7) + 2.0))
    assert check_showers(path).energy_gev == (2, 8)


def test_event_numbers_of_the_file_are_taken_and_others_follow_from_its_content(write):
    own = write("own.h5", change=lambda datasets: datasets.update(event=np.arange(7) + 100))
    assert load_energies(own)[1].tolist() == list(range(100, 107))
    assert check_showers(own).has_events
    path = write("one.h5", n=500)
    _, events, file_index = load_energies(path)
    assert np.diff(events).tolist() == [1] * 499
    renamed = path.rename(path.with_name("two.h5"))
    np.testing.assert_array_equal(load_energies(renamed)[1], events)
    other = load_energies(write("other.h5", n=400))[1]
    assert not set(events) & set(other)
    split = part_examples(events, file_index, DataSource(None, (0.6, 0.2, 0.2)))
    assert split.by == "event"
    np.testing.assert_allclose(
        [len(split.train), len(split.validation), len(split.test)], [300, 100, 100], atol=30
    )


def test_all_faults_of_all_files_are_told_at_once_with_file_and_row(write):
    def spoil(datasets):
        datasets["ECAL"][120, 1, 2, 3] = np.nan
        datasets["ECAL"][121, 0, 0, 0] = -1
        datasets["ECAL"][122, 0, 0, 0] = -1
        datasets["target"][5, 1] = 0

    files = [
        write("a.h5", n=130, change=spoil),
        write("b.h5", change=lambda datasets: datasets.update(ECAL=np.zeros((7, 25, 25)))),
        write("c.h5", change=lambda datasets: datasets.update(target=None)),
        write("d.h5", change=lambda datasets: datasets.update(target=np.zeros((6, 5)), event=np.zeros(7))),
        write("e.h5", change=lambda datasets: datasets.update(ECAL=None, target=np.zeros(0))),
        write("f.h5", n=0),
    ]
    with pytest.raises(InputError) as caught:
        check_showers(files[0].parent)
    a, b, c, d, e, f = files
    assert caught.value.problems == (
        f"{a}: 1 energies that are not positive numbers, first energy of shower 5",
        f"{a}: 1 cells that are not finite, first ECAL[120, 1, 2, 3]",
        f"{a}: 2 cells below 0, first ECAL[121, 0, 0, 0]",
        f"{b}: ECAL: must be (showers, x, y, layers), is (7, 25, 25)",
        f"{c}: target: is missing; it must be (showers, at least 2)",
        f"{d}: target: has 6 rows, but ECAL has 7",
        f"{d}: event: must be numbers (showers,)",
        f"{e}: ECAL: is missing; it must be (showers, x, y, layers)",
        f"{e}: target: must be (showers, at least 2), is (0,)",
        f"{f}: ECAL: holds no shower",
        f"{f}: target: holds no shower",
    )


def test_damaged_data_are_told_with_their_place(write):
    path = write()
    with h5py.File(path, "w") as file:
        file.create_dataset(
            "ECAL",
            data=np.random.default_rng(0).random((200, 25, 25, 25)),
            chunks=(100, 25, 25, 25),
            fletcher32=True,
        )
        file["target"] = np.ones((200, 2))
        place = file["ECAL"].id.get_chunk_info(1).byte_offset
    with path.open("r+b") as file:
        file.seek(place + 1000)
        file.write(b"damage")
    with pytest.raises(InputError, match="ECAL, showers 100 to 200: damaged data"):
        check_showers(path)


def test_hostile_and_missing_files_are_refused(write, tmp_path):
    path = write()
    with h5py.File(path, "r+") as file:
        file["elsewhere"] = h5py.ExternalLink("/etc/passwd", "/")
    with pytest.raises(InputError, match="ExternalLink"):
        check_showers(path)
    with pytest.raises(InputError, match="no such file"):
        check_showers(tmp_path / "nothing")


def test_the_sample_is_small_whole_and_the_one_described():
    summary = check_showers()
    provenance = json.loads(SAMPLE.with_name("showers.json").read_text())
    assert summary.sha256 == {"showers.h5": provenance["files"]["showers.h5"]["sha256"]}
    assert summary.n == provenance["showers"] == 8000
    assert SAMPLE.stat().st_size < 10e6
    np.testing.assert_allclose(summary.energy_gev, (10.1, 499.9), atol=0.1)
    assert summary.deposited == pytest.approx(provenance["sampling_fraction"] * 0.982, rel=2e-3)
