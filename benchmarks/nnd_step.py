"""How much faster the nearest-neighbour distance and its gradients are here than written down plainly.

    python benchmarks/nnd_step.py [--points 100] [--batch 100] [--rounds 15] [--default-malloc]

One process, one thread: equation (1) of a batch of digits' clouds, and its gradients in the outputs.

    plain     distances of all pairs by broadcasting over the features, minima along both axes
    cdist     the same by torch.cdist, whose backward goes through all pairs too
    chunks    nearest points are looked for block by block of 16 outputs, then as here (as pykeops does)
    here      models/nnd_loss.py: nearest points without gradients, then the distances of these pairs

All forms are one function (checked in double precision, gradients included) and take turns. A ratio is plain
time / own time of one round; the table gives its median and its lowest and highest value. Peak memory is what
a process of its own needs beyond the points.

The allocator: as in ``jedinet_step.py``, the script starts itself anew with one that keeps memory, unless
``--default-malloc`` asks for glibc's way of giving it back, which costs every form page faults.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "8589934592"}
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

if __name__ == "__main__" and "NND_STEP_CHILD" not in os.environ:
    wanted = ONE_THREAD | ({} if "--default-malloc" in sys.argv else KEEP_MEMORY) | {"NND_STEP_CHILD": "1"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    os.execve(sys.executable, [sys.executable, *sys.argv], kept | wanted)

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch
from torch import Tensor

from raysearch.models.nnd_loss import FORMS as LOSSES
from raysearch.models.nnd_loss import nnd

BLOCK = 16  # outputs of a block of the form in chunks


def plain(made: Tensor, real: Tensor) -> Tensor:
    """All pairs, all features, all kept for the backward."""
    return _of_pairs((made[:, :, None] - real[:, None]).square().sum(3).sqrt())


def by_cdist(made: Tensor, real: Tensor) -> Tensor:
    """All pairs by torch's own operation."""
    return _of_pairs(torch.cdist(made, real))


def by_chunks(made: Tensor, real: Tensor) -> Tensor:
    """The nearest block by block, so that not even the distances of all pairs are there at once."""
    with torch.no_grad():
        least = made.new_full(real.shape[:2], torch.inf)
        of_real = torch.zeros(real.shape[:2], dtype=torch.int64)
        of_made = []
        for start in range(0, made.shape[1], BLOCK):
            squares = (made[:, start : start + BLOCK, None] - real[:, None]).square_().sum(3)
            of_made.append(squares.min(2).indices)
            found = squares.min(1)
            nearer = found.values < least
            of_real = torch.where(nearer, found.indices + start, of_real)
            least = torch.minimum(least, found.values)
    pairs = ((made, real, torch.cat(of_made, 1)), (real, made, of_real))
    apart = [
        torch.linalg.vector_norm(one - other.gather(1, which[..., None].expand(-1, -1, 3)), dim=2)
        for one, other, which in pairs
    ]
    return (apart[0].sum(1) + apart[1].sum(1)).mean()


def here(made: Tensor, real: Tensor) -> Tensor:
    """As the task computes it."""
    there = torch.ones(made.shape[:2], dtype=torch.bool)
    return nnd(made, real, there, there, LOSSES["equation"]).mean()


def _of_pairs(apart: Tensor) -> Tensor:
    return (apart.min(2).values.sum(1) + apart.min(1).values.sum(1)).mean()


FORMS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "plain": plain,
    "cdist": by_cdist,
    "chunks": by_chunks,
    "here": here,
}


def clouds(batch: int, points: int) -> tuple[Tensor, Tensor]:
    """Outputs with gradients, and inputs, in pixels."""
    chance = torch.Generator().manual_seed(0)
    made, real = (27 * torch.rand(batch, points, 3, generator=chance) for _ in range(2))
    return made.requires_grad_(), real


def step(name: str, made: Tensor, real: Tensor) -> Tensor:
    """Compute the loss and its gradients."""
    (gradient,) = torch.autograd.grad(FORMS[name](made, real), made)
    return gradient


def check(batch: int, points: int) -> str:
    """Stop unless all forms are one function in double precision, gradients included."""
    made, real = (each.detach().double() for each in clouds(batch, points))
    made.requires_grad_()
    expected = step("plain", made, real)
    apart = max(float((step(name, made, real) - expected).abs().max()) for name in FORMS)
    if apart > 1e-12:
        sys.exit(f"the forms are not one function: gradients in double precision differ by {apart:.1e}")
    return f"double precision, gradients: {apart:.0e}"


def measure(batch: int, points: int, rounds: int) -> dict[str, np.ndarray]:
    """Take turns, after three rounds to warm up; (rounds,) CPU seconds each."""
    made, real = clouds(batch, points)
    times: dict[str, list[float]] = {name: [] for name in FORMS}
    for number in range(-3, rounds):
        for name in FORMS:
            start = time.process_time()
            step(name, made, real)
            times[name] += [time.process_time() - start] if number >= 0 else []
    return {name: np.array(values) for name, values in times.items()}


def peak_mib(name: str, batch: int, points: int) -> float:
    """Take a step in a process of its own, and ask it for its peak beyond what it had before."""
    sizes = ["--batch", str(batch), "--points", str(points), "--default-malloc"]
    command = [sys.executable, __file__, *sizes, "--memory-of", name]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout) / 1024


def _peak_kib() -> int:
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the nearest-neighbour distance against plain forms.")
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--points", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--default-malloc", action="store_true", help="leave glibc's allocator as it is")
    parser.add_argument("--memory-of", choices=list(FORMS), help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.memory_of:
        step(given.memory_of, *clouds(1, 2))  # code and libraries of the form
        made, real = clouds(given.batch, given.points)
        before = _peak_kib()
        step(given.memory_of, made, real)
        print(_peak_kib() - before)
        return
    size = f"{given.batch} clouds of {given.points} points"
    print(f"torch {torch.__version__}, 1 thread, {size}; {check(4, 30)}")
    times = measure(given.batch, given.points, given.rounds)
    print(f"    {'':<8} {'CPU ms':>8} {'ratio of CPU time':>23} {'peak MiB':>9}")
    for name, own in times.items():
        ratios = times["plain"] / own
        told = f"{np.median(ratios):8.2f} [{ratios.min():5.2f}, {ratios.max():5.2f}]"
        peak = peak_mib(name, given.batch, given.points)
        print(f"    {name:<8} {1e3 * np.median(own):8.2f} {told:>23} {peak:9.1f}")


if __name__ == "__main__":
    main()
