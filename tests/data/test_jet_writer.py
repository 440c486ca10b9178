import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from whole_jets import load_jets

from raysearch.data.jets.arrays import JetInput, jet_arrays
from raysearch.data.jets.constituents import derive_features
from raysearch.data.jets.files import check_jets
from raysearch.data.jets.frames import Frame
from raysearch.data.jets.images import rasterise
from raysearch.data.jets.recipe import JetBlock
from raysearch.data.jets.writer import write_jets, write_provenance
from raysearch.errors import StorageError


@pytest.fixture
def block():
    rng = np.random.default_rng(0)
    n, width = 700, 12
    pt = -np.sort(-rng.exponential(50, (n, width)), axis=1) + 1.15
    eta, phi = rng.normal(0.5, 0.2, (n, width)), rng.normal(3.0, 0.2, (n, width))
    momenta = np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), pt * np.cosh(eta)], axis=-1)
    momenta[:, 9:] = 0
    jets = rng.exponential(100, (n, 59))
    jets[:, 53:] = 0
    jets[np.arange(n), 53 + np.arange(n) % 5] = 1
    return JetBlock(momenta, jets, np.arange(n) // 2)


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize(("made", "frame"), [("{}", Frame.public), ("", Frame.first)])
def test_what_is_written_is_read_back(block, tmp_path, compact, made, frame):
    path = write_jets(tmp_path / "jets.h5", block, compact=compact, made=made)
    got = load_jets(path, 12)
    expected = derive_features(block.momenta, frame=frame)
    spread = expected[:, :9].std(axis=(0, 1))
    assert np.abs((got.features - expected) / spread).max() < (1e-2 if compact else 1e-6)
    assert np.quantile(np.abs((got.features - expected) / spread), 0.999) < (1e-3 if compact else 1e-6)
    np.testing.assert_allclose(got.jets, block.jets, rtol=2.1e-6)
    assert got.events.tolist() == block.event.tolist()
    assert check_jets(path).derived_features is compact
    assert [file.name for file in tmp_path.iterdir()] == ["jets.h5"]


def test_compact_files_are_smaller(block, tmp_path):
    sizes = [
        write_jets(tmp_path / f"{compact}.h5", block, compact=compact).stat().st_size
        for compact in (True, False)
    ]
    assert sizes[0] < 0.6 * sizes[1]


def test_images_are_written_that_are_those_computed_from_a_compact_file(block, tmp_path, monkeypatch):
    monkeypatch.setenv("RAYSEARCH_CACHE", str(tmp_path / "cache"))
    images = []
    for compact in (False, True):
        path = write_jets(tmp_path / f"{compact}.h5", block, compact=compact, made="{}")
        with h5py.File(path) as file:
            assert ("jetImage" in file) is not compact
        cells, values = (
            torch.from_numpy(np.array(array)) for array in jet_arrays(path, JetInput("image")).inputs
        )
        images.append(rasterise(cells, values)[:, 0])
    with h5py.File(tmp_path / "False.h5") as file:
        np.testing.assert_array_equal(images[0], file["jetImage"][:])
        assert file["jetImage"].dtype == np.float32
    moved = (images[0] - images[1]).abs() > 1e-4 * images[0]
    assert moved.float().sum() < 20  # of 6,300 constituents, at a cell's edge where rounding decides


def test_columns_can_be_read_as_the_public_files_are(block, tmp_path):
    with h5py.File(write_jets(tmp_path / "jets.h5", block, compact=False)) as file:
        assert file["jetConstituentList"].shape == (700, 12, 16)
        assert file["particleFeatureNames"][5] == b"j1_pt"
        assert file["jets"][:, -6:-1].argmax(axis=1).tolist() == [number % 5 for number in range(700)]


def test_provenance_counts_and_names_what_was_written(block, tmp_path):
    path = write_jets(tmp_path / "jets.h5", block, compact=True)
    record = json.loads(write_provenance([path], {"seed": 3}, compact=True).read_text())
    assert record["files"]["jets.h5"] == {"sha256": check_jets(path).sha256["jets.h5"], "jets": 700}
    assert record["jets_per_class"] == dict.fromkeys("gqwzt", 140)
    assert record["seed"] == 3
    assert record["constituents_per_jet"]["public"] == [22, 34, 46, 61, 89]


def test_a_file_tells_how_it_was_made(block, tmp_path):
    with h5py.File(write_jets(tmp_path / "jets.h5", block, compact=True, made='{"seed": 3}')) as file:
        assert json.loads(file.attrs["made"]) == {"seed": 3}


def test_the_sample_of_version_0_1_0_is_written_again_byte_for_byte(tmp_path):
    old = Path(__file__).parents[1] / "compat" / "sample" / "jets.h5"
    with h5py.File(old) as file:
        content = (file[name][:] for name in ("jetConstituentList", "jets", "event"))
        path = write_jets(tmp_path / "jets.h5", JetBlock(*content), compact=True)
    assert path.read_bytes() == old.read_bytes()


def test_a_place_that_cannot_be_written_is_named(block, tmp_path):
    path = tmp_path / "no folder" / "jets.h5"
    with pytest.raises(StorageError, match=f"{path}: cannot be written"):
        write_jets(path, block, compact=True)
