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


def correlators(jet, beta):
    """e2 and the three e3 of one jet, from their sums over pairs and triples (1609.07483, eq. 3.2)."""
    px, py, pz = (np.asarray(jet[axis]) for axis in ("px", "py", "pz"))
    pt = np.hypot(px, py)
    z = pt / pt.sum()
    mass_squared = np.maximum(np.asarray(jet["E"]) ** 2 - pt**2 - pz**2, 0)  # rounding can make it negative
    rapidity = np.arcsinh(pz / np.sqrt(pt**2 + mass_squared))
    phi = np.arctan2(py, px)
    delta_phi = (phi[:, None] - phi + np.pi) % (2 * np.pi) - np.pi
    r = np.hypot(rapidity[:, None] - rapidity, delta_phi)
    i, j = np.triu_indices(len(z), 1)
    e2 = np.sum(z[i] * z[j] * r[i, j] ** beta)
    e3 = np.zeros(3)
    for k in range(len(z)):
        for m in range(k + 1, len(z)):
            n = np.arange(m + 1, len(z))
            sides = np.sort(np.stack([np.full(len(n), r[k, m]), r[k, n], r[m, n]]), axis=0)
            e3 += [np.sum(z[k] * z[m] * z[n] * np.prod(sides[:v], axis=0) ** beta) for v in (1, 2, 3)]
    return e2, e3


def test_every_quantity_is_there_and_finite(values):
    assert {*values, "ptfrac"} == set(QUANTITIES)
    assert all(np.isfinite(value).all() and value.shape == (50,) for value in values.values())


def test_agrees_with_the_columns_of_the_sample(values):
    stored = load_jets(None, 1).jets[:50]
    for name, value in values.items():
        column = stored[:, JET_COLUMNS.index(f"j_{name}")]
        # the columns are of the momenta before rounding, which moves groomed masses of a few GeV
        assert np.abs(value - column).max() < 0.05 * column.std(), name


@pytest.mark.parametrize("beta", [1, 2])
def test_correlators_are_their_published_sums(jets, values, beta):
    for number in range(5):
        e2, (one_e3, two_e3, e3) = correlators(jets[number], beta)
        expected = {
            f"c1_b{beta}": e2,
            f"c2_b{beta}": e3 / e2**2,
            f"d2_b{beta}": e3 / e2**3,
            f"m2_b{beta}": one_e3 / e2,
            f"n2_b{beta}": two_e3 / e2**2,
        }
        for name, value in expected.items():
            assert values[name][number] == pytest.approx(value, rel=1e-3), (
                name
            )  # FastJet keeps about 6 digits of small angles
    one_e2, _ = correlators(jets[0], beta)
    _, (_, _, e3_alpha_1) = correlators(jets[0], 1)
    assert values[f"d2_a1_b{beta}"][0] == pytest.approx(e3_alpha_1 / one_e2 ** (3 / beta), rel=1e-3)


def test_soft_drop_gives_the_masses_of_fastjet_itself(jets, values):
    import awkward as ak
    import fastjet

    sequence = fastjet.ClusterSequence(jets, fastjet.JetDefinition(fastjet.cambridge_algorithm, 100.0))
    for name, beta in {"mass_mmdt": 0.0, "mass_sdb2": 2.0, "mass_sdm1": -1.0}.items():
        groomed = sequence.exclusive_jets_softdrop_grooming(njets=1, beta=beta, symmetry_cut=0.1, R0=0.8)
        np.testing.assert_allclose(values[name], np.maximum(ak.to_numpy(groomed.msoftdrop), 0), atol=1e-6)


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
