import h5py
import numpy as np
import pytest

from raysearch.data.showers.projection import load_projections
from raysearch.data.source import DataSource
from raysearch.data.splitting import part_examples
from raysearch.errors import InputError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RAYSEARCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path):
    """Two files; the cells of shower i are those of shower 0 times i + 1."""
    folder = tmp_path / "files"
    folder.mkdir()
    pattern = np.random.default_rng(0).random((25, 25, 25)).astype(np.float32)
    first = 0
    for name, n in (("b.h5", 130), ("a.h5", 20)):
        number = first + np.arange(n)
        with h5py.File(folder / name, "w") as file:
            file["ECAL"] = pattern * (number + 1).astype(np.float32)[:, None, None, None]
            file["target"] = np.stack([np.full(n, 11.0), number + 10.0], axis=1)
            file["event"] = number
        first += n
    return folder, pattern.astype(np.float64)


@pytest.mark.parametrize(("axis", "summed"), [("x", 0), ("y", 1)])
def test_one_transverse_axis_is_summed_and_layers_come_first(folder, axis, summed):
    path, pattern = folder
    found = load_projections(path, axis)
    assert found.images.shape == (150, 25, 25)
    assert [array.dtype.str for array in (found.images, found.energy, found.events, found.file_index)] == [
        "<f4",
        "<f4",
        "<i8",
        "<i8",
    ]
    assert found.events.tolist() == [*range(130, 150), *range(130)]  # files by name
    assert found.file_index.tolist() == [0] * 20 + [1] * 130
    np.testing.assert_array_equal(found.energy, found.events + 10)
    expected = pattern.sum(axis=summed).T  # layers first
    for row in (0, 19, 20, 149):
        np.testing.assert_allclose(found.images[row], expected * (found.events[row] + 1), rtol=1e-6)


def test_images_are_mapped_and_the_files_are_read_once(folder, cache):
    path, _ = folder
    one = load_projections(path, "x")
    entries = {file: file.stat().st_mtime_ns for file in cache.rglob("*.npy")}
    two = load_projections(path, "x")
    assert isinstance(two.images, np.memmap)
    assert not two.images.flags.writeable
    np.testing.assert_array_equal(one.images, two.images)
    assert {file: file.stat().st_mtime_ns for file in cache.rglob("*.npy")} == entries
    assert not np.array_equal(load_projections(path, "y").images, one.images)


def test_a_file_that_changed_is_read_anew(folder):
    path, _ = folder
    before = load_projections(path, "x").energy.copy()
    with h5py.File(path / "a.h5", "r+") as file:
        file["target"][0, 1] = 77.0
    after = load_projections(path, "x").energy
    assert after[0] == 77
    np.testing.assert_array_equal(after[1:], before[1:])


def test_faulty_files_are_told_together(folder):
    path, _ = folder
    for name in ("a.h5", "b.h5"):
        with h5py.File(path / name, "r+") as file:
            del file["target"]
    with pytest.raises(InputError) as caught:
        load_projections(path, "x")
    assert len(caught.value.problems) == 2


def test_the_sample_splits_by_event_into_enough_to_train_on():
    found = load_projections(None, "x")
    source = DataSource(None, (0.7, 0.15, 0.15), limit=5000)
    split = part_examples(found.events, found.file_index, source)
    assert split.by == "event"
    assert len(split.train) == 5000
    assert min(len(split.validation), len(split.test)) > 1000
    assert not set(split.train) & (set(split.validation) | set(split.test))
