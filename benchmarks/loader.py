"""The loader's share of a training step of JEDI-net, in memory and streaming from a file that is not in memory.

    python benchmarks/loader.py [--particles 150] [--rounds 5] [--batches 60]

One process, one thread, single precision, 100 of the shipped jets a step, the network of the size that the paper found
best for 150 particles (arXiv:1908.05318). A step is forward, backward and Adam; the loader takes the rows of a
batch out of the mapped file and, if asked to, standardises them, as the training loop has it. Both are timed in
turns in one run; the share is loader / (loader + step), median of the rounds and [lowest, highest].

Streaming: before each round the file's pages are dropped from the page cache, so that every row comes from the disk
once, in chunk-shuffled order, as in an epoch over files larger than memory.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
JETS = 100

if __name__ == "__main__" and os.environ.get("OMP_NUM_THREADS") != "1":
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | ONE_THREAD)

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch
from torch import Tensor

from raysearch.data.jets.arrays import JetInput, jet_arrays
from raysearch.data.prepared import as_tensor, cache_folder
from raysearch.data.scaling import Scaling
from raysearch.data.shuffling import chunk_shuffled
from raysearch.data.tensors import Batch, TensorData
from raysearch.models.interaction_network import InteractionNetwork, InteractionNetworkShape


def open_data(particles: int, *, standardize: bool) -> TensorData:
    jets = jet_arrays(None, JetInput("constituents", particles))
    tensors = (as_tensor(jets.inputs[0]), as_tensor(jets.labels))
    rows = torch.arange(0, len(jets.labels), 2)  # a part, as a training part is
    return TensorData(tensors, rows, Scaling.of(tensors[0], rows) if standardize else None)


def forget_pages() -> None:
    """Drop what no process has mapped from the page cache."""
    for path in cache_folder().glob("*/*.npy"):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def make_step(particles: int) -> Callable[[Batch], None]:
    shape = InteractionNetworkShape(
        constituents=particles, hidden=50, effect_size=14, output_size=10, aggregation="sum",
        activation_relation="selu", activation_object="selu", activation_classifier="selu",
    )  # fmt: skip
    torch.manual_seed(0)
    model = InteractionNetwork(shape)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-6)  # the weights hardly move

    def step(batch: Batch) -> None:
        constituents, labels = batch
        torch.nn.functional.cross_entropy(model(constituents), labels).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def load_seconds(data: TensorData, batches: Iterator[Tensor]) -> list[float]:
    """Seconds of each batch."""
    times = []
    for rows in batches:
        started = time.perf_counter()
        data.rows(rows)
        times.append(time.perf_counter() - started)
    return times


def measure(args: argparse.Namespace, *, streaming: bool, standardize: bool) -> np.ndarray:
    """Milliseconds of loader and step, (round, 2)."""
    data = open_data(args.particles, standardize=standardize)
    step = make_step(args.particles)
    generator = torch.Generator().manual_seed(1)
    step(data.rows(torch.arange(JETS)))
    found = []
    for _ in range(args.rounds):
        if streaming:
            del data
            forget_pages()
            data = open_data(args.particles, standardize=False)
        order = (
            chunk_shuffled(len(data), generator)
            if streaming
            else torch.randperm(len(data), generator=generator)
        )
        batches = order.split(JETS)[: args.batches]
        loader = float(np.mean(load_seconds(data, batches)))
        loaded = [data.rows(rows) for rows in batches[: args.steps]]
        started = time.perf_counter()
        for batch in loaded:
            step(batch)
        found.append((1e3 * loader, 1e3 * (time.perf_counter() - started) / len(loaded)))
    return np.array(found)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--particles", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=40, help="loaded in a round")
    parser.add_argument("--steps", type=int, default=5, help="trained in a round")
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:  # /tmp may lie in memory
        os.environ["RAYSEARCH_CACHE"] = folder
        print(f"{'loader':<28}{'loader ms':>10}{'step ms':>10}   share of a step")
        for name, streaming, standardize in (
            ("in memory", False, False),
            ("in memory, standardised", False, True),
            ("streaming, cold page cache", True, False),
        ):
            times = measure(args, streaming=streaming, standardize=standardize)
            share = 100 * times[:, 0] / times.sum(axis=1)
            loader, step = np.median(times, axis=0)
            low, high = share.min(), share.max()
            print(
                f"{name:<28}{loader:>10.2f}{step:>10.1f}   {np.median(share):.2f} % [{low:.2f}, {high:.2f}]",
                flush=True,
            )


if __name__ == "__main__":
    main()
