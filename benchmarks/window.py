"""What a search loses by being asked ahead of its results, and what slots lose by waiting, for each window.

Nothing is trained: a Gaussian process fitted to 48 trials of jet-dnn (``jet_dnn_trials.csv``) stands for it,
with noise that the settings decide and durations like theirs. A search of 60 trials by TPE is carried out in
lock step on so many slots, for each seed. Regret: what the trial that looks best is, without its noise,
beyond the best of 20,000 random points.

    python benchmarks/window.py [--windows 1,2,3,4,6,8] [--slots 2] [--seeds 40] [--no-liar]
"""

from __future__ import annotations

import argparse
import csv
import heapq
import math
import statistics
import warnings
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel

from raysearch import seeds
from raysearch.search.make import make_searcher
from raysearch.space.domains import ChoiceDomain, Space
from raysearch.space.sections import SearchSection
from raysearch.space.space_file import read_space_file

HERE = Path(__file__).parent
SPACE = HERE.parent / "searchspaces" / "jet-dnn.yaml"
TRIALS, STARTUP = 60, 8
NOISE, SPREAD = 0.01, 0.25  # of the logarithms of loss and duration, between runs of like settings


@dataclass(frozen=True)
class Run:
    """What a run comes to, what that is beyond the best without noise, and how long it takes."""

    loss: float
    regret: float
    seconds: float


class Surrogate:
    """Loss and duration of any settings of jet-dnn on the jets that ship."""

    def __init__(self, space: Space) -> None:
        self._space = space
        with (HERE / "jet_dnn_trials.csv").open() as file:
            rows = list(csv.DictReader(file))
        points = np.array([self._point(_typed(row), row["jets"] == "6013") for row in rows])
        losses = np.log([float(row["val_loss"]) for row in rows])
        kernel = RBF(np.ones(points.shape[1])) + WhiteKernel(0.01)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of length scales at their bounds: settings that hardly matter
            self._fitted = GaussianProcessRegressor(kernel, normalize_y=True, random_state=0).fit(
                points, losses
            )
        rng = np.random.default_rng(0)
        many = np.array([self._point(space.sample(rng)) for _ in range(20_000)])
        self.best = float(np.exp(self._fitted.predict(many).min()))

    def __call__(self, settings: Mapping[str, Any]) -> Run:
        """A run with its noise; small batches take longer, as their epochs have more steps."""
        rng = seeds.generator(0, "surrogate", zlib.crc32(repr(sorted(settings.items())).encode()))
        loss = float(self._fitted.predict(np.array([self._point(settings)]))[0])
        seconds = (60 + 0.5 * settings["neurons"]) / settings["batch_size"]
        return Run(
            loss=math.exp(loss + NOISE * rng.normal()),
            regret=math.exp(loss) - self.best,
            seconds=seconds * math.exp(SPREAD * rng.normal()),
        )

    def _point(self, settings: Mapping[str, Any], is_shipped: bool = True) -> list[float]:
        point = [float(is_shipped)]
        for name, domain in self._space.domains.items():
            value = settings[name]
            if isinstance(domain, ChoiceDomain):
                point += [float(domain.index(value) == place) for place in range(domain.size)]
            else:
                low, high, value = (
                    math.log(x) if domain.log else x for x in (domain.low, domain.high, value)
                )
                point.append((value - low) / (high - low))
        return point


def _typed(row: Mapping[str, str]) -> dict[str, Any]:
    typed: dict[str, Any] = dict(row) | {name: int(row[name]) for name in ("layers", "neurons", "batch_size")}
    typed |= {name: float(row[name]) for name in ("dropout", "learning_rate")}
    return typed | {"standardize": row["standardize"] == "True"}


def search(
    space: Space, surrogate: Surrogate, window: int, n_slots: int, seed: int, options: dict[str, Any]
) -> tuple[float, float, float]:
    """The regret of the trial that looks best, the share of time that slots were busy, all seconds."""
    section = SearchSection(sampler="tpe", trials=TRIALS, options={"n_startup_trials": STARTUP, **options})
    searcher = make_searcher(section, space, seed, window)
    asked = [surrogate(searcher.ask(number)) for number in range(min(window, TRIALS))]
    ended, now, n_told, n_begun = set[int](), 0.0, 0, 0
    running: list[tuple[float, int]] = []
    while n_told < TRIALS:
        while len(running) < n_slots and n_begun < len(asked):
            heapq.heappush(running, (now + asked[n_begun].seconds, n_begun))
            n_begun += 1
        now, trial = heapq.heappop(running)
        ended.add(trial)
        while n_told in ended:
            searcher.tell(n_told, [asked[n_told].loss])
            n_told += 1
            if len(asked) < TRIALS:
                asked.append(surrogate(searcher.ask(len(asked))))
    busy = sum(run.seconds for run in asked) / (n_slots * now)
    return min(asked, key=lambda run: run.loss).regret, busy, now


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", default="1,2,3,4,6,8")
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--no-liar", action="store_true", help="trials that are out count as nothing")
    given = parser.parse_args()
    space = read_space_file(SPACE).searched
    surrogate, options = Surrogate(space), {"constant_liar": not given.no_liar}
    print(f"{given.slots} slots, {given.seeds} seeds, {TRIALS} trials")
    print("| window | regret | +- | slots busy | whole search, s |\n|---:|---:|---:|---:|---:|")
    for window in map(int, given.windows.split(",")):
        found = [search(space, surrogate, window, given.slots, seed, options) for seed in range(given.seeds)]
        regrets, busy, seconds = (list(side) for side in zip(*found, strict=True))
        error = statistics.stdev(regrets) / math.sqrt(len(regrets))
        print(
            f"| {window} | {statistics.mean(regrets):.4f} | {error:.4f} | {statistics.mean(busy):.2f} | "
            f"{statistics.mean(seconds):.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
