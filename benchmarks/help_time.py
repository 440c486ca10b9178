"""CPU time of `raysearch --help` on top of `python -c pass`, interleaved.

python benchmarks/help_time.py [--rounds 15]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys


def cpu_seconds(*command: str) -> float:
    before = os.times()
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    differences = [
        cpu_seconds("-m", "raysearch.cli.main", "--help") - cpu_seconds("-c", "pass") for _ in range(rounds)
    ]
    low, middle, high = min(differences), statistics.median(differences), max(differences)
    print(
        f"raysearch --help: {middle:.2f} s of CPU time ({low:.2f}-{high:.2f}) more than python -c pass, "
        f"{rounds} rounds"
    )


if __name__ == "__main__":
    main()
