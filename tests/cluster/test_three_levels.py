"""Trials x folds x workers at once on machines that `ray up` has started, one of which is lost on the way.

    pytest -m ray_cluster -s tests/cluster/test_three_levels.py

Needs root, as it makes the machines out of namespaces. With -s it prints what it does and how long that took.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from stories import NAME, Story, bring_up, history, losses, on_head, processes, story_in
from toy import TOY_TASK, essence

TRIALS, FOLDS, WORKERS = 4, 2, 2
SPACE = f"""\
task: toy_task.py:Toy
space:
  learning_rate: {{type: float, low: 1.0e-3, high: 0.3, log: true}}
  width: {{type: int, low: 1, high: 16}}
  pause_s: 0.2
search: {{sampler: tpe, trials: {TRIALS}, window: 4, options: {{n_startup_trials: 2}}}}
budget: {{epochs: 10, folds: {FOLDS}}}
resources: {{workers: {WORKERS}}}
seed: 1
"""
STUDY = f"raysearch tune toy.yaml --name {NAME}"


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    with story_in(tmp_path) as told:
        yield told


def begun(runs: Path) -> int:
    """Runs that have told of an epoch."""
    if not (runs / NAME / "ledger.jsonl").exists():
        return 0
    return sum(bool(run.epochs) for trial in history(runs).trials for run in trial.runs)


@pytest.mark.ray_cluster
def test_trials_folds_and_workers_on_three_machines_one_of_which_is_lost(
    story: Story, tmp_path: Path
) -> None:
    for folder in (tmp_path / "shared/me", story.laptop.home):
        shutil.copy(TOY_TASK, folder)
        (folder / "toy.yaml").write_text(SPACE)
    runs = tmp_path / "shared/me/runs"
    bring_up(story)
    head, *_, lost = story.hosts
    story.run(on_head(f"{STUDY} --address auto", "--tmux "))
    # Both folds of a trial, and the next trial: three groups of two workers on six places.
    story.wait("  until three runs train at once", lambda: begun(runs) >= 3)
    story.wait(f"  until {lost.name} has workers", lambda: bool(processes(lost, "ray::", "TrainWorker")))
    lost.kill()
    story.wait(f"until a run on {lost.name} is given up", lambda: bool(losses(runs)))
    story.wait("until the study is done", lambda: not processes(head, "bin/raysearch"))
    closed = history(runs).closed
    assert closed is not None, story.terminal()
    assert closed.reason == "finished", story.terminal()
    assert [lost.reason for lost in losses(runs) if lost.to_blame] == []
    endings = [run.ended for trial in history(runs).trials for run in trial.runs]
    assert [ended and (ended.state, ended.facts["workers"]) for ended in endings] == (
        [("finished", WORKERS)] * TRIALS * FOLDS
    )
    # On one machine without a loss, one group after another: nothing of it is in the results.
    story.run(STUDY)
    assert essence(runs / NAME) == essence(story.laptop.home / "runs" / NAME)
