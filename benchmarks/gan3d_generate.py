"""How many showers a second 3DGAN generates, beside the parameterised simulation (25 x 25 x 25 cells).

    python benchmarks/gan3d_generate.py [--rounds 5] [--showers 100] [--default-malloc]

One process, one thread. The generator is the published one at a fixed angle, with weights as they are begun
with. Its forms (``compute`` "plain": every layer as it is written down;
"phases": the exact forms that are quicker) and the simulation (``data/showers/simulation.py``, 20 showers at
a time) take turns at ``--showers`` showers of 10 to 500 GeV, the same energies for all; at batch 1 forms of
the network make a fifth of them. The simulation's time grows with the energy, as its spots do; a network's
does not.

Of each the table gives the median of showers a second over rounds, by CPU time and by wall time, and in
brackets the slowest and the quickest round. Other load disturbs wall time most. The ratio is showers a second
over those of the simulation, by CPU time, of one round. All of it is cells in memory: nothing is written.

The allocator: as in ``gan3d_step.py``.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "8589934592"}
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

if __name__ == "__main__" and "GAN3D_GENERATE_CHILD" not in os.environ:
    wanted = (
        ONE_THREAD | ({} if "--default-malloc" in sys.argv else KEEP_MEMORY) | {"GAN3D_GENERATE_CHILD": "1"}
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    os.execve(sys.executable, [sys.executable, *sys.argv], kept | wanted)

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch

from raysearch.data.showers.simulation import simulate
from raysearch.models.gan3d import Gan3d
from raysearch.models.gan3d_published import FIXED_ANGLE

Work = Callable[[], None]
SIMULATION = "simulation"
LOW_GEV, HIGH_GEV = 10.0, 500.0
BATCHES = (1, 100)
FORMS = ("plain", "phases")


def simulation(energy_gev: np.ndarray) -> Work:
    rng = np.random.default_rng(1)

    def work() -> None:
        simulate(energy_gev, rng)

    return work


def generation(model: Gan3d, energy_gev: np.ndarray, batch: int) -> Work:
    """Make showers of these energies, so many at a time; noise is drawn as it is needed."""
    energy = torch.from_numpy((energy_gev / 100).astype(np.float32))

    def work() -> None:
        with torch.inference_mode():
            for piece in energy.split(batch):
                model(torch.randn(len(piece), FIXED_ANGLE.noise), piece)

    return work


def works(showers: int) -> dict[str, tuple[Work, int]]:
    """Each by name, and how many showers it makes."""
    energy = np.random.default_rng(0).uniform(LOW_GEV, HIGH_GEV, showers)
    torch.manual_seed(0)
    weights = Gan3d(FIXED_ANGLE).state_dict()
    found = {SIMULATION: (simulation(energy), showers)}
    for compute in FORMS:
        model = Gan3d(FIXED_ANGLE, compute=compute).eval()
        model.load_state_dict(weights)
        for batch in BATCHES:
            own = energy[: max(1, showers // 5)] if batch == 1 else energy
            found[f"{compute}, batch {batch}"] = (generation(model, own, batch), len(own))
    return found


def measure(wanted: Mapping[str, tuple[Work, int]], rounds: int) -> dict[str, np.ndarray]:
    """Take turns, after one round to warm up: showers a second by CPU and by wall time, (rounds, 2) each."""
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in wanted}
    for number in range(-1, rounds):
        for name, (work, showers) in wanted.items():
            cpu, wall = time.process_time(), time.perf_counter()
            work()
            taken = time.process_time() - cpu, time.perf_counter() - wall
            if number >= 0:
                rates[name].append((showers / taken[0], showers / taken[1]))
    return {name: np.array(values) for name, values in rates.items()}


def spread(values: np.ndarray, digits: int = 1) -> str:
    low, middle, high = (f"{value:.{digits}f}" for value in (values.min(), np.median(values), values.max()))
    return f"{middle:>9} [{low:>8}, {high:>8}]"


def main() -> None:
    parser = argparse.ArgumentParser(description="Time 3DGAN's generator beside the simulation.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--showers", type=int, default=100)
    parser.add_argument("--default-malloc", action="store_true", help="leave glibc's allocator as it is")
    given = parser.parse_args()
    torch.set_num_threads(1)
    allocator = "glibc default" if given.default_malloc else "keeps memory"
    print(f"torch {torch.__version__}, 1 thread, fixed angle, {given.rounds} rounds; malloc {allocator}")
    print(f"{'showers/s':<20} {'by CPU time':>30} {'by wall time':>30} {'times the simulation':>30}")
    rates = measure(works(given.showers), given.rounds)
    for name, own in rates.items():
        ratios = own[:, 0] / rates[SIMULATION][:, 0]
        print(f"{name:<20} {spread(own[:, 0]):>30} {spread(own[:, 1]):>30} {spread(ratios, 3):>30}")


if __name__ == "__main__":
    main()
