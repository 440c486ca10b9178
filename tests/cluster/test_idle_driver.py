"""While runs train, the process that carries the study out sleeps until there is news."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from bare import bare
from toy import TOY_TASK

import raysearch


def carried_out(runs: Path, name: str, pause_s: float) -> tuple[float, float]:
    """CPU seconds of this process, and seconds that the study's run took, most of them asleep."""
    space = {
        "task": f"{TOY_TASK}:Toy",
        "space": {"width": {"type": "int", "low": 1, "high": 16}, "pause_s": pause_s},
        "search": {"sampler": "random", "trials": 1},
        "budget": {"epochs": 2},
        "seed": 1,
    }
    before = time.process_time()
    study = raysearch.train(space, runs=runs, name=name, show="nothing", **{"space.width": 4})
    (run,) = study.history.trial("0").runs
    return time.process_time() - before, sum(epoch.seconds for epoch in run.epochs.values())


@pytest.mark.ray_cluster
def test_waiting_for_a_run_costs_no_cpu(tmp_path: Path) -> None:
    with bare():
        carried_out(tmp_path, "imports", 0.0)
        start, short = carried_out(tmp_path, "short", 0.0)
        in_all, long = carried_out(tmp_path, "long", 2.5)  # at each of eight steps
    assert long - short > 15.0
    # of a driver that polls without a pause it would be all of it
    assert in_all - start < 0.3 * (long - short)
