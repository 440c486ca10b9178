"""Trials x folds x workers on machines of any size: no deadlock, and no core idle that a run could have.

The study and the count of slots are the real ones; runs take made-up times on a made-up clock.
"""

from __future__ import annotations

import heapq
import random
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from toy import create_ledger, finished, opened

from raysearch.cluster.places import WorkerResources, group_slots
from raysearch.search.make import default_window
from raysearch.space.sections import SearchSection
from raysearch.study.run import Run
from raysearch.study.study import Study


class Shape(NamedTuple):
    """A study and what it runs on; ``cores`` by machine, ``cpus`` of each worker."""

    trials: int
    folds: int
    workers: int
    cpus: float
    cores: list[int]
    lost_at: float | None  # when a machine leaves, in units of the shortest run
    seed: int

    def slots(self, cores: list[int]) -> int:
        return group_slots(self.workers, WorkerResources(self.cpus), [{"CPU": each} for each in cores])


shapes = some.builds(
    Shape,
    trials=some.integers(1, 10),
    folds=some.integers(1, 4),
    workers=some.integers(1, 5),
    cpus=some.sampled_from([0.5, 1.0, 2.0, 3.0]),
    cores=some.lists(some.integers(1, 16), min_size=1, max_size=4),
    lost_at=some.none() | some.floats(0.1, 6.0),
    seed=some.integers(0, 10**6),
)


def carry_out(study: Study, shape: Shape) -> None:
    """Give every free slot a run whenever there is one, as Tune does; a lost machine's runs come back."""
    chance = random.Random(shape.seed)
    running: list[tuple[float, int, int, Run]] = []  # its end, and what tells equal ends apart
    cores, slots, now = list(shape.cores), shape.slots(shape.cores), 0.0
    lost_at = shape.lost_at
    while not study.is_over:
        while len(running) < slots and (run := study.next_run()) is not None:
            study.started(run)
            # Less than twice the shortest: of what takes longer the window may wait for the oldest.
            heapq.heappush(running, (now + chance.uniform(1.0, 1.99), run.trial, run.fold, run))
        n_left = sum(run.ended is None for trial in study.history.trials for run in trial.runs)
        n_left += (study.history.n_trials - len(study.history.trials)) * shape.folds
        assert len(running) == min(slots, n_left), (
            f"{slots} slots, {len(running)} at work, {n_left} runs left"
        )
        if lost_at is not None and running[0][0] > lost_at and len(cores) > 1 and shape.slots(cores[1:]):
            now, lost_at, cores = lost_at, None, cores[1:]
            slots = shape.slots(cores)
            running.sort()
            for _, _, _, run in running[slots:]:
                study.lose(run, "its machine is gone", to_blame=False)
            del running[slots:]
            continue
        now, _, _, run = heapq.heappop(running)
        study.end(finished(run, chance.random()))


@given(shapes)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_every_slot_has_a_run_as_long_as_there_is_one(shape: Shape) -> None:
    slots = shape.slots(shape.cores)
    if not slots:
        return  # told before anything starts: see tests/cluster
    section = SearchSection(sampler="random", trials=shape.trials)
    with TemporaryDirectory() as folder:
        ledger = create_ledger(
            Path(folder) / "s", folds=shape.folds, window=default_window(section, slots),
            sampler="random", trials=shape.trials, options={},
        )  # fmt: skip
        study = Study(ledger, lambda *_: None)
        study.begin(opened())
        carry_out(study, shape)
        assert study.history.n_committed == shape.trials
        assert all(run.ended for trial in study.history.trials for run in trial.runs)
        ledger.close()


@pytest.mark.parametrize("slots", [2, 3, 8])
def test_a_smaller_window_than_the_default_leaves_a_slot_idle(tmp_path: Path, slots: int) -> None:
    """Where the oldest run takes nearly twice as long as the others, as ``carry_out`` has it at most."""
    section = SearchSection(sampler="random", trials=4 * slots)
    for window in (default_window(section, slots), default_window(section, slots) - 1):
        ledger = create_ledger(
            tmp_path / str(window), window=window, sampler="random", trials=4 * slots, options={}
        )
        study = Study(ledger, lambda *_: None)
        study.begin(opened())
        _oldest, *others = [study.next_run() for _ in range(slots)]
        for run in filter(None, others):  # at 1 s
            study.started(run)
            study.end(finished(run, 0.5))
        taken = [study.next_run() for _ in others]  # until 2 s; the oldest ends at 1.99
        assert all(taken) == (window == default_window(section, slots)), window
        ledger.close()


@given(shapes)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_slots_leave_fewer_cores_than_a_run_takes(shape: Shape) -> None:
    # what is left of a machine is less than a worker, and of all workers less than a run
    places = sum(int(cores / shape.cpus) for cores in shape.cores)
    assert 0 <= places - shape.slots(shape.cores) * shape.workers < shape.workers


@pytest.mark.parametrize(("cores", "slots"), [(7, 2), (6, 2), (5, 1), (2, 0)])
def test_cores_that_no_run_fits_into_are_left_and_stop_nothing(cores: int, slots: int) -> None:
    assert Shape(1, 1, 3, 1.0, [cores], None, 0).slots([cores]) == slots
