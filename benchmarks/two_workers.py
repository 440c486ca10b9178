"""What two workers of one run do beside two runs apart, step by step: weak scaling.

    python -m benchmarks.two_workers TASK [--steps 10] [--rounds 3]

Two processes, at the settings that `raysearch train TASK` takes. A step apart and a step together of as many
rows a process take turns, begun at the same moment, so that what else the machine does hits both alike. By
the wall's clock two workers have the later one's step; computing is that of both processes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor, multiprocessing

from raysearch.data.tensors import TensorData
from raysearch.launch.orders import source_of, way_of
from raysearch.library.one_run import read_one_run, space_of
from raysearch.tasks import load_task
from raysearch.tasks.settings import make_settings
from raysearch.training.descent import Descent
from raysearch.training.place import Place
from raysearch.training.randomness import load_parts, seed_all
from raysearch.training.settings import divide
from raysearch.training.workers import OneWorker, TorchWorkers, Workers


class Taken(NamedTuple):
    """Seconds of a step: of the wall's clock and of this process's computing."""

    wall_s: float
    cpu_s: float


class Run:
    """A model that steps, alone or with another worker."""

    def __init__(self, task: Any, settings: Any, train: TensorData, workers: Workers) -> None:  # noqa: ANN401
        seed_all(1)
        model = task.model(settings)
        model.train()
        self._descent = Descent(task, settings, model, workers)
        self._train, self._size = train, workers.size

    def step(self, rows: Tensor) -> Taken:
        """Take a step, together with whoever else has one."""
        batch = self._train.rows(rows)
        dist.barrier()
        began, computed = time.perf_counter(), time.process_time()
        self._descent.take(batch, Place(1, 1, 1, len(rows) * self._size, len(rows), self._size))
        return Taken(time.perf_counter() - began, time.process_time() - computed)


def work(rank: int, name: str, n_steps: int, folder: str) -> None:
    """One of the two processes."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # as in every run
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    task, settings, train = loaded(name)
    runs: dict[str, Workers] = {"apart": OneWorker(), "together": TorchWorkers(torch.device("cpu"))}
    stepping = {kind: Run(task, settings, train, workers) for kind, workers in runs.items()}
    rows = torch.arange(len(train)).split(settings.batch_size)[:-1]
    taken: dict[str, list[Taken]] = {kind: [] for kind in stepping}
    for number in range(n_steps + 1):
        for kind, run in stepping.items():
            found = run.step(rows[(2 * number + rank) % len(rows)])
            if number:  # the first of each makes what is kept
                taken[kind].append(found)
    Path(folder, f"taken-{rank}").write_text(json.dumps(taken))
    dist.destroy_process_group()


@cache
def loaded(name: str) -> tuple[Any, Any, TensorData]:
    """A task, the settings of its one run, and what it trains on."""
    space_file, _ = read_one_run(space_of(name), [])
    values = space_file.searched.complete(
        {
            key: domain.values[0]  # type: ignore[union-attr]
            for key, domain in space_file.searched.domains.items()
        }
    )
    task = load_task(space_file.task)
    settings = make_settings(task, divide(way_of(space_file), values).task)
    return task, settings, load_parts(task, source_of(space_file), settings).train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("task")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    wall, computing = [], []
    for number in range(asked.rounds):
        with tempfile.TemporaryDirectory() as folder:
            multiprocessing.spawn(work, (asked.task, asked.steps, folder), nprocs=2)
            both = [json.loads(Path(folder, f"taken-{rank}").read_text()) for rank in (0, 1)]
        pairs = {kind: list(zip(both[0][kind], both[1][kind], strict=True)) for kind in both[0]}
        apart_s = [2 / (1 / a[0] + 1 / b[0]) for a, b in pairs["apart"]]  # of as many steps a second as both
        together_s = [max(a[0], b[0]) for a, b in pairs["together"]]
        cpu = {kind: [a[1] + b[1] for a, b in found] for kind, found in pairs.items()}
        wall += [one / two for one, two in zip(apart_s, together_s, strict=True)]
        computing += [one / two for one, two in zip(cpu["apart"], cpu["together"], strict=True)]
        print(
            f"round {number + 1}: a step apart {statistics.median(apart_s):.3g} s, together "
            f"{statistics.median(together_s):.3g} s; load {os.getloadavg()[0]:.1f}",
            flush=True,
        )
    print(f"two workers of two apart, medians (quartiles) of {len(wall)} pairs of steps:")
    for what, ratios in (("rows a second", wall), ("rows a second of computing", computing)):
        low, middle, high = statistics.quantiles(ratios, n=4)
        print(f"  {what}: {middle:.3f} ({low:.3f} to {high:.3f})")


if __name__ == "__main__":
    main()
