"""What the commands print, on a finished study of the toy task."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cli_runs import Result, commands, raysearch
from toy import TOY_SPACE, TOY_TASK

from raysearch.ledger.history import History
from raysearch.ledger.ledger import read_entries

ROOT = Path(__file__).parents[2]
SETTINGS = r"learning_rate=[\d.]+ width=\d+ activation=(relu|elu)"
LINES = [
    r"toy: 3 settings to search, 8 trials",
    r"checking settings, task and data",
    r"data: 64 to train, 32 to validate, 32 to test, split by rows",
    r"disk: at most [\d.]+ MB under runs",
    r"running in this process",
    r"study s: 8 trials, 0 done, window 4",
    *(
        line
        for trial in range(8)
        for line in (
            rf"trial {trial} started: {SETTINGS}",
            rf"trial {trial} finished: val_loss [\d.]+ at epoch \d of 4, [\d.]+ s; "
            + (r"about 0 min \d\d s left" if trial < 7 else "done"),
        )
    ),
    r"trial \d, the best, was applied to 32 test examples",
    r"writing the report",
]


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    folder = tmp_path_factory.mktemp("tuned")
    (folder / "toy.yaml").write_text(TOY_SPACE.format(task=TOY_TASK))
    return folder, raysearch(folder, "tune", "toy.yaml", "--name", "s", "--local", drawn=True)


@pytest.fixture
def folder(tuned: tuple[Path, Result], tmp_path: Path) -> Path:
    """A copy of the study, to be changed."""
    shutil.copytree(tuned[0], tmp_path / "w")
    return tmp_path / "w"


def as_json(folder: Path, *arguments: str) -> Any:
    result = raysearch(folder, *arguments, "-f", "json")
    assert (result.code, result.err) == (0, "")
    return json.loads(result.out)


def test_without_a_terminal_every_event_is_one_line(tuned: tuple[Path, Result]) -> None:
    _, result = tuned
    lines = result.err.splitlines()
    assert result.code == 0
    assert len(lines) == len(LINES)
    for line, pattern in zip(lines, LINES, strict=True):
        assert re.fullmatch(pattern, line), (line, pattern)


def test_the_summary_has_the_best_and_fits_80_columns(tuned: tuple[Path, Result]) -> None:
    folder, result = tuned
    best = History(read_entries(folder / "runs/s")).best
    assert best is not None
    assert best.value is not None
    assert max(map(len, result.out.splitlines())) <= 80
    assert "s: 8 of 8 trials, 0 failed" in result.out
    assert f"best: trial {best.number}, epoch" in result.out
    assert re.search(rf"^  loss +[\d.]+ +{best.value:.4f} +[\d.]+$", result.out, re.MULTILINE)
    assert re.search(rf"^  width +{best.settings['width']}$", result.out, re.MULTILINE)
    assert (folder / "runs/s/report/index.html").is_file()
    assert result.out.endswith("go on:    raysearch resume s --trials +8\n")


def test_trials_for_scripts(tuned: tuple[Path, Result]) -> None:
    rows = as_json(tuned[0], "trials", "s")
    trials = History(read_entries(tuned[0] / "runs/s")).trials
    assert [
        {key: row[key] for key in ("number", "state", "settings", "value", "failure")} for row in rows
    ] == [
        {"number": n, "state": "finished", "settings": trial.settings, "value": trial.value, "failure": ""}
        for n, trial in enumerate(trials)
    ]


def test_best_for_scripts(tuned: tuple[Path, Result]) -> None:
    row = as_json(tuned[0], "best", "s")
    assert row["value"] == min(trial["value"] for trial in as_json(tuned[0], "trials", "s"))
    assert row["metrics"]["val_loss"] == row["value"]
    assert row["test_metrics"]["test_loss"] > 0
    assert (tuned[0] / row["weights"]).is_file()


def test_list_and_status_for_scripts(tuned: tuple[Path, Result]) -> None:
    row = as_json(tuned[0], "status", "s")
    assert as_json(tuned[0], "list") == [row]
    assert row.items() >= {"name": "s", "state": "finished", "committed": 8, "failed": 0}.items()
    assert as_json(tuned[0], "list", "--runs", "nothing") == []


def test_tables_have_a_header_and_a_line_for_each_trial(tuned: tuple[Path, Result]) -> None:
    lines = raysearch(tuned[0], "trials", "s").out.splitlines()
    assert lines[0].split() == [
        *("number", "state", "value", "epochs", "seconds"),
        *("learning_rate", "width", "activation"),
    ]
    assert [line.split()[:2] for line in lines[1:]] == [[str(n), "finished"] for n in range(8)]
    assert raysearch(tuned[0], "list", "--runs", "nothing").out == "no studies under nothing\n"


def test_the_report_is_made_again(folder: Path) -> None:
    shutil.rmtree(folder / "runs/s/report")
    result = raysearch(folder, "report", "s")
    assert result.out == "runs/s/report/index.html\n"
    assert (folder / result.out.strip()).is_file()


def test_a_finished_study_resumes_for_more_trials_only(folder: Path) -> None:
    before = as_json(folder, "trials", "s")
    ledger = (folder / "runs/s/ledger.jsonl").read_bytes()
    code = (
        "import sys; sys.argv = ['raysearch', 'resume', 's']; from raysearch.cli.main import main\n"
        "try: main()\n"
        "finally: print('heavy:', {'ray', 'torch', 'mlflow'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, check=False, cwd=folder, text=True, capture_output=True)
    assert result.returncode == 0, result.stderr
    assert "all 8 trials are done, nothing is left to do" in result.stdout
    assert "raysearch resume s --trials +8" in result.stdout
    assert "heavy: set()" in result.stdout
    added = (folder / "runs/s/ledger.jsonl").read_bytes().removeprefix(ledger).splitlines()
    assert [json.loads(line)["kind"] for line in added] == [
        "copied"
    ]  # the folder is one, nothing else is new
    more = raysearch(folder, "resume", "s", "--trials", "+2", "--local")
    assert (more.code, "s: 10 of 10 trials" in more.out) == (0, True)
    after = as_json(folder, "trials", "s")
    assert after[:8] == before
    assert len(after) == 10


def test_tune_goes_on_with_the_study_of_that_name_if_told_so(folder: Path) -> None:
    refused = raysearch(folder, "tune", "toy.yaml", "--name", "s", "--local")
    assert refused.code == 2
    assert "runs/s exists; go on with: raysearch resume s, or give another --name" in refused.err
    assert raysearch(folder, "tune", "toy.yaml", "--name", "s", "--local", "--resume").code == 0
    other = raysearch(folder, "tune", "toy.yaml", "--name", "s", "--set", "budget.epochs=9", "--resume")
    assert other.code == 2
    assert "budget.epochs: 4 there, 9 here" in other.err
    assert "seed" not in other.err  # only what differs


def test_commands_to_type_name_the_folder_of_studies(folder: Path) -> None:
    (folder / "runs").rename(folder / "my runs")
    result = raysearch(folder, "resume", "s", "--runs", "my runs")
    assert "raysearch resume s --runs 'my runs' --trials +8" in result.out


def test_a_dry_run_checks_and_leaves_nothing(folder: Path) -> None:
    result = raysearch(folder, "tune", "toy.yaml", "--name", "dry", "--dry-run")
    assert (result.code, result.out) == (0, "")
    assert "nothing started" in result.err
    assert not (folder / "runs/dry").exists()


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_several_workers_in_one_process_are_refused_before_all_checks(folder: Path, dry: list[str]) -> None:
    result = raysearch(
        folder, *["tune", "toy.yaml", "--name", "w", "--local", "--set", "resources.workers=2"], *dry
    )
    assert (result.code, result.out) == (2, "")
    assert "--local runs in this one process: set resources.workers to 1" in result.err
    assert "to train" not in result.err


def test_ones_own_task_is_searched(tmp_path: Path) -> None:
    space = str(ROOT / "docs/examples/deep_sets.yaml")
    few = ["--trials", "1", "--set", "budget.epochs=1"]
    result = raysearch(tmp_path, "tune", space, "--name", "own", "--local", *few)
    assert result.code == 0, result.err
    assert as_json(tmp_path, "best", "own")["test_metrics"]["test_auc"] > 0.6


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_explains_itself_and_stands_in_the_readme(words: list[str], tmp_path: Path) -> None:
    result = raysearch(tmp_path, *words, "--help")
    assert result.code == 0
    about = result.out.split("Options:")[0].splitlines()[2:]
    assert any(len(line.strip()) > 10 for line in about)
    assert max(map(len, result.out.splitlines())) <= 80
    readme = (ROOT / "README.md").read_text()
    group = f"raysearch {words[0]}"
    assert re.search(
        rf"{group}[^\n]*\b{words[-1]}\b" if len(words) > 1 else rf"({group}|`{words[0]} NAME`)", readme
    )
