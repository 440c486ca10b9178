"""What an ask of TPE costs as a study grows, beside bare Optuna's own: processor time of both, interleaved.

Both have the seven settings of JEDI-net's space, the same trials and three that are out. Optuna's side is one
TPESampler with raysearch's defaults that is asked on and on, as in a study of its own.

    python benchmarks/growth_ask.py [--trials 100,1000,3000,10000] [--asks 30]
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import optuna

from raysearch.search.make import complete_options, make_searcher
from raysearch.search.optuna_search import distributions_of
from raysearch.search.searcher import Recalling
from raysearch.space.sections import SearchSection
from raysearch.space.space_file import read_space_file

SPACE = Path(__file__).parents[1] / "searchspaces" / "jedinet.yaml"
N_OUT = 3


def seconds(step: Callable[[], object]) -> float:
    began = time.process_time()
    step()
    return time.process_time() - began


def compare(n_trials: int, n_asks: int) -> tuple[float, float, float]:
    """Milliseconds of raysearch's ask and of Optuna's with so many trials told, and the median ratio."""
    space, rng = read_space_file(SPACE).searched, np.random.default_rng(0)
    ours = make_searcher(SearchSection(sampler="tpe", trials=n_trials + n_asks), space, seed=1, window=4)
    assert isinstance(ours, Recalling)
    bare = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1, **complete_options("tpe", {})))
    distributions = distributions_of(space)
    for number, value in enumerate(rng.random(n_trials)):
        settings = space.sample(rng)
        ours.recall(number, settings)
        ours.tell(number, [value])
        bare.add_trial(
            optuna.create_trial(value=value, params=ours.internal(settings), distributions=distributions)
        )
    out, pairs = [], []
    for number in range(n_trials, n_trials + N_OUT + n_asks):
        pair = (
            seconds(lambda number=number: ours.ask(number)),
            seconds(lambda: out.append(bare.ask(distributions))),
        )
        if number < n_trials + N_OUT:
            continue  # the first ones fill the window, and both sides' caches
        pairs.append(pair)
        value = rng.random()
        ours.tell(number - N_OUT, [value])
        bare.tell(out.pop(0), value)
    ratio = statistics.median(mine / other for mine, other in pairs)
    mine, other = (1e3 * statistics.median(side) for side in zip(*pairs, strict=True))
    return mine, other, ratio


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", default="100,1000,3000,10000")
    parser.add_argument("--asks", type=int, default=30)
    given = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    print("| trials told | raysearch, ms | Optuna, ms | ratio |\n|---:|---:|---:|---:|")
    for n_trials in map(int, given.trials.split(",")):
        mine, other, ratio = compare(n_trials, given.asks)
        print(f"| {n_trials:,} | {mine:.1f} | {other:.1f} | {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    main()
