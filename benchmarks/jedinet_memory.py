"""How much memory a JEDI-net training step takes, against the paper's one-hot form (arXiv:1908.05318).

    python benchmarks/jedinet_memory.py [--particles 150] [--full]

Each form runs in a process of its own, with an allocator that returns large blocks at once. There the peak of
resident memory (VmHWM of /proc/self/status, set back by clear_refs) over one step is taken, less what was
resident before it; a step of two jets came first, so that libraries are loaded. Adam's memory counts in
neither.
"""

from __future__ import annotations

import argparse
import gc
import os
import re
import subprocess
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import torch
from jedinet_step import FORMS, make_batches, make_models

RETURN_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "65536", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def resident_kib(name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1])


def measure_one(form: str, particles: int, activation: str, *, full: bool) -> None:
    """Print the KiB that one training step of one form adds."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = make_models(particles, activation)[form]
    gc.collect()
    (x,) = make_batches(particles, full=full, n=1)
    cotangent = torch.randn(len(x), 5)
    model(x[:2]).backward(cotangent[:2])
    model.zero_grad()
    gc.collect()
    before = resident_kib("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    model(x).backward(cotangent)
    print(resident_kib("VmHWM") - before)


def main() -> None:
    parser = argparse.ArgumentParser(description="Memory of a JEDI-net training step, form by form.")
    parser.add_argument("--particles", type=int, default=150)
    parser.add_argument("--activations", nargs="+", default=["selu", "relu"])
    parser.add_argument("--full", action="store_true", help="jets without padding")
    parser.add_argument("--form", help="measure this one in this process, and print KiB")
    given = parser.parse_args()
    if given.form:
        measure_one(given.form, given.particles, given.activations[0], full=given.full)
        return
    for activation in given.activations:
        mib = {}
        for form in ("textbook", *FORMS):
            options = ["--form", form, "--particles", str(given.particles), "--activations", activation]
            command = [sys.executable, __file__, *options, *["--full"] * given.full]
            out = subprocess.run(
                command, env=os.environ | RETURN_MEMORY, check=True, capture_output=True, text=True
            )
            mib[form] = int(out.stdout) / 1024
            print(
                f"{given.particles} particles, {activation}, {form:<10} {mib[form]:8.1f} MiB"
                f"   1/{mib['textbook'] / mib[form]:.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
