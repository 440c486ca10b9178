"""How much faster JEDI-net trains and infers here than in its paper's one-hot form (arXiv:1908.05318).

    python benchmarks/jedinet_step.py [--particles 30 150] [--rounds 7] [--default-malloc]

One process, one thread, single precision, 100 jets a step. A step is forward, backward and Adam; both
sides get the same weights, jets and memory allocator, and take turns, after a check that both are one
function. The ratio is the median over rounds of textbook time / raysearch time; its spread is the lowest
and the highest round; "best" compares the quickest round of each, which other load disturbs least.

The allocator: glibc gives large blocks back to the system after each step and pays for it in page faults,
about half of the textbook form's time. So the script starts itself anew with an allocator that keeps memory,
unless ``--default-malloc`` asks for the plain one. Never compare figures of the two.

The gradient that enters backward is a fixed one of ordinary size: a network of random weights that adds up
150 constituents saturates the softmax, and the subnormal numbers that follow slow both sides down.
"""

from __future__ import annotations

import argparse
import copy
import os
import sys
import time
from collections.abc import Callable
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

from raysearch.models.interaction_network import InteractionNetwork, InteractionNetworkShape


def make_pair(particles: int, activation: str) -> tuple[nn.Module, nn.Module]:
    """Make both networks, of the size that the paper found best for 150 particles, with equal weights."""
    shape = InteractionNetworkShape(
        constituents=particles, hidden=50, effect_size=14, output_size=10, aggregation="sum",
        activation_relation=activation, activation_object=activation, activation_classifier=activation,
    )  # fmt: skip
    textbook, ours = TextbookJediNet(shape), InteractionNetwork(shape)
    ours.load_state_dict({k: v for k, v in textbook.state_dict().items() if not k.startswith("R_")})
    return textbook, ours


def outputs_and_gradients(model: nn.Module, x: Tensor, cotangent: Tensor) -> list[Tensor]:
    model.zero_grad()
    logits = model(x)
    logits.backward(cotangent)
    return [logits.detach(), *(value.grad for value in model.parameters())]


def check(textbook: nn.Module, ours: nn.Module, x: Tensor, cotangent: Tensor) -> str:
    """Stop unless both are one function: outputs and gradients in double, outputs in single precision.

    Single-precision gradients are no test: where rounding carries one constituent across the kink of a
    ReLU, the gradient of f_R jumps by up to some 1e-3, in either form.
    """
    exact_textbook, exact_ours = copy.deepcopy(textbook).double(), copy.deepcopy(ours).double()
    worst = 0.0
    for jets in (3, 20):
        given = x[:jets].double(), cotangent[:jets].double()
        expected, got = (outputs_and_gradients(model, *given) for model in (exact_textbook, exact_ours))
        worst = max(
            worst, *(float((g - e).abs().max() / e.abs().max()) for g, e in zip(got, expected, strict=True))
        )
    with torch.inference_mode():
        exact = exact_ours(x.double())
        single = [float((model(x) - exact).abs().max() / exact.abs().max()) for model in (textbook, ours)]
    if worst > 1e-11 or max(single) > 1e-5:
        sys.exit(f"not one function: double precision differs by {worst:.0e}, single by {single}")
    return (
        f"double precision agrees to {worst:.0e}; single: {single[0]:.0e} textbook, {single[1]:.0e} raysearch"
    )


def make_step(model: nn.Module, x: Tensor, cotangent: Tensor) -> Callable[[], None]:
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-6)  # the weights hardly move

    def step() -> None:
        optimiser.zero_grad()
        model(x).backward(cotangent)
        optimiser.step()

    return step


def make_inference(model: nn.Module, x: Tensor) -> Callable[[], None]:
    def infer() -> None:
        with torch.inference_mode():
            model(x)

    return infer


def seconds(work: Callable[[], None], repeats: int) -> tuple[float, float]:
    """Time one call, CPU and wall."""
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(repeats):
        work()
    return (time.process_time() - cpu) / repeats, (time.perf_counter() - wall) / repeats


def measure(textbook: Callable[[], None], ours: Callable[[], None], rounds: int, repeats: int) -> np.ndarray:
    """Take turns; (rounds, 2 sides, CPU and wall), after one round to warm up."""
    seconds(textbook, 1), seconds(ours, 1)
    return np.array([[seconds(textbook, repeats), seconds(ours, repeats)] for _ in range(rounds)])


def row(name: str, times: np.ndarray) -> str:
    ratios = times[:, 0] / times[:, 1]  # (rounds, CPU and wall)
    (low, low_wall), (high, high_wall) = ratios.min(axis=0), ratios.max(axis=0)
    cpu, wall = np.median(ratios, axis=0)
    textbook, ours = 1e3 * times[:, :, 0].min(axis=0)
    return (
        f"{name:<26} {textbook:10.1f} {ours:10.1f} {textbook / ours:6.2f} {cpu:8.2f} [{low:5.2f}, {high:5.2f}]"
        f" {wall:8.2f} [{low_wall:5.2f}, {high_wall:5.2f}]"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Time JEDI-net against its textbook form.")
    parser.add_argument("--particles", type=int, nargs="+", default=[30, 150])
    parser.add_argument("--activations", nargs="+", default=["selu", "relu"])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--default-malloc", action="store_true", help="leave glibc's allocator as it is")
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    allocator = "glibc default" if given.default_malloc else "keeps memory, both sides"
    print(
        f"torch {torch.__version__}, 1 thread, {JETS} jets, hidden 50, D_E 14, D_O 10, sum; malloc {allocator}"
    )
    print(
        f"{'':<26} {'textbook':>10} {'raysearch':>10} {'ratio':>6} {'ratio of CPU time':>24} {'ratio of wall time':>24}"
    )
    print(
        f"{'':<26} {'ms, best':>10} {'ms, best':>10} {'best':>6} {'median [low, high]':>24} {'median [low, high]':>24}"
    )
    for particles in given.particles:
        for activation in given.activations:
            textbook, ours = make_pair(particles, activation)
            x, cotangent = torch.randn(JETS, particles, 16), torch.randn(JETS, 5) / JETS
            agreement = check(textbook, ours, x, cotangent)
            repeats = max(1, 3000 // particles**2)
            name = f"{particles} particles, {activation}"
            works = (make_step(textbook, x, cotangent), make_step(ours, x, cotangent))
            print(row(f"{name}, train", measure(*works, given.rounds, repeats)), flush=True)
            works = (make_inference(textbook, x), make_inference(ours, x))
            print(row(f"{name}, infer", measure(*works, given.rounds, repeats)), flush=True)
            print(f"{'':<26} {agreement}")


if __name__ == "__main__":
    main()
