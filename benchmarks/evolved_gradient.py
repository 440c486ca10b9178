"""What an evolution strategy's children tell about the gradient, and what that costs beside a gradient step.

    python benchmarks/evolved_gradient.py [--problems showers jets] [--pairs 64 512] [--trained 0 5]

``openai-es`` moves a network along its steps' mean, each weighted by the difference in loss of the two
children that it makes (arXiv:1703.03864): an estimate of the gradient of one batch's loss. How good it is
tells its cosine with that gradient, which for n weights and as many directions as pairs is expected to be
sqrt(pairs / (pairs + n + 1)): a child tells one number, a backward pass all n. One process, one thread,
single precision:

    showers   ``calo_regressor``, 10,161 weights, 32 showers a batch, two weights a step (rate 2e-4)
    jets      JEDI-net of the sum form, 8,329 weights, 30 constituents, 100 jets a batch, all weights a step

Before it the network is trained by Adam for as many epochs as ``--trained`` says. Times are CPU time,
medians: of the children of all pairs, and of a gradient step (forwards, backwards, Adam) on such a batch.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

if __name__ == "__main__" and any(os.environ.get(name) != "1" for name in ONE_THREAD):
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | ONE_THREAD)

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import torch
from children import make_showers, relative_error
from torch import Tensor, nn

from raysearch.data.jets.arrays import JetInput, jet_arrays
from raysearch.evolve.strata import StratifiedSigns, numbers_of
from raysearch.models.calo_children import children_outputs
from raysearch.models.calo_regressor import CaloNetwork, CaloShape
from raysearch.models.flat import StepTable, flat_parameters
from raysearch.models.interaction_network import InteractionNetwork, InteractionNetworkShape

POWER = 0.02  # the length of a step in each weight that it changes
BATCHES = 8  # judged, each by itself
CHUNK = 256  # children at a time

Losses = Callable[[StepTable, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Problem:
    """A network with its examples.

    Args:
        model: its network.
        inputs, targets: the examples, (example, ...).
        batch: examples a batch.
        rate: the share of the weights that a step changes.
        loss: of (outputs, targets).
        losses: of the children that steps make, (child,), from (steps, inputs, targets).
        learning_rate: Adam's.
    """

    model: nn.Module
    inputs: Tensor
    targets: Tensor
    batch: int
    rate: float
    loss: Callable[[Tensor, Tensor], Tensor]
    losses: Losses
    learning_rate: float

    def batches(self, seed: int) -> list[tuple[Tensor, Tensor]]:
        """The batches of an epoch."""
        order = torch.randperm(len(self.inputs), generator=torch.Generator().manual_seed(seed))
        full = order[: len(order) // self.batch * self.batch].reshape(-1, self.batch)
        return [(self.inputs[rows], self.targets[rows]) for rows in full]


def showers() -> Problem:
    """Energies of electrons from the projections of their showers."""
    images, energy = make_showers(4096)

    torch.manual_seed(0)
    model = CaloNetwork(CaloShape(), "fused")

    def losses(steps: StepTable, inputs: Tensor, targets: Tensor) -> Tensor:
        return relative_error(children_outputs(model, steps, inputs), targets)

    return Problem(model, images, energy, 32, 2e-4, relative_error, losses, 1e-3)


def jets() -> Problem:
    """Classes of the jets that ship."""
    arrays = jet_arrays(None, JetInput("constituents", 30))
    (features,) = arrays.inputs
    scale = features.reshape(-1, features.shape[-1]).std(0)
    inputs = torch.from_numpy(features / np.where(scale > 0, scale, 1).astype(np.float32))

    torch.manual_seed(0)
    shape = InteractionNetworkShape(
        constituents=30, hidden=50, effect_size=14, output_size=10, aggregation="sum",
        activation_relation="selu", activation_object="selu", activation_classifier="selu",
    )  # fmt: skip
    model = InteractionNetwork(shape, kernel="fused")

    @torch.no_grad()
    def losses(steps: StepTable, inputs: Tensor, targets: Tensor) -> Tensor:
        flat = flat_parameters(model)
        parent = flat.clone()
        found = []
        for places, deltas in steps:
            flat[places] += deltas
            found.append(nn.functional.cross_entropy(model(inputs), targets))
            flat.copy_(parent)
        return torch.stack(found)

    return Problem(
        model, inputs, torch.tensor(arrays.labels), 100, 1.0, nn.functional.cross_entropy, losses, 3e-3
    )


PROBLEMS = {"showers": showers, "jets": jets}


def train(problem: Problem, epochs: int) -> float:
    """Train by Adam; the CPU seconds of a step, median."""
    optimizer = torch.optim.Adam(problem.model.parameters(), problem.learning_rate)
    taken = []
    for epoch in range(epochs):
        for inputs, targets in problem.batches(epoch):
            start = time.process_time()
            optimizer.zero_grad()
            problem.loss(problem.model(inputs), targets).backward()
            optimizer.step()
            taken.append(time.process_time() - start)
    return median(taken)


def gradient_of(problem: Problem, inputs: Tensor, targets: Tensor) -> np.ndarray:
    """The gradient of a batch's loss, (n,)."""
    problem.model.zero_grad()
    problem.loss(problem.model(inputs), targets).backward()
    gradients = [p.grad for p in problem.model.parameters() if p.grad is not None]
    return torch.cat([gradient.reshape(-1) for gradient in gradients]).double().numpy()


def estimate(problem: Problem, inputs: Tensor, targets: Tensor, seeds: np.ndarray) -> np.ndarray:
    """Section 2.1 of 1703.03864 on a batch: the steps' sum, weighted by the pairs' differences, (n,)."""
    drawn, n = StratifiedSigns(problem.rate), len(flat_parameters(problem.model))
    found = np.zeros(n)
    for first in range(0, len(seeds), CHUNK):
        part = seeds[first : first + CHUNK]
        steps = drawn.draw_all(part, n)
        places, deltas = torch.from_numpy(steps.places), torch.from_numpy(steps.deltas) * POWER
        up, down = (problem.losses(StepTable(places, sign * deltas), inputs, targets) for sign in (1, -1))
        found += drawn.mixed(part, (up - down).double().numpy(), n)
    return found


def judged(problem: Problem, pairs: int) -> tuple[list[float], float]:
    """The cosines of the estimates with the gradients of some batches, and the CPU seconds of an estimate."""
    cosines, taken = [], []
    for number, (inputs, targets) in enumerate(problem.batches(1000)[:BATCHES]):
        wanted = gradient_of(problem, inputs, targets)
        seeds = numbers_of(np.array([number], np.uint64), pairs)[0]
        start = time.process_time()
        found = estimate(problem, inputs, targets, seeds)
        taken.append(time.process_time() - start)
        cosines.append(found @ wanted / (np.linalg.norm(found) * np.linalg.norm(wanted)))
    return cosines, median(taken)


def report(name: str, make: Callable[[], Problem], trained: list[int], pairs: list[int]) -> None:
    """Print a line for each training and number of pairs."""
    for epochs in trained:
        problem, untrained = make(), make().model.state_dict()
        step_s = train(problem, max(epochs, 1))
        if not epochs:
            problem.model.load_state_dict(untrained)
        n = len(flat_parameters(problem.model))
        for count in pairs:
            cosines, taken_s = judged(problem, count)
            expected = (count / (count + n + 1)) ** 0.5
            print(
                f"{name}, {epochs:2} epochs before {count:6,} pairs   cosine {median(cosines):.3f} "
                f"[{min(cosines):.3f}, {max(cosines):.3f}], expected {expected:.3f}  {1e3 * taken_s:8.1f} ms,"
                f" {taken_s / step_s:6.1f} gradient steps of {1e3 * step_s:.2f} ms",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare what children and a backward pass tell.")
    parser.add_argument("--pairs", type=int, nargs="+", default=[64, 512])
    parser.add_argument("--trained", type=int, nargs="+", default=[0, 5], help="epochs by Adam before")
    parser.add_argument("--problems", nargs="+", choices=PROBLEMS, default=list(PROBLEMS))
    given = parser.parse_args()
    torch.set_num_threads(1)
    for name in given.problems:
        report(name, PROBLEMS[name], given.trained, given.pairs)


if __name__ == "__main__":
    main()
