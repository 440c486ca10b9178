"""Two data-parallel workers against one, without Ray: trained alike within rounding, the same outputs.

So they are where a run goes on with another number of workers.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import multiprocessing, nn
from toy import TOY_TASK

from raysearch.data.source import DataSource
from raysearch.data.tensors import TensorData
from raysearch.tasks import load_task
from raysearch.tasks.settings import make_settings
from raysearch.training.attempt import attempt_run
from raysearch.training.checkpoint import load_checkpoint
from raysearch.training.evaluation import evaluate
from raysearch.training.order import EpochReport, Order
from raysearch.training.workers import OneWorker, TorchWorkers, Workers

# What the toys draw while they train is each worker's own; here nothing is drawn, so that runs can be
# compared. The normalisation of the GAN would be by each worker's rows, too.
STEADY = f"""
import sys
sys.path.insert(0, {str(TOY_TASK.parent)!r})
import torch
from torch import nn
from toy_gan import ToyGan
from toy_task import Toy

class Steady(ToyGan):
    def model(self, settings):
        model = super().model(settings)
        model.generator[1] = nn.Identity()
        return model

    def noise(self, model, batch, chance=None):
        if chance is not None:
            return super().noise(model, batch, chance)
        return torch.cat([torch.sin(k * batch[0]) for k in (7, 13, 31)], dim=1)

class Odd(Toy):  # 64 examples in batches of 9: shares of 5 and 4, and a last batch smaller than the group
    def loss(self, model, batch):
        if len(batch[0]) == 1:
            raise AssertionError("a batch for one worker alone")
        return super().loss(model, batch)
"""
GAN = {"batch_size": 50, "generator_every": 2}
TOY = {"width": 4, "batch_size": 9}


def order(folder: Path, kind: str, settings: dict[str, Any], workers: int) -> Order:
    return Order(
        task=f"{folder}/steady.py:{kind}",
        study_folder=str(folder / f"{kind}-{workers}"),
        trial=0,
        fold=0,
        attempt=1,
        settings=settings,
        seed=5,
        source=DataSource(None, (0.6, 0.2, 0.2)),
        epochs=3,
        workers=workers,
    )


def train(folder: Path, kind: str, settings: dict[str, Any], workers: Workers) -> dict[str, Any]:
    reports: list[EpochReport] = []
    outcome = attempt_run(order(folder, kind, settings, workers.size), workers, reports.append)
    assert outcome.state == "finished", outcome.message
    return asdict(outcome) | {"seconds": 0, "reports": [report.metrics for report in reports]}


class _Killed(BaseException):
    """Leaves a run in the middle."""


def train_in_part(folder: Path, name: str, workers: Workers) -> None:
    """Train a GAN up to its first epoch, and leave it."""

    def leave(_: EpochReport) -> None:
        raise _Killed

    with suppress(_Killed):
        attempt_run(changing(folder, name, workers.size), workers, leave)


def go_on(folder: Path, name: str, workers: Workers) -> dict[str, Any]:
    """Go on with another number of workers."""
    reports: list[EpochReport] = []
    outcome = attempt_run(replace(changing(folder, name, workers.size), attempt=2), workers, reports.append)
    assert outcome.state == "finished", outcome.message
    return asdict(outcome) | {"seconds": 0, "reports": [report.metrics for report in reports]}


def changing(folder: Path, name: str, workers: int) -> Order:
    return replace(order(folder, "Steady", GAN, workers), study_folder=str(folder / name))


def judged(workers: Workers, n_rows: int) -> torch.Tensor:
    """What an untrained GAN makes for some rows."""
    task = load_task(f"{TOY_TASK.parent}/toy_gan.py:ToyGan")
    torch.manual_seed(1)
    model = task.model(make_settings(task, {}))
    data = TensorData((torch.zeros(n_rows, 1),))
    return evaluate(task, model, data, workers, seed=3)["made"]


def averaged(workers: Workers) -> dict[str, Any]:
    """Gradients after averaging: of two types, one that a single worker has, one that none has."""
    both, single, nobody = (nn.Parameter(torch.zeros(2, 2)) for _ in range(3))
    double = nn.Parameter(torch.zeros(3, dtype=torch.float64))
    picture = nn.Parameter(torch.zeros(1, 2, 2, 2).contiguous(memory_format=torch.channels_last))
    both.grad = torch.full((2, 2), 1.0 + workers.rank)
    double.grad = torch.full((3,), 10.0 * workers.rank, dtype=torch.float64)
    picture.grad = (torch.arange(8.0).view(1, 2, 2, 2) * workers.rank).contiguous(
        memory_format=torch.channels_last
    )
    if workers.rank:
        single.grad = torch.ones(2, 2)
    workers.average([both, double, single, nobody, picture])
    return {name: weight.grad for name, weight in locals().items() if isinstance(weight, nn.Parameter)}


def shared(workers: Workers) -> list[float]:
    """Weights and running means after sharing, which began as other numbers on each worker."""
    model = nn.BatchNorm1d(2)
    for tensor in (*model.parameters(), *model.buffers()):
        tensor.data.fill_(1 + workers.rank)
    workers.share_model(model)
    return [float(tensor.sum()) for tensor in (*model.parameters(), *model.buffers())]


def work(rank: int, folder: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    workers, here = TorchWorkers(torch.device("cpu")), Path(folder)
    trained = {
        kind: train(here, kind, settings, workers) for kind, settings in (("Steady", GAN), ("Odd", TOY))
    }
    trained["Steady-grown"] = go_on(here, "Steady-grown", workers)
    (here / f"trained-{rank}").write_text(json.dumps(trained))
    train_in_part(here, "Steady-shrunk", workers)
    outputs = [judged(workers, n_rows) for n_rows in (2500, 700)]
    torch.save(
        {"outputs": outputs, "averaged": averaged(workers), "shared": shared(workers)}, here / f"told-{rank}"
    )
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("several")
    (folder / "steady.py").write_text(STEADY)
    train_in_part(folder, "Steady-grown", OneWorker())
    multiprocessing.spawn(work, (str(folder),), nprocs=2)
    return folder


def trained(folder: Path, rank: int) -> dict[str, Any]:
    return json.loads((folder / f"trained-{rank}").read_text())


def told(folder: Path, rank: int) -> dict[str, Any]:
    return torch.load(folder / f"told-{rank}", weights_only=True)


def weights(study: Path, outcome: dict[str, Any]) -> dict[str, torch.Tensor]:
    content = load_checkpoint(study / outcome["weights"])
    assert content is not None
    return content["model"]


def test_all_workers_come_to_the_same(folder: Path) -> None:
    assert trained(folder, 0) == trained(folder, 1)


@pytest.mark.parametrize(("kind", "settings"), [("Steady", GAN), ("Odd", TOY)])
def test_two_workers_train_as_one_does_on_the_same_batches(
    folder: Path, kind: str, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    two = trained(folder, 0)[kind]
    worker = OneWorker()
    if kind == "Odd":
        monkeypatch.setattr("raysearch.training.learner.RunContext.rows_of", but_the_last(1))
    one = train(folder, kind, settings, worker)
    check_alike(one, weights(folder / f"{kind}-1", one), two, weights(folder / f"{kind}-2", two))


def check_alike(
    one: dict[str, Any], ours: dict[str, torch.Tensor], other: dict[str, Any], theirs: dict[str, torch.Tensor]
) -> None:
    assert one["best_epoch"] == other["best_epoch"]
    for mine, its in zip(one["reports"], other["reports"], strict=True):
        assert mine == pytest.approx(its, rel=2e-4)
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, theirs[name], rtol=2e-3, atol=2e-5)


def test_a_run_goes_on_with_another_number_of_workers_as_one_worker_trains(folder: Path) -> None:
    """From a checkpoint of one by two, and of two by one; and each says so."""
    one = train(folder, "Steady", GAN, OneWorker())
    alone = weights(folder / "Steady-1", one)
    assert one["message"] == ""
    assert "changing_workers" not in one["facts"]
    grown = trained(folder, 0)["Steady-grown"]
    shrunk = go_on(folder, "Steady-shrunk", OneWorker())
    for name, other, said in (
        ("grown", grown, "1 worker, 2 from epoch 2 on"),
        ("shrunk", shrunk, "2 workers, 1 from epoch 2 on"),
    ):
        check_alike(one, alone, other, weights(folder / f"Steady-{name}", other))
        assert other["facts"]["changing_workers"] == said
        assert other["message"] == f"trained by {said}, so that no single number of workers gives its bits"


def but_the_last(n: int) -> Callable[..., torch.Tensor]:
    """Rows of an epoch without those of the batch that two workers leave out."""
    from raysearch.training.learner import RunContext

    whole = RunContext.rows_of
    return lambda context, epoch: whole(context, epoch)[:-n]


def test_outputs_do_not_depend_on_the_number_of_workers_to_the_bit(folder: Path) -> None:
    """Three batches over two workers, and one batch, of which the second worker has nothing."""
    for place, n_rows in enumerate((2500, 700)):
        alone = judged(OneWorker(), n_rows)
        assert alone.shape == (n_rows, 1)
        assert all(torch.equal(told(folder, rank)["outputs"][place], alone) for rank in (0, 1))
    assert len(judged(OneWorker(), 2500).unique()) > 2000, "each batch draws its own"


def test_gradients_are_means_and_a_parameter_that_no_loss_reaches_keeps_none(folder: Path) -> None:
    for rank in (0, 1):
        found = told(folder, rank)["averaged"]
        assert torch.equal(found["both"], torch.full((2, 2), 1.5))
        assert torch.equal(found["double"], torch.full((3,), 5.0, dtype=torch.float64))
        assert torch.equal(found["single"], torch.full((2, 2), 0.5))
        assert torch.equal(found["picture"], torch.arange(8.0).view(1, 2, 2, 2) / 2)
        assert found["nobody"] is None


def test_all_begin_from_the_first_workers_weights_and_buffers(folder: Path) -> None:
    assert told(folder, 0)["shared"] == told(folder, 1)["shared"] == [2.0, 2.0, 2.0, 2.0, 1.0]
