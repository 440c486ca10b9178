"""kill -9 of the driver, then resume: the study is the one that was never interrupted.

At random moments, many of them: the fault campaign (``benchmarks/faults/kills.py``).
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from cli_runs import raysearch
from toy import TOY_SPACE, TOY_TASK, start
from waiting import FAR_AWAY_S

from benchmarks.faults.study import differences, essence
from raysearch.ledger.history import read_history
from raysearch.ledger.ledger import FILE_NAME

PAUSE = "\n  pause_s: 0.02\n"  # a run of 16 steps then takes a third of a second


def finish(folder: Path, *arguments: str) -> None:
    """Carry a command out in this process."""
    result = raysearch(folder, *arguments)
    assert result.code == 0, result.err


def kill_at_record(folder: Path, command: list[str], ledger: Path, n_records: int) -> None:
    """Start a command, and kill its process group as soon as the ledger holds so many records."""
    process = start(folder, *command, start_new_session=True)
    while process.poll() is None:
        if ledger.exists() and ledger.read_bytes().count(b"\n") >= n_records:
            break
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def study_with_kills(folder: Path, moments: list[int], *where: str) -> Path:
    """Carry the toy study out in a folder, killing its driver when the ledger has so many records.

    What is left is done in this process at last, without Ray.
    """
    folder.mkdir()
    (folder / "toy.yaml").write_text(TOY_SPACE.format(task=TOY_TASK).replace("\nsearch:", f"{PAUSE}search:"))
    study = folder / "runs/s"
    command = ["tune", "toy.yaml", "--name", "s"]
    for moment in moments:
        kill_at_record(folder, [*command, *where], study / FILE_NAME, moment)
        if (study / FILE_NAME).exists() and (study / FILE_NAME).stat().st_size:
            command = ["resume", "s"]
    finish(folder, *command, "--local")
    assert read_history(study).n_committed == 8
    return study


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return study_with_kills(tmp_path_factory.mktemp("straight") / "s", [])


@pytest.mark.faults
def test_killed_here_and_there(tmp_path: Path, straight: Path) -> None:
    study = study_with_kills(tmp_path / "w", [9, 31], "--local")
    assert differences(study, essence(straight)) == []
    assert len(read_history(study).sessions) == 3


def test_on_ray_killed_and_resumed_is_the_same_as_in_process(tmp_path: Path, straight: Path) -> None:
    study = study_with_kills(tmp_path / "w", [25])
    assert differences(study, essence(straight)) == []


def test_ctrl_c_saves_everything_and_says_how_to_go_on(tmp_path: Path, straight: Path) -> None:
    folder = tmp_path / "w"
    folder.mkdir()
    (folder / "toy.yaml").write_text(TOY_SPACE.format(task=TOY_TASK).replace("\nsearch:", f"{PAUSE}search:"))
    process = start(folder, "tune", "toy.yaml", "--name", "s", "--local")
    ledger = folder / "runs/s" / FILE_NAME
    while process.poll() is None and not (ledger.exists() and ledger.read_bytes().count(b"\n") >= 20):
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=FAR_AWAY_S)
    assert process.returncode == 130, output
    assert "everything is saved; go on with: raysearch resume s" in output
    finish(folder, "resume", "s", "--local")
    assert differences(folder / "runs/s", essence(straight)) == []
