"""What bfloat16 products cost JEDI-net in quality: trainings with ``kernel: fused`` and ``fused_bf16``.

    python benchmarks/jedinet_bf16.py [--particles 30] [--epochs 12] [--seeds 5]

Trains on four fifths of the jets that ship with raysearch and prints the mean of the five areas under the ROC
curve on the rest, each class against the others, for every seed and kernel: both start from the same weights
and see the same batches. Before that, how far outputs and gradients of one batch are from double precision,
each as a part of its largest number.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the usual name
from sklearn.metrics import roc_auc_score
from torch import Tensor

from raysearch.data.jets.arrays import JetInput, jet_arrays
from raysearch.models.interaction_network import InteractionNetwork, InteractionNetworkShape

KERNELS = ("fused", "fused_bf16")
BATCH, TEST_PART, RATE = 100, 0.2, 3e-3


def made(shape: InteractionNetworkShape, kernel: str, seed: int) -> InteractionNetwork:
    torch.manual_seed(seed)
    return InteractionNetwork(shape, kernel=kernel)


def outputs_and_gradients(model: InteractionNetwork, x: Tensor, y: Tensor) -> list[Tensor]:
    logits = model(x)
    F.cross_entropy(logits, y).backward()
    return [logits.detach(), *(value.grad for value in model.parameters())]


def print_differences(shape: InteractionNetworkShape, x: Tensor, y: Tensor) -> None:
    exact = outputs_and_gradients(made(shape, "torch", 0).double(), x.double(), y)
    for kernel in KERNELS:
        got = outputs_and_gradients(made(shape, kernel, 0), x, y)
        of = [float((g - e).abs().max() / e.abs().max()) for g, e in zip(got, exact, strict=True)]
        print(f"{kernel}: off double precision by {of[0]:.0e} (gradients by up to {max(of[1:]):.0e})")


def trained(model: InteractionNetwork, x: Tensor, y: Tensor, epochs: int, seed: int) -> None:
    optimiser = torch.optim.Adam(model.parameters(), lr=RATE)
    steps = epochs * (len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    order = np.random.default_rng(seed)
    for _ in range(epochs):
        rows = order.permutation(len(x))[: len(x) // BATCH * BATCH].reshape(-1, BATCH)
        for batch in torch.from_numpy(rows):
            optimiser.zero_grad()
            F.cross_entropy(model(x[batch]), y[batch]).backward()
            optimiser.step()
            schedule.step()


def mean_auc(model: InteractionNetwork, x: Tensor, y: Tensor) -> float:
    with torch.inference_mode():
        scores = torch.cat([model(part).softmax(1) for part in x.split(BATCH)])
    return float(roc_auc_score(y, scores, multi_class="ovr"))


def main() -> None:
    parser = argparse.ArgumentParser(description="Train JEDI-net with and without bfloat16 products.")
    parser.add_argument("--particles", type=int, default=30)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    arrays = jet_arrays(None, JetInput("constituents", given.particles))
    rows = np.random.default_rng(0).permutation(len(arrays.labels))
    x, y = torch.from_numpy(arrays.inputs[0][rows]), torch.from_numpy(arrays.labels[rows])
    real = x.flatten(0, 1)[(x != 0).any(2).flatten()]
    x = torch.where((x != 0).any(2, keepdim=True), (x - real.mean(0)) / real.std(0).clamp(min=1e-6), 0)
    n_test = int(TEST_PART * len(x))
    shape = InteractionNetworkShape(
        constituents=given.particles, hidden=50, effect_size=14, output_size=10, aggregation="sum",
        activation_relation="selu", activation_object="selu", activation_classifier="selu",
    )  # fmt: skip
    print_differences(shape, x[:BATCH], y[:BATCH])
    found = []
    for seed in range(given.seeds):
        models = [made(shape, kernel, seed) for kernel in KERNELS]
        for model in models:
            trained(model, x[n_test:], y[n_test:], given.epochs, seed)
        found.append([mean_auc(model, x[:n_test], y[:n_test]) for model in models])
        print(
            f"seed {seed}: " + ", ".join(f"{k} {a:.4f}" for k, a in zip(KERNELS, found[-1], strict=True)),
            flush=True,
        )
    aucs = np.array(found)
    for kernel, column in zip(KERNELS, aucs.T, strict=True):
        print(f"{kernel}: mean AUC {column.mean():.4f}, spread of seeds {column.std(ddof=1):.4f}")
    less = aucs[:, 1] - aucs[:, 0]
    print(f"difference {less.mean():+.4f} +- {less.std(ddof=1) / len(less) ** 0.5:.4f}")


if __name__ == "__main__":
    main()
