"""How long `raysearch resume` takes to its first new run, in a study of thousands of trials.

Each is resumed until its first new run has started, and stopped; without its proof and with it, in turn.

    python -m benchmarks.growth_resume [--trials 100,3000,10000] [--sampler tpe] [--rounds 3] [--ray]
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.grown_study import make
from raysearch.ledger.ledger import FILE_NAME
from raysearch.study.proof import FILE_NAME as PROOF


def first_run(folder: Path, options: list[str]) -> tuple[float, float]:
    """Wall and processor seconds of the command itself until the ledger has a new run."""
    ledger = folder / FILE_NAME
    size, began = ledger.stat().st_size, time.monotonic()
    command = [sys.executable, "-m", "raysearch.cli.main", "resume", folder.name]
    command += ["--runs", str(folder.parent), *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT) as process:
        while process.poll() is None and b'"kind":"started"' not in _from(ledger, size):
            time.sleep(0.02)
        found = time.monotonic() - began, _processor_seconds(process.pid)
        process.send_signal(signal.SIGINT)
    return found


def _from(file: Path, place: int) -> bytes:
    with file.open("rb") as content:
        content.seek(place)
        return content.read()


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", default="100,3000,10000")
    parser.add_argument("--sampler", default="tpe")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ray", action="store_true", help="on Ray, not in one process")
    given = parser.parse_args()
    os.environ.setdefault("RAYSEARCH_CACHE", tempfile.mkdtemp())
    print("| trials | proof | CPU, s | wall, s | load |\n|---:|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as runs:
        os.environ.setdefault("MLFLOW_TRACKING_URI", f"sqlite:///{runs}/mlflow.db")
        for n_trials in map(int, given.trials.split(",")):
            folder = Path(runs) / f"s{n_trials}"
            make(folder, n_trials, given.sampler)
            found: dict[str, list[tuple[float, float]]] = {"no": [], "yes": []}
            for _ in range(given.rounds):
                (folder / PROOF).unlink(missing_ok=True)
                for seconds in found.values():  # the first one leaves a proof behind
                    seconds.append(first_run(folder, [] if given.ray else ["--local"]))
            for name, seconds in found.items():
                wall, cpu = (statistics.median(side) for side in zip(*seconds, strict=True))
                load = os.getloadavg()[0]
                print(f"| {n_trials:,} | {name} | {cpu:.1f} | {wall:.1f} | {load:.1f} |", flush=True)


if __name__ == "__main__":
    main()
