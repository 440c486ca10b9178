"""What a look of the mirror at a study's ledger costs as it grows: to read it and to say what MLflow lacks.

The first look is at all of it, as every one was in version 0.1.0; a later one, after a trial of ten epochs
is at what is new. Without MLflow, whose time is its own.

    python -m benchmarks.growth_mirror [--trials 100,1000,3000,10000]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.grown_study import make, run_records
from raysearch.ledger.asking_records import Asked
from raysearch.ledger.ledger import Ledger, read_entries
from raysearch.tracking.growing import GrowingViews


def seconds(look: Callable[[], object]) -> float:
    began = time.process_time()
    look()
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", default="100,1000,3000,10000")
    print("| trials | first look, CPU s | later look, CPU s |\n|---:|---:|---:|")
    for n_trials in map(int, parser.parse_args().trials.split(",")):
        with tempfile.TemporaryDirectory() as runs:
            folder, growing = Path(runs) / "s", GrowingViews()
            make(folder, n_trials, "random")

            def look(folder: Path = folder, growing: GrowingViews = growing) -> None:
                growing.changed(read_entries(folder), is_held=True)

            first = seconds(look)
            with Ledger(folder) as ledger:
                asked = Asked(trial=n_trials, settings={"x": 0.5, "seconds": 0.001})
                ledger.append([asked, *run_records(n_trials, loss=0.5)])
            print(f"| {n_trials:,} | {first:.2f} | {seconds(look):.3f} |", flush=True)


if __name__ == "__main__":
    main()
