"""`raysearch` as a user calls it: on a running cluster, with runs of two workers, short of memory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from heads import running_head
from toy import TOY_SPACE, TOY_TASK, essence, start, surroundings
from waiting import FAR_AWAY_S

from raysearch.ledger.history import History
from raysearch.ledger.ledger import read_entries
from raysearch.ledger.run_records import Lost

PAUSE = "\n  pause_s: 0.02\n"


def raysearch(folder: Path, *arguments: str, **environment: str) -> str:
    """Run the program in a folder to its end and return its exit code and what it printed."""
    process = start(folder, *arguments, env=surroundings(folder) | environment)
    printed, _ = process.communicate(timeout=FAR_AWAY_S)
    return f"{process.returncode}\n{printed}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "toy.yaml").write_text(
        TOY_SPACE.format(task=TOY_TASK).replace("\nsearch:", f"{PAUSE}search:")
    )
    return tmp_path


@pytest.fixture
def head() -> Iterator[tuple[str, dict[str, str]]]:
    """The address and the token of a cluster that somebody else started."""
    with running_head() as started:
        yield started


@pytest.mark.ray_cluster
def test_a_study_on_a_cluster_that_runs_already_is_the_same_as_here(
    folder: Path, head: tuple[str, dict[str, str]]
) -> None:
    address, token = head
    printed = raysearch(folder, "tune", "toy.yaml", "--name", "there", "--address", address, **token)
    assert printed.startswith("0\n"), printed
    printed = raysearch(folder, "tune", "toy.yaml", "--name", "here", "--local")
    assert printed.startswith("0\n"), printed
    assert essence(folder / "runs/there") == essence(folder / "runs/here")
    (folder / "token").write_text("b" * 64)
    wrong = {**token, "RAY_AUTH_TOKEN_PATH": f"{folder}/token"}
    printed = raysearch(folder, "tune", "toy.yaml", "--name", "stranger", "--address", address, **wrong)
    assert printed.startswith("69\n"), printed
    assert not (folder / "runs/stranger").exists()


@pytest.mark.ray_cluster
def test_runs_of_two_workers_end_and_repeat(folder: Path) -> None:
    for name in ("a", "b"):
        printed = raysearch(
            folder, "tune", "toy.yaml", "--name", name, "--set", "resources.workers=2", "--trials", "4"
        )
        assert printed.startswith("0\n"), printed
    assert essence(folder / "runs/a") == essence(folder / "runs/b")
    trials = History(read_entries(folder / "runs/a")).trials
    assert [trial.runs[0].ended and trial.runs[0].ended.facts["workers"] for trial in trials] == [2] * 4


@pytest.mark.ray_cluster
def test_ctrl_c_to_the_whole_terminal_saves_everything(folder: Path) -> None:
    """A terminal signals every process of its group, and so Ray's too."""
    process = subprocess.Popen(
        [sys.executable, "-m", "raysearch.cli.main", "tune", "toy.yaml", "--name", "s"],
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        env={**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db"},
    )
    assert process.stdout is not None
    printed = []
    for line in process.stdout:
        printed.append(line)
        if line.startswith("trial 3 started"):
            os.killpg(process.pid, signal.SIGINT)
            break
    printed += process.stdout.readlines()
    assert process.wait() == 130, "".join(printed)
    history = History(read_entries(folder / "runs/s"))
    assert history.closed is not None
    assert history.closed.reason == "stopped"
    assert not any(isinstance(entry.record, Lost) for entry in read_entries(folder / "runs/s"))
    printed = [
        raysearch(folder, "resume", "s"),
        raysearch(folder, "tune", "toy.yaml", "--name", "t", "--local"),
    ]
    assert essence(folder / "runs/s") == essence(folder / "runs/t"), printed


GREEDY = f"""
import os, sys, time
from dataclasses import dataclass
from pathlib import Path
sys.path.insert(0, {str(TOY_TASK.parent)!r})
from toy_task import Toy, ToySettings

@dataclass(frozen=True)
class Settings(ToySettings):
    folder: str = ""

class Greedy(Toy):
    Settings = Settings

    def optimizer(self, settings, parameters):
        self.mark = Path(settings.folder, "taken")
        return super().optimizer(settings, parameters)

    def loss(self, model, batch):
        n_bytes = os.environ.get("RAYSEARCH_TEST_TAKES_BYTES")
        if n_bytes and "RAY_JOB_ID" in os.environ and not self.mark.exists():
            self.mark.touch()
            taken = b"x" * int(n_bytes)
            while True:  # until the memory monitor kills
                time.sleep(1)
        return super().loss(model, batch)
"""


@pytest.mark.ray_cluster  # what else takes memory on this machine meanwhile decides, too
def test_a_run_killed_for_its_memory_goes_on_and_so_does_the_study(folder: Path) -> None:
    (folder / "greedy.py").write_text(GREEDY)
    text = (folder / "toy.yaml").read_text().replace(f"{TOY_TASK}:Toy", "greedy.py:Greedy")
    (folder / "toy.yaml").write_text(text.replace("pause_s:", f"folder: {folder}\n  pause_s:"))
    lines = Path("/proc/meminfo").read_text().splitlines()
    memory = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
    total, available = memory["MemTotal"], memory["MemAvailable"]
    margin = 3 * 1024**3  # for Ray and the runs themselves
    if available < 3 * margin:
        pytest.skip("too little memory to be short of it")
    printed = raysearch(
        folder,
        *("tune", "toy.yaml", "--name", "s"),
        RAYSEARCH_TEST_TAKES_BYTES=str(2 * margin),
        RAY_memory_usage_threshold=str((total - available + margin) / total),
        RAY_memory_monitor_refresh_ms="100",
    )
    assert printed.startswith("0\n"), printed
    lost = [entry.record for entry in read_entries(folder / "runs/s") if isinstance(entry.record, Lost)]
    assert lost, "the monitor did not kill"
    assert all("memory" in record.reason for record in lost), json.dumps([record.reason for record in lost])
    printed = raysearch(folder, "tune", "toy.yaml", "--name", "t", "--local")
    assert essence(folder / "runs/s")[:2] == essence(folder / "runs/t")[:2], printed
