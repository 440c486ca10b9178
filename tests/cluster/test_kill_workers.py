"""kill -9 of a worker of a data-parallel group: its study goes on from a checkpoint, to the same bits."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import pytest
from toy import TOY_SPACE, TOY_TASK, essence, start
from waiting import FAR_AWAY_S, wait_for

from raysearch.cluster.run_processes import SUFFIX
from raysearch.errors import StorageError
from raysearch.ledger.ledger import read_entries
from raysearch.ledger.run_records import Epoch, Lost

SLOW = "\n  pause_s: 0.25\n"  # each of a worker's 16 steps, so that it can be killed on the way
TUNE = ("tune", "toy.yaml", "--set", "resources.workers=2", "--trials", "1")
NOTING = """
import os, sys
sys.path.insert(0, {tests!r})
from toy_task import Toy

class Noting(Toy):
    def metrics(self, outputs, data):  # once an epoch
        with open({folder!r} + "/noted", "a") as file:
            file.write(str(os.getpid()) + "\\n")
        return super().metrics(outputs, data)
"""


def records(folder: Path, kind: type) -> list:
    try:
        return [entry.record for entry in read_entries(folder) if isinstance(entry.record, kind)]
    except StorageError:  # it is not there yet
        return []


def workers(attempt: Path) -> list[int]:
    """Processes of an attempt, Tune's own last: it was the first to say that it is one."""
    files = sorted(attempt.glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_ctime_ns, reverse=True)
    return [int(path.stem.rpartition("-")[2]) for path in files]


@pytest.mark.ray_cluster
def test_a_worker_killed_in_a_run_costs_nothing_but_time(tmp_path: Path) -> None:
    space = (
        TOY_SPACE.format(task="noting.py").replace(":Toy", ":Noting").replace("\nsearch:", f"{SLOW}search:")
    )
    (tmp_path / "toy.yaml").write_text(space)
    (tmp_path / "noting.py").write_text(NOTING.format(tests=str(TOY_TASK.parent), folder=str(tmp_path)))
    killed, whole = (tmp_path / "runs" / name for name in ("killed", "whole"))
    process = start(tmp_path, *TUNE, "--name", "killed")
    wait_for(lambda: len(records(killed, Epoch)) >= 2 or process.poll() is not None, "the second epoch")
    attempt = killed / "trials/0/fold-0/attempt-1"
    wait_for(lambda: len(workers(attempt)) == 3 or process.poll() is not None, "both workers")
    before = workers(attempt)
    os.kill(before[0], signal.SIGKILL)
    printed, _ = process.communicate(timeout=FAR_AWAY_S)
    assert process.returncode == 0, printed
    (lost,) = records(killed, Lost)
    assert (lost.trial, lost.attempt) == (0, 1)
    assert "of its group is gone: The actor died" in lost.reason
    assert "trial 0 lost its process, will go on from its last checkpoint" in printed
    noted = Counter(map(int, (tmp_path / "noted").read_text().split()))
    again = {pid: n for pid, n in noted.items() if pid not in {*before, process.pid}}
    assert sorted(again.values()) in ([1, 1], [2, 2]), "it did not go on from the second epoch or the third"

    process = start(tmp_path, *TUNE, "--name", "whole")
    printed, _ = process.communicate(timeout=FAR_AWAY_S)
    assert process.returncode == 0, printed
    assert records(whole, Lost) == []
    assert essence(killed) == essence(whole)
