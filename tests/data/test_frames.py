"""By which definitions files of four-momenta are read, and that a network sees what it was trained on."""

import h5py
import numpy as np
import pytest
import torch
from whole_jets import load_jets

from raysearch.data.jets.arrays import JetInput, jet_arrays
from raysearch.data.jets.constituents import derive_features
from raysearch.data.jets.files import check_jets
from raysearch.data.jets.frames import Frame
from raysearch.data.jets.layout import CONSTITUENTS, MOMENTA
from raysearch.data.jets.recipe import JetBlock
from raysearch.data.jets.to_score import jets_to_score
from raysearch.data.jets.writer import write_jets
from raysearch.errors import InputError


@pytest.fixture
def block():
    rng = np.random.default_rng(0)
    n, width = 40, 12
    pt = -np.sort(-rng.exponential(50, (n, width)), axis=1) + 1
    eta, phi = rng.normal(0.5, 0.2, (n, width)), rng.normal(3.0, 0.2, (n, width))
    momenta = np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), pt * np.cosh(eta)], axis=-1)
    jets = np.zeros((n, 59))
    jets[np.arange(n), 53 + np.arange(n) % 5] = 1
    return JetBlock(momenta, jets, np.arange(n))


def momenta_of(path):
    with h5py.File(path) as file:
        return file[CONSTITUENTS][:].astype(float)


def test_a_file_that_says_how_it_was_made_has_the_public_frame(block, tmp_path):
    path = write_jets(tmp_path / "jets.h5", block, compact=True, made="{}")
    assert check_jets(path).frame == "public"
    np.testing.assert_allclose(
        load_jets(path, 12).features, derive_features(momenta_of(path)), rtol=1e-5, atol=1e-6
    )


def test_a_compact_file_of_version_0_1_0_is_read_as_that_version_did(block, tmp_path):
    path = write_jets(tmp_path / "jets.h5", block, compact=True)  # says nothing, as its files
    assert check_jets(path).frame == "0.1.0"
    assert check_jets(write_jets(tmp_path / "full.h5", block, compact=False)).frame == "0.1.0"
    expected = derive_features(momenta_of(path), frame=Frame.first)
    np.testing.assert_allclose(load_jets(path, 12).features, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("events", [True, False])
def test_momenta_of_any_other_maker_have_the_public_frame(block, write_public, events):
    def only_momenta(datasets):
        datasets[CONSTITUENTS] = block.momenta[:20]
        datasets["particleFeatureNames"] = np.array(MOMENTA, dtype="S")
        datasets["jetImage"] = None
        if events:
            datasets["event"] = np.arange(20)

    path = write_public(change=only_momenta)
    assert check_jets(path).frame == "public"
    np.testing.assert_allclose(
        load_jets(path, 12).features, derive_features(block.momenta[:20]), rtol=1e-5, atol=1e-6
    )


def test_files_of_two_frames_are_not_one_sample(block, tmp_path):
    write_jets(tmp_path / "old.h5", block, compact=True)
    write_jets(tmp_path / "new.h5", block, compact=True, made="{}")
    with pytest.raises(InputError, match="definitions of features: must be alike in all files"):
        check_jets(tmp_path)


def test_a_network_sees_what_it_was_trained_on_whatever_a_file_would_want(block, tmp_path):
    old = write_jets(tmp_path / "old.h5", block, compact=True)
    new = write_jets(tmp_path / "new.h5", block, compact=True, made="{}")
    for wanted in (JetInput("constituents", 5), JetInput("image")):
        trained_on = jet_arrays(old, wanted).inputs
        scored = next(jets_to_score([new], wanted, frame=Frame.first).pieces()).batch
        for mine, theirs in zip(trained_on, scored[:-1], strict=True):
            assert torch.equal(torch.from_numpy(np.array(mine)), theirs)
        other = next(jets_to_score([new], wanted).pieces()).batch
        assert not torch.equal(other[0], scored[0])
