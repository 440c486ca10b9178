"""When a run is over a limit: by a clock that only runs while somebody looks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from toy import create_ledger, opened

from raysearch.launch.watch import EPOCHS_OF_SILENCE, LEAST_SILENCE_S, Overdue, Watch
from raysearch.space.run_limits import RunLimits
from raysearch.study.run import Run
from raysearch.study.study import Study


@dataclass
class Clock:
    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Watched:
    """A study with one run under way, which is looked at every few seconds."""

    def __init__(self, folder: Path, limits: RunLimits, *, automatic: bool = True) -> None:
        self.study = Study(create_ledger(folder), lambda *_: None)
        self.study.begin(opened())
        self.clock = Clock()
        self.watch = Watch(limits, self.study.history, automatic=automatic, clock=self.clock)
        run = self.study.next_run()
        assert run is not None
        self.run: Run = run
        self.study.started(run)

    def wait(self, seconds: float) -> Overdue | None:
        for _ in range(round(seconds)):
            self.clock.now_s += 1
            found = self.watch.overdue(self.run)
        return found

    def epoch(self, number: int, seconds: float) -> None:
        self.study.report(self.run, number, seconds, {"val_loss": 1.0})
        self.watch.heard(self.run, seconds)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "s"


def test_a_run_takes_longer_than_it_may(folder: Path) -> None:
    watched = Watched(folder, RunLimits(run_time_s=100))
    assert watched.wait(500) is None, "one that waits for a machine takes no time"
    watched.watch.begin(watched.run)
    assert watched.wait(60) is None
    watched.epoch(1, 60.0)
    assert watched.wait(40) is None
    overdue = watched.wait(1)
    assert overdue == Overdue("time", "took longer than 1.67 min (budget.run_time), stopped after 1 epochs")


def test_what_a_run_had_behind_it_when_it_was_taken_up_counts(folder: Path) -> None:
    watched = Watched(folder, RunLimits(run_time_s=100))
    watched.epoch(1, 70.0)
    watched.watch.begin(watched.run)
    assert watched.wait(30) is None
    assert watched.wait(1) is not None


def test_silence_begins_anew_with_each_epoch(folder: Path) -> None:
    watched = Watched(folder, RunLimits(silence_s=50))
    watched.watch.begin(watched.run)
    assert watched.wait(50) is None
    watched.epoch(1, 50.0)
    assert watched.wait(50) is None
    assert watched.wait(1) == Overdue("hung", "told of no epoch for 50 s (budget.silence)")
    watched.watch.forget(watched.run)
    assert watched.wait(100) is None


def test_without_a_limit_of_the_users_the_longest_epoch_of_the_study_is_the_measure(folder: Path) -> None:
    watched = Watched(folder, RunLimits())
    watched.watch.begin(watched.run)
    assert watched.wait(9 * 3600) is None, "how long a first epoch takes nobody knows"
    watched.epoch(1, 2.0)
    assert watched.wait(LEAST_SILENCE_S) is None
    assert watched.wait(1) is not None
    watched.epoch(2, 600.0)
    assert watched.wait(EPOCHS_OF_SILENCE * 600) is None
    assert watched.wait(1) is not None
    off = Watched(folder.with_name("off"), RunLimits(), automatic=False)
    off.watch.begin(off.run)
    off.epoch(1, 2.0)
    assert off.wait(9 * 3600) is None


def test_a_driver_that_was_stopped_for_an_hour_blames_no_run(folder: Path) -> None:
    watched = Watched(folder, RunLimits(run_time_s=1800, silence_s=900))
    watched.watch.begin(watched.run)
    watched.clock.now_s += 3600
    assert watched.wait(1) is None
