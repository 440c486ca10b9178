import h5py
import numpy as np
import pytest
import torch
from whole_jets import load_jets

from raysearch.data.jets.arrays import JetInput, check_input, jet_arrays
from raysearch.data.jets.files import SAMPLE
from raysearch.data.jets.images import cells_of_constituents, rasterise
from raysearch.data.jets.layout import DNN_COLUMNS
from raysearch.errors import InputError


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("RAYSEARCH_CACHE", str(folder))
    return folder


def images(arrays):
    return rasterise(*(torch.from_numpy(np.array(array)) for array in arrays.inputs))[:, 0].numpy()


def with_images(content):
    return lambda datasets: datasets.update(jetImage=content)


def without_images(datasets):
    datasets["jetImage"] = None


def test_constituents_and_quantities_are_those_of_the_reader():
    jets = load_jets(None, 12)
    constituents = jet_arrays(None, JetInput("constituents", 12))
    quantities = jet_arrays(None, JetInput("quantities"))
    np.testing.assert_array_equal(constituents.inputs[0], jets.features)
    np.testing.assert_array_equal(quantities.inputs[0], jets.jets[:, DNN_COLUMNS])
    for arrays in (constituents, quantities):
        np.testing.assert_array_equal(arrays.labels, jets.labels)
        np.testing.assert_array_equal(arrays.events, jets.events)
        np.testing.assert_array_equal(arrays.file_index, jets.file_index)


def test_the_same_bits_with_and_without_a_cache(cache, monkeypatch):
    for wanted in (JetInput("constituents", 5), JetInput("quantities"), JetInput("image")):
        mapped = [jet_arrays(None, wanted) for _ in range(2)][1]
        with monkeypatch.context() as patch:
            patch.setenv("RAYSEARCH_CACHE", str(SAMPLE))  # a file, so no cache
            plain = jet_arrays(None, wanted)
        assert isinstance(mapped.inputs[0], np.memmap)
        assert not isinstance(plain.inputs[0], np.memmap)
        for one, other in zip((*mapped.inputs, mapped.labels), (*plain.inputs, plain.labels), strict=True):
            assert one.tobytes() == other.tobytes()
            assert one.dtype == other.dtype


def test_images_of_files_without_any_are_computed_from_all_constituents():
    arrays = jet_arrays(None, JetInput("image"))
    features = load_jets(None, 150).features
    got = images(arrays)
    assert got.shape == (10_000, 100, 100)
    inside = (np.abs(features[..., [8, 11]]) < 1.0).all(axis=-1)
    np.testing.assert_allclose(got.sum(axis=(1, 2)), (features[..., 5] * inside).sum(axis=1), rtol=1e-5)
    expected = rasterise(*map(torch.from_numpy, cells_of_constituents(features[:50].astype(float))))[:, 0]
    differing = (np.abs(got[:50] - expected.numpy()) > 1e-3).sum()  # at a cell's edge rounding decides
    assert differing <= 4


def test_images_of_public_files_are_read(write_public):
    content = np.zeros((20, 100, 100))
    content[np.arange(20), np.arange(20), 7] = 1 + np.arange(20)
    content[4, 50, :30] = 2.0
    arrays = jet_arrays(write_public(change=with_images(content)), JetInput("image"))
    np.testing.assert_array_equal(images(arrays), content)
    assert arrays.inputs[0].shape == (20, 31)
    assert arrays.events is None


def test_several_files_make_one_array(write_public):
    write_public("b.h5", first=100, change=without_images)
    folder = write_public("a.h5", change=without_images).parent
    arrays = jet_arrays(folder, JetInput("constituents", 3))
    np.testing.assert_array_equal(arrays.inputs[0], load_jets(folder, 3).features)
    assert arrays.file_index.tolist() == [0] * 20 + [1] * 20
    assert len(jet_arrays(folder, JetInput("image")).labels) == 40


def test_a_file_that_changed_is_read_again(write_public):
    path = write_public()
    before = jet_arrays(path, JetInput("constituents", 2))
    with h5py.File(path, "a") as file:
        file["jetConstituentList"][0, 0, 0] = 77
    after = jet_arrays(path, JetInput("constituents", 2))
    assert before.inputs[0][0, 0, 0] != 77
    assert after.inputs[0][0, 0, 0] == 77


@pytest.mark.parametrize("call", [check_input, jet_arrays])
def test_what_the_files_do_not_have_is_told(write_public, call):
    path = write_public()
    with pytest.raises(InputError, match="holds 8 constituents a jet, asked for 9"):
        call(path, JetInput("constituents", 9))
    with pytest.raises(InputError, match=r"jetImage: must be \(20, 100, 100\), is \(20, 10, 10\)"):
        call(path, JetInput("image"))
    write_public("other.h5", change=without_images)
    with pytest.raises(InputError) as caught:
        call(path.parent, JetInput("image"))
    assert (
        f"in all files or in none, but is in {path} and not in {path.parent}/other.h5"
        in caught.value.problems[1]
    )
    call(path, JetInput("quantities"))


def test_an_image_that_is_not_finite_is_told(write_public):
    content = np.zeros((20, 100, 100))
    content[3, 4, 5] = np.nan
    with pytest.raises(InputError, match="jetImage, jets 0 to 20: values that are not finite"):
        jet_arrays(write_public(change=with_images(content)), JetInput("image"))
