"""What a small search costs as a whole command, from Enter to the prompt: raysearch, Ray Tune, plain Optuna.

Each side is a program of its own, started as a user starts it, and carries out runs of a 0.1 s sleep:
raysearch on its Ray (two at a time on two cores) and in its own process (``--local``), Ray Tune with
OptunaSearch and reused actors, and ``study.optimize``. The task notes when each run begins and ends. Sides
take turns; ratios are of the same round.

    python benchmarks/whole_command.py [--runs 60] [--rounds 3] [--memory]

raysearch ends as it does at a terminal, where the report is written in the background, and once more as in a
script, which waits for it. Times are those of the clock, which a busy machine makes longer; processor seconds
of all processes until the prompt is back stand beside them. ``--memory`` tells the most that all processes of
a side held together, a page that several share counted once (PSS).
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from families import Family
from stamps import STAMPS

import raysearch

HERE = Path(__file__).parent
SPACE = f"""
task: {HERE / "sleep_task.py"}:Sleep
space:
  x: {{type: float, low: 0.0, high: 1.0}}
  seconds: 0.1
search: {{sampler: tpe, trials: RUNS}}
budget: {{epochs: 1}}
seed: 1
"""
OPTUNA = """
import sys; sys.path.insert(0, {here!r})
from stamps import stamped_sleep
import optuna
optuna.logging.set_verbosity(optuna.logging.WARNING)
study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))
study.optimize(lambda trial: stamped_sleep(trial.suggest_float("x", 0, 1), 0.1), n_trials={runs})
print(study.best_params)
"""
TUNE = """
import os, sys; sys.path.insert(0, {here!r})
from ray import tune
from ray.tune.search.optuna import OptunaSearch
def objective(config):
    import sys; sys.path.insert(0, {here!r})
    from stamps import stamped_sleep
    tune.report({{"loss": stamped_sleep(config["x"], 0.1)}})
result = tune.Tuner(
    tune.with_resources(objective, {{"cpu": 1}}),
    param_space={{"x": tune.uniform(0, 1)}},
    tune_config=tune.TuneConfig(
        metric="loss", mode="min", search_alg=OptunaSearch(seed=1), num_samples={runs}, reuse_actors=True
    ),
    run_config=tune.RunConfig(storage_path=os.getcwd()),
).fit()
print(result.get_best_result().config)
"""


@dataclass(frozen=True)
class Told:
    """One command: seconds to its first run, of its runs, from the last one's end to the prompt, of all."""

    to_first_s: float
    runs_s: float
    after_last_s: float
    whole_s: float
    processor_s: float
    memory_gb: float
    first_run_at_s: float
    family: Family


def commands(runs: int, folder: Path) -> dict[str, list[str]]:
    """The programs that are compared, by their names."""
    python = sys.executable
    space = folder / "sleep.yaml"
    space.write_text(SPACE.replace("RUNS", str(runs)))
    # As at a terminal, where the report goes on while the prompt is back.
    raysearch = [python, "-m", "raysearch.cli.main", "tune", str(space), "--no-wait"]
    filled = {"here": str(HERE), "runs": runs}
    return {
        "raysearch": raysearch,
        "raysearch, waiting": [*raysearch[:-1], "--wait"],
        "raysearch --local": [*raysearch, "--local"],
        "Ray Tune, OptunaSearch": [python, "-c", TUNE.format(**filled)],
        "plain Optuna": [python, "-c", OPTUNA.format(**filled)],
    }


def told(command: list[str], *, with_memory: bool) -> Told:
    """Carry a command out, and what it took."""
    with tempfile.TemporaryDirectory() as folder:
        stamps = Path(folder) / "stamps"
        surroundings = os.environ | {STAMPS: str(stamps), "OMP_NUM_THREADS": "1"}
        entered_s = time.time()
        errors = Path(folder) / "errors"
        with errors.open("w") as file:
            process = subprocess.Popen(
                command, cwd=folder, env=surroundings, stdout=subprocess.DEVNULL, stderr=file
            )
        family = Family(process.pid, with_memory=with_memory)
        process.wait()
        ended_s = time.time()
        if process.returncode:
            raise SystemExit(errors.read_text())
        noted = [line.split() for line in stamps.read_text(encoding="ascii").splitlines()]
        _wait_for_rest(folder)
        family.finish()
        tried = _tried(Path(folder) / "runs") or {x for _, _, x in noted}
        begun = [float(when) for word, when, x in noted if word == "begin" and x in tried]
        ended = [float(when) for word, when, x in noted if word == "end" and x in tried]
    return Told(
        min(begun) - entered_s,
        max(ended) - min(begun),
        ended_s - max(ended),
        ended_s - entered_s,
        sum(member.until(ended_s) for member in family.members.values()),
        family.most_bytes / 1e9,
        min(begun),
        family,
    )


def _wait_for_rest(folder: str) -> None:
    """Wait for what goes on in the background, such as a mirror, or it would be the next side's burden."""
    while any(_works_in(process, folder) for process in Path("/proc").glob("[0-9]*")):
        time.sleep(0.2)


def _works_in(process: Path, folder: str) -> bool:
    try:
        return (process / "cwd").readlink().is_relative_to(folder)
    except OSError:
        return False  # it has ended, or is another user's


def _tried(runs: Path) -> set[str]:
    """The settings of a study's trials: raysearch tries one step before, which is no run."""
    return {
        repr(trial.settings["x"]) for study in raysearch.studies(runs=runs) for trial in study.history.trials
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--only", help="sides whose names begin so")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sides = commands(arguments.runs, Path(folder))
        sides = {name: command for name, command in sides.items() if name.startswith(arguments.only or "")}
        took: dict[str, list[Told]] = {name: [] for name in sides}
        for _ in range(arguments.rounds):
            for name, command in sides.items():
                took[name].append(one := told(command, with_memory=arguments.memory))
                print(f"  {name:<24} load {os.getloadavg()[0]:.1f}  {one.whole_s:.1f} s", file=sys.stderr)
    first = next(iter(took.values()))
    print(f"{arguments.runs} runs of 0.1 s, {arguments.rounds} rounds: median (least to most), seconds")
    heads = ("to first run", "last run to prompt", "whole command", "processor")
    print(" " * 24 + "".join(f"{head:>22}" for head in heads) + "  first side / this")
    for name, each in took.items():
        ratios = [ours.whole_s / other.whole_s for ours, other in zip(first, each, strict=True)]
        cells = [
            _spread([getattr(one, field) for one in each])
            for field in ("to_first_s", "after_last_s", "whole_s", "processor_s")
        ]
        memory = f"  {max(one.memory_gb for one in each):.2f} GB" if arguments.memory else ""
        print(f"{name:<24}" + "".join(f"{cell:>22}" for cell in cells) + f"  {_spread(ratios)}{memory}")


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


if __name__ == "__main__":
    sys.exit(main())
