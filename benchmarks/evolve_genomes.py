"""What a genome saves and what it costs: size against its weights, its rebuild, the drawing of mutations.

    python benchmarks/evolve_genomes.py [--weights 4000000] [--generations 1000] [--rounds 9]

One process, one thread, processor time. Size and rebuild are of one line of --generations mutations on a
network of --weights weights: from nothing; from the snapshots that a checkpoint holds; and of a child whose
parent is cached. Drawing is timed on the calorimeter regressor's 10,161 weights (16 filters 3 x 3 and a dense
layer on 25 x 25 cells) beside whole generations of 8 children on 128 images, each child's weights copied into
the network and evaluated by PyTorch; both alternate in one run, medians of the rounds and [lowest, highest].
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

if __name__ == "__main__" and os.environ.get("OMP_NUM_THREADS") != "1":
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | ONE_THREAD)

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch
from numpy.typing import NDArray

from raysearch.evolve.genome import Genome
from raysearch.evolve.mutation import GaussianMutation, Mutation, PointMutation
from raysearch.evolve.rebuild import Rebuilder

CHILDREN, BATCH = 8, 128
MUTATIONS: dict[str, Mutation] = {
    "point, rate 1 %": PointMutation(0.01, 0.05),
    "point, rate 10 %": PointMutation(0.1, 0.05),
    "Gaussian": GaussianMutation(0.002),
}


def seconds(act: Callable[[], object]) -> float:
    started = time.process_time()
    act()
    return time.process_time() - started


def summary(times: list[float], unit: float = 1e3) -> str:
    return f"{statistics.median(times) * unit:8.2f} [{min(times) * unit:.2f}, {max(times) * unit:.2f}]"


def size_and_rebuild(name: str, mutation: Mutation, n: int, generations: int) -> None:
    def initial(seed: int) -> NDArray[np.float32]:
        return np.random.default_rng(seed).standard_normal(n, dtype=np.float32)

    rng = np.random.default_rng(1)
    genome = Genome(tuple(rng.integers(0, 2**63, size=generations + 1).tolist()))
    first = Rebuilder(initial, mutation, keep=2)
    whole = seconds(lambda: first.step(genome, whole=True))
    child = genome.child(5)
    cached = statistics.median(seconds(lambda: first.weights(child)) for _ in range(9))
    after = Rebuilder(initial, mutation, keep=2)
    after.remember(first.snapshots())
    # the newest snapshot is of the genome itself if the generations are a multiple of its
    # period: go half a period on
    later = Genome((*genome.seeds, *range(50)))
    from_snapshot = seconds(lambda: after.weights(later))
    same = np.array_equal(after.weights(later), first.weights(later))
    size = len(genome.to_bytes())
    print(
        f"  {name:18s} {size:7,d} bytes against {4 * n:,d}: 1/{4 * n // size}; "
        f"rebuild from nothing {whole:.2f} s, 50 generations after a snapshot {from_snapshot:.2f} s, "
        f"child of a cached parent {cached * 1e3:.2f} ms; "
        f"{'same bits' if same else 'BITS DIFFER'}"
    )


def drawing(rounds: int) -> None:
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 16, 3, padding="same"),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(10_000, 1),
    )
    torch.set_flush_denormal(True)
    parent = torch.nn.utils.parameters_to_vector(network.parameters()).detach().numpy()
    images, energies = torch.rand(BATCH, 1, 25, 25), 10 + 490 * torch.rand(BATCH, 1)

    @torch.no_grad()
    def evaluate(weights: NDArray[np.float32]) -> float:
        torch.nn.utils.vector_to_parameters(torch.from_numpy(weights), network.parameters())
        return ((network(images) - energies).abs() / energies).mean().item()

    def mutate(mutation: Mutation, first: int) -> list[NDArray[np.float32]]:
        children = []
        for seed in range(first, first + CHILDREN):
            weights = parent.copy()
            mutation.draw(seed, len(parent)).add_to(weights)
            children.append(weights)
        return children

    for name, mutation in MUTATIONS.items():
        mutating, evaluating = [], []
        for round_ in range(rounds + 1):
            # fifty times in a row each, since the clock of a process is coarse
            made = seconds(lambda m=mutation, r=round_: [mutate(m, 1000 * r + i) for i in range(50)]) / 50
            children = mutate(mutation, 1000 * round_)
            evaluated = seconds(lambda c=children: [evaluate(weights) for weights in c])
            if round_ > 0:  # the first warms up
                mutating.append(made)
                evaluating.append(evaluated)
        shares = [m / (m + e) for m, e in zip(mutating, evaluating, strict=True)]
        print(
            f"  {name:18s} {CHILDREN} mutations {summary(mutating)} ms, "
            f"evaluations {summary(evaluating)} ms, "
            f"share {summary(shares, 100)} %"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=int, default=4_000_000)
    parser.add_argument("--generations", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{CHILDREN} children on {BATCH} images, 10,161 weights:")
    drawing(arguments.rounds)
    print(f"a genome after {arguments.generations} generations on {arguments.weights:,d} weights:")
    for name in ("point, rate 1 %", "Gaussian"):
        size_and_rebuild(name, MUTATIONS[name], arguments.weights, arguments.generations)


if __name__ == "__main__":
    main()
