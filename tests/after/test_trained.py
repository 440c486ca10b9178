"""A trial's models are loaded as they were trained, or not at all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import h5py
import pytest
import torch
from after_studies import TOY, load, toy_study, tune
from toy import TOY_TASK

from raysearch.after.export import export
from raysearch.after.parity import ParityError
from raysearch.after.predict import write_scores
from raysearch.after.trained import check_data
from raysearch.data.plain_scaling import from_plain, to_plain
from raysearch.data.scaling import Scaling
from raysearch.errors import InputError, StorageError
from raysearch.ledger.history import read_history
from raysearch.training.checkpoint import weights_sha256

READS = f"""
import sys
sys.path.insert(0, {str(TOY_TASK.parent)!r})
import torch
from raysearch.data.to_score import ToScore, Piece
from toy_task import Toy

class Reads(Toy):
    def to_score(self, paths, settings, described):
        x = torch.linspace(-1, 1, 20)[:, None]
        return ToScore(tuple(paths), len(x), lambda: iter([Piece(0, 0, (x, torch.zeros_like(x)), {{}})]))
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_study(tmp_path_factory.mktemp("study"))


def test_weights_are_those_of_the_ledger(study: Path) -> None:
    best = read_history(study).best
    assert best is not None
    assert best.runs[0].ended is not None
    for which in ("best", str(best.number)):
        trained = load(study, which)
        assert (trained.study, trained.trial) == (study.name, best.number)
        assert weights_sha256(trained.models[0].model.state_dict()) == best.runs[0].ended.weights_sha256
        assert trained.settings.width == best.settings["width"]
        assert trained.provenance()["weights_sha256"] == best.runs[0].ended.weights_sha256


def test_each_fold_has_its_own_model(tmp_path: Path) -> None:
    trained = load(toy_study(tmp_path, folds=2))
    assert [model.fold for model in trained.models] == [0, 1]
    assert trained.models[0].weights_sha256 != trained.models[1].weights_sha256


def test_only_trials_whose_weights_are_kept_can_be_had(study: Path) -> None:
    best = read_history(study).best
    assert best is not None
    with pytest.raises(InputError, match=f"not kept; {study.name} keeps those of trial {best.number}"):
        load(study, str(1 - best.number))
    with pytest.raises(InputError, match="no trial 'bast'; toy has trials 0 to 1, or say best"):
        load(study, "bast")


def test_other_weights_than_the_ledgers_are_refused(study: Path, tmp_path: Path) -> None:
    folder = tmp_path / study.name
    shutil.copytree(study, folder)
    best = read_history(folder).best
    assert best is not None
    assert best.runs[0].ended is not None
    path = folder / best.runs[0].ended.weights
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(StorageError, match="gone or damaged"):
        load(folder)


def test_changed_data_are_named(study: Path) -> None:
    trained = load(study)
    trained.history.created.data["files"]["jets_1.h5"] = "0"
    with pytest.raises(InputError, match=r"data: jets_1\.h5 was changed or is gone since toy began"):
        check_data(trained.history, trained.task, trained.settings, trained.source)


@pytest.mark.parametrize("padded", [True, False])
def test_a_scaling_keeps_every_bit_as_plain_values(padded: bool) -> None:
    scaling = Scaling(torch.randn(5) * 1e3, torch.rand(5) / 3, padded)
    back = from_plain(json.loads(json.dumps(to_plain(scaling))))
    assert back is not None
    assert torch.equal(back.mean, scaling.mean)
    assert torch.equal(back.sd, scaling.sd)
    assert back.padded is padded
    assert from_plain(json.loads(json.dumps(to_plain(None)))) is None


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        (
            "{'low': model(batch[0]), 'high': model(batch[0])}",
            "gives 'low', 'high' for each row; export writes",
        ),
        (
            "model[2](model[1](model[0](batch[0])))",
            "never calls Sequential itself when it predicts, but parts",
        ),
    ],
)
def test_what_is_no_network_with_one_output_is_not_exported(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outputs: str, message: str
) -> None:
    trained = load(study)
    predict = eval(f"lambda self, model, batch, chance: {outputs}")
    monkeypatch.setattr(type(trained.task), "predict", predict)
    with pytest.raises(InputError, match=message):
        export(trained, "torch", tmp_path / "m.pt2")
    assert list(tmp_path.iterdir()) == []


def test_scores_are_those_of_the_precision_of_training(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(READS)
    text = TOY.format(task=tmp_path / "own.py", folds=1).replace(":Toy", ":Reads")
    tune(tmp_path, text.replace("space: {", "space: {precision: bfloat16, "), "toy")
    trained = load(tmp_path / "runs/toy")
    assert trained.precision == trained.provenance()["precision"] == "bfloat16"
    assert "precision" not in trained.values
    write_scores(trained, [tmp_path], tmp_path / "scores.h5")
    fold, x = trained.models[0], torch.linspace(-1, 1, 20)[:, None]
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        lower = fold.model(x).float()
    with torch.no_grad():
        full = fold.model(x)
    with h5py.File(tmp_path / "scores.h5") as file:
        scores = torch.from_numpy(file["outputs"][:])
    assert torch.equal(scores, lower)
    assert not torch.equal(scores, full)


@pytest.mark.parametrize("to", ["torch", "onnx"])
@pytest.mark.parametrize(
    ("outputs", "theirs"),
    [("model(batch[0]).squeeze(1)", r"\(N\)"), ("model(batch[0]).repeat(1, 2)", r"\(N, 2\)")],
)
def test_an_export_of_another_shape_is_told_with_both(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: str, outputs: str, theirs: str
) -> None:
    """Never broadcast: a column minus a row is a table of all pairs."""
    trained = load(study)
    monkeypatch.setattr(type(trained.task), "predict", eval(f"lambda self, model, batch, chance: {outputs}"))
    with pytest.raises(ParityError, match=rf"of shape \(N, 1\), the task's predict of shape {theirs};"):
        export(trained, to, tmp_path / "m.out")
    assert list(tmp_path.iterdir()) == []


def test_what_has_no_mean_is_told_by_the_first_model_and_not_exported_by_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own.py").write_text(READS)
    tune(tmp_path, TOY.format(task=tmp_path / "own.py", folds=2).replace(":Toy", ":Reads"), "toy")
    trained = load(tmp_path / "runs/toy")
    monkeypatch.setattr(type(trained.task), "is_averaged", False)
    write_scores(trained, [tmp_path], tmp_path / "scores.h5")
    with h5py.File(tmp_path / "scores.h5") as file:
        first, second = file["outputs_folds"][:]
        assert (file["outputs"][:] == first).all()
        assert (first != second).any()
    with pytest.raises(InputError, match="has 2 models in this trial, whose outputs have no mean"):
        export(trained, "torch", tmp_path / "m.pt2")
