import h5py
import numpy as np
import pytest
from whole_jets import load_jets

from raysearch.data.files import sums
from raysearch.data.jets.constituents import derive_features
from raysearch.data.jets.files import SAMPLE, check_jets, jet_files, load_events
from raysearch.data.jets.layout import CLASSES, FEATURES, JET_COLUMNS, MOMENTA
from raysearch.errors import InputError

PT = FEATURES.index("j1_pt")


def problems(call, *args):
    with pytest.raises(InputError) as caught:
        call(*args)
    return caught.value.problems


@pytest.mark.parametrize("text", [bytes, str])
def test_reads_a_public_file(write_public, text):
    jets = load_jets(write_public(text=text), 6)
    assert jets.features.shape == (20, 6, 16)
    assert jets.features.dtype == np.float32
    assert jets.jets.shape == (20, 59)
    assert jets.events is None
    assert jets.labels.dtype == jets.file_index.dtype == np.int64
    assert jets.labels.tolist() == [number % 5 for number in range(20)]
    assert jets.features[3, 2, FEATURES.index("j1_etarel")] == pytest.approx(3 + 0.02 + 0.0008)
    assert jets.jets[3, JET_COLUMNS.index("j_mass_mmdt")] == pytest.approx(3 + 0.48)
    assert not jets.features[:, 5].any()


def test_finds_columns_by_name(write_public):
    order = np.random.default_rng(0).permutation(16)

    def shuffle(datasets):
        datasets["jetConstituentList"] = datasets["jetConstituentList"][..., order]
        datasets["particleFeatureNames"] = np.array([FEATURES[i] for i in order], dtype="S")
        datasets["jets"] = datasets["jets"][:, ::-1]
        datasets["jetFeatureNames"] = datasets["jetFeatureNames"][::-1]

    plain, shuffled = load_jets(write_public(), 8), load_jets(write_public("other.h5", change=shuffle), 8)
    np.testing.assert_array_equal(plain.features, shuffled.features)
    np.testing.assert_array_equal(plain.jets, shuffled.jets)
    np.testing.assert_array_equal(plain.labels, shuffled.labels)


def test_sorts_by_falling_pt_before_it_cuts(write_public):
    def disorder(datasets):
        datasets["jetConstituentList"] = datasets["jetConstituentList"][:, [4, 6, 0, 2, 1, 3, 5, 7]]

    plain, disordered = load_jets(write_public(), 3), load_jets(write_public("other.h5", change=disorder), 3)
    np.testing.assert_array_equal(plain.features, disordered.features)
    assert disordered.features[0, :, PT].tolist() == [100, 99, 98]


def test_derives_the_other_features_from_momenta_with_the_axis_of_all_constituents(write_public):
    rng = np.random.default_rng(1)
    momenta = rng.normal(size=(20, 8, 3)) * 0.2 + [5, 0, 1] * np.arange(9, 1, -1)[:, None]
    momenta = np.concatenate([momenta, np.linalg.norm(momenta, axis=-1, keepdims=True)], axis=-1)

    def only_momenta(datasets):
        datasets["jetConstituentList"] = momenta
        datasets["particleFeatureNames"] = np.array(MOMENTA, dtype="S")

    path = write_public(change=only_momenta)
    np.testing.assert_allclose(
        load_jets(path, 4).features, derive_features(momenta)[:, :4], rtol=1e-6, atol=1e-12
    )
    assert check_jets(path).derived_features


def test_reads_a_folder_in_sorted_order_and_says_which_file(write_public):
    write_public("b.h5", first=100)
    folder = write_public("a.hdf5", first=0).parent
    (folder / "notes.txt").write_text("not jets")
    jets = load_jets(folder, 2)
    assert [file.name for file in jet_files(folder)] == ["a.hdf5", "b.h5"]
    assert jets.file_index.tolist() == [0] * 20 + [1] * 20
    assert jets.features[20, 0, 0] == 100


def test_event_numbers(write_public):
    events = np.arange(20) // 2 + 7

    def number(datasets):
        datasets["event"] = events

    path = write_public(change=number)
    assert load_jets(path, 1).events.tolist() == events.tolist()
    assert load_events(path)[0].tolist() == events.tolist()


def test_reads_in_pieces_what_is_larger_than_one_piece(write_public):
    jets = load_jets(write_public(n=2345, width=6), 2)
    assert jets.features[:, 1, 0].astype(int).tolist() == list(range(2345))


def test_summary(write_public):
    path = write_public(n=25)
    summary = check_jets(path)
    assert summary.n == 25
    assert summary.n_per_class == dict.fromkeys(CLASSES, 5)
    assert summary.n_constituents == 8
    assert not summary.has_events
    assert not summary.derived_features
    assert summary.multiplicity == (5, 5, 5, 5, 5)
    assert summary.sha256 == sums([path])


def test_check_lists_all_faults_of_all_files(write_public):
    def spoil(datasets):
        datasets["jetConstituentList"][3, 1, 4] = np.nan
        datasets["jetConstituentList"][7, 0, 2] = np.inf
        datasets["jets"][5, 9] = np.nan
        datasets["jets"][6, 53:58] = [1, 1, 0, 0, 0]
        datasets["jets"][8, 53:58] = 0.5

    write_public("c.h5", width=7)
    write_public("b.h5", change=lambda datasets: datasets.update(jets=None))
    folder = write_public("a.h5", change=spoil).parent
    told = problems(check_jets, folder)
    assert told == (
        f"{folder}/a.h5: 2 constituents that are not finite, first jetConstituentList[3, 1, 4]",
        f"{folder}/a.h5: 1 jet columns that are not finite, first jets[5, 9]",
        f"{folder}/a.h5: 2 labels that are not one-hot in g, q, w, z, t, first jets[6]",
        (
            f"{folder}/b.h5: jets: is missing; the file holds jetConstituentList, jetFeatureNames, jetImage, "
            "jetImageECAL, particleFeatureNames."
        ),
        f"constituents a jet: must be alike in all files, but 8 in {folder}/a.h5; 7 in {folder}/c.h5",
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"jetConstituentList": None}, "jetConstituentList: is missing"),
        (
            {"jetConstituentList": None, "particle_features": np.zeros((20, 30, 4))},
            "holds point clouds in the layout of JetNet",
        ),
        ({"particleFeatureNames": None}, "particleFeatureNames: is missing"),
        (
            {"jetConstituentList": np.zeros((20, 8))},
            "jetConstituentList: must have 3 axes, has shape (20, 8)",
        ),
        ({"jetConstituentList": np.zeros((20, 8, 16), int)}, "jetConstituentList: must be floating point"),
        ({"jetConstituentList": np.zeros((20, 0, 16))}, "jetConstituentList: is empty"),
        ({"jetConstituentList": np.zeros((20, 8, 12))}, "has 17 names for the 12 columns"),
        ({"jets": np.zeros((19, 59))}, "jets: has 19 jets, jetConstituentList has 20"),
        ({"jets": np.zeros((20, 58))}, "jets: has 58 columns for 59 names"),
        ({"event": np.zeros(20)}, "event: must be whole numbers"),
        ({"event": np.zeros(5, int)}, "event: has 5 jets, jetConstituentList has 20"),
        (
            {"jetFeatureNames": np.array([f"x{i}" for i in range(59)], "S")},
            "jetFeatureNames: lacks j_ptfrac, j_pt",
        ),
        ({"particleFeatureNames": np.array(["j1_px"] * 16, "S")}, "particleFeatureNames: lacks j1_py, j1_pz"),
    ],
)
def test_says_what_is_wrong_with_the_layout(write_public, change, expected):
    path = write_public(change=lambda datasets: datasets.update(change))
    for call in (check_jets, lambda path: load_jets(path, 2)):
        told = problems(call, path)
        assert any(str(path) in line and expected in line for line in told), told


def test_a_misspelt_dataset_is_named(write_public):
    path = write_public(change=lambda datasets: datasets.update(jet=datasets.pop("jets")))
    assert "Did you mean 'jet'?" in problems(check_jets, path)[0]


def test_event_numbers_in_some_files_only_are_refused(write_public):
    write_public("a.h5")
    path = write_public("b.h5", change=lambda datasets: datasets.update(event=np.arange(20)))
    assert "event numbers: must be alike in all files" in problems(load_jets, path.parent, 2)[0]


def test_more_constituents_than_there_are(write_public):
    path = write_public()
    assert problems(load_jets, path, 30) == (f"{path}: holds 8 constituents a jet, asked for 30",)
    assert problems(load_jets, path, 0) == ("constituents: must be at least 1, got 0",)


def test_nothing_there(tmp_path):
    assert problems(jet_files, tmp_path) == (f"{tmp_path}: holds no file ending in .h5 or .hdf5",)
    assert problems(jet_files, tmp_path / "no") == (f"{tmp_path}/no: no such file or folder",)
    assert jet_files(None) == [SAMPLE]


def test_flipped_bits_inside_the_data_are_told_with_their_place(write_public, tmp_path):
    path = write_public("plain.h5")
    damaged = tmp_path / "damaged.h5"
    with h5py.File(path) as source, h5py.File(damaged, "w") as file:
        for name in source:
            file.create_dataset(
                name, data=source[name][:], chunks=True, fletcher32=name == "jetConstituentList"
            )
        offset = file["jetConstituentList"].id.get_chunk_info(0).byte_offset
    raw = bytearray(damaged.read_bytes())
    raw[offset + 100] ^= 1
    damaged.write_bytes(raw)
    told = problems(check_jets, damaged)
    assert f"{damaged}: jetConstituentList, jets 0 to 20: damaged data" in told[0]
