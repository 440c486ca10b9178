"""What subnormal numbers cost the backward pass of an untrained JEDI-net, and whether flushing them mends it.

    python benchmarks/jedinet_subnormal.py [--particles 150] [--forms fast fused]

A network of random weights that adds up 150 constituents has logits of large differences. Its softmax is then
0 or 1 but for rounding, the gradient of the cross-entropy has numbers below 1.2e-38, which processors compute
with many times slower, and they run through the whole backward pass. torch.set_flush_denormal(True) makes
them 0. One thread, 100 jets; milliseconds of CPU time of the backward pass, best of several, both ways by
turns.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import torch
from jedinet_step import JETS, make_batches, make_models
from torch import Tensor, nn


def backward_ms(model: nn.Module, x: Tensor, labels: Tensor, *, flush: bool) -> tuple[float, float]:
    """Time one backward pass; also tell which share of the logits' gradient is subnormal."""
    torch.set_flush_denormal(flush)
    logits = model(x)
    loss = nn.functional.cross_entropy(logits, labels)
    (gradient,) = torch.autograd.grad(loss, logits, retain_graph=True)
    subnormal = (gradient != 0) & (gradient.abs() < torch.finfo(torch.float32).tiny)
    start = time.process_time()
    loss.backward()
    return 1e3 * (time.process_time() - start), float(subnormal.float().mean())


def main() -> None:
    parser = argparse.ArgumentParser(description="Time JEDI-net's backward pass with subnormal gradients.")
    parser.add_argument("--particles", type=int, default=150)
    parser.add_argument("--forms", nargs="+", default=["textbook", "fast", "fused"])
    parser.add_argument("--seeds", type=int, default=3, help="networks to try")
    given = parser.parse_args()
    torch.set_num_threads(1)
    (x,) = make_batches(given.particles, full=False, n=1)
    for seed in range(given.seeds):
        torch.manual_seed(seed)
        models = make_models(given.particles, "selu")
        labels = torch.randint(0, 5, (JETS,))
        for form in given.forms:
            taken: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
            for _ in range(3):
                for flush, times in taken.items():
                    times.append(backward_ms(models[form], x, labels, flush=flush))
            kept, flushed = (min(times) for times in taken.values())
            print(
                f"seed {seed} {form:<10} subnormal gradients {kept[1]:4.0%}"
                f"   kept {kept[0]:7.0f} ms   flushed {flushed[0]:7.0f} ms",
                flush=True,
            )


if __name__ == "__main__":
    main()
