"""How much faster the CNN on jet images trains and infers with its compiled first layer than in torch.

    python benchmarks/cnn_step.py [--rounds 7]

One process, one thread, single precision, images of the jets that ship with raysearch, the published network
(arXiv:1908.05318) and a large one of its space. A step is images, forward, backward and Adam of 500 jets.
Both forms have the same weights and batches and take turns; a ratio is plain time / fused time of one round,
CPU time, of which the table has the median, the lowest and the highest.
"""

from __future__ import annotations

import argparse
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the usual name
from torch import Tensor

from raysearch.data.jets.arrays import JetInput, jet_arrays
from raysearch.data.jets.images import rasterise
from raysearch.models.dense import DenseShape
from raysearch.models.image_network import COMPUTE, ImageNetwork, ImageNetworkShape

JETS = 500
NETWORKS = {
    "published: 10 filters of 3 x 3, pool 5": ImageNetworkShape(dense=DenseShape(neurons=50, dropout=0.1)),
    "20 filters of 7 x 7, pool 3": ImageNetworkShape(
        filters=20, kernel=7, pool=3, dense=DenseShape(neurons=50, dropout=0.1)
    ),
}
Batch = tuple[Tensor, Tensor, Tensor]


def batches() -> list[Batch]:
    """Occupied cells, their values and labels of a few batches."""
    arrays = jet_arrays(None, JetInput("image"))
    order = np.random.default_rng(0).permutation(len(arrays.labels))[: 4 * JETS].reshape(4, JETS)
    columns = [torch.from_numpy(np.array(column)) for column in (*arrays.inputs, arrays.labels)]
    return [tuple(column[rows] for column in columns) for rows in torch.from_numpy(order)]


def seconds(model: ImageNetwork, batch: Batch, optimizer: torch.optim.Optimizer | None) -> float:
    """CPU time of a step, or of inference where there is no optimiser."""
    cells, values, labels = batch
    model.train(optimizer is not None)
    began = time.process_time()
    with torch.set_grad_enabled(optimizer is not None):
        logits = model(rasterise(cells, values))
        if optimizer is not None:
            optimizer.zero_grad()
            F.cross_entropy(logits, labels.long()).backward()
            optimizer.step()
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the CNN's compiled first layer against torch.")
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    given = batches()
    print(f"torch {torch.__version__}, 1 thread, {JETS} jets a batch; CPU time, ms a jet, plain / fused")
    for title, shape in NETWORKS.items():
        torch.manual_seed(0)
        models = {compute: ImageNetwork(shape, compute=compute) for compute in COMPUTE}
        models["fused"].load_state_dict(models["plain"].state_dict())
        for work in ("training step", "inference"):
            optimizers = {
                name: torch.optim.Adam(model.parameters()) if work == "training step" else None
                for name, model in models.items()
            }
            times: dict[str, list[float]] = {name: [] for name in models}
            for number in range(-1, rounds):  # one to warm up
                for name, model in models.items():
                    taken = seconds(model, given[number % len(given)], optimizers[name])
                    times[name] += [taken] if number >= 0 else []
            ratios = np.array(times["plain"]) / np.array(times["fused"])
            each = " / ".join(f"{1e3 * np.median(own) / JETS:.3f}" for own in times.values())
            told = f"{np.median(ratios):.1f} [{ratios.min():.1f}, {ratios.max():.1f}]"
            print(f"{title:<40} {work:<14} {each}  {told}")


if __name__ == "__main__":
    main()
