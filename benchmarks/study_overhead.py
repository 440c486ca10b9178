"""What raysearch costs on top of bare Ray Tune: a study of runs of 0.1 s, both ways, in one session.

Both sides carry out the same trainable (one attempt at a run of a task that sleeps 0.1 s) in reused
actors on the same Ray. raysearch adds the ledger, the lock-step order and the commits. Plain Optuna
in one process is quoted beside them.

    python benchmarks/study_overhead.py [--runs 60] [--rounds 3]
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import optuna
from ray import tune

from raysearch.cluster.environment import prepare_environment
from raysearch.cluster.open_executor import executor_for
from raysearch.data.source import DataSource
from raysearch.launch.begin import create_study
from raysearch.launch.carry_out import carry_out
from raysearch.launch.prepare import prepare
from raysearch.launch.request import Where
from raysearch.space.space_file import SpaceFile, read_space_file
from raysearch.training.attempt import attempt_run
from raysearch.training.order import EpochReport, Order
from raysearch.training.workers import OneWorker

TASK = f"{Path(__file__).parent / 'sleep_task.py'}:Sleep"
SPACE = f"""
task: {TASK}
space:
  x: {{type: float, low: 0.0, high: 1.0}}
  seconds: 0.1
search: {{sampler: random, trials: RUNS}}
budget: {{epochs: 1}}
seed: 1
"""


def attempt(x: float, folder: str, number: int) -> float:
    order = Order(
        TASK, folder, number, 0, 1, {"x": x, "seconds": 0.1}, 1, DataSource(None, (0.6, 0.2, 0.2)), 1
    )
    reports: list[EpochReport] = []
    outcome = attempt_run(order, OneWorker(), reports.append)
    assert outcome.value is not None
    return outcome.value


def with_raysearch(space_file: SpaceFile, executor: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        prepared = prepare(space_file, Path(folder))
        started = time.monotonic()
        slots = executor.slots  # type: ignore[attr-defined]
        with create_study(prepared, Path(folder) / "study", slots) as ledger:
            carry_out(ledger, executor, lambda *_: None, lambda _: None)  # type: ignore[arg-type]
        took.append(time.monotonic() - started)


def with_bare_tune(runs: int) -> None:
    def trainable(config: dict[str, float]) -> None:
        tune.report({"val_loss": attempt(config["x"], config["folder"], 0)})  # type: ignore[arg-type]

    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        tune.Tuner(
            tune.with_resources(trainable, {"CPU": 1}),
            param_space={
                "x": tune.uniform(0, 1),
                "folder": tune.sample_from(lambda _: tempfile.mkdtemp(dir=folder)),
            },
            tune_config=tune.TuneConfig(num_samples=runs, reuse_actors=True),
            run_config=tune.RunConfig(storage_path=folder, verbose=0),
        ).fit()
        took.append(time.monotonic() - started)


def with_plain_optuna(runs: int) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
        started = time.monotonic()
        study.optimize(
            lambda trial: attempt(trial.suggest_float("x", 0, 1), folder, trial.number), n_trials=runs
        )
        took.append(time.monotonic() - started)


took: list[float] = []


def measure(sides: dict[str, Callable[[], None]], rounds: int) -> dict[str, list[float]]:
    for side in sides.values():
        side()  # warms up: actors' imports, files
    took.clear()
    for _ in range(rounds):
        for side in sides.values():
            side()
    return {name: took[place :: len(sides)] for place, name in enumerate(sides)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    prepare_environment(None)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(SPACE.replace("RUNS", str(arguments.runs)))
        file.flush()
        space_file = read_space_file(Path(file.name))
    with executor_for(Where(), space_file.resources) as executor:
        times = measure(
            {
                "raysearch": lambda: with_raysearch(space_file, executor),
                "bare Ray Tune": lambda: with_bare_tune(arguments.runs),
                "plain Optuna, one process": lambda: with_plain_optuna(arguments.runs),
            },
            arguments.rounds,
        )
        slots = executor.slots
    print(
        f"{arguments.runs} runs of 0.1 s, {slots} at a time, {arguments.rounds} rounds after one to warm up"
    )
    for name, seconds in times.items():
        ratios = [ours / other for ours, other in zip(times["raysearch"], seconds, strict=True)]
        print(
            f"{name:<26} {statistics.median(seconds):6.2f} s ({min(seconds):.2f}-{max(seconds):.2f})   "
            f"raysearch / this: {statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
        )


if __name__ == "__main__":
    sys.exit(main())
