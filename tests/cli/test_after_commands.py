"""predict, export, prune and compare, on one small JEDI-net study of the shipped jets."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from after_studies import JEDINET, load, toy_study, tune
from cli_runs import ok, predicted, raysearch
from torch import nn
from toy import start
from whole_jets import load_jets

from raysearch.data.jets.files import SAMPLE
from raysearch.data.plain_scaling import to_plain
from raysearch.data.splitting import split_examples
from raysearch.ledger.history import read_history
from raysearch.metrics.shown import Scores, unpack
from raysearch.tasks.jedinet import JediNet

N_TEST = 1985


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study of one fold, one of two folds, and one of the toy task."""
    folder = tmp_path_factory.mktemp("after")
    tune(folder, JEDINET, "jedi")
    tune(folder, JEDINET, "folds", "--set", "budget.folds=2")
    toy_study(folder)
    return folder


def scores_of(folder: Path, name: str, *arguments: str, data: Path = SAMPLE) -> dict[str, Any]:
    out = f"{name}-scores.h5"
    predicted(folder, name, "--data", str(data), "--out", out, "--force", *arguments)
    with h5py.File(folder / out) as file:
        return {**{key: file[key][()] for key in file}, "attributes": dict(file.attrs)}


@pytest.fixture(scope="module")
def bare(folder: Path) -> Path:
    """The shipped jets as real data come: constituents alone."""
    path = folder / "bare.h5"
    with h5py.File(SAMPLE) as full, h5py.File(path, "w") as file:
        for name in ("jetConstituentList", "particleFeatureNames"):
            full.copy(full[name], file, name)
    return path


def shown_in(file: Path) -> Scores:
    (scores,) = unpack(file.read_bytes())
    assert isinstance(scores, Scores)
    return scores


def test_scores_are_those_of_the_final_evaluation(folder: Path) -> None:
    found = scores_of(folder, "jedi")
    jets = load_jets(None, 8)
    test = split_examples(jets.events, jets.file_index).test
    kept = shown_in(next((folder / "runs/jedi/test").glob("*.npz")))
    assert len(test) == N_TEST
    np.testing.assert_allclose(found["scores"][test], kept.scores, atol=2e-6)
    np.testing.assert_array_equal(found["label"], jets.labels)
    np.testing.assert_array_equal(found["event"], jets.events)
    assert (found["scores"].dtype, found["classes"].tolist()) == (np.float32, [b"g", b"q", b"w", b"z", b"t"])


def test_rows_can_be_joined_back_and_tell_where_they_come_from(folder: Path, bare: Path) -> None:
    found = scores_of(folder, "jedi", "--data", str(bare), "--batch", "333")
    n = len(found["scores"]) // 2
    assert [path.decode() for path in found["files"]] == [str(SAMPLE), str(bare)]
    assert found["file"].tolist() == [0] * n + [1] * n
    assert found["row"].tolist() == [*range(n)] * 2
    assert "event" not in found
    np.testing.assert_allclose(found["scores"][:n], found["scores"][n:], atol=2e-6)
    about = found["attributes"]
    assert (about["study"], about["trial"], about["task"]) == ("jedi", "0", "jedinet")
    assert json.loads(about["settings"])["constituents"] == 8
    (file,) = read_history(folder / "runs/jedi").created.data["files"].values()
    assert about["study_files_sha256"] == file
    best = json.loads((folder / "runs/jedi/best/model.json").read_text())
    assert about["weights_sha256"] == best["weights_sha256"]


def test_real_data_need_no_labels(folder: Path, bare: Path) -> None:
    labelled, unlabelled = scores_of(folder, "jedi"), scores_of(folder, "jedi", data=bare)
    np.testing.assert_array_equal(unlabelled["scores"], labelled["scores"])
    assert set(labelled) - set(unlabelled) == {"label", "event", "part"}


def test_folds_are_averaged_and_kept(folder: Path) -> None:
    found = scores_of(folder, "folds")
    assert found["scores_folds"].shape == (2, 10_000, 5)
    assert np.abs(found["scores_folds"][0] - found["scores_folds"][1]).max() > 1e-3
    np.testing.assert_allclose(found["scores"], found["scores_folds"].mean(axis=0), atol=1e-7)
    jets = load_jets(None, 8)
    test = split_examples(jets.events, jets.file_index).test
    for fold in range(2):  # each with its own fold's mean and standard deviation
        kept = shown_in(folder / f"runs/folds/test/predictions-0-{fold}.npz")
        np.testing.assert_allclose(found["scores_folds"][fold, test], kept.scores, atol=2e-6)


def test_the_scaling_that_lies_beside_the_weights_needs_no_training_data(
    folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder / "runs/jedi", tmp_path / "runs/jedi")
    path = tmp_path / "runs/jedi/best/model.json"
    trained = load(tmp_path / "runs/jedi")
    plain = to_plain(trained.models[0].scaling)
    assert plain is not None
    plain["mean"] = [2 * mean for mean in plain["mean"]]
    path.write_text(json.dumps({**json.loads(path.read_text()), "scaling": plain}))
    again = load(tmp_path / "runs/jedi").models[0].scaling
    assert again is not None
    assert again.mean.tolist() == plain["mean"]
    plain["mean"] = [0.0]
    path.write_text(
        json.dumps({**json.loads(path.read_text()), "scaling": plain, "weights_sha256": "another's"})
    )
    assert to_plain(load(tmp_path / "runs/jedi").models[0].scaling) == to_plain(trained.models[0].scaling)


def test_a_file_is_replaced_only_if_that_is_wanted_and_never_by_half(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "s.h5"
    out.write_text("mine")
    arguments = ("predict", "jedi", "--data", str(SAMPLE), "--out", str(out))
    result = raysearch(folder, *arguments)
    assert result.code == 2
    assert "is there already; give another name, or --force to replace it" in result.err
    broken = tmp_path / "broken.h5"
    shutil.copy(SAMPLE, broken)
    with h5py.File(broken, "r+") as file:
        file["jetConstituentList"][9_000, 0, 0] = np.nan
    result = raysearch(folder, *arguments, "--force", "--data", str(broken))
    assert result.code == 2
    assert f"{broken}: jetConstituentList[9000, 0, 0]: is not finite" in result.err
    assert out.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.h5", "s.h5"]


def test_a_full_disk_is_told_and_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    arguments = ("predict", "jedi", "--data", str(SAMPLE), "--out", str(tmp_path / "s.h5"))
    limit = (50_000, 50_000)
    process = start(folder, *arguments, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
    out, _ = process.communicate()
    assert (process.returncode, out) == (
        74,
        f"raysearch: {tmp_path}/s.h5: cannot be written: File too large\n",
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        ("predict toy --data x.h5 --out o.h5", 2, "Toy does not define to_score(paths, settings, described)"),
        ("predict jedi --data gone.h5 --out o.h5", 2, "gone.h5: no such file or folder"),
        ("predict jedi --data x.h5 --out gone/o.h5", 2, "there is no folder gone"),
        ("predict jedo --data x.h5 --out o.h5", 2, "Did you mean 'jedi'?"),
        ("predict jedi --data x --out o.h5 --from 7", 2, "has trials 0 to 0, or say best"),
        ("predict jedi --data x --out o.h5 --device tpu", 2, "needs cpu, cuda or cuda:N"),
        ("predict jedi --data x --out o.h5 --device cuda:99", 69, "GPUs that torch can use"),
        ("predict jedi --data x.h5 --out o.h5 --seed 3", 2, "--seed: is of what is generated"),
        ("prune jedi --rounds 0", 2, "--rounds: needs at least 1, got 0"),
        ("prune folds --fold 2", 2, "--fold: trial 0 has folds 0 to 1, got 2"),
        ("prune jedi --name ../x", 2, "study name '../x'"),
        ("prune jedi --name best", 2, "--name best: best, report, test, trials and numbers mean something"),
        ("prune jedi --name 5 --force", 2, "--name 5: best, report, test, trials and numbers mean"),
        ("export jedi --to tensorflow", 2, "tensorflow"),
        ("compare jedi", 2, "needs at least two studies"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told(folder: Path, command: str, code: int, message: str) -> None:
    result = raysearch(folder, *command.split())
    assert (result.code, result.out) == (code, "")
    assert message in " ".join(result.err.split())


def run_alone(folder: Path, code: str) -> Any:
    """Run code in a process that cannot import raysearch."""
    blocked = f"import sys; sys.modules['raysearch'] = None\n{code}"
    return json.loads(subprocess.check_output([sys.executable, "-c", blocked], cwd=folder, text=True))


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
    ("study", "to", "name", "read"),
    [("folds", "torch", "m.pt2", READ_TORCH), ("jedi", "onnx", "m.onnx", READ_ONNX)],
)
def test_an_exported_model_gives_the_same_scores_without_raysearch(
    folder: Path, study: str, to: str, name: str, read: str
) -> None:
    if to == "onnx":
        pytest.importorskip("onnxruntime")
        pytest.importorskip("onnxscript")
    result = ok(folder, "export", study, "--to", to, "--out", name, "--force")
    assert "input batchx8x16" in result.out
    assert float(result.out.rsplit(":", 1)[1]) < 1e-5
    assert (folder / name).stat().st_size < 400_000, "the jets it was tried on are no part of it"
    torch.save(torch.from_numpy(load_jets(None, 8).features[:50]), folder / "x.pt")
    np.testing.assert_allclose(run_alone(folder, read), scores_of(folder, study)["scores"][:50], atol=1e-5)


def wrong(_: nn.Module) -> nn.Module:
    """A form that is another function."""
    return nn.Sequential(nn.Flatten(), nn.Linear(8 * 16, 5))


def test_a_file_that_differs_from_the_model_is_not_kept(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(JediNet, "exported", lambda _, model: wrong(model))
    result = raysearch(folder, "export", "jedi", "--to", "torch", "--out", str(tmp_path / "m.pt2"))
    assert (result.code, result.out) == (1, "")
    assert "the exported file differs from the model by" in result.err
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra_the_command_to_get_it_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    result = raysearch(folder, "export", "jedi", "--to", "onnx")
    assert (result.code, result.out) == (69, "")
    assert result.err == "raysearch: export to onnx needs onnxruntime: pip install 'raysearch[export]'\n"


def test_prune_prints_its_table_and_what_it_made_can_be_exported(folder: Path) -> None:
    arguments = ("prune", "jedi", "--rounds", "2", "--target", "0.5")
    result = raysearch(folder, *arguments)
    assert result.code == 0
    assert "round 2 of 2: 50.0 % of the weights dropped" in result.err
    lines = [line.split() for line in result.out.splitlines()]
    assert [line[0] for line in lines[1:4]] == ["0", "1", "2"]
    assert lines[3][2] == "50.0"
    report = (folder / "runs/jedi/pruned/report.md").read_text()
    assert "# Pruning of trial 0 of jedi" in report
    assert "arXiv:1804.06913" in report
    assert raysearch(folder, *arguments).out == result.out  # nothing is left to do
    kept = [json.loads((folder / f"runs/jedi/{name}/model.json").read_text()) for name in ("best", "pruned")]
    assert kept[0]["scaling"] == kept[1]["scaling"]
    again = raysearch(folder, *arguments, "--force")
    assert again.out == result.out
    assert "round 2 of 2" in again.err
    done = ok(folder, "export", "jedi", "--to", "torch", "--from", "pruned", "--force")
    assert done.out.startswith("jedi-pruned.pt2: ")
    assert (
        scores_of(folder, "jedi", "--from", "pruned")["scores"] != scores_of(folder, "jedi")["scores"]
    ).any()


def test_compare_shows_studies_side_by_side(folder: Path) -> None:
    result = ok(folder, "compare", "jedi", "folds")
    lines = result.out.splitlines()
    assert [line.split()[:2] for line in lines[1:3]] == [["jedi", "val_loss"], ["folds", "val_loss"]]
    assert lines[-1] == "page:     runs/comparison/index.html"
    assert (folder / "runs/comparison/index.html").is_file()
