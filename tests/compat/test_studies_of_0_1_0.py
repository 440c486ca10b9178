"""Studies and bundles of version 0.1.0: they open, go on, report and predict, and are the same made anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import h5py
import pytest
import torch
from cli_runs import Result, raysearch

from raysearch.ledger.history import History, read_history

STUDIES = Path(__file__).parent / "studies"
FINISHED = (
    "jedinet",
    "jet-dnn",
    "jet-gru",
    "jet-cnn",
    "calo-gradient",
    "calo-evolution",
    "jedinet-bf16",  # in float16, by PBT: loss scaling, and trials that go on from another's checkpoint
)
# On another processor torch takes other kernels, whose sums round in another order.
TOLERANCE = 0.05


def opened(folder: Path, name: str) -> Path:
    """Open the stored bundle; returns the study's folder."""
    with patch("raysearch.tracking.mirror.mirror_now", lambda *_: ""):  # delivery has tests of its own
        done(raysearch(folder, "unbundle", str(STUDIES / f"{name}-0.1.0.raysearch.tar.gz")))
    return folder / "runs" / name


def done(result: Result) -> Result:
    assert result.code == 0, result.err
    return result


def made_anew(folder: Path, study: Path) -> Path:
    """Carry the same space file out again.

    A study of today trains no point of a finite space twice. Where one of 0.1.0 did, its points are given, so
    that all that is trained can be compared.
    """
    trials = read_history(study).trials
    points = [trial.settings for trial in trials]
    has_twice = any(point in points[:place] for place, point in enumerate(points))
    is_new = all(trial.parent is None for trial in trials)  # others go on with other weights
    given = ["--set", f"search.enqueue={json.dumps(points)}"] if has_twice and is_new else []
    done(raysearch(folder, "tune", str(study / "space.yaml"), "--name", "again", "--local", *given))
    return folder / "runs" / "again"


def figures(history: History) -> dict[str, Any]:
    """All that a study found out, without times and places."""
    runs = {}
    for trial in history.committed:
        for run in trial.runs:
            assert run.ended is not None
            epochs = {number: dict(epoch.metrics) for number, epoch in run.epochs.items()}
            runs[f"{run.trial}/{run.fold}"] = {"epochs": epochs, "weights": run.ended.weights_sha256}
    settings = {str(trial.number): trial.settings for trial in history.committed}
    tests = {f"{record.trial}/{record.fold}": record.metrics for record, _ in history.tests}
    return {"settings": settings, "runs": runs, "tests": tests}


def is_same_machine(history: History) -> bool:
    """Whether bits can be the same here: the processor and torch are those of the stored study."""
    session = history.sessions[0][0]
    cpus = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    here = cpus[0].partition(":")[2].strip() if cpus else ""
    return session.cpu == here and session.versions["torch"] == str(torch.__version__)


@pytest.mark.parametrize("name", FINISHED)
def test_made_anew_it_is_the_same_to_the_bit(tmp_path: Path, name: str) -> None:
    study = opened(tmp_path, name)
    before = read_history(study)
    stored, now = figures(before), figures(read_history(made_anew(tmp_path, study)))
    if is_same_machine(before):
        assert now == stored
        return
    assert now["tests"].keys() == stored["tests"].keys()
    for place, metrics in stored["tests"].items():
        assert now["tests"][place] == pytest.approx(metrics, rel=TOLERANCE, abs=TOLERANCE)


@pytest.mark.parametrize("name", FINISHED)
def test_it_opens_and_reports(tmp_path: Path, name: str) -> None:
    study = opened(tmp_path, name)
    page = (study / "report" / "report.md").read_text()
    done(raysearch(tmp_path, "report", name))
    again = (study / "report" / "report.md").read_text()
    assert headings(again) == headings(page)
    best = json.loads(done(raysearch(tmp_path, "best", name, "-f", "json")).out)
    assert best["number"] == read_history(study).best.number  # type: ignore[union-attr]


def headings(page: str) -> list[str]:
    return [line for line in page.splitlines() if line.startswith("#")]


@pytest.mark.parametrize(("name", "dataset"), [("jedinet", "scores"), ("calo-gradient", "outputs")])
def test_it_predicts(tmp_path: Path, name: str, dataset: str) -> None:
    opened(tmp_path, name)
    sample = Path(__file__).parents[2] / "raysearch" / "data" / "sample"
    data = sample / ("jets.h5" if name == "jedinet" else "showers.h5")
    done(raysearch(tmp_path, "predict", name, "--data", str(data), "--out", "scores.h5"))
    with h5py.File(tmp_path / "scores.h5") as file:
        assert len(file[dataset]) == len(file["row"])


def test_what_was_interrupted_goes_on_to_the_same_end(tmp_path: Path) -> None:
    study = opened(tmp_path, "interrupted")
    done(raysearch(tmp_path, "resume", "interrupted", "--local"))
    history = read_history(study)
    assert history.is_complete
    if is_same_machine(history):
        assert figures(history) == figures(read_history(made_anew(tmp_path, study)))


def test_more_trials_can_be_asked_of_it(tmp_path: Path) -> None:
    study = opened(tmp_path, "jedinet")
    done(raysearch(tmp_path, "resume", "jedinet", "--trials", "+1", "--local"))
    assert len(read_history(study).committed) == 4
