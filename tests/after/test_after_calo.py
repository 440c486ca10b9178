"""predict, export and prune, on small studies of the energy regression."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from after_studies import load, tune
from cli_runs import ok, predicted, raysearch
from torch import Tensor, nn

from raysearch.data.showers.files import SAMPLE, load_energies
from raysearch.data.showers.projection import load_projections
from raysearch.data.source import DataSource
from raysearch.data.splitting import part_examples
from raysearch.metrics.shown import Estimates, unpack
from raysearch.tasks.calo_regressor import CaloRegressor

N = 600
SPLIT = (0.6, 0.2, 0.2)
CALO = """\
task: calo_regressor
{strategy}
space: {{filters: 4, {settings}}}
search: {{sampler: random, trials: 1}}
budget: {{epochs: 2, repeats: {repeats}}}
data: {{path: showers.h5, split: [0.6, 0.2, 0.2]}}
seed: 1
"""
GRADIENT = "optimizer: rmsprop, learning_rate: {type: float, low: 1.0e-3, high: 3.0e-3}"
EVOLUTION = "parents: 2, children: 2, rate: 0.1, power: {type: float, low: 0.05, high: 0.1}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some of the shipped showers, with and without energies; a study of two repeats and one of evolution."""
    folder = tmp_path_factory.mktemp("calo")
    with (
        h5py.File(SAMPLE) as full,
        h5py.File(folder / "showers.h5", "w") as known,
        h5py.File(folder / "bare.h5", "w") as bare,
    ):
        for name in ("ECAL", "target", "event"):
            known[name] = full[name][:N]
        bare["ECAL"] = full["ECAL"][:N]
    tune(folder, CALO.format(strategy="", settings=GRADIENT, repeats=2), "calo")
    tune(folder, CALO.format(strategy="strategy: one-plus-lambda", settings=EVOLUTION, repeats=1), "evolved")
    return folder


def scores_of(folder: Path, name: str, *arguments: str, data: str = "showers.h5") -> dict[str, Any]:
    predicted(folder, name, "--data", data, "--out", "scores.h5", "--force", *arguments)
    with h5py.File(folder / "scores.h5") as file:
        return {key: file[key][()] for key in file}


def test_energies_are_those_of_the_final_evaluation(folder: Path) -> None:
    found = scores_of(folder, "calo", "--batch", "77")
    energy, events, file_index = load_energies(folder / "showers.h5")
    test = part_examples(events, file_index, DataSource(None, SPLIT)).test
    for repeat in range(2):
        (kept,) = unpack((folder / f"runs/calo/test/predictions-0-{repeat}.npz").read_bytes())
        assert isinstance(kept, Estimates)
        np.testing.assert_allclose(found["outputs_folds"][repeat, test], kept.estimated, rtol=1e-5)
        np.testing.assert_array_equal(found["calibrated"][test], kept.plain)
    np.testing.assert_allclose(found["outputs"], found["outputs_folds"].mean(axis=0), rtol=1e-6)
    np.testing.assert_array_equal(found["energy"], energy)
    np.testing.assert_array_equal(found["event"], events)
    assert set(found) == {
        "outputs",
        "outputs_folds",
        "calibrated",
        "energy",
        "event",
        "file",
        "row",
        "files",
        "part",
    }
    assert np.abs(found["calibrated"] / energy - 1).mean() < 0.02


def test_rows_that_were_trained_on_are_told_and_marked(folder: Path) -> None:
    _, events, file_index = load_energies(folder / "showers.h5")
    split = part_examples(events, file_index, DataSource(None, SPLIT))
    arguments = ("predict", "calo", "--data", "bare.h5", "--out", "scores.h5", "--force")
    both = raysearch(folder, *arguments, "--data", "showers.h5")
    share = f"{len(split.train):,} of the {2 * N:,} showers ({100 * len(split.train) / (2 * N):.0f} %)"
    assert f"{share} were trained on" in both.err
    with h5py.File(folder / "scores.h5") as file:
        parts = file["part"][()]
        assert any("were trained on" in warning for warning in file.attrs["warnings"])
    assert (parts[:N] == -1).all()
    for number, rows in enumerate((split.train, split.validation, split.test)):
        assert (parts[N + rows] == number).all()
    assert "trained on" not in raysearch(folder, *arguments).err
    # The study's own data gone, a copy of them here: known again, and no part told.
    (folder / "showers.h5").rename(folder / "copy.h5")
    try:
        moved = raysearch(folder, *arguments, "--data", "copy.h5")
    finally:
        (folder / "copy.h5").rename(folder / "showers.h5")
    assert "copy.h5 is a file of the study calo, which was trained on much of that" in moved.err
    with h5py.File(folder / "scores.h5") as file:
        assert "part" not in file


def test_real_data_need_no_energies(folder: Path) -> None:
    known, unknown = scores_of(folder, "calo"), scores_of(folder, "calo", data="bare.h5")
    np.testing.assert_array_equal(unknown["outputs"], known["outputs"])
    np.testing.assert_array_equal(unknown["calibrated"], known["calibrated"])
    assert set(known) - set(unknown) == {"energy", "event", "part"}


def test_the_calibration_needs_no_training_data(folder: Path) -> None:
    expected = scores_of(folder, "calo", data="bare.h5")
    (folder / "showers.h5").rename(folder / "away.h5")
    try:
        found = scores_of(folder, "calo", data="bare.h5")
    finally:
        (folder / "away.h5").rename(folder / "showers.h5")
    np.testing.assert_array_equal(found["calibrated"], expected["calibrated"])


READ_TORCH = """
import json, torch
with torch.no_grad(): y = torch.export.load('m.pt2').module()(torch.load('x.pt', weights_only=True))
print(json.dumps(y.tolist()))
"""
READ_ONNX = """
import json, onnxruntime, torch
session = onnxruntime.InferenceSession('m.onnx', providers=['CPUExecutionProvider'])
print(json.dumps(session.run(None, {'input': torch.load('x.pt', weights_only=True).numpy()})[0].tolist()))
"""


@pytest.mark.parametrize(
    ("to", "name", "read"), [("torch", "m.pt2", READ_TORCH), ("onnx", "m.onnx", READ_ONNX)]
)
def test_an_exported_model_gives_the_same_energies_without_raysearch(
    folder: Path, to: str, name: str, read: str
) -> None:
    if to == "onnx":
        pytest.importorskip("onnxruntime")
        pytest.importorskip("onnxscript")
    result = ok(folder, "export", "calo", "--to", to, "--out", name, "--force")
    assert "input batchx25x25" in result.out
    assert float(result.out.rsplit(":", 1)[1]) < 1e-5
    torch.save(
        torch.from_numpy(load_projections(folder / "showers.h5", "y").images[:50].copy()), folder / "x.pt"
    )
    blocked = f"import sys; sys.modules['raysearch'] = None\n{read}"
    energies = json.loads(subprocess.check_output([sys.executable, "-c", blocked], cwd=folder, text=True))
    np.testing.assert_allclose(energies, scores_of(folder, "calo")["outputs"][:50], rtol=1e-5)


class Changed(nn.Module):
    """Another network's energies, times ``factor``, plus ``shift``."""

    def __init__(self, network: nn.Module, factor: float, shift: float) -> None:
        super().__init__()
        self.network, self.factor, self.shift = network, factor, shift

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x) * self.factor + self.shift


@pytest.mark.parametrize(
    ("factor", "shift", "is_kept"), [(1 + 2e-4, 0, False), (1, 0.2, False), (1 + 3e-5, 0, True)]
)
def test_energies_may_differ_by_a_share_of_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, factor: float, shift: float, is_kept: bool
) -> None:
    monkeypatch.setattr(CaloRegressor, "exported", lambda _, model: Changed(model, factor, shift))
    result = raysearch(folder, "export", "calo", "--to", "torch", "--out", str(tmp_path / "m.pt2"))
    assert result.code == (0 if is_kept else 1)
    assert ("of the outputs' size (test example" in result.err) is not is_kept
    assert (tmp_path / "m.pt2").exists() is is_kept


@pytest.mark.parametrize("study", ["calo", "evolved"])
def test_prune_drops_weights_and_its_model_can_be_taken_up(folder: Path, study: str) -> None:
    arguments = ("prune", study, "--rounds", "1", "--target", "0.5", "--epochs", "1")
    result = raysearch(folder, *arguments)
    assert result.code == 0
    assert "round 1 of 1: 50.0 % of the weights dropped" in result.err
    weights = torch.cat(
        [p.flatten() for name, p in load(folder / "runs" / study, "pruned").models[0].model.named_parameters()
         if name.endswith("weight")]
    )  # fmt: skip
    assert (weights == 0).float().mean().item() == pytest.approx(0.5, abs=0.001)
    assert raysearch(folder, *arguments).out == result.out  # nothing is left to do
    ok(folder, "export", study, "--to", "torch", "--from", "pruned", "--force")
    found, pruned = scores_of(folder, study), scores_of(folder, study, "--from", "pruned")
    assert (pruned["outputs"] != found["outputs"]).any()
