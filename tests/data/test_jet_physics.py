"""Files that are whole, of the right shape and finite, and hold no physics."""

import numpy as np
import pytest

from raysearch.data.jets.files import check_jets
from raysearch.data.jets.layout import FEATURES, JET_COLUMNS
from raysearch.errors import InputError

E = FEATURES.index("j1_e")


def jets(change=lambda x, datasets: None, *, features=4, n=20):
    """Jets of four massless constituents, back to back with none, of 400 to 800 GeV each; then padding."""

    def changed(datasets):
        rng = np.random.default_rng(1)
        x = np.zeros((n, 8, features))
        x[:, :4, :3] = rng.uniform(100, 200, (n, 4, 3))
        x[:, :4, 3] = np.linalg.norm(x[:, :4, :3], axis=-1)
        if features > 4:
            x[..., FEATURES.index("j1_pt")] = np.hypot(x[..., 0], x[..., 1])
        datasets["jetConstituentList"] = x
        datasets["particleFeatureNames"] = np.array(FEATURES[:features], "S")
        datasets["jets"][:, JET_COLUMNS.index("j_pt")] = 700
        del datasets["jetImage"]
        change(x, datasets)

    return changed


def warnings(write_public, change, n=20, **how):
    return check_jets(write_public(n=n, change=jets(change, n=n, **how))).warnings


def problems(write_public, change, **how):
    with pytest.raises(InputError) as caught:
        check_jets(write_public(change=jets(change, **how)))
    return caught.value.problems


@pytest.mark.parametrize("features", [4, 16])
def test_good_jets_are_told_nothing_about(write_public, features):
    assert warnings(write_public, lambda *_: None, features=features) == ()


def test_the_sample_that_ships_is_told_nothing_about():
    assert check_jets().warnings == ()


@pytest.mark.parametrize("fill", [-999, -9999.5, -1, 1e30, np.nan])
@pytest.mark.parametrize("features", [4, 16])
def test_padding_that_is_not_0_is_refused_as_padding(write_public, fill, features):
    def pad(x, datasets):
        x[:, 4:] = fill

    (told,) = problems(write_public, pad, features=features)
    assert f"80 constituents padded with {fill:g} where 0 is needed (x[" in told
    assert told.endswith("first jetConstituentList[0, 4]")


def test_energies_below_the_momentum_are_counted_and_refused_where_they_are_many(write_public):
    def some(x, datasets):
        x[3, :3, 3] *= 0.9

    def many(x, datasets):
        x[:, :1, 3] *= 0.9

    def rounded(x, datasets):
        datasets["jetConstituentList"] = x.astype(np.float16).astype(np.float32)

    assert warnings(write_public, some) == (
        (
            "jetImage_0_8p_0_20.h5: 3 constituents with less energy than momentum, "
            "first jetConstituentList[3, 0]"
        ),
    )
    (told,) = problems(write_public, many)
    assert "20 constituents with less energy than momentum" in told
    assert "are px, py, pz and e where their names say?" in told
    assert warnings(write_public, rounded) == ()


@pytest.mark.parametrize(
    ("scale", "told"), [(1000, "are they in MeV?"), (0.001, "are they in TeV?"), (1, None)]
)
def test_momenta_in_other_units_are_told(write_public, scale, told):
    def change(x, datasets):
        x *= scale
        datasets["jets"][:, JET_COLUMNS.index("j_pt")] *= scale

    found = warnings(write_public, change)
    assert told is None or "the median pT of the jets is" in found[0]
    assert [told in line for line in found] == ([] if told is None else [True])


def test_energies_or_the_jets_own_pt_in_other_units_than_momenta_are_told(write_public):
    def energies(x, datasets):
        x[..., 3] *= 1000

    def own_pt(x, datasets):
        datasets["jets"][:, JET_COLUMNS.index("j_pt")] = 7e5

    assert "energies of constituents are 1e+03 times their momenta" in warnings(write_public, energies)[0]
    assert "j_pt is " in warnings(write_public, own_pt)[0]


def with_own_pt(change):
    """Jets whose j_pt is that of their constituents, before anything is changed."""

    def changed(x, datasets):
        datasets["jets"][:, JET_COLUMNS.index("j_pt")] = np.hypot(*x[..., :2].sum(axis=1).T)
        change(x, datasets)

    return changed


def shifted(x, datasets):
    datasets["jets"] = np.roll(datasets["jets"], 1, axis=0)


def shuffled(x, datasets):
    datasets["jetConstituentList"] = np.random.default_rng(2).permutation(x)


def swapped(x, datasets):
    x[..., :3] = x[..., [2, 1, 0]]


@pytest.mark.parametrize("change", [shifted, shuffled, swapped])
def test_rows_and_momenta_that_do_not_belong_to_the_jets_of_their_labels_are_told(write_public, change):
    (told,) = warnings(write_public, with_own_pt(change), n=60)
    assert told.startswith(
        "jetImage_0_8p_0_20.h5: j_pt goes with the constituents of a jet hardly better than with those of "
    )
    assert "are the rows of jets (with the classes) and of jetConstituentList in one order" in told


def test_other_units_in_a_part_of_a_file_are_told(write_public):
    def some(x, datasets):
        x[::3] *= 1000

    (told,) = warnings(write_public, with_own_pt(some), n=60)
    assert "j_pt of 20 of 60 jets is over 30 times off the pT of their constituents" in told


def test_jets_of_which_only_the_hardest_constituents_are_stored_are_told_nothing_about(write_public):
    def cut(x, datasets):
        datasets["jetConstituentList"] = x[:, :2]

    for change in (lambda *_: None, cut):
        assert warnings(write_public, with_own_pt(change), n=60) == ()


def test_jets_without_constituents_are_counted(write_public):
    def one(x, datasets):
        x[7] = 0

    def two(x, datasets):
        x[7:9] = 0

    assert warnings(write_public, one) == ("jetImage_0_8p_0_20.h5: 1 jet without constituents",)
    assert warnings(write_public, two) == ("jetImage_0_8p_0_20.h5: 2 jets without constituents",)


def test_what_is_the_same_for_all_is_told(write_public):
    def flat(x, datasets):
        x[..., 2] = 0

    def no_quantities(x, datasets):
        datasets["jets"][:, JET_COLUMNS.index("j_zlogz")] = 0

    assert warnings(write_public, flat) == ("jetImage_0_8p_0_20.h5: j1_pz is 0 for all constituents",)
    assert warnings(write_public, no_quantities) == ("j_zlogz is 0 for all jets",)


def test_features_that_do_not_go_with_the_momenta_are_told(write_public):
    def other_pt(x, datasets):
        x[..., FEATURES.index("j1_pt")] *= 1000

    def half_padded(x, datasets):
        x[0, 5, FEATURES.index("j1_eta")] = -999

    assert (
        "j1_pt is not sqrt(px^2 + py^2) for 80 constituents"
        in warnings(write_public, other_pt, features=16)[0]
    )
    assert (
        "1 constituents without momentum but with other features"
        in warnings(write_public, half_padded, features=16)[0]
    )


def test_fills_of_the_jets_columns_are_told_by_column(write_public):
    def fill(x, datasets):
        datasets["jets"][3:5, JET_COLUMNS.index("j_tau32_b1")] = -999

    (told,) = warnings(write_public, fill)
    assert "2 values -999 of j_tau32_b1, which seem to stand for none, first jets[3]" in told


@pytest.mark.parametrize("features", [4, 16])
def test_columns_and_datasets_that_nothing_reads_are_named(write_public, features):
    def more(x, datasets):
        datasets["jetConstituentList"] = np.concatenate([x, np.ones((*x.shape[:2], 2))], axis=-1)
        datasets["particleFeatureNames"] = np.array([*FEATURES[:features], "j1_charge", "j1_d0"], "S")
        datasets["weight"] = np.ones(len(x))

    (told,) = warnings(write_public, more, features=features)
    assert told == "jetImage_0_8p_0_20.h5: not used are j1_charge, j1_d0, weight"


def test_jets_without_names_of_their_columns_are_told_which_order_is_taken(write_public):
    (told,) = warnings(write_public, lambda x, datasets: datasets.pop("jetFeatureNames"))
    assert "has no jetFeatureNames; the columns of jets are taken in the public files' order" in told


def test_a_feature_that_is_missing_is_not_taken_for_momenta_alone(write_public):
    def typo(x, datasets):
        names = [name.replace("deltaR", "deltar") for name in FEATURES]
        datasets["particleFeatureNames"] = np.array(names, "S")

    (told,) = problems(write_public, typo, features=16)
    assert "lacks j1_deltaR" in told


def test_a_column_that_is_there_twice_is_refused(write_public):
    def twice(x, datasets):
        datasets["jetConstituentList"] = np.concatenate([x, x[..., :1]], axis=-1)
        datasets["particleFeatureNames"] = np.array([*FEATURES[:4], "j1_px"], "S")

    (told,) = problems(write_public, twice)
    assert "particleFeatureNames: has j1_px twice" in told
