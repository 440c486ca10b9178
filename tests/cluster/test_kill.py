"""kill -9 of the driver at any moment, then resume: the study is the one that was never interrupted."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from toy import TOY_SPACE, TOY_TASK, start

from raysearch.ledger.history import History
from raysearch.ledger.ledger import FILE_NAME, read_entries
from raysearch.ledger.records import Committed, Ended

PAUSE = "\n  pause_s: 0.02\n"  # a run of 16 steps then takes a third of a second


def raysearch(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return start(folder, *arguments, start_new_session=True)


def finish(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    return output


def kill_at_record(process: subprocess.Popen[str], ledger: Path, n_records: int) -> None:
    """Kill the process group as soon as the ledger holds so many records (or it is done)."""
    while process.poll() is None:
        if ledger.exists() and ledger.read_bytes().count(b"\n") >= n_records:
            break
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def essence(folder: Path) -> dict[str, Any]:
    """What must not change: the history, every trial's epochs, and the best weights."""
    history = History(read_entries(folder))
    assert history.best is not None
    best = history.best.runs[0].ended
    assert best is not None
    return {
        "hash": history.hash,
        "epochs": [
            {number: epoch.metrics for number, epoch in sorted(trial.runs[0].epochs.items())}
            for trial in history.trials
        ],
        "best": (best.trial, best.best_epoch, best.weights_sha256),
        "weights kept": [path.name for path in (folder / "trials").rglob("*.pt")],
        "test": history.tests[-1][0].metrics,
        "model": json.loads((folder / "best/model.json").read_text())["weights_sha256"],
    }


def check_nothing_twice(folder: Path) -> None:
    entries = read_entries(folder)
    committed = [entry.record.trial for entry in entries if isinstance(entry.record, Committed)]
    ended = [entry.record.trial for entry in entries if isinstance(entry.record, Ended)]
    assert committed == list(range(8))
    assert sorted(ended) == list(range(8)), "a run that had ended must not run again"


def study_with_kills(folder: Path, moments: list[int], *where: str) -> Path:
    """Carry the toy study out in a folder, killing its driver when the ledger has so many records."""
    folder.mkdir()
    (folder / "toy.yaml").write_text(TOY_SPACE.format(task=TOY_TASK).replace("\nsearch:", f"{PAUSE}search:"))
    study = folder / "runs/s"
    command = ["tune", "toy.yaml", "--name", "s", *where]
    for moment in moments:
        kill_at_record(raysearch(folder, *command), study / FILE_NAME, moment)
        if (study / FILE_NAME).exists() and (study / FILE_NAME).stat().st_size:
            command = ["resume", "s", *where]
    finish(raysearch(folder, *command))
    check_nothing_twice(study)
    return study


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return study_with_kills(tmp_path_factory.mktemp("straight") / "s", [], "--local")


@pytest.mark.faults
def test_killed_here_and_there(tmp_path: Path, straight: Path) -> None:
    study = study_with_kills(tmp_path / "w", [9, 31], "--local")
    assert essence(study) == essence(straight)
    assert len(History(read_entries(study)).sessions) == 3


def test_on_ray_killed_and_resumed_is_the_same_as_in_process(tmp_path: Path, straight: Path) -> None:
    study = study_with_kills(tmp_path / "w", [25])
    study = tmp_path / "w/runs/s"
    assert essence(study) == essence(straight)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(4))
def test_killed_at_many_random_moments(tmp_path: Path, straight: Path, seed: int) -> None:
    moments = sorted(random.Random(seed).sample(range(1, 60), 5))
    study = study_with_kills(tmp_path / "w", moments, "--local")
    assert essence(study) == essence(straight)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(2))
def test_on_ray_killed_at_random_moments(tmp_path: Path, straight: Path, seed: int) -> None:
    moments = sorted(random.Random(seed).sample(range(1, 60), 4))
    study = study_with_kills(tmp_path / "w", moments)
    assert essence(study) == essence(straight)


def test_ctrl_c_saves_everything_and_says_how_to_go_on(tmp_path: Path, straight: Path) -> None:
    folder = tmp_path / "w"
    folder.mkdir()
    (folder / "toy.yaml").write_text(TOY_SPACE.format(task=TOY_TASK).replace("\nsearch:", f"{PAUSE}search:"))
    process = raysearch(folder, "tune", "toy.yaml", "--name", "s", "--local")
    ledger = folder / "runs/s" / FILE_NAME
    while process.poll() is None and not (ledger.exists() and ledger.read_bytes().count(b"\n") >= 20):
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 130, output
    assert "everything is saved; go on with: raysearch resume s" in output
    finish(raysearch(folder, "resume", "s", "--local"))
    assert essence(folder / "runs/s") == essence(straight)
