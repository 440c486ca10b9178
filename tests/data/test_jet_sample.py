"""The sample that ships is what its provenance says, and looks like the public jets."""

import json

import h5py
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
    # Nothing is tuned to them: what is left is the detector's, whose cells are read off file names.
    np.testing.assert_allclose(summary.multiplicity, PUBLIC_MULTIPLICITY, rtol=0.07)


def test_groomed_masses_show_w_z_and_top(jets):
    mass = column(jets, "mass_mmdt")
    medians = {name: np.median(mass[jets.labels == number]) for number, name in enumerate(CLASSES)}
    assert medians["w"] == pytest.approx(79.8, rel=0.02)
    assert medians["z"] == pytest.approx(89.5, rel=0.02)
    assert medians["q"] < 25
    within = {
        name: np.mean(np.abs(mass[jets.labels == CLASSES.index(name)] - peak) < 3)
        for name, peak in {"w": 80.4, "z": 91.2}.items()
    }
    assert min(within.values()) > 0.5  # on shell, and not smeared
    of_top = mass[jets.labels == CLASSES.index("t")]
    counts, edges = np.histogram(of_top, np.arange(60, 250, 5))
    assert edges[counts.argmax()] in {165, 170}
    tau32 = column(jets, "tau32_b1")
    top = jets.labels == CLASSES.index("t")
    assert np.median(tau32[top]) < 0.6
    assert np.median(tau32[~top]) > 0.7


def test_cuts_and_jet_columns_agree_with_the_constituents(jets):
    momenta = jets.features[..., :4].astype(np.float64).sum(axis=1)
    pt = np.hypot(momenta[:, 0], momenta[:, 1])
    mass_squared = momenta[:, 3] ** 2 - (momenta[:, :3] ** 2).sum(axis=1)
    stored = column(jets, "multiplicity") <= 150
    np.testing.assert_allclose(pt[stored], column(jets, "pt")[stored], rtol=1e-4)
    # The momenta were rounded, which of forward jets of 3 TeV leaves a mass to some tens of GeV^2.
    off = np.abs(mass_squared - column(jets, "mass") ** 2)
    assert (off[stored] < 1e-5 * momenta[stored, 3] ** 2).all()
    assert (off < 1e-3 * column(jets, "mass") ** 2).mean() > 0.5
    assert (column(jets, "pt") > 100).all()
    assert (np.abs(column(jets, "eta")) < 3).all()
    assert (column(jets, "ptfrac") == 1).all()
    gluon = column(jets, "pt")[jets.labels == CLASSES.index("g")]
    assert (gluon > 1300).mean() > 0.03  # without upper bound
    assert np.isfinite(jets.features).all()


def test_constituents_lie_within_the_radius_and_are_turned(jets):
    pt, distance, phi_rot, eta_rot, cosine = (
        jets.features[..., FEATURES.index(f"j1_{name}")]
        for name in ("pt", "deltaR", "phirot", "etarot", "costhetarel")
    )
    there = pt > 0
    assert (distance[there] < 0.4).mean() > 0.98
    assert np.median(distance.max(axis=1)) == pytest.approx(0.4, abs=0.02)
    # the hardest one in the middle, the next one apart below it
    np.testing.assert_allclose([phi_rot[:, 0], eta_rot[:, 0]], 0, atol=1e-6)
    assert (phi_rot[there & (np.abs(phi_rot) > 0.1)] < 0).mean() > 0.6
    np.testing.assert_allclose(cosine, np.tanh(eta_rot), atol=1e-6)


def test_an_event_gives_one_jet(jets):
    assert len(np.unique(jets.events)) == len(jets.events)


def test_says_in_the_file_how_it_was_made():
    with h5py.File(SAMPLE) as file:
        made = json.loads(file.attrs["made"])
    provenance = json.loads(SAMPLE.with_name("provenance.json").read_text())
    assert made == {key: provenance[key] for key in ("seed", "versions", "definitions")}
    assert made["definitions"]["recipe"] == "public"


def test_classes_are_mixed(jets):
    shares = np.stack([np.bincount(part, minlength=5) for part in np.split(jets.labels, 10)])
    assert shares.min() > 150
