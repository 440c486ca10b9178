"""Where the time of steps goes, as the ledger has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from toy import TOY_TASK

import raysearch
from raysearch.training import timing
from raysearch.training.timing import Agreeing, StepTimes


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Any:
    with patch.object(timing, "time", Clock()) as clock:
        yield clock


def test_a_step_is_computing_waiting_and_averaging(clock: Clock) -> None:
    agreeing = Agreeing()
    clock.now += 50.0
    with agreeing.waiting.running():
        clock.now += 7.0  # before the epoch: none of its own
    times = StepTimes(agreeing)
    for computing in (1.0, 3.0):
        clock.now += computing
        with agreeing.waiting.running():
            clock.now += 0.25
        with agreeing.averaging.running():
            clock.now += 0.5
        times.step_over()
    told = times.told()
    assert told["steps"] == 2
    assert told["steps_s"] == pytest.approx(5.5)
    assert told["waiting_s"] == pytest.approx(0.5)
    assert told["averaging_s"] == pytest.approx(1.0)
    assert told["spread"] == pytest.approx(2**0.5 / 2)  # of 1 s and 3 s


def test_one_step_has_no_spread(clock: Clock) -> None:
    times = StepTimes(Agreeing())
    clock.now += 1.0
    times.step_over()
    assert "spread" not in times.told()


def test_time_is_counted_when_an_exchange_fails(clock: Clock) -> None:
    agreeing = Agreeing()

    def exchange() -> None:
        with agreeing.averaging.running():
            clock.now += 2.0
            raise ConnectionError

    with pytest.raises(ConnectionError):
        exchange()
    assert agreeing.seconds == 2.0


def test_the_ledger_has_the_timings_of_each_epoch_and_no_metric_of_them(tmp_path: Path) -> None:
    study = raysearch.train(
        {
            "task": f"{TOY_TASK}:Toy",
            "space": {"width": {"type": "int", "low": 1, "high": 16}, "batch_size": 16},
            "search": {"sampler": "random", "trials": 1},
            "budget": {"epochs": 2},
            "seed": 1,
        },
        local=True,
        runs=tmp_path,
        **{"space.width": 4},
    )
    (run,) = study.history.trial("0").runs
    assert [epoch.timings["steps"] for epoch in run.epochs.values()] == [4, 4]  # 64 rows in batches of 16
    for epoch in run.epochs.values():
        assert 0 < epoch.timings["steps_s"] <= epoch.seconds
        assert epoch.timings["waiting_s"] == epoch.timings["averaging_s"] == 0.0  # one worker waits for none
        assert not set(epoch.timings) & set(epoch.metrics)
