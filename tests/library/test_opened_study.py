"""An opened study: its trials as a table, its best model, predictions and report."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from bare import bare
from cli_runs import raysearch as command
from toy import create_ledger

import raysearch
from raysearch.data.jets.files import SAMPLE
from raysearch.errors import InputError, NoFinishedTrialError, ResourceError

TAGGER = {"budget.epochs": 1, "data.limit": 1000, "search.options.n_startup_trials": 1}


def test_trials_are_a_table_of_what_the_ledger_says(tagger: raysearch.Study) -> None:
    frame, history = tagger.trials(), tagger.history
    assert list(frame.columns[:7]) == [
        "state",
        "value",
        "epochs",
        "seconds",
        "parameters",
        "mflop",
        "failure",
    ]
    assert list(frame.columns[7:]) == history.created.settings
    assert list(frame["value"]) == [trial.value for trial in history.trials]
    assert frame["value"].idxmin() == tagger.best.number
    assert frame.loc[1, "learning_rate"] == history.trials[1].settings["learning_rate"]
    assert frame.index.name == "trial"


def test_a_setting_that_is_called_like_a_column_does_not_take_its_place(tmp_path: Path) -> None:
    content = {
        "task": f"{Path(__file__).parents[1] / 'toy_task.py'}:Toy",
        "space": {"width": {"type": "int", "low": 1, "high": 4}},
        "search": {"sampler": "random", "trials": 1},
        "budget": {"epochs": 1},
        "seed": 1,
    }
    study = raysearch.tune(content, runs=tmp_path, name="s", local=True)
    assert isinstance(study, raysearch.Study)
    history = study.history
    history.created.settings.append("epochs")
    history.trials[0].settings["epochs"] = 7

    from raysearch.library.trials_frame import trials_frame

    frame = trials_frame(history)
    assert (frame.loc[0, "epochs"], frame.loc[0, "settings.epochs"]) == (1, 7)


def test_the_best_trial(tagger: raysearch.Study) -> None:
    best = tagger.best
    assert best == tagger.trial(best.number)
    assert (best.state, best.objective) == ("finished", "val_loss")
    assert best.metrics["val_loss"] == best.value
    assert best.test_metrics["test_accuracy"] > 0.2  # of five classes
    assert [path.is_file() for path in best.weights] == [True]
    with pytest.raises(InputError, match="no trial '9'; t has trials 0 to 2, or say best"):
        tagger.trial(9)


def test_the_model_is_what_the_predictions_come_from(tagger: raysearch.Study) -> None:
    found = tagger.predict(SAMPLE)
    trained = tagger.trained()
    parts = trained.task.load(trained.source, trained.settings)
    with torch.no_grad():
        batch = parts.test.rows(torch.arange(len(parts.test)))
        expected = tagger.model()(batch[0]).softmax(1).numpy()
    with h5py.File(SAMPLE) as file:
        assert len(found["scores"]) == len(file["jets"])
    assert list(found["classes"]) == ["g", "q", "w", "z", "t"]
    np.testing.assert_allclose(found["scores"].sum(1), 1, atol=1e-5)
    nearest = [np.abs(found["scores"] - row).max(1).min() for row in expected[:20]]
    assert max(nearest) < 1e-5  # each jet of the test part is among the file's


def test_predictions_are_the_file_of_the_command_line(tagger: raysearch.Study, tmp_path: Path) -> None:
    written = tagger.predict([SAMPLE], tmp_path / "called.h5", batch=500)
    runs = str(tagger.folder.parent)
    done = command(tmp_path, "predict", "t", "--data", str(SAMPLE), "--out", "typed.h5", "--runs", runs)
    assert done.code == 0, done.err
    typed = replace(written, path=tmp_path / "typed.h5").arrays()
    arrays = written.arrays()
    assert set(arrays) == set(typed)
    np.testing.assert_allclose(arrays["scores"], typed["scores"], atol=1e-6)
    with pytest.raises(InputError, match="is there already"):
        tagger.predict([SAMPLE], tmp_path / "called.h5")


def test_what_cannot_be_predicted_is_refused(tagger: raysearch.Study, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing.h5"):
        tagger.predict(tmp_path / "nothing.h5")
    with pytest.raises(InputError, match="needs cpu, cuda or cuda:N"):
        tagger.predict(SAMPLE, device="gpu")
    if not torch.cuda.is_available():
        with pytest.raises(ResourceError):
            tagger.predict(SAMPLE, device="cuda")


class Wellformed(HTMLParser):
    """Counts what is opened and closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_notebook_shows_it_as_a_table(tagger: raysearch.Study) -> None:
    for text in (tagger._repr_html_(), tagger.best._repr_html_()):
        parser = Wellformed()
        parser.feed(text)
        assert parser.open == []
        assert "learning_rate" in text
    assert repr(tagger).startswith("<study t: finished, 3 of 3 trials, val_loss ")


def test_the_report_and_its_figures(tagger: raysearch.Study) -> None:
    with bare(drawn=True):
        report = tagger.report()
    assert report.path == tagger.folder / "report" / "index.html"
    assert {"objective", "learning-curves", "roc"} <= set(report.figures)
    assert report.figures["roc"]._repr_svg_().lstrip().startswith("<?xml")


def test_open_takes_a_name_or_a_folder(tagger: raysearch.Study, tmp_path: Path) -> None:
    runs = tagger.folder.parent
    for opened in (raysearch.open("t", runs=runs), raysearch.open(tagger.folder)):
        assert opened.folder == tagger.folder
    with pytest.raises(InputError, match=r"no study 'tt' under .* Did you mean 't'\?"):
        raysearch.open("tt", runs=runs)
    with pytest.raises(InputError, match="there is no study in it"):
        raysearch.open(tmp_path)


def test_one_that_runs_can_be_looked_at(tmp_path: Path) -> None:
    with create_ledger(tmp_path / "s"):
        study = raysearch.open("s", runs=tmp_path)
        assert isinstance(study, raysearch.Study)
        assert (study.state, len(study.trials())) == ("running", 0)
        with pytest.raises(NoFinishedTrialError):
            _ = study.best
    assert study.state == "killed"


def test_a_pruned_model_can_be_taken_up(tmp_path: Path) -> None:
    study = raysearch.tune("jet-dnn", runs=tmp_path, name="s", local=True, trials=1, set=TAGGER)
    assert isinstance(study, raysearch.Study)
    done = study.prune(rounds=1, target=0.5, epochs=1)
    assert (done.folder, len(done.table.rounds)) == (study.folder / "pruned", 2)
    found = study.model()
    pruned = study.model("pruned")
    zeros = [sum(int((weight == 0).sum()) for weight in model.parameters()) for model in (found, pruned)]
    assert zeros[1] > zeros[0]


def test_exported_and_bundled(tagger: raysearch.Study, tmp_path: Path) -> None:
    done = tagger.export("torch", tmp_path / "t.pt2")
    assert (done.path.is_file(), done.difference < 1e-4) == (True, True)
    with pytest.raises(InputError, match="export to 'onxx': one of onnx, torch"):
        tagger.export("onxx")
    raysearch.bundle(tagger.folder, out=tmp_path / "t.raysearch.tar.gz")
    raysearch.unbundle(tmp_path / "t.raysearch.tar.gz", runs=tmp_path / "other")
    there = raysearch.open("t", runs=tmp_path / "other")
    assert isinstance(there, raysearch.Study)
    assert there.history.hash == tagger.history.hash
