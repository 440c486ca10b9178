import dataclasses
import json
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from whole_jets import load_jets

from raysearch.data.jets import make
from raysearch.data.jets.choices import Choices, Detector, RecipeName
from raysearch.data.jets.files import check_jets
from raysearch.data.jets.layout import CLASSES, FEATURES, JET_COLUMNS, LABELS
from raysearch.data.jets.make import _orders, make_jets
from raysearch.data.jets.pythia_data import pythia_data
from raysearch.data.jets.recipe import RECIPES, WIDTH, JetBlock
from raysearch.data.jets.writer import _round
from raysearch.errors import InputError, ResourceError


def test_refuses_what_cannot_be_made(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(InputError) as caught:
        make_jets(blocked, 7, seed=1, workers=0)
    assert len(caught.value.problems) == 3


def test_names_the_missing_extra(tmp_path, monkeypatch):
    for name in ("pythia8mc", "fastjet", "awkward"):
        monkeypatch.setitem(sys.modules, name, None)  # how Python marks a module that cannot be imported
    with pytest.raises(
        ResourceError, match=r"needs pythia8mc, fastjet, awkward: pip install 'raysearch\[hep\]'"
    ):
        make_jets(tmp_path / "jets", 5, seed=1)
    assert not (tmp_path / "jets").exists()


def test_refuses_a_detector_that_a_recipe_has_not():
    with pytest.raises(InputError, match="detector: recipe 0.1.0 takes one of none, got smeared"):
        Choices(RecipeName.first, Detector.smeared)
    assert Choices(RecipeName.first).seen_by is Detector.none
    assert Choices().seen_by is Detector.cells


@pytest.mark.hep
@pytest.mark.parametrize("choices", [Choices(), Choices(detector=Detector.smeared)], ids=str)
def test_same_bits_with_one_and_two_workers(tmp_path, choices):
    seen = []

    def count(done, total):
        seen.append((done, total))

    one = make_jets(tmp_path / "1", 100, seed=5, workers=1, choices=choices, progress=count)
    two = make_jets(tmp_path / "2", 100, seed=5, workers=2, choices=choices)
    assert seen == [(20, 100), (40, 100), (60, 100), (80, 100), (100, 100)]
    assert [file.name for file in one] == ["jetImage_0_150p_0_100.h5"]
    assert [file.read_bytes() for file in one] == [file.read_bytes() for file in two]


def toy_block(order):
    rng = np.random.default_rng(order.pythia_seed)
    jets = np.abs(rng.normal(size=(order.n, len(JET_COLUMNS))))
    jets[:, LABELS] = np.eye(5)[CLASSES.index(order.name)]
    momenta = np.abs(rng.normal(size=(order.n, WIDTH, 4)))
    return JetBlock(momenta, jets, order.first_event + np.arange(order.n))


@pytest.fixture
def toy(monkeypatch):
    """Blocks that need no Pythia, files of 100 jets; holds the numbers of the files that were made."""
    made = []

    def blocks(orders, workers):
        made.extend(order.first_event for order in orders)
        return map(toy_block, orders)

    monkeypatch.setattr(make, "_made", blocks)
    monkeypatch.setattr(make, "FILE", 100)
    monkeypatch.setitem(make.RECIPES, RecipeName.public, replace(RECIPES[RecipeName.public], block=20))
    monkeypatch.setattr(make.importlib.util, "find_spec", lambda name: name)
    return made


def test_what_a_killed_command_had_finished_is_kept_and_the_rest_is_made_again(tmp_path, toy):
    compact = Choices(compact=True)
    files = make_jets(tmp_path, 250, seed=1, choices=compact)
    assert [file.name for file in files] == [
        "jetImage_0_150p_0_100.h5",
        "jetImage_1_150p_100_200.h5",
        "jetImage_2_150p_200_250.h5",
    ]
    before, blocks = [file.read_bytes() for file in files], list(toy)
    files[1].unlink()
    toy.clear()
    seen = []
    again = make_jets(tmp_path, 250, seed=1, choices=compact, progress=lambda *told: seen.append(told))
    assert again == files
    assert toy == blocks[5:10]
    assert (seen[0], seen[-1]) == ((170, 250), (250, 250))
    assert [file.read_bytes() for file in files] == before
    with pytest.raises(InputError, match=r"jetImage_0_150p_0_100\.h5: is not of this command"):
        make_jets(tmp_path, 250, seed=2, choices=compact)
    with pytest.raises(InputError, match=r"jetImage_0_150p_0_100\.h5: is compact; name another folder"):
        make_jets(tmp_path, 250, seed=1)


@pytest.mark.hep
def test_seeds_differ_and_jets_have_the_right_kinds_and_cuts(tmp_path):
    jets = []
    for seed in (1, 2):
        make_jets(tmp_path / str(seed), 50, seed=seed, workers=2, choices=Choices(compact=True))
        assert check_jets(tmp_path / str(seed)).n_per_class == dict.fromkeys(CLASSES, 10)
        jets.append(load_jets(tmp_path / str(seed), 150))
    assert not np.isin(jets[0].jets[:, 1], jets[1].jets[:, 1]).any()
    found = jets[0]
    column = {name: found.jets[:, place] for place, name in enumerate(JET_COLUMNS)}
    assert (column["j_pt"] > 100).all()
    assert (np.abs(column["j_eta"]) < 3).all()
    assert (column["j_ptfrac"] == 1).all()
    assert len(np.unique(found.events)) == 50  # one jet an event
    assert (found.jets[:, 53:58].argmax(axis=1) == found.labels).all()
    pt, distance = (found.features[..., FEATURES.index(name)] for name in ("j1_pt", "j1_deltaR"))
    # of R = 0.4; what a second hard core drew to it may lie further out
    assert 0.35 < np.median(distance.max(axis=1)) < 0.42
    assert ((pt > 0).sum(axis=1) == column["j_multiplicity"]).all()
    assert pt[pt > 0].min() < 1.0  # no threshold


@pytest.mark.hep
def test_a_file_and_its_provenance_tell_how_it_was_made(tmp_path):
    (path,) = make_jets(tmp_path, 5, seed=7, choices=Choices(detector=Detector.none))
    with h5py.File(path) as file:
        made = json.loads(file.attrs["made"])
    assert made["seed"] == 7
    assert {"pythia8mc", "fastjet", "raysearch", "numpy"} <= made["versions"].keys()
    told = made["definitions"]
    assert (told["recipe"], told["version"], told["detector"]) == ("public", 1, "none")
    assert "PhaseSpace:pTHatMin = 990." in told["common_card"]
    assert "24:mWidth = 0.02" in told["class_cards"]["w"]
    assert "PhaseSpace:pTHatMax = -1." in told["class_cards"]["g"]
    provenance = json.loads((tmp_path / "provenance.json").read_text())
    assert provenance["definitions"] == told


@pytest.mark.hep
@pytest.mark.parametrize("number", [0, 4])
def test_the_recipe_of_version_0_1_0_makes_its_jets_to_the_bit(number):
    from raysearch.data.jets.block import make_block

    order = _orders(10_000, 1, Choices(RecipeName.first))[0][number]  # of g, or of t
    block = make_block(dataclasses.replace(order, n=30))
    with h5py.File(Path(__file__).parents[1] / "compat" / "sample" / "jets.h5") as old:
        events, momenta, jets = (old[name][:] for name in ("event", "jetConstituentList", "jets"))
    rows = np.flatnonzero(np.isin(events, block.event))
    for mine, columns in zip(_round(block.momenta), _round(block.jets), strict=True):
        assert any(np.array_equal(momenta[row], mine) and np.array_equal(jets[row], columns) for row in rows)


@pytest.mark.hep
@pytest.mark.parametrize("place", ["nowhere", "of another version"])
def test_where_pythia_does_not_find_its_data_one_line_says_what_helps(tmp_path, monkeypatch, place):
    folder = tmp_path / place
    if place != "nowhere":
        shutil.copytree(pythia_data(), folder)
        text = (folder / "Version.xml").read_text()
        (folder / "Version.xml").write_text(re.sub(r'(versionNumber" default=")[0-9.]+', r"\g<1>8.000", text))
    monkeypatch.setenv("PYTHIA8DATA", str(folder))
    with pytest.raises(ResourceError, match=re.escape(f"PYTHIA8DATA is {folder}, where")) as told:
        make_jets(tmp_path / "jets", 5, seed=1)
    assert "unset it" in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.hep
def test_an_empty_variable_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHIA8DATA", "")
    assert len(make_jets(tmp_path / "jets", 5, seed=1)) == 1
