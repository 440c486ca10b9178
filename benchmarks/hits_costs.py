"""What networks on hits cost when they are applied: parameters, MFLOP, memory, time of 1 and of 100 events.

    python benchmarks/hits_costs.py [--repeats 5] [--networks gravnet garnet ...]

Each network has its task's default sizes, the published ones (object condensation: those of GravNet), and
fresh weights; events are the sample's. Each runs in a process of its own, with one thread and an
allocator that returns large blocks. Time is CPU time, the median of the repeats; memory the peak of resident
memory over the 100 events, less what was resident before.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import torch
from jedinet_memory import RETURN_MEMORY, resident_kib

from raysearch.data.source import DataSource
from raysearch.data.tensors import TensorData
from raysearch.launch.versions import cpu_model
from raysearch.tasks import load_task
from raysearch.tasks.settings import make_settings
from raysearch.tasks.task import Task
from raysearch.training.counting import count_mflop
from raysearch.training.evaluation import generator_on

NETWORKS = ("gravnet", "garnet", "dgcnn", "binning", "condensation")
EVENTS = 100


def measure_one(name: str, repeats: int) -> None:
    """Print a row of the table."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    task = load_task(f"hits_{name}")
    fused = {"kernel": "fused"} if name in {"gravnet", "condensation"} else {}
    settings = make_settings(task, fused)
    model = task.model(settings).eval()
    data = task.load(DataSource(path=None, split=(0.9, 0.05, 0.05)), settings).test
    mflop = count_mflop(task, model, data)
    seconds = {n: [cpu_seconds(task, model, data, n) for _ in range(repeats + 1)][1:] for n in (1, EVENTS)}
    gc.collect()
    before = resident_kib("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    cpu_seconds(task, model, data, EVENTS)
    memory = (resident_kib("VmHWM") - before) / 1024
    one, many = (1e3 * statistics.median(seconds[n]) for n in (1, EVENTS))
    parameters = sum(each.numel() for each in model.parameters())
    print(f"| {name} | {parameters:,} | {mflop:,.0f} | {memory:.0f} | {one:.1f} | {many:,.0f} |", flush=True)


@torch.no_grad()
def cpu_seconds(task: Task[Any], model: torch.nn.Module, data: TensorData, n: int) -> float:
    """Apply a network to the first n events."""
    batch = data.rows(torch.arange(n))
    begun = time.process_time()
    task.predict(model, batch, generator_on(torch.device("cpu"), 0))
    return time.process_time() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description="What the networks on hits cost when they are applied.")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=NETWORKS)
    parser.add_argument("--here", choices=NETWORKS, help="measure this one in this process")
    given = parser.parse_args()
    if given.here:
        measure_one(given.here, given.repeats)
        return
    print(f"torch {torch.__version__}, {cpu_model()}, 1 thread\n")
    print("| network | parameters | MFLOP an event | MB for 100 events | ms for 1 | ms for 100 |")
    print("|---|---:|---:|---:|---:|---:|", flush=True)
    for name in given.networks:
        command = [sys.executable, __file__, "--here", name, "--repeats", str(given.repeats)]
        subprocess.run(command, env=os.environ | RETURN_MEMORY, check=True)


if __name__ == "__main__":
    main()
