"""How much faster MPGAN trains here than as published (30 particles, networks of the published size).

    python benchmarks/mpgan_step.py [--batch 32] [--rounds 5] [--of-class g q]

One process, one thread, real jets of the sample that ships. A training step is the published one: the
discriminator on real and on generated jets, then the generator, each with loss, backward and RMSprop.

    published     compute "plain": all pairs of all particles, padding too; each backward into all parameters,
                  in the discriminator's step through the generator as well
    plain         the same layers; fake jets of the discriminator's step without gradient, each backward into
                  the parameters of the network that it trains, as every task's step is here
    packed        compute "packed": the first edge layer split, padding left out, quick dropout; the rest as
                  "plain"

All start from one set of weights, after a check in double precision that the forms are one function, and take
turns. A ratio is published time / own time of one round; the table has its median, lowest and highest value.
Of gluon jets most have 30 particles or more: what leaving out padding brings depends on the class.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np

ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "8589934592"}

if __name__ == "__main__" and "MPGAN_STEP_CHILD" not in os.environ:
    wanted = {**ONE_THREAD, **KEEP_MEMORY, "MPGAN_STEP_CHILD": "1"}
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | wanted)

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
from torch import Tensor

from raysearch.data.clouds.jets import load_jet_clouds
from raysearch.models.mpgan_networks import MpganDiscriminator, MpganGenerator, MpganShape

FORMS = {"published": ("plain", False), "plain": ("plain", True), "packed": ("packed", True)}
Batch = tuple[Tensor, Tensor]


class Trainer:
    """Both networks, their optimisers, and the published step."""

    def __init__(self, compute: str, *, frozen: bool, dropout: float = 0.5) -> None:
        torch.manual_seed(0)
        shape = MpganShape(dropout=dropout)
        self.generator = MpganGenerator(shape, compute=compute)
        self.discriminator = MpganDiscriminator(shape, compute=compute)
        self.frozen = frozen
        self.optimizers = {  # small rates: the weights hardly move
            network: torch.optim.RMSprop(network.parameters(), lr=1e-8)
            for network in (self.discriminator, self.generator)
        }

    def fake(self, n: Tensor) -> Batch:
        """Generate jets of n particles."""
        noise = 0.2 * torch.randn(len(n), 30, 32, dtype=next(self.generator.parameters()).dtype)
        return self.generator(noise, n, noise.new_zeros(len(n), 0))

    def judged(self, jets: Batch) -> Tensor:
        """Scores of jets."""
        return self.discriminator(*jets, jets[0].new_zeros(len(jets[0]), 0))

    def step(self, real: Batch) -> None:
        """Train both networks on one batch of real jets."""
        n = real[1].sum(1)
        with torch.set_grad_enabled(not self.frozen):
            fake = self.fake(n)
        loss = (self.judged(real) - 1).square().mean() + self.judged(fake).square().mean()
        self._descend(loss, self.discriminator)
        self._descend((self.judged(self.fake(n)) - 1).square().mean(), self.generator)

    def _descend(self, loss: Tensor, network: torch.nn.Module) -> None:
        for each in self.optimizers:
            each.zero_grad()
        loss.backward(inputs=list(network.parameters()) if self.frozen else None)
        self.optimizers[network].step()


def check(real: Batch) -> str:
    """Stop unless plain and packed are one function in double precision, gradients included."""
    results = []
    for compute in ("plain", "packed"):
        trainer = Trainer(compute, frozen=True, dropout=0.0)
        for network in trainer.optimizers:
            network.double()
        torch.manual_seed(1)
        jets = trainer.fake(real[1].sum(1))
        scores = trainer.judged(jets), trainer.judged((real[0].double(), real[1]))
        (scores[0].sum() - 2 * scores[1].sum()).backward()
        gradients = [p.grad for network in trainer.optimizers for p in network.parameters()]
        results.append([jets[0].detach(), *(each.detach() for each in scores), *gradients])
    differences = [
        float((got - expected).abs().max() / expected.abs().max().clamp_min(1e-9))
        for expected, got in zip(*results, strict=True)
    ]
    if max(differences) > 1e-9:
        sys.exit(f"packed is not the plain function: double precision differs by {max(differences):.1e}")
    return f"double precision, outputs and gradients: {max(differences):.0e}"


def measure(real: Batch, rounds: int) -> dict[str, np.ndarray]:
    """Take turns, after one round to warm up; CPU seconds (rounds,)."""
    trainers = {name: Trainer(compute, frozen=frozen) for name, (compute, frozen) in FORMS.items()}
    times: dict[str, list[float]] = {name: [] for name in trainers}
    for number in range(-1, rounds):
        for name, trainer in trainers.items():
            begin = time.process_time()
            trainer.step(real)
            times[name] += [time.process_time() - begin] if number >= 0 else []
    return {name: np.array(values) for name, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description="Time MPGAN's training step against its published form.")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--of-class", nargs="+", default=["g", "q"])
    given = parser.parse_args()
    torch.set_num_threads(1)
    clouds = load_jet_clouds()
    for name in given.of_class:
        particles = torch.from_numpy(clouds.of_class(name).particles[: given.batch])
        real = particles, (particles != 0).any(2)
        n = real[1].sum(1).double()
        kept = float(n.square().mean()) / 900
        print(f"class {name}, batch {given.batch}, {float(n.mean()):.1f} particles, {kept:.2f} of all pairs")
        print(f"torch {torch.__version__}, 1 thread; {check((particles[:4], real[1][:4]))}")
        times = measure(real, given.rounds)
        for form, own in times.items():
            ratios = times["published"] / own
            told = f"{np.median(ratios):5.2f} [{ratios.min():5.2f}, {ratios.max():5.2f}]"
            print(f"    {form:<10} {1e3 * np.median(own):9.1f} ms of CPU a step, ratio {told}", flush=True)


if __name__ == "__main__":
    main()
