"""How much faster 3DGAN trains and generates here than in plain torch (25 x 25 x 25 cells, fixed angle).

    python benchmarks/gan3d_step.py [--batch 16] [--rounds 7] [--default-malloc]

One process, one thread. A training step is the published one: the discriminator on real showers, on
generated ones (made by the generator in evaluation mode), then twice the generator, each with loss, backward
and RMSprop.

    eager         compute "plain": every layer as it is written down; each backward into all parameters
    eager frozen  the same, each backward into the parameters of the network that it trains
    phases        compute "phases", frozen
    phases bf16   the same under autocast, for CPUs that compute in bfloat16

Under "eager", gradients of the discriminator are computed in the generator's steps and thrown away, as a
plain ``loss.backward()`` does. All forms start from one set of weights, after a check in double precision
that they are one function, and take turns. A ratio is eager time / own time of one round; the table gives
its median and its lowest and highest value. Other load disturbs wall time most. Peak memory is that of a
process of its own after two steps.

The allocator: as in ``jedinet_step.py``, the script starts itself anew with one that keeps memory, unless
``--default-malloc`` asks for glibc's way of giving it back, which costs every form page faults.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "8589934592"}
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

if __name__ == "__main__" and "GAN3D_STEP_CHILD" not in os.environ:
    wanted = ONE_THREAD | ({} if "--default-malloc" in sys.argv else KEEP_MEMORY) | {"GAN3D_STEP_CHILD": "1"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    os.execve(sys.executable, [sys.executable, *sys.argv], kept | wanted)

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
from torch import Tensor

from raysearch.models.gan3d import Gan3d
from raysearch.models.gan3d_losses import FLIPPED, WEIGHTS, Truth, flipped, loss_parts, target_sum, weighted
from raysearch.models.gan3d_published import FIXED_ANGLE

FORMS = {
    "eager": {"compute": "plain", "frozen": False, "low": False},
    "eager frozen": {"compute": "plain", "frozen": True, "low": False},
    "phases": {"compute": "phases", "frozen": True, "low": False},
    "phases bf16": {"compute": "phases", "frozen": True, "low": True},
}
Work = Callable[[], None]


class Trainer:
    """Both networks, their optimisers, and the published step."""

    def __init__(self, weights: Mapping[str, Tensor], *, compute: str, frozen: bool, low: bool) -> None:
        self.model = Gan3d(FIXED_ANGLE, compute=compute)
        self.model.load_state_dict(weights)
        self.frozen, self.low = frozen, low
        networks = {"generator": self.model.generator, "discriminator": self.model.discriminator}
        self.parameters = {name: list(network.parameters()) for name, network in networks.items()}
        self.optimizers = {  # a small rate: the weights hardly move
            name: torch.optim.RMSprop(values, lr=1e-7, alpha=0.9, eps=1e-7)
            for name, values in self.parameters.items()
        }

    def step(self, cells: Tensor, energy: Tensor) -> None:
        """Train both networks on one batch of real showers."""
        with torch.no_grad():
            self.model.generator.eval()
            fake, fake_energy = self.generate(len(cells))
            self.model.generator.train()
        self._descend(cells, _truth(energy, cells.sum((1, 2, 3)), real=1), "discriminator")
        self._descend(fake, _truth(fake_energy, target_sum(fake_energy), real=0), "discriminator")
        for _ in range(2):
            fake, fake_energy = self.generate(len(cells))
            true = Truth(torch.ones(len(cells)), fake_energy, target_sum(fake_energy))
            self._descend(fake, true, "generator")

    def generate(self, showers: int) -> tuple[Tensor, Tensor]:
        """Make showers and their energies."""
        energy = 0.1 + 4.9 * torch.rand(showers)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.low):
            return self.model(torch.randn(showers, FIXED_ANGLE.noise), energy), energy

    def _descend(self, cells: Tensor, true: Truth, name: str) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=self.low):
            said = self.model.discriminator(cells)
            loss = weighted(loss_parts(said, true), WEIGHTS["fixed"])
        self.model.zero_grad()
        loss.backward(inputs=self.parameters[name] if self.frozen else None)
        self.optimizers[name].step()


def _truth(energy: Tensor, cell_sum: Tensor, *, real: int) -> Truth:
    labels = torch.full_like(energy, real)
    return Truth(flipped(labels, torch.rand(len(labels)) < FLIPPED), energy, cell_sum)


def check(weights: Mapping[str, Tensor]) -> str:
    """Stop unless both forms are one function in double precision, gradients included."""
    results = []
    torch.manual_seed(1)
    noise, energy = torch.randn(3, FIXED_ANGLE.noise).double(), 1 + torch.rand(3).double()
    for compute in ("plain", "phases"):
        model = Gan3d(replace(FIXED_ANGLE, dropout=0.0), compute=compute).double()
        model.load_state_dict(weights)
        showers = model(noise, energy)
        said = model.discriminator(showers)
        (said.real_logit + said.energy + said.cell_sum).sum().backward()
        results.append(
            [
                showers.detach(),
                *(part.detach() for part in said[:3]),
                *(values.grad for values in model.parameters()),
            ]
        )
    differences = [
        float((got - expected).abs().max() / expected.abs().max().clamp_min(1e-3))
        for expected, got in zip(*results, strict=True)
    ]
    if max(differences) > 1e-10:
        sys.exit(f"phases is not the plain function: double precision differs by {max(differences):.1e}")
    return f"double precision, outputs and gradients: {max(differences):.0e}"


def seconds(work: Work) -> tuple[float, float]:
    """Time one call, CPU and wall."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def measure(works: Mapping[str, Work], rounds: int) -> dict[str, np.ndarray]:
    """Take turns, after one round to warm up; (rounds, CPU and wall) each."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for number in range(-1, rounds):
        for name, work in works.items():
            taken = seconds(work)
            times[name] += [taken] if number >= 0 else []
    return {name: np.array(values) for name, values in times.items()}


def print_rows(title: str, times: Mapping[str, np.ndarray], showers: int) -> None:
    first = next(iter(times))
    print(f"{title}")
    for name, own in times.items():
        ratios = times[first] / own  # (rounds, CPU and wall)
        (low, low_wall), (high, high_wall) = ratios.min(axis=0), ratios.max(axis=0)
        cpu, wall = np.median(ratios, axis=0)
        middle = np.median(own[:, 0])
        print(
            f"    {name:<14} {1e3 * middle:9.1f} {showers / middle:9.1f}"
            f" {cpu:8.2f} [{low:5.2f}, {high:5.2f}] {wall:8.2f} [{low_wall:5.2f}, {high_wall:5.2f}]",
            flush=True,
        )


def train(weights: Mapping[str, Tensor], forms: Mapping[str, dict], batch: int) -> dict[str, Work]:
    torch.manual_seed(2)
    cells, energy = torch.rand(batch, *FIXED_ANGLE.cells) * 0.01, 0.1 + 4.9 * torch.rand(batch)
    trainers = {name: Trainer(weights, **form) for name, form in forms.items()}
    return {name: lambda trainer=trainer: trainer.step(cells, energy) for name, trainer in trainers.items()}


def generation(weights: Mapping[str, Tensor], batch: int) -> dict[str, Work]:
    repeats = max(1, 20 // batch)
    trainers = {name: Trainer(weights, **FORMS[name]) for name in ("eager", "phases", "phases bf16")}

    def generate(trainer: Trainer) -> None:
        with torch.inference_mode():
            for _ in range(repeats):
                trainer.generate(batch)

    for trainer in trainers.values():
        trainer.model.eval()
    return {name: lambda trainer=trainer: generate(trainer) for name, trainer in trainers.items()}


def peak_mib(form: str, batch: int) -> float:
    """Take two steps in a process of its own, and ask it for its peak memory."""
    command = [sys.executable, __file__, "--batch", str(batch), "--memory-of", form]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description="Time 3DGAN against its plain form.")
    parser.add_argument("--batch", type=int, nargs="+", default=[16])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--default-malloc", action="store_true", help="leave glibc's allocator as it is")
    parser.add_argument("--memory-of", choices=list(FORMS), help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    weights = Gan3d(FIXED_ANGLE).state_dict()
    if given.memory_of:
        (work,) = train(weights, {given.memory_of: FORMS[given.memory_of]}, given.batch[0]).values()
        work()
        work()
        status = Path("/proc/self/status").read_text()
        print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
        return
    allocator = "glibc default" if given.default_malloc else "keeps memory, all forms"
    print(f"torch {torch.__version__}, 1 thread, fixed angle; malloc {allocator}; {check(weights)}")
    print(f"    {'':<14} {'CPU ms':>9} {'showers/s':>9} {'ratio of CPU time':>23} {'ratio of wall time':>23}")
    for batch in given.batch:
        print_rows(f"train, batch {batch}", measure(train(weights, FORMS, batch), given.rounds), batch)
    for batch in (1, 100):
        made = batch * max(1, 20 // batch)
        print_rows(f"generate, batch {batch}", measure(generation(weights, batch), given.rounds), made)
    for form in FORMS:
        print(f"    peak memory, {form}, batch {given.batch[0]}: {peak_mib(form, given.batch[0]):.0f} MiB")


if __name__ == "__main__":
    main()
