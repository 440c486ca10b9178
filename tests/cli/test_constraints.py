"""Points that a task refuses, and those over a limit, cost no trial of a study, and are told once."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_runs import Result, raysearch
from toy import TOY_TASK

from raysearch.ledger.history import History, read_history

SPACE = f"""\
task: {TOY_TASK.with_name("narrow_task.py")}:Narrow
space: {{width: {{type: int, low: 1, high: 8}}, latent: {{type: int, low: 1, high: 12}}}}
search: {{sampler: random, trials: 6}}
budget: {{epochs: 1}}
seed: 3
"""
REFUSED = "latent: must not be above width"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "own.yaml").write_text(SPACE)
    return tmp_path


def tuned(folder: Path, *more: str) -> tuple[Result, History]:
    done = raysearch(folder, "tune", "own.yaml", "--name", "s", "--local", *more)
    assert done.code == 0, done.err
    return done, read_history(folder / "runs" / "s")


def test_points_that_the_task_refuses_cost_no_trial_and_are_told_once(folder: Path) -> None:
    done, history = tuned(folder)
    assert [trial.state for trial in history.trials] == ["finished"] * 6
    assert all(trial.settings["latent"] <= trial.settings["width"] for trial in history.trials)
    n = sum(record.cause == "settings" for record in history.redrawn)
    assert n > 0
    line = f"proposed points that were drawn anew and are no trials: {n} refused by the task; the first: "
    assert done.err.count(line) == 1
    assert f"{line}{history.redrawn[0].reason}" in (folder / "runs/s/report/report.md").read_text().replace(
        "Proposed points", "proposed points"
    )
    assert "space: points that the task refuses will be drawn anew" in done.err
    assert raysearch(folder, "tune", "own.yaml", "--dry-run").code == 0
    assert raysearch(folder, "space", "check", "own.yaml").code == 0
    again = raysearch(folder, "resume", "s", "--local", "--trials", "+2")
    assert again.code == 0
    assert read_history(folder / "runs/s").n_committed == 8


def test_points_over_a_limit_cost_no_trial_and_are_told_once(folder: Path) -> None:
    done, history = tuned(folder, "--max-parameters", "10", "--set", "space.latent=1")
    assert [trial.state for trial in history.trials] == ["finished"] * 3, "of widths 1 to 3 there are three"
    assert all(
        record.reason.startswith("parameters ") for record in history.redrawn if record.cause == "limit"
    )
    assert done.err.count("over a limit; the first: parameters ") == 1
    assert (
        "the space has 8 points and each has been looked at; 5 may not be run: 3 trials, 6 asked" in done.err
    )
    assert "refused" not in done.out.splitlines()[1]
    assert "resume" not in done.out, "there is nothing to go on to"
    over = raysearch(folder, "resume", "s", "--local")
    assert "no point of the space is left" in over.out
    more = raysearch(folder, "resume", "s", "--local", "--trials", "+1")
    assert more.code == 2
    assert "no point of the space is left that may be run" in more.err


def test_what_can_never_be_run_ends_before_the_first_run(folder: Path) -> None:
    ended = raysearch(folder, "tune", "own.yaml", "--name", "s", "--local", "--set", "space.latent.low=9")
    assert ended.code == 2
    assert REFUSED in ended.err
    assert not (folder / "runs" / "s").exists()
