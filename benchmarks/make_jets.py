"""How many jets a processor-second makes, by the public recipe and by that of version 0.1.0.

    python benchmarks/make_jets.py [--jets 200] [--rounds 3]

One process, one thread, processor time, without writing. Recipes and classes take turns, so that other load
meets all alike. A block's start is timed by itself and counted as a block of full size pays for it.
Needs the extra [hep].
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

if __name__ == "__main__" and os.environ.get("OMP_NUM_THREADS") != "1":
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | ONE_THREAD)

sys.path.insert(0, str(Path(__file__).parents[1]))

from raysearch.data.jets.block import make_block
from raysearch.data.jets.choices import Choices, Detector, RecipeName
from raysearch.data.jets.layout import CLASSES
from raysearch.data.jets.recipe import RECIPES, BlockOrder

KINDS = {
    "0.1.0": Choices(RecipeName.first),
    **{f"public, {detector}": Choices(detector=detector) for detector in Detector},
}


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description="Measure how many jets a processor-second makes.")
    parser.add_argument("--jets", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args(arguments)
    rates: dict[str, list[float]] = {name: [] for name in KINDS}
    for number in range(given.rounds):
        seconds = dict.fromkeys(KINDS, 0.0)
        for class_name in CLASSES:
            for name, choices in KINDS.items():
                seconds[name] += of_a_jet(choices, class_name, given.jets, number + 1)
        for name in KINDS:
            rates[name].append(len(CLASSES) / seconds[name])
    print("| recipe, detector | jets per processor-second, median [lowest, highest] |")
    print("|---|---|")
    for name, found in rates.items():
        print(f"| {name} | {statistics.median(found):.0f} [{min(found):.0f}, {max(found):.0f}] |")


def of_a_jet(choices: Choices, class_name: str, jets: int, seed: int) -> float:
    """Processor-seconds of one jet of a class."""
    few, many = (
        spent(BlockOrder(class_name, n, seed, 0, choices.recipe, choices.seen_by)) for n in (2, jets)
    )
    each = (many - few) / (jets - 2)
    return each + (few - 2 * each) / RECIPES[choices.recipe].block


def spent(order: BlockOrder) -> float:
    start = time.process_time()
    make_block(order)
    return time.process_time() - start


if __name__ == "__main__":
    main(sys.argv[1:])
