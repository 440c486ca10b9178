"""Jets judged from files of either layout: at the floor if real, seen if they are not, clear refusals."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from cli_runs import raysearch as command
from jet_files import rows_of_class, sample_clouds, write_jet_file, write_jetnet

import raysearch
from raysearch.data.files import content_sha256
from raysearch.data.jets.files import SAMPLE
from raysearch.errors import InputError
from raysearch.metrics.generation.two_sample import ClassifierSettings

N = 500  # gluon jets of a file
SMALL = ClassifierSettings(hidden=4, epochs=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Gluon jets: real ones in raysearch's layout, others as a generator leaves them, spoilt, or too few."""
    path, rows, jets = tmp_path_factory.mktemp("jets"), rows_of_class("g"), sample_clouds()
    gluons = [jets[rows[first : first + N]] for first in range(0, 4 * N, N)]
    write_jet_file(path / "real.h5", rows[:N])
    write_jet_file(path / "other.h5", rows[N : 2 * N])
    write_jetnet(path / "right.h5", gluons[2])
    write_jetnet(path / "louder.h5", gluons[2] * np.float32([1, 1, 1.2]))
    write_jetnet(path / "g.hdf5", gluons[3])
    write_jet_file(path / "rest.h5", np.setdiff1d(np.arange(len(jets)), rows[2 * N : 4 * N]))
    write_jetnet(path / "shuffled.h5", gluons[0][::-1])
    write_jetnet(path / "repeated.h5", np.concatenate([gluons[2][:-10], gluons[2][:7], gluons[0][:3]]))
    write_jetnet(path / "cut.h5", gluons[2][:, :10])
    write_jetnet(path / "few.h5", gluons[2][:40])
    write_jetnet(path / "gev.h5", gluons[2] * np.float32([1, 1, 1000]))
    odd = gluons[2].copy()
    odd[0] = 0
    odd[1, :2, 2] = -0.01
    write_jetnet(path / "odd.h5", odd)
    with h5py.File(path / "none.h5", "w") as file:
        file["made"] = np.zeros(3)
    return path


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small classifiers and no distances between jets, which take the most time."""
    monkeypatch.setattr("raysearch.metrics.generation.jets.ClassifierSettings", lambda: SMALL)
    monkeypatch.setitem(sys.modules, "ot", None)


def judged(folder: Path, made: str, **options: Any) -> Any:
    return raysearch.evaluate(folder / "real.h5", folder / made, other_real=folder / "other.h5", **options)


def test_jets_that_were_cut_at_fewer_particles_are_told(folder: Path, quick: None) -> None:
    (told,) = judged(folder, "cut.h5").found.warnings
    assert "made: jets have at most 10 particles, the real ones 30; if one side was cut" in told


def test_real_jets_are_at_their_floor_and_louder_ones_are_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learns = ClassifierSettings(learning_rate=2e-3, epochs=8)
    monkeypatch.setattr("raysearch.metrics.generation.jets.ClassifierSettings", lambda: learns)
    monkeypatch.setitem(sys.modules, "ot", None)
    right, louder = judged(folder, "right.h5"), judged(folder, "louder.h5")
    assert (right.kind, right.found.warnings) == ("jets", ())
    table = right.table()
    assert (table["n"] == N).all()
    for name, row in table.iterrows():
        assert abs(row["value"] - row["itself"]) < 4 * np.hypot(row["error"], row["itself_error"]), name
    spoilt = louder.table()
    assert (spoilt["itself"] == table["itself"]).all()
    for name in ("W1-pT", "density", "AUC, particles"):
        row = spoilt.loc[name]
        assert abs(row["value"] - row["itself"]) > 4 * np.hypot(row["error"], row["itself_error"]), name
    assert "at least 20,000 a side, got 500 and 500" in right.found.refused["FPD"]
    assert right.found.about["W1 and neighbours"] == "mean of up to 5 batches of 100 jets a side"


@pytest.mark.usefixtures("quick")
def test_layouts_are_told_apart_and_do_not_matter(folder: Path) -> None:
    table = judged(folder, "right.h5").table()
    assert table.equals(judged(folder, "right.h5", kind="jets").table())
    of_files = write_jet_file(folder / "right-as-ours.h5", rows_of_class("g")[2 * N : 3 * N])
    assert table.equals(judged(folder, of_files.name).table())
    halves = raysearch.evaluate(folder / "real.h5", folder / "right.h5")
    assert (halves.table()["n"] == N // 2).all()


@pytest.mark.usefixtures("quick")
def test_one_class_is_taken_of_what_tells_classes(folder: Path) -> None:
    rest = folder / "rest.h5"
    found = raysearch.evaluate(rest, folder / "right.h5", of_class="g").found
    assert found.about["real"] == f"{rest}, classes g 100%"
    assert found.about["jets a side"] == N
    assert found.warnings == ()
    apart = raysearch.evaluate(SAMPLE, SAMPLE, of_class="g", made_class="t")
    assert apart.found.warnings == ()  # somebody asked for that
    row = apart.table().loc["W1-M"]
    assert row["value"] - row["itself"] > 10 * np.hypot(row["error"], row["itself_error"])
    (told,) = raysearch.evaluate(rest, folder / "g.hdf5").found.warnings
    assert "made: classes are g 100%, but g 11%, q 22%" in told
    with pytest.raises(
        InputError, match="right.h5: class t: no jet is of it; there are jets without a class"
    ):
        judged(folder, "right.h5", made_class="t")
    with pytest.raises(
        InputError, match=r"jets.h5: 2,000 of 2,000 jets are also in .*jets.h5; both need jets"
    ):
        raysearch.evaluate(SAMPLE, SAMPLE, of_class="g")


@pytest.mark.usefixtures("quick")
def test_the_same_jets_are_refused_whatever_file_they_are_in_and_a_few_are_told(folder: Path) -> None:
    with pytest.raises(
        InputError, match=r"shuffled.h5: 500 of 500 jets are also in .*real.h5; both need jets"
    ):
        judged(folder, "shuffled.h5")
    with pytest.raises(InputError, match=r"other.h5: 500 of 500 jets are also in .*other.h5"):
        raysearch.evaluate(folder / "other.h5", folder / "right.h5", other_real=folder / "other.h5")
    assert judged(folder, "repeated.h5").found.warnings == (
        "made: 7 of 500 jets are equal to others of it",
        "made: 3 of 500 jets are also among the real ones",
    )


@pytest.mark.usefixtures("quick")
def test_what_is_odd_is_told_and_what_cannot_be_compared_is_refused(folder: Path) -> None:
    assert judged(folder, "odd.h5").found.warnings == (
        "made: 2 particles have a pT below 0",
        "made: 1 jets have no particle",
    )
    for made, told in {
        "few.h5": "needs 50 a side, got 500 in .*real.h5, 40 in .*few.h5",
        "gev.h5": r"gev.h5: pT_rel add up to 9\d\d in a jet at the median; they must be shares",
        "none.h5": "none.h5: holds no jets: needs jetConstituentList .* but holds made",
        "absent.h5": "absent.h5: no such file",
    }.items():
        with pytest.raises(InputError, match=told):
            judged(folder, made)
    with pytest.raises(InputError, match="--class, --made-class: showers have no classes"):
        raysearch.evaluate(folder / "none.h5", folder / "right.h5", of_class="g")


@pytest.mark.usefixtures("quick")
def test_the_command_judges_jets_without_being_told_that_they_are(folder: Path, tmp_path: Path) -> None:
    files = ["real.h5", "right.h5", "--other-real", "other.h5", "--class", "g"]
    words = [word if not word.endswith(".h5") else str(folder / word) for word in files]
    told = command(tmp_path, "evaluate", *words, "--out", "judged.md")
    assert told.code == 0, told.err
    lines = told.out.splitlines()
    assert any(line.startswith("W1-M ") and line.count("\u00b1") == 2 for line in lines)
    assert any(line.startswith("no KPD: rows: need at least 5,000") for line in lines)
    assert any("needs POT: pip install" in line for line in lines)
    assert "# Made jets beside real ones" in (tmp_path / "judged.md").read_text()
    as_json = command(tmp_path, "evaluate", *words, "--format", "json")
    facts = json.loads(as_json.out)
    assert facts["metrics"]["W1-M"]["itself"] > 0
    assert facts["about"]["particles a jet"] == "the 30 of highest pT"
    refused = command(tmp_path, "evaluate", *words[:1], str(folder / "gev.h5"))
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.splitlines()[-1].count("pT_rel add up to") == 1


def test_real_files_of_the_study_whose_generator_made_the_others_are_told(folder: Path, quick: None) -> None:
    made = folder / "own.h5"
    made.write_bytes((folder / "right.h5").read_bytes())
    with h5py.File(made, "r+") as file:
        file.attrs["study"] = "gluons"
        file.attrs["study_files_sha256"] = " ".join([64 * "0", content_sha256(folder / "real.h5")])
    with pytest.warns(UserWarning, match=r"real\.h5 is a file of the study gluons"):
        found = judged(folder, "own.h5")
    assert len(found.warnings) == 1
    assert "other.h5" not in found.warnings[0]
