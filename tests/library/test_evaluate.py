"""Generated showers judged from files: compatible with the floor, distorted ones seen, refusals that help."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from cli_runs import raysearch as command

import raysearch
from raysearch.data.showers.files import SAMPLE
from raysearch.errors import InputError
from raysearch.evaluation.read_showers import read_showers
from raysearch.evaluation.spread import spread_warnings
from raysearch.metrics.generation.two_sample import ClassifierSettings

N = 240  # showers of a file
SMALL = ClassifierSettings(hidden=4, epochs=1)

Cut = Callable[..., Path]


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Cut:
    """Make a file of showers ``first`` to ``first + n`` of the sample that ships, changed perhaps."""
    folder = tmp_path_factory.mktemp("cut")

    def make(name: str, first: int, n: int = N, change: Any = None) -> Path:
        with h5py.File(SAMPLE) as sample:
            data = {key: sample[key][first : first + n] for key in ("ECAL", "target")}
        data = change(data) if change else data
        with h5py.File(folder / name, "w") as file:
            for key, values in data.items():
                file[key] = values
        return folder / name

    return make


@pytest.fixture(scope="module")
def real(cut: Cut) -> Path:
    return cut("real.h5", 0)


@pytest.fixture(scope="module")
def other(cut: Cut) -> Path:
    return cut("other.h5", N)


@pytest.fixture(scope="module")
def right(cut: Cut) -> Path:
    return cut("right.h5", 2 * N)


@pytest.fixture(scope="module")
def judged(real: Path, other: Path, right: Path) -> Any:
    return raysearch.evaluate(real, right, other_real=other)


def wider_and_louder(data: dict[str, Any]) -> dict[str, Any]:
    cells = data["ECAL"].astype(np.float32)
    cells = 0.6 * cells + 0.2 * np.roll(cells, 1, axis=1) + 0.2 * np.roll(cells, -1, axis=1)
    return data | {"ECAL": np.float32(1.05) * cells}


def test_real_showers_are_compatible_with_the_floor(judged: Any) -> None:
    table = judged.table()
    assert (table["n"] == N).all()
    assert np.isfinite(table[["value", "itself"]].to_numpy()).all()
    for name in ("AUC, low-level cells", "AUC, high-level features"):
        assert abs(table.loc[name, "value"] - 0.5) < 4 * table.loc[name, "error"]
        assert abs(table.loc[name, "itself"] - 0.5) < 4 * table.loc[name, "itself_error"]
    for name in ("3DGAN metric", "sampling fraction error"):
        row = table.loc[name]
        assert abs(row["value"] - row["itself"]) < 4 * np.hypot(row["error"], row["itself_error"]), name
    assert table.loc["separation power, mean", "value"] < 1.5 * table.loc["separation power, mean", "itself"]
    assert not judged.found.warnings


def test_showers_that_are_taken_keep_their_own_cells_energies_and_features(real: Path) -> None:
    taken = read_showers(real, threshold_gev=2e-4)[np.array([7, 3, 9])][1:]
    with h5py.File(real) as file:
        cells, energy = file["ECAL"][:][[3, 9]].reshape(2, -1), file["target"][:][[3, 9], 1]
    np.testing.assert_allclose(taken.sample.features["total"], cells.sum(1, dtype=float), rtol=1e-5)
    rows = taken.low_level(sampling=0.02)[np.array([1, 0])]
    np.testing.assert_allclose(rows[:, 0], np.log10(1e3 * energy[::-1]), rtol=1e-6)
    np.testing.assert_allclose(rows[:, 1:], (cells * 100 / (0.02 * energy[:, None]))[::-1], rtol=1e-5)


def test_what_samples_of_this_size_say_nothing_of_is_refused_with_the_reason(judged: Any) -> None:
    refused = judged.found.refused
    assert set(refused) == {"FPD", "KPD"}
    assert "at least 20,000 a side, got 240 and 240" in refused["FPD"]
    assert "FPD" not in judged.table().index


def test_distorted_showers_are_seen(cut: Cut, real: Path, other: Path) -> None:
    spoilt = cut("spoilt.h5", 2 * N, change=wider_and_louder)
    table = raysearch.evaluate(real, spoilt, other_real=other).table()
    for name in ("AUC, high-level features", "AUC, low-level cells"):
        assert table.loc[name, "value"] > 0.9, name
    for name in ("3DGAN metric", "sampling fraction error", "separation power, mean"):
        assert table.loc[name, "value"] > 2 * table.loc[name, "itself"], name
    powers = [name for name in table.index if name.startswith("separation power, ")]
    assert powers[1] == "separation power, sampling fraction"


def energies_alone(data: dict[str, Any]) -> dict[str, Any]:
    return {"ECAL": data["ECAL"], "energy": data["target"][:, 1]}


def test_halves_of_the_real_showers_will_do_and_one_seed_has_one_result_in_any_layout(
    cut: Cut, real: Path, right: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raysearch.evaluation.showers.ClassifierSettings", lambda: SMALL)
    first = raysearch.evaluate(real, right, seed=3).table()
    assert (first["n"] == N // 2).all()
    plain = cut("energies.h5", 2 * N, change=energies_alone)
    assert first.equals(raysearch.evaluate(real, plain, seed=3).table())


def as_challenge(data: dict[str, Any]) -> dict[str, Any]:
    """Data set 2 of CaloChallenge: 45 layers of 16 angles and 9 radii, here 6,480 of our cells, in MeV."""
    cells = data["ECAL"].reshape(len(data["ECAL"]), -1)[:, 4000 : 4000 + 6480]
    return {"showers": 1e3 * cells.astype(np.float64), "incident_energies": 1e3 * data["target"][:, 1:2]}


def test_showers_of_calochallenge_by_its_own_measures(cut: Cut, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raysearch.evaluation.showers.PUBLISHED", SMALL)
    files = [cut(f"challenge-{first}.hdf5", first, 60, as_challenge) for first in (0, 60, 120)]
    found = raysearch.evaluate(*files[:2], other_real=files[2], published=True).found
    assert found.about["cells"] == "16 x 9 x 45"
    assert found.about["hits"] == "cells above 0.01515 MeV"
    assert str(found.about["classifiers"]).startswith("2 hidden layers of 4, 1 epochs")
    assert "at least 10,000 a side, got 60 and 60" in found.refused["FPD"]


def small(data: dict[str, Any]) -> dict[str, Any]:
    return data | {"ECAL": data["ECAL"][:, :20, :20]}


def inclined(data: dict[str, Any]) -> dict[str, Any]:
    return data | {"theta": np.full(len(data["target"]), 1.5)}


def without_energies(data: dict[str, Any]) -> dict[str, Any]:
    return {"ECAL": data["ECAL"]}


def below_zero(data: dict[str, Any]) -> dict[str, Any]:
    return data | {"ECAL": data["ECAL"] - np.float32(1e-3)}


def of_one_energy(data: dict[str, Any]) -> dict[str, Any]:
    return data | {"target": np.tile([11.0, 100.0], (len(data["target"]), 1))}


def test_showers_at_angles_have_the_angle_in_the_scalar(cut: Cut) -> None:
    files = [cut(f"angles-{first}.h5", first, 60, inclined) for first in (0, 60, 120)]
    table = raysearch.evaluate(*files[:2], other_real=files[2]).table()
    parts = [table.loc[f"3DGAN metric, {part}", "value"] for part in ("moments", "profiles", "angle")]
    assert parts[2] == pytest.approx(abs(np.pi / 2 - 1.5) / 1.5, abs=0.02)  # ours are at a right angle
    assert table.loc["3DGAN metric", "value"] == pytest.approx(sum(parts))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (small, r"has cells \(20, 20, 25\), but .*real.h5 has \(25, 25, 25\)"),
        (inclined, "has angles, but .*real.h5 has no angles"),
        (without_energies, "target: is missing; it must be"),
        (below_zero, "cells below 0"),
        (of_one_energy, r"made: energy: spread otherwise .*below 100, 100, 100 GeV .*--like REAL"),
    ],
)
def test_what_cannot_be_compared_is_refused(cut: Cut, real: Path, change: Any, told: str) -> None:
    with pytest.raises(InputError, match=told):
        raysearch.evaluate(real, cut(f"{change.__name__}.h5", N, change=change))


def test_a_file_is_not_compared_with_itself_nor_with_too_few(cut: Cut, real: Path, right: Path) -> None:
    with pytest.raises(InputError, match="holds a file that .*real.h5 holds"):
        raysearch.evaluate(real, real)
    few = cut("few.h5", N, n=90)
    with pytest.raises(InputError, match="needs 50 a side, got 90 in .*half is needed for the floor"):
        raysearch.evaluate(few, right)
    with pytest.raises(
        InputError, match="--kind shower: must be one of showers, jets. Did you mean 'showers'?"
    ):
        raysearch.evaluate(real, right, kind="shower")


def test_the_same_showers_are_refused_whatever_file_they_are_in_and_a_few_are_told(
    cut: Cut, real: Path, other: Path, right: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = cut("again.h5", 0, change=lambda data: {**energies_alone(data), "event": np.arange(N)})
    for sides in ({"made": again}, {"made": right, "other_real": again}):
        with pytest.raises(
            InputError, match=r"again.h5: 240 of 240 showers are also in .*real.h5; both need"
        ):
            raysearch.evaluate(real, **sides)

    def with_copies(data: dict[str, Any]) -> dict[str, Any]:
        with h5py.File(real) as file:
            real_cells = file["ECAL"][:2]
        data["ECAL"][:2], data["ECAL"][10:15] = real_cells, data["ECAL"][20:25]
        return data

    monkeypatch.setattr("raysearch.evaluation.showers.ClassifierSettings", lambda: SMALL)
    with pytest.warns(UserWarning, match="made: 2 of 240 showers are also among the real ones") as warned:
        found = raysearch.evaluate(real, cut("few_copies.h5", 2 * N, change=with_copies), other_real=other)
    assert "made: 5 of 240 showers are equal to others of it" in found.warnings
    assert [str(each.message) for each in warned if each.filename == __file__] == list(found.warnings)
    assert found.refused
    assert all(f"no {name}: {why}" in found._repr_markdown_() for name, why in found.refused.items())


def test_energies_that_differ_a_little_are_told() -> None:
    rng = np.random.default_rng(1)
    energy = rng.uniform(10, 500, 20_000)
    assert spread_warnings("energy", "GeV", energy, rng.uniform(10, 500, 20_000)) == ()
    (told,) = spread_warnings("energy", "GeV", energy, rng.uniform(10, 480, 20_000))
    assert "all figures tell of that too" in told
    single = np.full(100, 65.536)
    assert spread_warnings("energy", "GeV", single, single.astype(np.float32)) == ()


def test_the_command_prints_a_table_or_json_and_writes_a_page(
    real: Path, other: Path, right: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raysearch.evaluation.showers.ClassifierSettings", lambda: SMALL)
    judged = raysearch.evaluate(real, right, other_real=other)
    words = ["evaluate", str(real), str(right), "--other-real", str(other)]
    told = command(tmp_path, *words, "--format", "json", "--out", "judged.md")
    assert told.code == 0, told.err
    assert json.loads(told.out) == judged.facts()
    assert "AUC, low-level cells ..." in told.err
    page = (tmp_path / "judged.md").read_text()
    assert page == judged.markdown()
    assert "| metric | value | real against real |" in page
    again = command(tmp_path, *words, "--out", "judged.md")
    assert (again.code, again.out) == (2, "")
    assert "is there already" in again.err
    assert command(tmp_path, *words, "--out", "judged.txt").code == 2


def test_the_table_of_the_command_names_what_was_refused(
    judged: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raysearch.library.evaluate.evaluate", lambda *_, **__: judged)
    told = command(tmp_path, "evaluate", "real.h5", "made.h5", "--out", "judged.json")
    assert told.code == 0, told.err
    assert json.loads((tmp_path / "judged.json").read_text()) == judged.facts()
    lines = told.out.splitlines()
    assert any(line.startswith("3DGAN metric, profiles") for line in lines)
    assert any(line.startswith("no FPD: rows: need at least 20,000") for line in lines)
    assert any("2 hidden layers of 128, 30 epochs" in line for line in lines)
