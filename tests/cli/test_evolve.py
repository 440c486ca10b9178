"""``raysearch evolve``: variants alone and side by side, the same history after kills, errors that help."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from cli_runs import raysearch
from toy import TOY_TASK, start

from raysearch.ledger.history import History
from raysearch.ledger.ledger import FILE_NAME, read_entries

SPACE = f"""\
task: {TOY_TASK}:Toy
space:
  width: {{type: int, low: 2, high: 12}}
search: {{sampler: random, trials: 6, window: 3}}
budget: {{epochs: 3}}
seed: 1
variants:
  ga:
    strategy: one-plus-lambda
    space: {{rate: {{type: float, low: 0.05, high: 0.5}}, power: 0.2}}
  adam:
    space: {{learning_rate: {{type: float, low: 0.001, high: 0.1, log: true}}}}
  pbt:
    search: {{sampler: pbt, trials: 12, options: {{population: 4}}}}
    space: {{learning_rate: {{type: float, low: 0.001, high: 0.1, log: true}}}}
  architecture-ga:
    strategy: one-plus-lambda
    search: {{sampler: evolution, trials: 12, options: {{population: 4, sample: 2}}}}
    space: {{rate: {{type: float, low: 0.05, high: 0.5}}, power: 0.2, pause_s: 0.002}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "toy.yaml").write_text(SPACE)
    return tmp_path


def run(folder: Path, *arguments: str, code: int = 0) -> str:
    result = raysearch(folder, *arguments)
    assert result.code == code, result.err
    return result.err + result.out


def essence(study: Path) -> list[Any]:
    history = History(read_entries(study))
    runs = [run for trial in history.trials for run in trial.runs]
    return [
        history.hash,
        [trial.parent for trial in history.trials],
        [[epoch.metrics for epoch in run.epochs.values()] for run in runs],
        [run.ended and run.ended.weights_sha256 for run in runs],
        history.tests[-1][0].metrics,
    ]


def test_the_first_variant_alone_is_a_study(folder: Path) -> None:
    output = run(
        folder, "evolve", "toy.yaml", "--local", "--name", "s", "--repeats", "2", "-n", "2", "--epochs", "2"
    )
    assert "trial 1 repeat 2/2 finished" in output
    assert "mean and sd over 2 repeats" in output
    created = History(read_entries(folder / "runs/s")).created
    assert (created.space_file["strategy"], created.folds) == ("one-plus-lambda", 2)
    assert (folder / "runs/s/best/fold-1/model.pt").is_file()


def test_variants_side_by_side_are_a_series(folder: Path) -> None:
    output = run(folder, "evolve", "toy.yaml", "--compare", "adam", "--local", "--name", "s", "-n", "2")
    assert "2 searches, each of 2 settings" in output
    assert [line.split()[0] for line in output.split("member")[-1].splitlines()[1:3]] == ["ga", "adam"]
    page = (folder / "runs/s/report/report.md").read_text()
    assert "presentations" in page
    for member in ("ga", "adam"):
        assert History(read_entries(folder / "runs/s" / member)).is_complete


def kill_when(process: subprocess.Popen[str], ledger: Path, n_records: int) -> None:
    while process.poll() is None and not (ledger.exists() and ledger.read_bytes().count(b"\n") >= n_records):
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.mark.parametrize(
    ("variant", "moments"),
    [
        ("architecture-ga", [28]),
        pytest.param("architecture-ga", [11, 40, 55], marks=pytest.mark.slow),
        pytest.param("ga", [9, 22], marks=pytest.mark.faults),
        pytest.param("pbt", [13, 35, 50], marks=pytest.mark.faults),
    ],
)
def test_killed_and_resumed_it_has_the_same_history(folder: Path, variant: str, moments: list[int]) -> None:
    run(folder, "evolve", "toy.yaml", "--strategy", variant, "--local", "--name", "straight")
    command = ["evolve", "toy.yaml", "--strategy", variant, "--local", "--name", "killed"]
    for moment in moments:
        kill_when(start(folder, *command, start_new_session=True), folder / "runs/killed" / FILE_NAME, moment)
        command = ["resume", "killed", "--local"]
    run(folder, *command)
    assert essence(folder / "runs/killed") == essence(folder / "runs/straight")
    assert len(History(read_entries(folder / "runs/killed")).sessions) == 1 + len(moments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--strategy", "gaa"],
            "no variant 'gaa'; one of ga, adam, pbt, architecture-ga. Did you mean 'ga'?",
        ),
        (["--set", "strategy=one-plus-lamda"], "strategy: unknown 'one-plus-lamda'"),
        (["--set", "space.rate=2"], "rate: must be above 0 and at most 1, got 2"),
        (["--set", "space.learning_rate=0.1"], "space.learning_rate: the task never reads this setting"),
        (["--set", "space.powr=0.1"], "space.powr: Toy has no such setting"),
    ],
)
def test_what_is_wrong_is_told_before_anything_starts(
    folder: Path, arguments: list[str], message: str
) -> None:
    assert message in run(folder, "evolve", "toy.yaml", "--local", "--name", "s", *arguments, code=2)
    assert not (folder / "runs/s").exists()
