import numpy as np
import pytest
from whole_jets import load_jets

from raysearch.data.jets.layout import JET_COLUMNS, QUANTITIES

pytestmark = pytest.mark.hep


@pytest.fixture(scope="module")
def jets():
    """Fifty jets of the sample, as (jet, var) records."""
    import awkward as ak

    momenta = load_jets(None, 150).features[:50, :, :4].astype(np.float64)
    counts = (momenta[..., 3] > 0).sum(axis=1)
    flat = momenta[momenta[..., 3] > 0]
    record = ak.zip(dict(zip(("px", "py", "pz", "E"), flat.T, strict=True)))
    return ak.unflatten(record, counts)


@pytest.fixture(scope="module")
def values(jets):
    from raysearch.data.jets.substructure import substructure

    return substructure(jets)


def test_every_quantity_is_there_and_finite(values):
    assert {*values, "ptfrac"} == set(QUANTITIES)
    assert all(np.isfinite(value).all() and value.shape == (50,) for value in values.values())


def test_agrees_with_the_columns_of_the_sample(values):
    stored = load_jets(None, 1).jets[:50]
    for name, value in values.items():
        column = stored[:, JET_COLUMNS.index(f"j_{name}")]
        # the columns are of the momenta before rounding, which moves groomed masses of a few GeV
        assert np.abs(value - column).max() < 0.1 * column.std(), name
        assert np.median(np.abs(value - column)) < 1e-2 * column.std(), name


def test_soft_drop_gives_the_masses_of_fastjet_itself(jets, values):
    import awkward as ak
    import fastjet

    from raysearch.data.jets.substructure import substructure

    values_at_08 = substructure(jets, soft_drop_radius=0.8)
    sequence = fastjet.ClusterSequence(jets, fastjet.JetDefinition(fastjet.cambridge_algorithm, 100.0))
    for name, beta in {"mass_mmdt": 0.0, "mass_sdb2": 2.0, "mass_sdm1": -1.0}.items():
        for radius in (1.0, 0.8):
            groomed = sequence.exclusive_jets_softdrop_grooming(
                njets=1, beta=beta, symmetry_cut=0.1, R0=radius
            )
            found = values if radius == 1 else values_at_08
            np.testing.assert_allclose(found[name], np.maximum(ak.to_numpy(groomed.msoftdrop), 0), atol=1e-6)
    assert (values["mass_sdb2"] != values_at_08["mass_sdb2"]).any()


def test_correlators_of_fastjet_are_ours(jets, values):
    from raysearch.data.jets.substructure import substructure

    theirs = substructure(jets, correlators_of_fastjet=True)
    for name, value in values.items():
        # FastJet keeps about 6 digits of small angles
        np.testing.assert_allclose(value, theirs[name], rtol=1e-3, atol=1e-12, err_msg=name)
        assert np.median(np.abs(value - theirs[name])) <= 1e-5 * np.median(np.abs(value)), name


def test_lone_constituents_give_zeros_and_no_nan():
    import awkward as ak

    from raysearch.data.jets.substructure import substructure

    lone = ak.Array([[{"px": 900.0, "py": 0.0, "pz": 10.0, "E": 900.1}]])
    got = substructure(lone)
    assert all(np.isfinite(value).all() for value in got.values())
    assert got["d2_b1"] == got["tau32_b1"] == 0
    assert got["pt"] == pytest.approx(900)


def test_grooming_takes_mass_away(values):
    for name in ("mass_trim", "mass_mmdt", "mass_prun", "mass_sdb2", "mass_sdm1"):
        assert (values[name] <= values["mass"] + 1e-6).all()
