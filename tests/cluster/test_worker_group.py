"""Data-parallel runs: the same bits again and after a kill, every failure told, and nothing left behind."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from io import TextIOWrapper
from pathlib import Path

import pytest
import ray
from ray import tune
from waiting import wait_for

from raysearch.cluster.places import WorkerResources, group_slots
from raysearch.cluster.resources import group_trial_resources
from raysearch.cluster.worker_group import run_in_group
from raysearch.data.source import DataSource
from raysearch.errors import ResourceError, StorageError
from raysearch.training.order import EpochReport, Order

EPOCHS = 6
HOLD_AFTER = 3  # epochs

# A straight line fitted to fixed points. Each worker leaves its process id in `folder`, of each run. From the
# fourth epoch on the second one passes only when nobody holds the lock on the file `hold` there; the first
# waits.
TASK = """
import fcntl
import os
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn

from raysearch.data.tensors import Parts, TensorData
from raysearch.tasks.task import Task


@dataclass(frozen=True)
class Settings:
    folder: str
    batch_size: int = 16
    fails_at_rank: int = -1


class Line(Task):
    Settings = Settings

    def inspect(self, source, settings):
        return {}

    def load(self, source, settings):
        self.settings, self.n_epochs = settings, 0
        Path(settings.folder, f"pid-{dist.get_rank()}").write_text(str(os.getpid()))
        with Path(settings.folder, f"pids-{dist.get_rank()}").open("a") as file:
            file.write(f"{os.getpid()} ")
        x = torch.randn(150, 3, generator=torch.Generator().manual_seed(1))
        y = x @ torch.tensor([[1.0], [2.0], [-1.0]]) + 0.5
        return Parts(*(TensorData((x[a:b], y[a:b])) for a, b in ((0, 110), (110, 131), (131, 150))))

    def model(self, settings):
        return nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.1), nn.Linear(4, 1))

    def optimizer(self, settings, parameters):
        return torch.optim.Adam(parameters, lr=0.01)

    def loss(self, model, batch):
        if dist.get_rank() == self.settings.fails_at_rank:
            raise ValueError("the line is bent")
        if dist.get_rank() == 1 and self.n_epochs >= 3:
            with Path(self.settings.folder, "hold").open("a") as file:
                fcntl.flock(file, fcntl.LOCK_SH)
        return nn.functional.mse_loss(model(batch[0]), batch[1])

    def predict(self, model, batch, chance):
        return model(batch[0])

    def metrics(self, outputs, data):
        self.n_epochs += 1
        return {"loss": nn.functional.mse_loss(outputs["outputs"], data.tensors[1]).item()}
"""


@pytest.fixture(scope="module")
def two_cpus() -> Iterator[None]:
    """A Ray of its own without dashboard: nothing here may need one."""
    folder = tempfile.mkdtemp(prefix="rs-", dir="/tmp")  # Ray's sockets need a short path
    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=100 * 1024**2,
        _temp_dir=folder,
    )
    yield
    ray.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def order(tmp_path: Path) -> Order:
    (tmp_path / "line.py").write_text(TASK)
    return order_in(tmp_path)


def order_in(folder: Path, trial: int = 0, **settings: int) -> Order:
    return Order(
        task=f"{folder}/line.py:Line",
        study_folder=str(folder),
        trial=trial,
        fold=0,
        attempt=1,
        settings={"folder": str(folder), **settings},
        seed=7,
        source=DataSource(None, (0.8, 0.1, 0.1)),
        epochs=EPOCHS,
        workers=2,
    )


def make_trainable() -> Callable[[dict], None]:
    """A function inside a function travels by value: workers cannot import tests."""

    def trainable(config: dict) -> None:
        def report(epoch: EpochReport) -> None:
            tune.report({"trial": order.trial, "epoch": epoch.epoch, **epoch.metrics})

        order = Order.from_plain(config["order"])

        try:
            outcome = run_in_group(order, WorkerResources(), report)
        except StorageError as error:
            tune.report({"storage": str(error)})
        else:
            tune.report({"outcome": asdict(outcome)})

    return trainable


class Watcher(tune.Callback):
    """Keeps every trial's reports, and acts after some epochs of a trial."""

    def __init__(self, act: Callable[[dict], None] = lambda _: None) -> None:
        self.reports: list[list[dict]] = []
        self.errors = 0
        self.seconds_to_error = 0.0
        self._act, self._acted, self._trials = act, 0.0, []

    def on_trial_result(self, iteration, trials, trial, result, **info) -> None:
        if trial.trial_id not in self._trials:
            self._trials.append(trial.trial_id)
            self.reports.append([])
        self.reports[self._trials.index(trial.trial_id)].append(result)
        if result.get("epoch") == HOLD_AFTER and not self._acted:
            self._acted = time.monotonic()
            self._act(result)

    def on_trial_error(self, iteration, trials, trial, **info) -> None:
        self.errors += 1
        self.seconds_to_error = time.monotonic() - self._acted

    def epochs(self, trial: int) -> list[dict]:
        """Epoch and metrics, as reported."""
        return [
            {key: report[key] for key in ("epoch", "val_loss", "train_loss")}
            for report in self.reports[trial]
            if "epoch" in report
        ]

    def outcome(self, trial: int) -> dict:
        return self.reports[trial][-1]["outcome"]


def run(
    *orders: Order,
    act: Callable[[dict], None] = lambda _: None,
    stop: Callable[[str, dict], bool] | None = None,
) -> Watcher:
    """Carry out orders one after another as Tune trials in a reused actor."""
    watcher = Watcher(act)
    scratch = tempfile.mkdtemp(prefix="rs-tune-")
    tune.Tuner(
        tune.with_resources(make_trainable(), group_trial_resources(2, WorkerResources())),
        param_space={"order": tune.grid_search([order.to_plain() for order in orders])},
        tune_config=tune.TuneConfig(reuse_actors=True),
        run_config=tune.RunConfig(storage_path=scratch, verbose=0, stop=stop, callbacks=[watcher]),
    ).fit()
    shutil.rmtree(scratch)
    return watcher


HELD: dict[Path, TextIOWrapper] = {}  # not in what acts on a report: Tune writes that to disk


class Hold:
    """Keeps the workers of a folder from going past their third epoch."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        HELD[self._folder] = (self._folder / "hold").open("a")
        fcntl.flock(HELD[self._folder], fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        release(self._folder)


def release(folder: Path) -> None:
    HELD[folder].close()


ASYNCHRONOUS = {"agreement": "easgd", "exchange": {"exchange": "asynchronous", "exchange_every": 2}}


def kill_the_server(folder: Path) -> None:
    """Kill the parameter server that has the same raylet as the workers of a folder, and no other."""
    mine = parent(pids(folder)[0])
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            pid = int(path.parent.name)
            if path.read_bytes().startswith(b"ray::ParameterServer") and parent(pid) == mine:
                os.kill(pid, signal.SIGKILL)


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def pids(folder: Path) -> list[int]:
    return [int((folder / f"pid-{rank}").read_text()) for rank in range(2)]


def is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def check_nothing_is_left(folder: Path) -> None:
    """All CPUs are free, no placement group is there, the workers' processes are gone."""
    wait_for(lambda: ray.available_resources().get("CPU") == 2, "that all CPUs are free")
    groups = ray.util.placement_group_table().values()
    assert [group for group in groups if group["state"] != "REMOVED"] == []
    wait_for(lambda: not any(map(is_alive, pids(folder))), "the end of the workers")


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of :func:`one_process`."""
    return tmp_path_factory.mktemp("one-process")


@pytest.fixture(scope="module")
def one_process(two_cpus: None, line: Path) -> Watcher:
    """Five trials in one reused process: twice the same, one stopped by Tune, two that fail."""
    folder = line
    (folder / "line.py").write_text(TASK)
    (folder / "trials").mkdir()
    (folder / "trials" / "4").write_text("a file where a folder should be")
    orders = [order_in(folder, trial) for trial in (0, 1, 2)]
    watcher = run(
        *orders,
        order_in(folder, trial=3, fails_at_rank=1),
        order_in(folder, trial=4),
        stop=lambda _, result: result.get("trial") == 2 and result.get("epoch") == 2,
    )
    check_nothing_is_left(folder)
    return watcher


def test_asks_for_the_workers_and_nothing_for_the_trial():
    request = group_trial_resources(3, WorkerResources(cpus=2, gpus=0.5))
    assert request.bundles == [{"CPU": 2, "GPU": 0.5}] * 3
    assert request.head_cpus == 0


def test_slots_are_whole_groups_of_what_is_short():
    assert group_slots(2, WorkerResources(), [{"CPU": 2}]) == 1
    assert group_slots(2, WorkerResources(cpus=2), [{"CPU": 15}]) == 3
    assert group_slots(2, WorkerResources(cpus=1, gpus=1), [{"CPU": 16, "GPU": 5}]) == 2
    assert group_slots(4, WorkerResources(), [{"CPU": 3}]) == 0
    assert group_slots(1, WorkerResources(cpus=0.1), [{"CPU": 1}]) == 10
    assert group_slots(1, WorkerResources(cpus=8), [{"CPU": 4}, {"CPU": 6}, {"CPU": 8}]) == 1
    assert group_slots(1, WorkerResources(gpus=1), [{"CPU": 16}, {"CPU": 8, "GPU": 2}]) == 2


@pytest.mark.ray_cluster
def test_two_workers_give_the_same_bits_again(one_process: Watcher):
    first, second = one_process.outcome(0), one_process.outcome(1)
    assert first["state"] == "finished"
    assert first["facts"]["workers"] == 2
    assert first["epochs"] == EPOCHS
    assert first["weights_sha256"] == second["weights_sha256"]
    assert one_process.epochs(0) == one_process.epochs(1)
    assert [epoch["epoch"] for epoch in one_process.epochs(0)] == [1, 2, 3, 4, 5, 6]


@pytest.mark.ray_cluster
def test_a_group_carries_out_the_next_run_unless_one_was_ended(one_process: Watcher, line: Path):
    """Its processes take seconds to start; what is left of a broken-off run must not reach the next one."""
    for rank in range(2):
        first, second, ended, failing = (line / f"pids-{rank}").read_text().split()
        assert first == second == ended
        assert failing != ended  # Tune had ended the one before


@pytest.mark.ray_cluster
def test_a_killed_worker_ends_the_attempt_and_the_next_has_the_same_bits(one_process, order, tmp_path):
    with Hold(tmp_path):
        killed = run(order, act=lambda _: os.kill(pids(tmp_path)[1], signal.SIGKILL))
    assert killed.errors == 1  # and no outcome, so the study tries again
    assert all("outcome" not in report for report in killed.reports[0])
    assert killed.seconds_to_error < 300  # Ray Train's own look at hung workers comes after 600
    check_nothing_is_left(tmp_path)

    continued = run(replace(order, attempt=2))
    assert continued.outcome(0)["weights_sha256"] == one_process.outcome(0)["weights_sha256"]
    assert continued.epochs(0) == one_process.epochs(0)
    assert continued.outcome(0)["weights"].startswith("trials/0/fold-0/attempt-2/")


@pytest.mark.ray_cluster
def test_workers_that_do_not_wait_survive_a_lost_server_and_a_lost_worker(two_cpus, order, tmp_path):
    """From the last checkpoint, as any lost worker; nothing says that bits are the same."""
    order = replace(order, **ASYNCHRONOUS)
    kills = (lambda: kill_the_server(tmp_path), lambda: os.kill(pids(tmp_path)[1], signal.SIGKILL))
    for attempt, kill in enumerate(kills, start=1):
        with Hold(tmp_path):

            def act(_, kill=kill):
                kill()
                release(tmp_path)  # or the first worker would wait for the second, which does not hear of it

            killed = run(replace(order, attempt=attempt), act=act)
        assert killed.errors == 1
        assert all("outcome" not in report for report in killed.reports[0])
        check_nothing_is_left(tmp_path)
    continued = run(replace(order, attempt=3))
    assert continued.outcome(0)["state"] == "finished"
    assert [epoch["epoch"] for epoch in continued.epochs(0)] == [1, 2, 3, 4, 5, 6]
    losses = [epoch["val_loss"] for epoch in continued.epochs(0)]
    assert losses[-1] < losses[0]


@pytest.mark.ray_cluster
def test_a_killed_trial_leaves_nothing(two_cpus: None, order: Order, tmp_path: Path):
    with Hold(tmp_path):
        killed = run(order, act=lambda result: os.kill(result["pid"], signal.SIGKILL))
        check_nothing_is_left(tmp_path)
    assert killed.errors == 1


@pytest.mark.ray_cluster
def test_a_stopped_trial_frees_its_process_for_the_next(one_process: Watcher):
    assert [report.get("epoch") for report in one_process.reports[2]] == [1, 2]
    assert len({reports[0]["pid"] for reports in one_process.reports}) == 1
    assert one_process.errors == 0


@pytest.mark.ray_cluster
def test_an_error_at_one_worker_is_the_outcome(one_process: Watcher):
    assert one_process.outcome(3)["failure"] == "error"
    assert "the line is bent" in one_process.outcome(3)["message"]


@pytest.mark.ray_cluster
def test_a_full_disk_at_one_worker_is_no_outcome(one_process: Watcher):
    assert "trials/4" in one_process.reports[4][-1]["storage"]


@pytest.mark.ray_cluster
def test_refuses_to_run_outside_a_trial(two_cpus: None, order: Order):
    with pytest.raises(ResourceError, match="2 bundles; it is in none"):
        run_in_group(order, WorkerResources(), lambda _: None)
