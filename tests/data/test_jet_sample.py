"""The sample that ships is what its provenance says, and looks like the public jets."""

import json

import numpy as np
import pytest
from whole_jets import load_jets

from raysearch.data.jets.files import SAMPLE, check_jets
from raysearch.data.jets.layout import CLASSES, FEATURES, JET_COLUMNS, PUBLIC_MULTIPLICITY


@pytest.fixture(scope="module")
def summary():
    return check_jets()


@pytest.fixture(scope="module")
def jets():
    return load_jets(None, 150)


def column(jets, name):
    return jets.jets[:, JET_COLUMNS.index(f"j_{name}")]


def test_is_small_whole_and_the_one_described(summary):
    provenance = json.loads(SAMPLE.with_name("provenance.json").read_text())
    assert summary.sha256 == {name: file["sha256"] for name, file in provenance["files"].items()}
    assert summary.n_per_class == provenance["jets_per_class"] == dict.fromkeys(CLASSES, 2000)
    assert SAMPLE.stat().st_size < 10e6
    assert summary.has_events


def test_has_as_many_constituents_per_jet_as_the_public_jets(summary):
    np.testing.assert_allclose(summary.multiplicity, PUBLIC_MULTIPLICITY, rtol=0.05)


def test_groomed_masses_show_w_z_and_top(jets):
    mass = column(jets, "mass_mmdt")
    medians = {name: np.median(mass[jets.labels == number]) for number, name in enumerate(CLASSES)}
    assert medians["w"] == pytest.approx(78.3, rel=0.03)
    assert medians["z"] == pytest.approx(87.9, rel=0.03)
    assert medians["t"] == pytest.approx(164, rel=0.05)
    assert medians["q"] < 25
    tau32 = column(jets, "tau32_b1")
    top = jets.labels == CLASSES.index("t")
    assert np.median(tau32[top]) < 0.6
    assert np.median(tau32[~top]) > 0.7


def test_cuts_and_jet_columns_agree_with_the_constituents(jets):
    momenta = jets.features[..., :4].astype(np.float64).sum(axis=1)
    pt = np.hypot(momenta[:, 0], momenta[:, 1])
    mass = np.sqrt(np.maximum(momenta[:, 3] ** 2 - (momenta[:, :3] ** 2).sum(axis=1), 0))
    stored = column(jets, "multiplicity") <= 150
    np.testing.assert_allclose(pt[stored], column(jets, "pt")[stored], rtol=1e-4)
    np.testing.assert_allclose(mass[stored], column(jets, "mass")[stored], rtol=2e-3, atol=0.5)
    assert (column(jets, "pt") > 800).all()
    assert (column(jets, "pt") < 1600).all()
    assert (np.abs(column(jets, "eta")) < 2.5).all()
    constituent_pt = jets.features[..., FEATURES.index("j1_pt")]
    assert constituent_pt[constituent_pt > 0].min() > 1.149
    assert np.isfinite(jets.features).all()


def test_an_event_gives_at_most_two_jets_of_one_class(jets):
    _, number, count = np.unique(jets.events, return_inverse=True, return_counts=True)
    assert count.max() == 2
    assert (count == 2).mean() > 0.8
    labels_of_event = np.zeros((len(count), len(CLASSES)), bool)
    labels_of_event[number, jets.labels] = True
    assert (labels_of_event.sum(axis=1) == 1).all()


def test_classes_are_mixed(jets):
    shares = np.stack([np.bincount(part, minlength=5) for part in np.split(jets.labels, 10)])
    assert shares.min() > 150
