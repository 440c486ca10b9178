"""Several data-parallel workers, without Ray: what they report is true of the weights they save."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import multiprocessing
from toy import TOY_TASK

from raysearch.data.source import DataSource
from raysearch.tasks import load_task
from raysearch.tasks.settings import make_settings
from raysearch.training.attempt import attempt_run
from raysearch.training.checkpoint import load_checkpoint
from raysearch.training.evaluation import evaluate
from raysearch.training.order import EpochReport, Order
from raysearch.training.workers import OneWorker, TorchWorkers

NORMED = f"""
import sys
sys.path.insert(0, {str(TOY_TASK.parent)!r})
from torch import nn
from toy_task import Toy

class Normed(Toy):
    def model(self, settings):
        n = settings.width
        return nn.Sequential(nn.Linear(1, n), nn.BatchNorm1d(n), nn.Linear(n, 1))
"""


def order_in(folder: Path) -> Order:
    return Order(
        task=f"{folder}/normed.py:Normed",
        study_folder=str(folder),
        trial=0,
        fold=0,
        attempt=1,
        settings={"learning_rate": 0.03, "width": 4},
        seed=5,
        source=DataSource(None, (0.6, 0.2, 0.2)),
        epochs=3,
        workers=2,
    )


def work(rank: int, folder: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    reports: list[EpochReport] = []
    outcome = attempt_run(order_in(Path(folder)), TorchWorkers(torch.device("cpu")), reports.append)
    Path(folder, f"outcome-{rank}").write_text(json.dumps(asdict(outcome)))
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workers")
    (folder / "normed.py").write_text(NORMED)
    multiprocessing.spawn(work, (str(folder),), nprocs=2)
    return folder


def test_all_workers_come_to_the_same_outcome(folder: Path) -> None:
    first, second = (json.loads((folder / f"outcome-{rank}").read_text()) for rank in (0, 1))
    assert {**first, "seconds": 0} == {**second, "seconds": 0}
    assert (first["state"], first["facts"]["workers"]) == ("finished", 2)


def test_what_they_report_is_true_of_the_saved_weights(folder: Path) -> None:
    """Running means differ between workers after a step; those of the first are saved."""
    outcome = json.loads((folder / "outcome-0").read_text())
    order = order_in(folder)
    task = load_task(order.task)
    settings = make_settings(task, order.settings)
    model = task.model(settings)
    content = load_checkpoint(folder / outcome["weights"])
    assert content is not None
    model.load_state_dict(content["model"])
    validation = task.load(order.source, settings).validation
    loss = task.metrics(evaluate(task, model, validation, OneWorker(), seed=order.seed), validation)["loss"]
    assert outcome["value"] == pytest.approx(loss, rel=1e-6)
