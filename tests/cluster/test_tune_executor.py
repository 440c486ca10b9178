"""Runs on Ray: a reused process gives the same bits; what is lost or fails reaches the study as that."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ray import tune
from ray.tune import RunConfig, TuneConfig, Tuner
from toy import TOY_TASK

from benchmarks.faults.disks import fill_up
from raysearch.cluster import tune_executor
from raysearch.cluster.open_executor import executor_for
from raysearch.cluster.places import WorkerResources
from raysearch.cluster.tune_trainable import attempt_in_actor
from raysearch.data.source import DataSource
from raysearch.errors import DiskBudgetError, ResourceError, StorageError
from raysearch.launch.begin import create_study
from raysearch.launch.carry_out import carry_out
from raysearch.launch.executor import Executor
from raysearch.launch.prepare import prepare
from raysearch.launch.request import Where
from raysearch.ledger.entries import Entry
from raysearch.ledger.history import History
from raysearch.ledger.ledger import Ledger, read_entries
from raysearch.ledger.run_records import Ended, Epoch, Lost, Started
from raysearch.space.space_file import ResourcesSection, read_space_file
from raysearch.training.order import Order

# The toy task; it leaves its process id at TRIAL's place, and draws from generators that others use.
TASK = f"""
import os, random, sys
from dataclasses import dataclass
from pathlib import Path
sys.path.insert(0, {str(TOY_TASK.parent)!r})
import numpy as np
from toy_task import Toy, ToySettings

@dataclass(frozen=True)
class Settings(ToySettings):
    folder: str = ""

class Marked(Toy):
    Settings = Settings

    def optimizer(self, settings, parameters):
        name = f"pid-{{settings.width}}-{{settings.learning_rate}}"
        Path(settings.folder, name).write_text(str(os.getpid()))
        return super().optimizer(settings, parameters)

    def loss(self, model, batch):
        x, y = batch
        return super().loss(model, (x, y * (1 + 0.1 * random.random() + 0.1 * np.random.random())))
"""
SPACE = """\
task: marked.py:Marked
space:
  learning_rate: {{type: float, low: 1.0e-3, high: 0.3, log: true}}
  width: {{type: int, low: 1, high: 16}}
  pause_s: 0.02
  folder: {folder}
search: {{sampler: tpe, trials: 6, window: 4, options: {{n_startup_trials: 3}}}}
budget: {{epochs: 4}}
seed: 1
"""
NO_ACT: Callable[[Entry, History], None] = lambda *_: None


@pytest.fixture(scope="module")
def ray_executor() -> Iterator[Executor]:
    with executor_for(Where(), ResourcesSection()) as executor:
        yield executor


@pytest.fixture
def space(tmp_path: Path) -> Path:
    (tmp_path / "marked.py").write_text(TASK)
    path = tmp_path / "marked.yaml"
    path.write_text(SPACE.format(folder=tmp_path))
    return path


def carry(space: Path, name: str, executor: Executor, listen: Callable[[Entry, History], None]) -> History:
    """Begin a study, or go on with it."""
    folder = space.parent / "runs" / name
    if folder.exists():
        ledger = Ledger(folder)
    else:
        ledger = create_study(prepare(read_space_file(space), folder.parent), folder, executor.slots)
    with ledger:
        return carry_out(ledger, executor, listen, lambda _: None)


def essence(history: History) -> list[Any]:
    endings = [run.ended for trial in history.trials for run in trial.runs]
    return [history.hash, [ended and (ended.weights_sha256, ended.best_epoch) for ended in endings]]


@pytest.fixture
def straight(space: Path) -> list[Any]:
    """The study as one process without Ray carries it out."""
    with executor_for(Where(in_process=True), ResourcesSection()) as executor:
        return essence(carry(space, "straight", executor, NO_ACT))


def test_settings_a_b_a_in_one_process_and_a_failure_retires_it(
    tmp_path: Path, ray_executor: Executor, space: Path
) -> None:
    settings = {"learning_rate": 0.03, "width": 8, "folder": str(tmp_path)}
    others = [{}, {"width": 3}, {}, {"trouble": "diverges", "width": 5}, {}]
    orders = [
        Order(
            task=f"{tmp_path}/marked.py:Marked",
            study_folder=str(tmp_path / str(place)),
            trial=0,
            fold=0,
            attempt=1,
            settings={**settings, **other},
            seed=5,
            source=DataSource(None, (0.6, 0.2, 0.2)),
            epochs=3,
        )
        for place, other in enumerate(others)
    ]
    results = Tuner(
        tune.with_resources(partial(attempt_in_actor, each=WorkerResources()), {"CPU": 1}),
        param_space={"order": tune.grid_search([json.dumps(order.to_plain()) for order in orders])},
        tune_config=TuneConfig(reuse_actors=True, max_concurrent_trials=1),
        run_config=RunConfig(name="aba", storage_path=str(tmp_path / "tune"), verbose=0),
    ).fit()
    last = {json.loads(r.config["order"])["study_folder"][-1]: r.metrics for r in results if r.config}
    found = [json.loads((last[str(place)] or {})["outcome"]) for place in range(5)]
    pids = [(last[str(place)] or {})["pid"] for place in range(5)]
    assert found[0]["weights_sha256"] == found[2]["weights_sha256"] == found[4]["weights_sha256"]
    assert found[1]["weights_sha256"] != found[0]["weights_sha256"]
    assert found[3]["failure"] == "nonfinite"
    assert pids[0] == pids[1] == pids[2] == pids[3], "a finished run leaves its process to the next one"
    assert pids[4] != pids[3], "a failed one does not"


@pytest.mark.ray_cluster
def test_a_killed_process_loses_its_run_nothing_but_time(
    ray_executor: Executor, space: Path, straight: list[Any]
) -> None:
    killed = []

    def kill(entry: Entry, history: History) -> None:
        record = entry.record
        if isinstance(record, Epoch) and record.epoch == 2 and record.trial in {1, 3} - set(killed):
            settings = history.trials[record.trial].settings
            name = f"pid-{settings['width']}-{settings['learning_rate']}"
            os.kill(int((space.parent / name).read_text()), signal.SIGKILL)
            killed.append(record.trial)

    assert essence(carry(space, "killed", ray_executor, kill)) == straight
    records = [entry.record for entry in read_entries(space.parent / "runs/killed")]
    lost = [(r.trial, r.attempt, r.reason[:29]) for r in records if isinstance(r, Lost)]
    assert lost == [(trial, 1, "The actor died unexpectedly b") for trial in (1, 3)]
    assert len([r for r in records if isinstance(r, Started)]) == 8


@pytest.mark.faults
def test_an_error_in_the_driver_ends_the_study_as_itself_and_counts_for_no_run(
    ray_executor: Executor, space: Path, straight: list[Any]
) -> None:
    def closed_pipe(entry: Entry, _: History) -> None:
        if isinstance(entry.record, Epoch) and entry.record.trial == 2:
            raise BrokenPipeError("nobody reads")

    with pytest.raises(BrokenPipeError, match="nobody reads"):
        carry(space, "s", ray_executor, closed_pipe)
    assert not any(isinstance(entry.record, Lost) for entry in read_entries(space.parent / "runs/s"))
    assert essence(carry(space, "s", ray_executor, NO_ACT)) == straight


@pytest.mark.faults
def test_processes_that_cannot_start_end_the_study_soon(
    tmp_path: Path, ray_executor: Executor, space: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on machines where raysearch is not installed: what is to run cannot be imported there."""
    path = tmp_path / "only_in_the_driver.py"
    path.write_text("def attempt_in_actor(config, each): ...")
    with monkeypatch.context() as context:
        context.syspath_prepend(tmp_path)
        module = importlib.import_module("only_in_the_driver")
    path.unlink()
    monkeypatch.setattr(tune_executor, "attempt_in_actor", module.attempt_in_actor)
    with pytest.raises(ResourceError, match="cannot start the processes that train"):
        carry(space, "s", ray_executor, NO_ACT)
    assert not any(isinstance(entry.record, Started) for entry in read_entries(space.parent / "runs/s"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=70m", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("mounting is not allowed here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.parametrize(
    ("trial", "bytes_left"),
    [
        *(pytest.param(*case, marks=pytest.mark.faults) for case in ((0, 0), (2, 0))),
        *(
            pytest.param(*case, marks=pytest.mark.ray_cluster)
            for case in ((0, 8192), (0, 16384), (2, 8192), (2, 16384))
        ),
    ],
)
def test_a_full_disk_stops_the_study_and_costs_it_nothing(
    small_disk: Path, ray_executor: Executor, space: Path, straight: list[Any], bytes_left: int, trial: int
) -> None:
    """The ledger's own write fails, or a checkpoint's; with room again the study goes on to the same end."""
    for name in ("marked.py", "marked.yaml"):
        shutil.copy(space.parent / name, small_disk / name)
    filler = small_disk / "filler"

    def fill(entry: Entry, _: History) -> None:
        if isinstance(entry.record, Epoch) and entry.record.trial == trial and not filler.exists():
            fill_up(filler, bytes_left)

    with pytest.raises(StorageError, match="cannot be written: No space left on device"):
        carry(small_disk / "marked.yaml", "s", ray_executor, fill)
    filler.unlink()
    assert essence(carry(small_disk / "marked.yaml", "s", ray_executor, NO_ACT)) == straight
    assert not any(isinstance(entry.record, Lost) for entry in read_entries(small_disk / "runs/s"))


@pytest.mark.faults
def test_a_study_at_its_disk_budget_stops_with_others_under_way_and_costs_them_nothing(
    ray_executor: Executor, space: Path, straight: list[Any]
) -> None:
    """The budget is reached when a run ends; with room again the study goes on to the same end."""
    space.write_text(space.read_text() + "storage: {disk: 40 MB}\n")
    filler = space.parent / "runs/s/filler"

    def fill(entry: Entry, _: History) -> None:
        if isinstance(entry.record, Epoch) and entry.record.trial == 2 and not filler.exists():
            filler.touch()
            os.truncate(filler, 50_000_000)

    with pytest.raises(DiskBudgetError, match="more than its disk budget of 40 MB"):
        carry(space, "s", ray_executor, fill)
    filler.unlink()
    assert essence(carry(space, "s", ray_executor, NO_ACT)) == straight
    entries = read_entries(space.parent / "runs/s")
    assert not any(isinstance(entry.record, Lost) for entry in entries)
    ended = [entry.record.trial for entry in entries if isinstance(entry.record, Ended)]
    assert sorted(ended) == list(range(6)), "what had ended did not run again"
