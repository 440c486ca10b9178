"""Jets to be scored: the same inputs as in training, from files that need not tell the answers."""

import h5py
import numpy as np
import pytest

from raysearch.data.jets.arrays import JetInput, jet_arrays
from raysearch.data.jets.layout import CLASSES, DNN_COLUMNS, JET_COLUMNS
from raysearch.data.jets.to_score import jets_to_score
from raysearch.errors import InputError

CONSTITUENTS = JetInput("constituents", 6)
EVERY_INPUT = [CONSTITUENTS, JetInput("quantities"), JetInput("image")]


@pytest.fixture
def momenta(write_public):
    """A file of four-momenta alone, as ours are, with event numbers."""
    rng = np.random.default_rng(1)
    pt = np.sort(rng.uniform(1, 100, (20, 8)))[:, ::-1]
    eta, phi = rng.normal(0, 0.2, (20, 8)), rng.normal(0, 0.2, (20, 8))
    p = np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), pt * np.cosh(eta)], axis=-1)

    def change(datasets):
        datasets["jetConstituentList"] = p.astype(np.float32)
        datasets["particleFeatureNames"] = np.array(["j1_px", "j1_py", "j1_pz", "j1_e"], dtype="S")
        datasets["event"] = np.arange(20) + 1000
        datasets["jetImage"] = None

    return lambda more=lambda datasets: None, name="own.h5": write_public(
        name, change=lambda datasets: (change(datasets), more(datasets))
    )


def drop(*names):
    return lambda datasets: datasets.update(dict.fromkeys(names))


def whole(data):
    pieces = list(data.pieces())
    return [np.concatenate(arrays) for arrays in zip(*(piece.batch for piece in pieces), strict=True)], pieces


@pytest.mark.parametrize("wanted", EVERY_INPUT, ids=lambda wanted: wanted.kind)
def test_the_network_sees_what_it_saw_in_training(momenta, wanted, monkeypatch, tmp_path):
    monkeypatch.setenv("RAYSEARCH_CACHE", str(tmp_path / "cache"))
    path = momenta()
    trained_on = jet_arrays(path, wanted)
    (*inputs, labels), _ = whole(jets_to_score([path], wanted))
    for got, expected in zip(inputs, trained_on.inputs, strict=True):
        np.testing.assert_array_equal(got, expected)
        assert got.dtype == expected.dtype
    np.testing.assert_array_equal(labels, trained_on.labels)


def test_images_are_of_the_kind_that_was_trained_on(momenta):
    def store(datasets):
        datasets["jetImage"] = np.zeros((20, 100, 100), np.float32)
        datasets["jetImage"][:, 3, 4] = 7

    wanted = JetInput("image")
    bare, both = momenta(), momenta(store, "both.h5")
    computed, _ = whole(jets_to_score([bare], wanted))
    for got, expected in zip(whole(jets_to_score([both], wanted))[0], computed, strict=True):
        np.testing.assert_array_equal(got, expected)
    (cells, values, _), _ = whole(jets_to_score([both], wanted, stored_images=True))
    assert (np.unique(cells).tolist(), np.unique(values).tolist()) == ([304], [7])
    with pytest.raises(InputError, match=r"own\.h5: jetImage: is missing"):
        jets_to_score([bare], wanted, stored_images=True)


def test_constituents_need_no_jet_columns(momenta):
    labelled, _ = whole(jets_to_score([momenta()], CONSTITUENTS))
    bare = jets_to_score([momenta(drop("jets", "jetFeatureNames", "event"), "bare.h5")], CONSTITUENTS)
    unlabelled, pieces = whole(bare)
    np.testing.assert_array_equal(unlabelled[0], labelled[0])
    assert (bare.n_rows, unlabelled[1].tolist()) == (20, [0] * 20)
    assert pieces[0].columns == {}


def test_quantities_need_their_16_columns_alone(momenta):
    def keep_16(datasets):
        order = [*DNN_COLUMNS][::-1]
        datasets["jets"] = datasets["jets"][:, order]
        datasets["jetFeatureNames"] = np.array([JET_COLUMNS[place] for place in order], dtype="S")

    (expected, _), _ = whole(jets_to_score([momenta()], JetInput("quantities")))
    only = drop("jetConstituentList", "particleFeatureNames", "event")
    path = momenta(lambda datasets: (keep_16(datasets), only(datasets)), "few.h5")
    (got, _), pieces = whole(jets_to_score([path], JetInput("quantities")))
    np.testing.assert_array_equal(got, expected)
    assert pieces[0].columns == {}


def test_labels_and_events_are_handed_through_and_unknown_ones_told(momenta):
    def forget(datasets):
        datasets["jets"][3, 53:] = 0

    _, pieces = whole(jets_to_score([momenta(forget)], CONSTITUENTS))
    labels = pieces[0].columns["label"]
    assert labels.tolist() == [-1 if jet == 3 else jet % len(CLASSES) for jet in range(20)]
    assert pieces[0].batch[-1].min() == 0  # as a model's loss would need them
    assert pieces[0].columns["event"].tolist() == list(range(1000, 1020))


def test_pieces_tell_where_their_rows_come_from(momenta, tmp_path, monkeypatch):
    monkeypatch.setattr("raysearch.data.jets.to_score.ROWS", 12)
    momenta(name="b.h5")
    momenta(drop("event"), name="a.h5")
    data = jets_to_score([tmp_path], CONSTITUENTS)
    assert [path.name for path in data.files] == ["a.h5", "b.h5"]
    assert [(piece.file, piece.first_row, len(piece.batch[0])) for piece in data.pieces()] == [
        (0, 0, 12),
        (0, 12, 8),
        (1, 0, 12),
        (1, 12, 8),
    ]
    assert all("event" not in piece.columns for piece in data.pieces())  # not all files have them


def test_every_fault_of_every_file_is_told(momenta, tmp_path):
    lacking = momenta(drop("jetConstituentList"), "lacking.h5")
    narrow = momenta(name="narrow.h5")
    with pytest.raises(InputError) as caught:
        jets_to_score([lacking, narrow, tmp_path / "gone.h5"], JetInput("constituents", 9))
    held = "event, jetFeatureNames, jetImageECAL, jets, particleFeatureNames"
    assert [line.replace(str(tmp_path), "") for line in caught.value.problems] == [
        "/gone.h5: no such file or folder",
        f"/lacking.h5: jetConstituentList: is missing; the file holds {held}.",
        "/narrow.h5: holds 8 constituents a jet, the network needs 9",
    ]


def test_a_file_that_is_named_twice_would_count_its_jets_twice(momenta):
    path = momenta()
    with pytest.raises(InputError, match=r"own\.h5: is named twice$"):
        jets_to_score([path, path], CONSTITUENTS)


def test_columns_that_a_network_needs_are_named(momenta):
    def rename(datasets):
        datasets["jetFeatureNames"] = np.array(
            [name.replace("zlogz", "z") for name in JET_COLUMNS], dtype="S"
        )

    with pytest.raises(InputError, match="jetFeatureNames: lacks j_zlogz"):
        jets_to_score([momenta(rename)], JetInput("quantities"))


@pytest.mark.parametrize("wanted", EVERY_INPUT[:2], ids=lambda wanted: wanted.kind)
def test_values_that_are_not_finite_are_refused_with_their_place(momenta, wanted):
    path = momenta()
    with h5py.File(path, "r+") as file:
        file["jetConstituentList"][7, 2, 1] = np.nan
        file["jets"][7, DNN_COLUMNS[0]] = np.inf
    place = {"constituents": r"jetConstituentList\[7, 2, 1\]", "quantities": r"jets\[7, 0\]"}[wanted.kind]
    with pytest.raises(InputError, match=place):
        whole(jets_to_score([path], wanted))
