"""How much faster JEDI-net trains and infers here than in its paper's one-hot form (arXiv:1908.05318).

    python benchmarks/jedinet_step.py [--particles 30 150] [--rounds 7] [--full] [--default-malloc]

One process, one thread, single precision, batches of 100 of the jets that ship with raysearch, so that their
lengths are those of generated jets; ``--full`` takes jets without padding instead. A step is forward,
backward and Adam. All forms get the same weights, batches and memory allocator, and take turns, after a check
that they are one function. A ratio is textbook time / raysearch time of one batch in one round; the table
gives its median and its lowest and highest value, and "best" compares the quickest of each, which other load
disturbs least.

The allocator: glibc gives large blocks back to the system after each step and pays for it in page faults,
about half of the textbook form's time. So the script starts itself anew with an allocator that keeps memory,
unless ``--default-malloc`` asks for the plain one. Never compare figures of the two.

The gradient that enters backward is a fixed one of ordinary size: a network of random weights that adds up
150 constituents saturates the softmax, and the subnormal numbers that follow slow every form down
(``jedinet_subnormal.py``).
"""

from __future__ import annotations

import argparse
import copy
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "8589934592"}
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
JETS = 100

if __name__ == "__main__" and "JEDINET_STEP_CHILD" not in os.environ:
    wanted = (
        ONE_THREAD | ({} if "--default-malloc" in sys.argv else KEEP_MEMORY) | {"JEDINET_STEP_CHILD": "1"}
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    os.execve(sys.executable, [sys.executable, *sys.argv], kept | wanted)

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import torch
from textbook_jedinet import TextbookJediNet
from torch import Tensor, nn

from raysearch.data.jets.arrays import JetInput, jet_arrays
from raysearch.models.interaction_network import InteractionNetwork, InteractionNetworkShape

FORMS = {
    "fast": {"memory": "fast"},
    "recompute": {"memory": "recompute"},
    "fused": {"kernel": "fused"},
    "fused_bf16": {"kernel": "fused_bf16"},
}


def make_models(particles: int, activation: str) -> dict[str, nn.Module]:
    """Make all forms, of the size that the paper found best for 150 particles, with equal weights."""
    shape = InteractionNetworkShape(
        constituents=particles, hidden=50, effect_size=14, output_size=10, aggregation="sum",
        activation_relation=activation, activation_object=activation, activation_classifier=activation,
    )  # fmt: skip
    models: dict[str, nn.Module] = {"textbook": TextbookJediNet(shape)}
    weights = {k: v for k, v in models["textbook"].state_dict().items() if not k.startswith("R_")}
    for name, form in FORMS.items():
        models[name] = InteractionNetwork(shape, **form)
        models[name].load_state_dict(weights)
    return models


def make_batches(particles: int, *, full: bool, n: int = 8) -> list[Tensor]:
    """Make batches of constituents (JETS, particles, 16)."""
    if full:
        return [torch.randn(JETS, particles, 16) for _ in range(n)]
    (features,) = jet_arrays(None, JetInput("constituents", particles)).inputs
    order = np.random.default_rng(0).permutation(len(features))[: n * JETS].reshape(n, JETS)
    return [torch.from_numpy(features[rows]) for rows in order]


def outputs_and_gradients(model: nn.Module, x: Tensor, cotangent: Tensor) -> list[Tensor]:
    model.zero_grad()
    logits = model(x)
    logits.backward(cotangent)
    return [logits.detach(), *(value.grad for value in model.parameters())]


def difference(got: list[Tensor], expected: list[Tensor]) -> float:
    return max(float((g - e).abs().max() / e.abs().max()) for g, e in zip(got, expected, strict=True))


def check(models: Mapping[str, nn.Module], x: Tensor, cotangent: Tensor) -> str:
    """Stop unless all forms are one function: outputs and gradients in double, outputs in single precision.

    Outputs of bfloat16 products are let off with 2e-2.

    Single-precision gradients are told, but are no test: where rounding carries one constituent across the
    kink of a ReLU, the gradient of f_R jumps by up to some 1e-3, in any form.
    """
    told = []
    exact_models = {name: copy.deepcopy(model).double() for name, model in models.items()}
    exact = outputs_and_gradients(exact_models["textbook"], x[:20].double(), cotangent[:20].double())
    for name, model in models.items():
        doubles = [
            difference(
                outputs_and_gradients(exact_models[name], x[:jets].double(), cotangent[:jets].double()),
                outputs_and_gradients(exact_models["textbook"], x[:jets].double(), cotangent[:jets].double()),
            )
            for jets in (3, 20)
        ]
        single = outputs_and_gradients(model, x[:20], cotangent[:20])
        most = 2e-2 if name == "fused_bf16" else 1e-5
        if max(doubles) > 1e-11 or difference(single[:1], exact[:1]) > most:
            sys.exit(f"{name} is not the textbook function: double precision differs by {doubles}")
        told.append(
            f"{name}: double {max(doubles):.0e}, single {difference(single[:1], exact[:1]):.0e}"
            f" (gradients {difference(single, exact):.0e})"
        )
    return "; ".join(told)


Work = Callable[[int], None]


def make_step(model: nn.Module, batches: list[Tensor], cotangent: Tensor) -> Work:
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-6)  # the weights hardly move

    def step(batch: int) -> None:
        optimiser.zero_grad()
        model(batches[batch]).backward(cotangent)
        optimiser.step()

    return step


def make_inference(model: nn.Module, batches: list[Tensor]) -> Work:
    def infer(batch: int) -> None:
        with torch.inference_mode():
            model(batches[batch])

    return infer


def seconds(work: Work, batch: int) -> tuple[float, float]:
    """Time one call, CPU and wall."""
    cpu, wall = time.process_time(), time.perf_counter()
    work(batch)
    return time.process_time() - cpu, time.perf_counter() - wall


def measure(works: Mapping[str, Work], rounds: int, batches: int) -> dict[str, np.ndarray]:
    """Take turns; (rounds, CPU and wall) each, after one round to warm up.

    The short ones take several turns a round, of which the mean counts.
    """
    turns = {name: 1 if name == "textbook" else 5 for name in works}
    times: dict[str, list[np.ndarray]] = {name: [] for name in works}
    for number in range(-1, rounds):
        for name, work in works.items():
            taken = np.mean([seconds(work, number % batches) for _ in range(turns[name])], axis=0)
            times[name] += [taken] if number >= 0 else []
    return {name: np.array(values) for name, values in times.items()}


def print_rows(title: str, times: Mapping[str, np.ndarray]) -> None:
    textbook = times["textbook"]
    print(f"{title:<38} {1e3 * textbook[:, 0].min():9.1f}")
    for name, own in times.items():
        if name == "textbook":
            continue
        ratios = textbook / own  # (rounds, CPU and wall)
        (low, low_wall), (high, high_wall) = ratios.min(axis=0), ratios.max(axis=0)
        cpu, wall = np.median(ratios, axis=0)
        best = textbook[:, 0].min() / own[:, 0].min()
        print(
            f"{'    ' + name:<38} {1e3 * own[:, 0].min():9.1f} {best:6.1f}"
            f" {cpu:8.1f} [{low:5.1f}, {high:5.1f}] {wall:8.1f} [{low_wall:5.1f}, {high_wall:5.1f}]",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="Time JEDI-net against its textbook form.")
    parser.add_argument("--particles", type=int, nargs="+", default=[30, 150])
    parser.add_argument("--activations", nargs="+", default=["selu", "relu"])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--full", action="store_true", help="jets without padding")
    parser.add_argument("--default-malloc", action="store_true", help="leave glibc's allocator as it is")
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    allocator = "glibc default" if given.default_malloc else "keeps memory, all forms"
    print(
        f"torch {torch.__version__}, 1 thread, {JETS} jets, {'full' if given.full else 'generated lengths'},"
        f" hidden 50, D_E 14, D_O 10, sum; malloc {allocator}"
    )
    print(f"{'':<38} {'ms, best':>9} {'ratio':>6} {'ratio of CPU time':>23} {'ratio of wall time':>23}")
    print(f"{'':<38} {'':>9} {'best':>6} {'median [low, high]':>23} {'median [low, high]':>23}")
    for particles in given.particles:
        batches = make_batches(particles, full=given.full)
        cotangent = torch.randn(JETS, 5) / JETS
        for activation in given.activations:
            models = make_models(particles, activation)
            agreement = check(models, batches[0], cotangent)
            title = f"{particles} particles, {activation}"
            steps = {name: make_step(model, batches, cotangent) for name, model in models.items()}
            print_rows(f"{title}, train", measure(steps, given.rounds, len(batches)))
            inferences = {name: make_inference(model, batches) for name, model in models.items()}
            print_rows(f"{title}, infer", measure(inferences, given.rounds, len(batches)))
            print(f"    {agreement}")


if __name__ == "__main__":
    main()
