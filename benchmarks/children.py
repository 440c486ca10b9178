"""How much faster children of one network are evaluated here than singly, and how whole generations compare.

    python benchmarks/children.py [--rounds 7] [--cells 8x128 64x128 512x128 64x1000] [--default-malloc]

One process, one thread, single precision: the network of ``calo_regressor`` (16 filters of 3 x 3, 10,161
weights) on showers of its parameterised simulation. A cell 8x128 is 8 children on a batch of 128. The loop
that is compared with does what anybody would: ``load_state_dict`` with the child's weights, which are ready,
then a forward pass. The children are one point mutation of 1 % of the weights away from their parent, and
ours are given these mutations. All forms get the same weights and batch and take turns, after a check that
they give the same energies; a ratio is that of the CPU time of neighbouring turns, and the table gives its
median and its lowest and highest value.

A whole generation draws the mutations, evaluates on a batch and selects. The rivals keep their own algorithm
(EvoTorch: its genetic algorithm on SupervisedNE; Nevergrad: OnePlusLambda and DE, each candidate evaluated by
a forward pass), so that this compares what a generation costs, not what it brings.

The allocator: as in jedinet_step.py, glibc's gives large blocks back to the system after each step, and pays
for it in page faults, mostly in the loop. So the script starts itself anew with an allocator that keeps
memory, unless ``--default-malloc`` asks for the plain one. Never compare figures of the two.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "8589934592"}
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

if __name__ == "__main__" and "CHILDREN_CHILD" not in os.environ:
    wanted = ONE_THREAD | ({} if "--default-malloc" in sys.argv else KEEP_MEMORY) | {"CHILDREN_CHILD": "1"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    os.execve(sys.executable, [sys.executable, *sys.argv], kept | wanted)

sys.path.insert(0, str(Path(__file__).parents[1]))

import nevergrad as ng
import torch
from torch import Tensor

from raysearch.data.showers.simulation import simulate
from raysearch.evolve.mutation import PointMutation
from raysearch.models.calo_children import children_outputs
from raysearch.models.calo_regressor import CaloNetwork, CaloShape
from raysearch.models.flat import Step, flat_parameters
from raysearch.training.drawn_together import DrawnTogether

MUTATION = PointMutation(rate=0.01, power=0.1)
DRAWN = DrawnTogether(MUTATION)
LEAST_S = 0.1  # a turn repeats its work until it takes about this long: process clocks are coarse
GENERATION_CELLS = ((8, 128), (64, 128))
EVOTORCH = "pip install evotorch, or pip install --target DIR evotorch and PYTHONPATH=DIR"

Work = Callable[[], Any]


def make_showers(n: int) -> tuple[Tensor, Tensor]:
    """Make projections (n, 25, 25) and energies (n,), GeV."""
    rng = np.random.default_rng(0)
    energy = rng.uniform(10, 500, n)
    images = simulate(energy, rng).sum(axis=2).transpose(0, 2, 1)
    return torch.from_numpy(np.ascontiguousarray(images)), torch.from_numpy(energy.astype(np.float32))


def make_model(compute: str) -> CaloNetwork:
    torch.manual_seed(0)
    return CaloNetwork(CaloShape(), compute)


def relative_error(outputs: Tensor, energy: Tensor) -> Tensor:
    return ((outputs - energy).abs() / energy).mean(-1)


def draw(n_weights: int, children: int, first_seed: int) -> list[Step]:
    seeds = range(first_seed, first_seed + children)
    DRAWN.prepare(seeds, n_weights)
    steps = [DRAWN.draw(seed, n_weights) for seed in seeds]
    return [(torch.from_numpy(step.places), torch.from_numpy(step.deltas)) for step in steps]


def make_evaluations(children: int, images: Tensor) -> dict[str, Work]:
    """Make the forms of evaluating the same children, which give (child, B)."""
    models = {compute: make_model(compute) for compute in ("torch", "fused")}
    plain = make_model("torch")
    steps = draw(len(flat_parameters(plain)), children, 0)
    states = []
    for places, deltas in steps:
        child = make_model("torch")
        flat_parameters(child)[places] += deltas
        states.append({name: weight.clone() for name, weight in child.state_dict().items()})

    @torch.no_grad()
    def loop() -> Tensor:
        found = []
        for state in states:
            plain.load_state_dict(state)
            found.append(plain(images))
        return torch.stack(found)

    return {"loop": loop} | {
        name: lambda model=model: children_outputs(model, steps, images) for name, model in models.items()
    }


def make_loop_generation(children: int, images: Tensor, energy: Tensor) -> Work:
    """Make the generation that anybody would write: dense masks, load_state_dict, the best goes on."""
    model = make_model("torch")
    parent = torch.nn.utils.parameters_to_vector(model.parameters()).detach()
    shapes = {name: weight.shape for name, weight in model.state_dict().items()}
    sizes = [shape.numel() for shape in shapes.values()]

    @torch.no_grad()
    def loss_of(weights: Tensor) -> float:
        pieces = zip(shapes.items(), weights.split(sizes), strict=True)
        model.load_state_dict({name: piece.view(shape) for (name, shape), piece in pieces})
        return float(relative_error(model(images), energy))

    def generation() -> None:
        nonlocal parent
        candidates = [parent]
        for _ in range(children):
            mask = torch.rand(len(parent)) < MUTATION.rate
            candidates.append(parent + mask * (2 * torch.rand(len(parent)) - 1) * MUTATION.power)
        losses = [loss_of(weights) for weights in candidates]
        parent = candidates[int(np.argmin(losses))]

    return generation


def make_generation(compute: str, children: int, images: Tensor, energy: Tensor) -> Work:
    """Make a (1 + children) generation of ours; the parent is evaluated on the batch too."""
    model = make_model(compute)
    flat, seed = flat_parameters(model), 0
    itself = (torch.empty(0, dtype=torch.int64), torch.empty(0))

    def generation() -> None:
        nonlocal seed
        steps = [itself, *draw(len(flat), children, seed)]
        seed += children
        best, deltas = steps[int(relative_error(children_outputs(model, steps, images), energy).argmin())]
        flat[best] += deltas

    return generation


def make_nevergrad(name: str, children: int, images: Tensor, energy: Tensor) -> Work:
    model = make_model("torch")
    flat = flat_parameters(model)
    optimizer = ng.optimizers.registry[name](
        ng.p.Array(init=flat.numpy().copy()), 10**6, num_workers=children
    )

    @torch.no_grad()
    def generation() -> None:
        candidates = [optimizer.ask() for _ in range(children)]
        for candidate in candidates:
            flat.copy_(torch.from_numpy(candidate.value))
            optimizer.tell(candidate, float(relative_error(model(images), energy)))

    return generation


def make_evotorch(children: int, images: Tensor, energy: Tensor) -> Work:
    from evotorch.algorithms import GeneticAlgorithm  # noqa: PLC0415 - a rival that need not be there
    from evotorch.neuroevolution import SupervisedNE  # noqa: PLC0415
    from evotorch.operators import GaussianMutation  # noqa: PLC0415
    from evotorch.tools import set_default_logger_config  # noqa: PLC0415

    set_default_logger_config(logger_level=40, override=True)
    problem = SupervisedNE(
        torch.utils.data.TensorDataset(images, energy), lambda: make_model("torch"), relative_error,
        minibatch_size=len(images), initial_bounds=(-0.1, 0.1),
    )  # fmt: skip
    mutate = GaussianMutation(problem, stdev=MUTATION.power, mutation_probability=MUTATION.rate)
    return GeneticAlgorithm(problem, operators=[mutate], popsize=children, re_evaluate=False).step


def make_generations(children: int, images: Tensor, energy: Tensor) -> dict[str, Work]:
    works = {"loop": make_loop_generation(children, images, energy)}
    works |= {name: make_generation(name, children, images, energy) for name in ("torch", "fused")}
    works |= {
        f"Nevergrad {name}": make_nevergrad(name, children, images, energy)
        for name in ("OnePlusLambda", "DE")
    }
    if importlib.util.find_spec("evotorch"):
        works["EvoTorch GA"] = make_evotorch(children, images, energy)
    else:
        print(f"    EvoTorch is not installed: {EVOTORCH}")
    return works


def cpu_seconds(work: Work, times: int) -> float:
    started = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - started) / times


def measure(works: Mapping[str, Work], rounds: int) -> dict[str, np.ndarray]:
    """Take turns; (rounds,) CPU seconds of each."""
    for work in works.values():
        work()
    times = {name: max(1, round(LEAST_S / max(cpu_seconds(work, 1), 1e-4))) for name, work in works.items()}
    found: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            found[name].append(cpu_seconds(work, times[name]))
    return {name: np.array(values) for name, values in found.items()}


def print_rows(title: str, times: Mapping[str, np.ndarray], children: int) -> None:
    for name, own in times.items():
        ratios = times["loop"] / own
        print(
            f"{title:<24} {name:<26} {1e3 * np.median(own):9.2f} {children / np.median(own):11,.0f}"
            f" {np.median(ratios):8.2f} [{ratios.min():6.2f}, {ratios.max():6.2f}]",
            flush=True,
        )


def check(works: Mapping[str, Work]) -> float:
    """Stop unless all forms give the same energies; tell by how much they differ."""
    expected = works["loop"]()
    differences = [float((work() - expected).abs().max() / expected.abs().max()) for work in works.values()]
    if max(differences) > 3e-6:
        sys.exit(f"the forms differ: {dict(zip(works, differences, strict=True))}")
    return max(differences)


def print_share_of_mutation(children: int, images: Tensor, energy: Tensor, rounds: int) -> None:
    n = len(flat_parameters(make_model("torch")))
    works: dict[str, Work] = {"mutation": lambda: draw(n, children, 0)}
    works |= {name: make_generation(name, children, images, energy) for name in ("torch", "fused")}
    times = {name: np.median(values) for name, values in measure(works, rounds).items()}
    shares = ", ".join(
        f"{100 * times['mutation'] / times[name]:.1f} % ({name})" for name in ("torch", "fused")
    )
    print(f"    mutation: {1e3 * times['mutation']:.2f} ms of a generation, {shares}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the evaluation of children, and whole generations.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--cells", nargs="*", default=["8x128", "64x128", "512x128", "64x1000"])
    parser.add_argument("--no-generations", action="store_true")
    parser.add_argument("--default-malloc", action="store_true", help="leave glibc's allocator as it is")
    given = parser.parse_args()
    torch.set_num_threads(1)
    images, energy = make_showers(1000)
    allocator = "glibc default" if given.default_malloc else "keeps memory, all forms"
    print(f"torch {torch.__version__}, 1 thread, 10,161 weights, 1 % mutated; malloc {allocator}")
    print(f"{'':<24} {'':<26} {'ms':>9} {'children/s':>11} {'ratio of CPU time to the loop':>26}")
    for cell in given.cells:
        children, batch = map(int, cell.split("x"))
        works = make_evaluations(children, images[:batch].contiguous())
        difference = check(works)
        print_rows(f"{children} children, batch {batch}", measure(works, given.rounds), children)
        print(f"    largest difference of energies: {difference:.0e} of the largest energy")
    for children, batch in () if given.no_generations else GENERATION_CELLS:
        data = images[:batch].contiguous(), energy[:batch].contiguous()
        times = measure(make_generations(children, *data), given.rounds)
        print_rows(f"generation, {children} on {batch}", times, children)
        print_share_of_mutation(children, *data, given.rounds)


if __name__ == "__main__":
    main()
