"""A machine leaves a run of three workers and comes back: it goes on with two, then with three, and ends.

pytest -m ray_cluster -s tests/cluster/test_elastic.py
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from heads import joined, running_head
from toy import TOY_TASK, start, surroundings
from waiting import FAR_AWAY_S, wait_for

from raysearch.errors import StorageError
from raysearch.ledger.history import History
from raysearch.ledger.ledger import read_entries
from raysearch.ledger.run_records import Epoch, Lost, Started

EPOCHS = 150
SPACE = f"""
task: paced.py:Paced
space:
  learning_rate: {{type: float, low: 0.01, high: 0.02}}
  width: 4
search: {{sampler: random, trials: 1}}
budget: {{epochs: {EPOCHS}}}
seed: 1
"""
# An epoch has four steps; how long each takes says a file, so that a run can be kept from ending too soon.
PACED = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from toy_task import Toy

class Paced(Toy):
    def loss(self, model, batch):
        time.sleep(float(Path({folder!r}, "pause").read_text()))
        return super().loss(model, batch)
"""
ELASTIC = ("--set", "resources.workers=3", "--set", "resources.min_workers=1")


def records(folder: Path, kind: type) -> list:
    try:
        return [entry.record for entry in read_entries(folder) if isinstance(entry.record, kind)]
    except StorageError:  # it is not there yet
        return []


def wait_while(process: subprocess.Popen[str], condition: Callable[[], object], what: str) -> None:
    """Wait for what a process is to do, unless it ends."""
    wait_for(lambda: condition() or process.poll() is not None, what)
    if process.poll() is not None:
        pytest.fail(f"{what}: {process.communicate()[0]}")


@pytest.mark.ray_cluster
def test_a_run_goes_on_with_fewer_workers_and_with_all_when_the_machine_is_back(tmp_path: Path) -> None:
    (tmp_path / "toy.yaml").write_text(SPACE)
    (tmp_path / "paced.py").write_text(PACED.format(tests=str(TOY_TASK.parent), folder=str(tmp_path)))
    (tmp_path / "pause").write_text("0.5")
    folder = tmp_path / "runs/s"

    def epochs_of(attempt: int) -> int:
        return sum(record.attempt == attempt for record in records(folder, Epoch))

    with running_head() as (address, token):
        command = ("tune", "toy.yaml", "--name", "s", *ELASTIC, "--address", address)
        with joined(address, token, n_cpus=1) as pull_the_plug:
            process = start(tmp_path, *command, env=surroundings(tmp_path) | token)
            wait_while(process, lambda: epochs_of(1) >= 2, "two epochs of three workers")
            pull_the_plug()
        wait_while(process, lambda: epochs_of(2) >= 2, "two epochs of those that are left")
        with joined(address, token, n_cpus=1):
            wait_while(process, lambda: epochs_of(3) >= 2, "two epochs of all of them again")
            (tmp_path / "pause").write_text("0")
            printed, _ = process.communicate(timeout=FAR_AWAY_S)
    assert process.returncode == 0, printed

    assert [(each.attempt, each.workers) for each in records(folder, Started)] == [(1, 3), (2, 2), (3, 3)]
    gone, ended = records(folder, Lost)
    assert not gone.to_blame, "it was the machine, whenever Ray has noticed"
    assert not ended.to_blame
    assert ended.reason == "it was ended, to go on with 3 workers"
    (run,) = History(read_entries(folder)).trials[0].runs
    assert run.ended is not None
    said = run.ended.facts["changing_workers"]
    assert re.fullmatch(r"3 workers, 2 from epoch \d+ on, 3 from epoch \d+ on", said)
    assert f"trained by {said}, so that no single number of workers gives its bits" in printed
    assert "trial 0 started, attempt 2, with 2 of 3 workers" in printed
    assert said in (folder / "report/index.html").read_text()

    start(tmp_path, "tune", "toy.yaml", "--name", "alone", "--local").communicate(timeout=FAR_AWAY_S)
    (alone,) = History(read_entries(tmp_path / "runs/alone")).trials[0].runs
    for epoch in range(1, EPOCHS + 1):
        assert run.epochs[epoch].metrics == pytest.approx(alone.epochs[epoch].metrics, rel=1e-3, abs=1e-6)
