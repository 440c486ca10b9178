"""What the report of a study costs as it grows, in processor time of this process, drawing included.

python -m benchmarks.growth_report [--trials 1000,3000,10000]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks.grown_study import make
from raysearch.report.build import build_report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", default="1000,3000,10000")
    print("| trials | CPU, s | page, MB |\n|---:|---:|---:|")
    for n_trials in map(int, parser.parse_args().trials.split(",")):
        with tempfile.TemporaryDirectory() as runs:
            folder = Path(runs) / "s"
            make(folder, n_trials, "random")
            began = time.process_time()
            page = build_report(folder)
            seconds = time.process_time() - began
            print(f"| {n_trials:,} | {seconds:.1f} | {page.stat().st_size / 1e6:.1f} |", flush=True)


if __name__ == "__main__":
    main()
