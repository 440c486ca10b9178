"""A study of ways to agree in simulation: tables, and figures with --out.

    python -m benchmarks.clock [--steps 3200] [--workers 4,16,256] [--out docs/figures]

Steps, data, losses and the algorithms are real; times are made up (``benchmarks/clock/cluster.py``).
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from benchmarks.clock.cluster import Cluster
from benchmarks.clock.events import Exchange, in_step
from benchmarks.clock.figures import write_figures
from benchmarks.clock.learning import SETTINGS, InStep, Problem, Worker
from raysearch.agreement.make import make_agreement
from raysearch.agreement.sides import ASYNCHRONOUS

N_LOOKS = 12  # at the validation loss
FREE: dict[str, Any] = {"exchange": ASYNCHRONOUS}
WAYS: dict[str, tuple[str, dict[str, Any]]] = {  # what it is called here: algorithm, settings
    "all-reduce": ("allreduce", {}),
    "all-reduce, rate x sqrt(W)": ("allreduce", {"scale": True}),
    "downpour": ("downpour", FREE),
    "downpour, every 8": ("downpour", {**FREE, "exchange_every": 8}),
    "easgd, every 8": ("easgd", {**FREE, "exchange_every": 8}),
    "gem": ("gem", FREE),
    "local-sgd, every 8": ("local-sgd", {}),
    "diloco, every 20": ("diloco", {"exchange_every": 20}),
}


class Look(NamedTuple):
    """The validation loss at a moment: of the virtual clock, and of steps of all workers."""

    seconds: float
    steps: int
    loss: float


class Result(NamedTuple):
    """A run: its looks, in order, and how many rows a virtual second it came to."""

    looks: Sequence[Look]
    rows_a_second: float


def scenarios(sizes: Sequence[int]) -> dict[str, Cluster]:
    """Clusters by name: of all sizes, and one of them in trouble."""
    some = Cluster(16)
    return {
        **{f"{workers} workers": Cluster(workers) for workers in sizes},
        "4 workers, one twice as slow": Cluster(4, slow={0: 2.0}),
        "16 workers, one twice as slow": dataclasses.replace(some, slow={0: 2.0}),
        "16 workers, four links ten times as slow": dataclasses.replace(
            some, slow_links=dict.fromkeys(range(4), 10.0)
        ),
        "16 workers, two lost on the way": dataclasses.replace(some, lost={3: 1.0, 7: 2.0}),
    }


def simulate(way: str, cluster: Cluster, n_steps: int) -> Result:
    """Carry one run out."""
    torch.manual_seed(0)
    name, settings = WAYS[way]
    rate = SETTINGS["learning_rate"] * (cluster.workers**0.5 if settings.get("scale") else 1.0)
    problem = Problem({**SETTINGS, "learning_rate": rate})
    looks: list[Look] = []

    def watch(now: float, steps: int, weights: Tensor) -> None:
        if steps >= n_steps * (len(looks) + 1) / N_LOOKS or steps >= n_steps:
            looks.append(Look(now, steps, problem.loss(weights)))

    if name == "allreduce":
        in_step(cluster, InStep(problem, cluster.workers).step, n_steps, watch)
    else:
        agreement = make_agreement(name, settings)
        learners = [Worker(problem, agreement, each, cluster.workers) for each in range(cluster.workers)]
        centre = agreement.centre(problem.start(), cluster.workers)
        Exchange(cluster, learners, centre, agreement.settings.exchange_every, n_steps, watch).run()
    last = looks[-1]
    return Result(looks, last.steps * SETTINGS["batch_size"] / last.seconds)


def table(results: Mapping[str, Mapping[str, Result]]) -> list[str]:
    """Rows a virtual second over all-reduce's, and the loss at equal rows and at equal time."""
    lines = []
    for scenario, of_ways in results.items():
        base = of_ways["all-reduce"]
        end = min(result.looks[-1].seconds for result in of_ways.values())
        columns = (
            "",
            "rows / virtual s",
            "of all-reduce's",
            "loss after all rows",
            f"loss after {end:.2f} virtual s",
        )
        lines += [f"**{scenario}** (simulation)", "", f"| {' | '.join(columns)} |", "|---|---|---|---|---|"]
        for way, result in of_ways.items():
            lines.append(
                f"| {way} | {result.rows_a_second:,.0f} | {result.rows_a_second / base.rows_a_second:.2f} "
                f"| {result.looks[-1].loss:.3f} | {_by(result, end)} |"
            )
        lines.append("")
    return lines


def _by(result: Result, end: float) -> str:
    known = [look.loss for look in result.looks if look.seconds <= end * (1 + 1e-9)]
    return f"{known[-1]:.3f}" if known else "-"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=3200, help="of all workers together")
    parser.add_argument("--workers", default="4,16,256")
    parser.add_argument("--out", type=Path, help="folder for figures")
    given = parser.parse_args()
    torch.set_num_threads(1)
    sizes = [int(text) for text in given.workers.split(",")]
    results: dict[str, dict[str, Result]] = {}
    for scenario, cluster in scenarios(sizes).items():
        results[scenario] = {way: simulate(way, cluster, given.steps) for way in WAYS}
        print("\n".join(table({scenario: results[scenario]})), flush=True)
    if given.out:
        write_figures(given.out, results, sizes)


if __name__ == "__main__":
    main()
