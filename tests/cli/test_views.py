"""What is shown of folds and pruned trials, several objectives, series: studies of the toy task."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cli_runs import Result, raysearch
from rich.console import Console
from toy import TOY_SPACE, TOY_TASK

from raysearch.ledger.history import History, read_history
from raysearch.ledger.ledger import read_entries
from raysearch.library.live_table import Snapshot
from raysearch.library.time_left import left

FOLDS = (
    "--folds",
    "3",
    "--set",
    "search.prune_folds={startup: 2, p_threshold: 0.5}",
    "--max-parameters",
    "36",
)
VARY = ("-n", "2", "--set", "vary.space.width=[2,4]")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("views")
    (folder / "toy.yaml").write_text(TOY_SPACE.format(task=TOY_TASK))
    return folder


@pytest.fixture(scope="module")
def folds(folder: Path) -> Result:
    return raysearch(folder, "tune", "toy.yaml", "--name", "folds", "--local", *FOLDS)


@pytest.fixture(scope="module")
def two(folder: Path) -> Result:
    return raysearch(
        folder, "tune", "toy.yaml", "--name", "two", "--local", "-n", "5", "--objectives", "val_loss,mflop"
    )


@pytest.fixture(scope="module")
def series(folder: Path) -> Result:
    return raysearch(folder, "tune", "toy.yaml", "--name", "series", "--local", *VARY)


def as_json(folder: Path, *arguments: str) -> Any:
    result = raysearch(folder, *arguments, "-f", "json")
    assert (result.code, result.err) == (0, "")
    return json.loads(result.out)


def states(folder: Path, name: str) -> list[str]:
    return [trial.state for trial in read_history(folder / "runs" / name).trials]


def test_folds_and_pruned_trials_are_told_line_by_line(folder: Path, folds: Result) -> None:
    assert {"finished", "pruned"} == set(states(folder, "folds"))
    for number, state in enumerate(states(folder, "folds")):
        n_folds = 3 if state == "finished" else 2
        assert re.search(rf"^trial {number} fold 1/3 finished: val_loss", folds.err, re.MULTILINE)
        line = rf"^trial {number} {state}: val_loss [\d.]+, mean of {n_folds} of 3 folds$"
        assert re.search(line, folds.err, re.MULTILINE)
    assert folds.err.count("over a limit; the first: parameters ") == 1, "they are no trials"
    assert "FAILED" not in folds.err
    assert len(re.findall(r"fold \d/3, the best, was applied to 32 test examples", folds.err)) == 3


def test_the_summary_counts_states_and_gives_mean_and_sd(folder: Path, folds: Result) -> None:
    n_pruned = states(folder, "folds").count("pruned")
    assert f"folds: 8 of 8 trials, {n_pruned} pruned, 0 failed, " in folds.out
    assert "mean and sd over 3 folds" in folds.out
    assert re.search(r"^  loss( +[\d.]+ \+- [\d.]+){3}$", folds.out, re.MULTILINE)
    assert max(map(len, folds.out.splitlines())) <= 80
    assert folds.code == 0


def test_states_for_scripts(folder: Path, folds: Result) -> None:
    row = as_json(folder, "status", "folds")
    assert [row[state] for state in ("finished", "pruned", "refused", "failed")] == [
        states(folder, "folds").count(state) for state in ("finished", "pruned", "refused", "failed")
    ]
    for trial, known in zip(
        as_json(folder, "trials", "folds"), read_history(folder / "runs/folds").trials, strict=True
    ):
        assert trial["value"] == known.value
        assert trial["reached"] == (known.committed.value if known.committed else None)


def test_the_best_of_several_folds_has_means_and_sds_and_each_folds_weights(
    folder: Path, folds: Result
) -> None:
    row = as_json(folder, "best", "folds")
    assert row["metrics"]["val_loss"] == pytest.approx(row["value"])
    assert row["metrics_sd"]["val_loss"] > 0
    assert row["test_metrics_sd"]["test_loss"] > 0
    assert len(row["weights"]) == 3
    assert all((folder / path).is_file() for path in row["weights"])


def test_the_live_table_names_the_fold(folder: Path, folds: Result) -> None:
    entries = read_entries(folder / "runs/folds")
    started = [place for place, entry in enumerate(entries) if entry.record.kind == "started"]
    history = History(entries[: started[1] + 2])  # the second fold's first epoch
    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    console.print(Snapshot.of(history))
    lines = console.export_text().splitlines()
    assert next(line for line in lines if "trial" in line and "state" in line).split()[:5] == [
        "trial", "state", "fold", "epoch", "val_loss",
    ]  # fmt: skip
    row = next(line for line in lines if line.split()[:1] == ["0"])
    assert row.split()[:4] == ["0", "running", "2/3", "1/4"]


def test_folds_left_out_are_not_waited_for(folder: Path, folds: Result) -> None:
    entries = read_entries(folder / "runs/folds")
    assert left(History(entries)) == "done"
    last = max(place for place, entry in enumerate(entries) if entry.record.kind == "committed")
    history = History(entries[:last])
    assert history.n_committed == 7
    assert left(history) == "about 0 min 00 s left"


def test_the_front_is_printed_and_told_to_scripts(folder: Path, two: Result) -> None:
    history = read_history(folder / "runs/two")
    numbers = [trial.number for trial in history.front]
    part = two.out.split("front: ")[1].split("\n\n")[0]
    assert [int(line.split()[0]) for line in part.splitlines()[2:]] == numbers
    assert as_json(folder, "best", "two")["front"] == numbers
    lines = raysearch(folder, "trials", "two").out.splitlines()
    assert lines[0].split()[:4] == ["number", "state", "value", "mflop"]
    assert max(map(len, two.out.splitlines())) <= 80


def test_members_of_a_series_are_listed_by_series_and_name(folder: Path, series: Result) -> None:
    members = ["series/2", "series/4"]
    assert {row["name"] for row in as_json(folder, "list")} >= set(members)
    assert [row["name"] for row in as_json(folder, "status", "series")] == members
    assert as_json(folder, "status", "series/4")["name"] == "series/4"
    assert "series/2: 2 of 2 trials, 0 failed" in series.out


def test_a_member_that_has_not_begun_is_told_of(folder: Path, series: Result, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(folder / "runs" / "series", tmp_path / "runs" / "series")
    shutil.rmtree(tmp_path / "runs" / "series" / "4")
    rows = as_json(tmp_path, "status", "series")
    assert [row["state"] for row in rows] == ["finished", "not begun"]
    lines = raysearch(tmp_path, "status", "series").out.splitlines()
    assert lines[2].split() == ["series/4", "not", "begun", *(["-"] * 7)]


def test_the_report_of_a_series_is_a_table_and_a_page(folder: Path, series: Result) -> None:
    result = raysearch(folder, "report", "series")
    lines = result.out.splitlines()
    assert lines[0].split()[:5] == ["member", "trials", "val_loss", "published", "test_loss"]
    assert [line.split()[0] for line in lines[1:3]] == ["2", "4"]
    assert lines[-1] == "runs/series/report/index.html"
    page = (folder / lines[-1]).read_text()
    assert 'href="../2/report/index.html"' in page
    assert "figure-val_loss-over-space-width" in page
