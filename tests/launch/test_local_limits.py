"""Limits in this process: a run that hangs, takes too long or too much memory ends, its study goes on."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from troubled_task import IN_TROUBLE
from troubles import carry, failures, troubled_space

from raysearch.errors import InputError, NoFinishedTrialError
from raysearch.launch import alarm, local_executor, stop_flag
from raysearch.launch.local_executor import LocalExecutor
from raysearch.launch.request import Wish
from raysearch.launch.watch import Watch
from raysearch.ledger.entries import Entry
from raysearch.ledger.history import History
from raysearch.ledger.run_records import Epoch, Lost, Started
from raysearch.ledger.study_records import Closed, Limited
from raysearch.space.space_file import SpaceFile


@pytest.fixture(autouse=True)
def _stands_still(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Seconds pass only for a run that is in trouble, however slow this machine is."""
    now = [0.0]

    def clock() -> float:
        now[0] += 9.0 if IN_TROUBLE in os.environ else 0.0
        return now[0]

    os.environ.pop(IN_TROUBLE, None)
    monkeypatch.setattr(local_executor, "Watch", partial(Watch, clock=clock))
    monkeypatch.setattr(alarm, "LONGEST_TICK_S", 0.05)
    yield
    os.environ.pop(IN_TROUBLE, None)


def calm(entry: Entry, _: History) -> None:
    if not isinstance(entry.record, Epoch):
        os.environ.pop(IN_TROUBLE, None)


def carried_out(space_file: SpaceFile, folder: Path) -> tuple[History, list[Entry]]:
    entries: list[Entry] = []

    def listen(entry: Entry, history: History) -> None:
        calm(entry, history)
        entries.append(entry)

    history = carry(space_file, folder, LocalExecutor(space_file.resources), listen)
    return history, entries


@pytest.mark.parametrize("kind", ["sleep", "spin", "lock"])
def test_a_run_that_hangs_is_repeated_once_and_has_then_failed(tmp_path: Path, kind: str) -> None:
    space_file = troubled_space(f"none,{kind}", 4, budget={"silence": "1m"})
    history, entries = carried_out(space_file, tmp_path / "s")
    assert failures(history) == ["finished", "hung", "finished", "hung"]
    lost = [entry.record for entry in entries if isinstance(entry.record, Lost)]
    assert [(record.trial, record.attempt) for record in lost] == [(1, 1), (1, 2), (3, 1), (3, 2)]
    assert "told of no epoch for 1 min (budget.silence); it was in" in lost[0].reason
    assert f"in _{kind}" in lost[0].reason
    failure = history.trials[1].failure
    assert "troubled_task.py" in failure
    assert f"self._{kind}" in failure or 'getattr(self, f"_{self._befalls}")()' in failure


def test_a_run_that_takes_too_long_has_failed_at_once(tmp_path: Path) -> None:
    space_file = troubled_space("sleep,none", 2, budget={"run_time": 120})
    history, entries = carried_out(space_file, tmp_path / "s")
    assert failures(history) == ["time", "finished"]
    why = "time: took longer than 2 min (budget.run_time), stopped after 1 epochs"
    assert history.trials[0].failure == why
    assert len([entry for entry in entries if isinstance(entry.record, Started)]) == 2


def test_a_run_over_its_memory_is_one_failure_and_the_next_has_its_own(tmp_path: Path) -> None:
    space_file = troubled_space("oom,none", 4, resources={"memory": "1 GB"})
    history, entries = carried_out(space_file, tmp_path / "s")
    assert failures(history) == ["oom", "finished", "oom", "finished"]
    ended = history.trials[0].runs[0].ended
    assert ended is not None
    assert 500 < ended.facts["peak_mb"] <= 1100
    assert f"{ended.facts['peak_mb']:.0f} MB at its peak, 1000 MB allowed (resources.memory)" in ended.message
    assert len([entry for entry in entries if isinstance(entry.record, Started)]) == 4, "none is tried again"


def test_what_no_machine_has_is_out_of_memory_too(tmp_path: Path) -> None:
    history, _ = carried_out(troubled_space("huge,none", 2), tmp_path / "s")
    assert failures(history) == ["oom", "finished"]


def test_limits_in_another_thread_are_refused_and_not_forgotten(tmp_path: Path) -> None:
    caught: list[Exception] = []

    def carry_it_out() -> None:
        try:
            carried_out(troubled_space("none", 2, budget={"run_time": 60}), tmp_path / "s")
        except InputError as error:
            caught.append(error)

    thread = threading.Thread(target=carry_it_out)
    thread.start()
    thread.join()
    assert "main thread" in str(caught[0])


class Wall:
    """The study's wall clock, of a test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 0.0
        monkeypatch.setattr(stop_flag, "monotonic", lambda: self.now_s)

    def pass_hours_at(self, trial: int, epoch: int) -> Wall:
        self._at = (trial, epoch)
        return self

    def __call__(self, entry: Entry, _: History) -> None:
        if isinstance(entry.record, Epoch) and (entry.record.trial, entry.record.epoch) == self._at:
            self.now_s += 7200


def test_a_study_out_of_time_stops_tests_its_best_and_goes_on_to_the_same_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space_file = troubled_space("none", 6, budget={"time": "2h"})
    executor, wall = LocalExecutor(space_file.resources), Wall(monkeypatch)
    straight = carry(space_file, tmp_path / "straight", executor)
    first = carry(space_file, tmp_path / "s", executor, wall.pass_hours_at(3, 2))
    assert first.closed == Closed(reason="out of time")
    assert first.n_committed == 3
    assert first.trials[3].runs[0].ended is None
    assert [tested.trial for tested, _ in first.tests] == [first.best.number if first.best else None]
    # Each session has its own two hours.
    again = carry(space_file, tmp_path / "s", executor, wall.pass_hours_at(5, 1))
    assert again.closed == Closed(reason="out of time")
    assert again.n_committed == 5
    entries: list[Entry] = []
    last = carry(
        space_file, tmp_path / "s", executor, lambda e, _: entries.append(e), Wish(limits={"time": None})
    )
    assert [entry.record for entry in entries if isinstance(entry.record, Limited)] == [
        Limited(limits={"time": None})
    ]
    assert last.closed == Closed(reason="finished")
    assert last.hash == straight.hash


def test_out_of_time_before_any_trial_finished_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space_file = troubled_space("none", 6, budget={"time": "2h"})
    wall = Wall(monkeypatch).pass_hours_at(0, 1)
    why = "no trial finished; out of time, go on with: raysearch resume"
    with pytest.raises(NoFinishedTrialError, match=why):
        carry(space_file, tmp_path / "s", LocalExecutor(space_file.resources), wall)


def test_an_alarm_leaves_no_handler_behind(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGALRM)
    carried_out(troubled_space("sleep,none", 2, budget={"run_time": 120}), tmp_path / "s")
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_failed_trials_tried_again_make_a_study_as_if_nothing_had_befallen_them(
    tmp_path: Path,
) -> None:
    spell = tmp_path / "spell"
    space_file = troubled_space("none,raises,oom", 6, resources={"memory": "1 GB"}, spell=str(spell))
    executor = LocalExecutor(space_file.resources)
    before = carry(space_file, tmp_path / "s", executor)
    assert failures(before) == ["finished", "error", "oom"] * 2
    spell.touch()
    after = carry(space_file, tmp_path / "s", executor, wish=Wish(retry_failed=True))
    assert failures(after) == ["finished"] * 6
    assert after.hash == carry(space_file, tmp_path / "straight", executor).hash
    assert after.best is not None
    assert [tested.trial for tested, _ in after.tests][-1] == after.best.number
