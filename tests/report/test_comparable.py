"""What keeps figures of several studies from being compared is told, whatever their tasks show."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from report_ledgers import Recipe, write_study
from typer.testing import CliRunner

from raysearch.cli.main import app
from raysearch.ledger import run_records
from raysearch.ledger.ledger import Ledger
from raysearch.report.build import build_report

OTHER_SET = "warning: The models were not applied to the same test set"
OTHER_KIND = "have other metrics than each other, so that those of one name (test_loss) need not be"


def study(
    folder: Path, files: Mapping[str, str], *metrics: Mapping[str, float], n_test: int = 60, **recipe: Any
) -> None:
    """A study whose models show nothing, tested by a model for each of its folds."""
    data = {"classes": [], "units": "events", "files": dict(files)}
    made = Recipe(name=folder.name, n_trials=1, done=1, tested=0, folds=len(metrics), data=data, **recipe)
    write_study(folder, made)
    with Ledger(folder) as ledger:
        for fold, each in enumerate(metrics):
            kept = {"predictions": "", "predictions_sha256": ""}
            ledger.append([run_records.Tested(trial=0, fold=fold, metrics=dict(each), n_test=n_test, **kept)])


def compared(folder: Path, *names: str) -> str:
    where = ["--runs", str(folder), "--out", str(folder / "out")]
    found = CliRunner().invoke(app, ["compare", *names, *where])
    assert found.exit_code == 0, found.output
    return found.stderr


def test_other_files_or_another_size_are_other_test_sets(tmp_path: Path) -> None:
    loss = {"test_loss": 0.5}
    study(tmp_path / "a", {"x.h5": "1", "y.h5": "2"}, loss)
    study(tmp_path / "renamed", {"v.h5": "2", "w.h5": "1"}, loss)
    study(tmp_path / "other", {"x.h5": "1", "y.h5": "3"}, loss)
    study(tmp_path / "fewer", {"x.h5": "1", "y.h5": "2"}, loss, n_test=50)
    assert compared(tmp_path, "a", "renamed") == ""
    assert "the same 60 test events." in (tmp_path / "out/report.md").read_text()
    for name in ("other", "fewer"):
        assert compared(tmp_path, "a", name).startswith(OTHER_SET)
    assert "sizes: a 60 events and fewer 50 events" in compared(tmp_path, "a", "fewer")


def test_tasks_whose_metrics_are_not_the_same_are_told(tmp_path: Path) -> None:
    files, of_shares = {"x.h5": "1"}, {"test_loss": 0.5, "test_accuracy": 0.9}
    study(tmp_path / "shares", files, of_shares)
    study(tmp_path / "again", files, of_shares, resolution=0.4)  # of another task
    study(tmp_path / "clusters", files, {"test_loss": 2.5, "test_purity": 0.9}, resolution=0.4)
    assert compared(tmp_path, "shares", "again") == ""
    assert OTHER_KIND in compared(tmp_path, "shares", "clusters")


def test_a_report_begins_with_the_mean_over_folds(tmp_path: Path) -> None:
    study(tmp_path / "a", {}, {"test_loss": 0.25}, {"test_loss": 0.75})
    build_report(tmp_path / "a")
    page = (tmp_path / "a/report/report.md").read_text()
    assert "On 60 test events (mean ± sd over the models of 2 folds): test_loss = 0.50 ± 0.35." in page
