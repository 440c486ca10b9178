"""Ways to agree compared for real: the loss that one and two workers come to, by row and by second.

    python -m benchmarks.agreements [--epochs 8] [--seeds 3] [--task jet_dnn]

Runs of a shipped task on the jets that ship, as a study's worker group trains them, in processes of this
machine. All ways are carried out in turn, seed after seed. With two workers a step has twice as many rows in
all, so that all have the same number of rows in an epoch and two workers take half as many steps each.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import multiprocessing

from benchmarks.clock.learning import SETTINGS
from raysearch.data.source import DataSource
from raysearch.training.attempt import attempt_run
from raysearch.training.order import EpochReport, Order
from raysearch.training.workers import OneWorker, TorchWorkers, Workers

ROWS = 32  # of each worker's step
LOOKS = (0.25, 0.5, 1.0)  # at the loss, in shares of the epochs


@dataclass(frozen=True)
class Way:
    """How so many workers agree; ``exchange`` are the agreement's settings."""

    name: str
    workers: int
    agreement: str | None
    exchange: Mapping[str, Any]


WAYS = (
    Way("one worker", 1, None, {}),
    Way("easgd, every 8, one worker", 1, "easgd", {"exchange_every": 8}),
    Way("all-reduce", 2, None, {}),
    Way("downpour", 2, "downpour", {}),
    Way("downpour, centre_rate 1/2", 2, "downpour", {"centre_rate": 0.5}),
    Way("easgd, every 8", 2, "easgd", {"exchange_every": 8}),
    Way("gem", 2, "gem", {}),
    Way("local-sgd, every 8", 2, "local-sgd", {}),
    Way("diloco, every 20", 2, "diloco", {"exchange_every": 20}),
)


@dataclass(frozen=True)
class Trained:
    """What a run came to: losses at the looks; from its second epoch on rows, seconds, computing of all."""

    losses: Sequence[float]
    rows: float
    steps_s: float
    cpu_s: float


def order_of(way: Way, folder: str, task: str, epochs: int, seed: int) -> Order:
    """A run of a way."""
    shared = way.workers if way.agreement is None else 1
    return Order(
        task=task,
        study_folder=folder,
        trial=WAYS.index(way),
        fold=seed,
        attempt=1,
        settings={**SETTINGS, "batch_size": ROWS * shared},
        seed=seed,
        source=DataSource(None, (0.6, 0.2, 0.2)),
        epochs=epochs,
        workers=way.workers,
        agreement=way.agreement,
        exchange=dict(way.exchange),
    )


def train(order: Order, workers: Workers) -> tuple[list[EpochReport], float]:
    """Carry a run out; its epochs, and this process's seconds of computing from the second one on."""
    reports: list[EpochReport] = []
    spent: list[float] = []

    def report(epoch: EpochReport) -> None:
        reports.append(epoch)
        spent.append(time.process_time())

    outcome = attempt_run(order, workers, report)
    assert outcome.state == "finished", outcome.message
    return reports, spent[-1] - spent[0]


def work(rank: int, orders: Sequence[Order], folder: str) -> None:
    """One of several workers, which carry out runs one after another."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    workers, told = TorchWorkers(torch.device("cpu")), []
    for order in orders:
        reports, cpu_s = train(order, workers)
        told.append(trained(reports, sum(workers.gather(cpu_s))))
        if rank == 0:
            Path(folder, "told").write_text(json.dumps(told))
    dist.destroy_process_group()


def trained(reports: Sequence[EpochReport], cpu_s: float) -> dict[str, Any]:
    """Of a run's epochs, what counts."""
    looks = [reports[max(round(share * len(reports)), 1) - 1].metrics["val_loss"] for share in LOOKS]
    first, *others = reports  # in which a process has other things to do, too
    steps_s = sum(report.timings["steps_s"] for report in others)
    return {
        "losses": looks,
        "rows": others[-1].metrics["presentations"] - first.metrics["presentations"],
        "steps_s": steps_s,
        "cpu_s": cpu_s,
    }


def of_seed(task: str, epochs: int, seed: int) -> dict[str, Trained]:
    """All ways with one seed."""
    with tempfile.TemporaryDirectory() as folder:
        orders = {way.name: order_of(way, folder, task, epochs, seed) for way in WAYS}
        found = {
            name: Trained(**trained(*train(order, OneWorker())))
            for name, order in orders.items()
            if order.workers == 1
        }
        several = {name: order for name, order in orders.items() if order.workers > 1}
        multiprocessing.spawn(work, (list(several.values()), folder), nprocs=2)
        told = json.loads(Path(folder, "told").read_text())
        return found | {name: Trained(**each) for name, each in zip(several, told, strict=True)}


def line(name: str, runs: Sequence[Trained]) -> str:
    """A row of the table: means over seeds with their standard errors."""
    losses = (_mean([run.losses[look] for run in runs]) for look in range(len(LOOKS)))
    rate = statistics.median(run.rows / run.steps_s for run in runs)
    cpu = statistics.median(1e6 * run.cpu_s / run.rows for run in runs)
    return f"| {name} | {' | '.join(losses)} | {rate:,.0f} | {cpu:.0f} |"


def _mean(values: Sequence[float]) -> str:
    error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else float("nan")
    return f"{statistics.mean(values):.4f} +- {error:.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--task", default="jet_dnn")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    by_seed = []
    for seed in range(asked.seeds):
        by_seed.append(of_seed(asked.task, asked.epochs, seed))
        print(f"seed {seed}: load {os.getloadavg()[0]:.1f}", flush=True)
    rows = [f"after {share * asked.epochs:g} epochs" for share in LOOKS]
    print(f"| | {' | '.join(rows)} | rows / s | us of computing a row |")
    print("|---" * (len(rows) + 3) + "|")
    for way in WAYS:
        print(line(way.name, [found[way.name] for found in by_seed]))


if __name__ == "__main__":
    main()
