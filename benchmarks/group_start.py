"""How long a run of two workers takes to start: a study's first run, its next ones, and Ray Train by itself.

All on one Ray, in turn, so that what else the machine does hits all of them. Of a run of a study it is the
time from its ``started`` record to that of its first epoch, which is a short one; of Ray Train from ``fit``
to its worker's first report.

    python -m benchmarks.group_start [--rounds 2] [--runs 4] [--workers 2]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from ray import train
from ray.train import ScalingConfig
from ray.train.torch import TorchTrainer

from benchmarks.study_overhead import SPACE
from raysearch.cluster.environment import prepare_environment
from raysearch.cluster.open_executor import executor_for
from raysearch.launch.begin import create_study
from raysearch.launch.carry_out import carry_out
from raysearch.launch.executor import Executor
from raysearch.launch.prepare import prepare
from raysearch.launch.request import Where
from raysearch.ledger.entries import Entry
from raysearch.ledger.ledger import read_entries
from raysearch.ledger.run_records import Epoch, Started
from raysearch.space.space_file import SpaceFile, read_space_file


def of_a_study(space_file: SpaceFile, executor: Executor) -> list[float]:
    """Seconds that each of a study's runs took to start, in their order."""
    with tempfile.TemporaryDirectory() as folder:
        study = Path(folder) / "study"
        with create_study(prepare(space_file, Path(folder)), study, executor.slots) as ledger:
            carry_out(ledger, executor, lambda *_: None, lambda _: None)
        return starts(read_entries(study))


def starts(entries: list[Entry]) -> list[float]:
    """Seconds from each run's start to its first epoch."""
    began = {entry.record.trial: entry.time_ms for entry in entries if isinstance(entry.record, Started)}
    return [
        (entry.time_ms - began[entry.record.trial]) / 1000
        for entry in entries
        if isinstance(entry.record, Epoch)
    ]


def of_ray_train(workers: int) -> float:
    """Seconds that a run of Ray Train's own takes to start."""

    def work(config: dict[str, str]) -> None:
        Path(config["told"], str(train.get_context().get_world_rank())).touch()
        train.report({})

    with tempfile.TemporaryDirectory() as folder:
        began = time.time()
        TorchTrainer(
            work,
            train_loop_config={"told": folder},
            scaling_config=ScalingConfig(num_workers=workers),
            run_config=train.RunConfig(storage_path=f"{folder}/storage"),
        ).fit()
        return Path(folder, "0").stat().st_mtime - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sleep.yaml"
        path.write_text(SPACE.replace("RUNS", str(asked.runs)))
        space_file = read_space_file(
            path, [f"resources.workers={asked.workers}", f"space.batch_size={asked.workers}"]
        )
    first, later, bare = [], [], []
    prepare_environment(None)
    with executor_for(Where(), space_file.resources) as executor:
        for number in range(asked.rounds):
            began, *went_on = of_a_study(space_file, executor)
            first.append(began)
            later += went_on
            bare.append(of_ray_train(asked.workers))
            told = ", ".join(f"{each:.2f}" for each in went_on)
            print(
                f"round {number + 1}: first run {began:.1f} s; later runs {told} s; "
                f"Ray Train {bare[-1]:.1f} s; load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
    print(
        f"medians of {asked.workers} workers: first run {statistics.median(first):.1f} s, "
        f"later runs {statistics.median(later):.2f} s, Ray Train {statistics.median(bare):.1f} s"
    )


if __name__ == "__main__":
    main()
