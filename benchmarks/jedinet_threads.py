"""What a second thread brings JEDI-net: wall time of a training step on one thread and on several, by turns.

    python benchmarks/jedinet_threads.py [--threads 2] [--rounds 10]

Steps are those of ``jedinet_step.py``: 100 of the jets that ship, 150 particles, SELU, forward, backward and
Adam, an allocator that keeps memory. On a machine that has other work the figures say little.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import torch
from jedinet_step import FORMS, KEEP_MEMORY, make_batches, make_models, make_step

PARTICLES = 150


def main() -> None:
    parser = argparse.ArgumentParser(description="What a second thread brings JEDI-net.")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=10)
    given = parser.parse_args()
    torch.manual_seed(0)
    models = make_models(PARTICLES, "selu")
    batches, cotangent = make_batches(PARTICLES, full=False), torch.randn(100, 5) / 100
    print(f"torch {torch.__version__}, load {os.getloadavg()[0]:.1f}\n")
    print(f"| training step | 1 thread, ms | {given.threads} threads, ms | ratio |\n|---|---:|---:|---|")
    for form in FORMS:
        step = make_step(models[form], batches, cotangent)
        ms: dict[int, list[float]] = {1: [], given.threads: []}
        for batch in range(-2, given.rounds):
            for threads, times in ms.items():
                torch.set_num_threads(threads)
                begun = time.perf_counter()
                step(batch % len(batches))
                if batch >= 0:  # the first two warm up
                    times.append(1e3 * (time.perf_counter() - begun))
        ratios = sorted(one / more for one, more in zip(*ms.values(), strict=True))
        one, more = map(statistics.median, ms.values())
        told = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        print(f"| {form} | {one:.1f} | {more:.1f} | {told} |", flush=True)


if __name__ == "__main__":
    if "MALLOC_TRIM_THRESHOLD_" not in os.environ:
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | KEEP_MEMORY)
    main()
