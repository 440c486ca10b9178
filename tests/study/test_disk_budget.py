"""What is kept of a study's trials, and that it stops at its disk budget and goes on as if it never had."""

from __future__ import annotations

import dataclasses
import math
import os
import random
from pathlib import Path
from typing import Any

import pytest
from test_study_parents import SEARCHES
from toy import create_ledger, failed, finished, in_random_order, opened

from raysearch.errors import DiskBudgetError
from raysearch.ledger.history import History
from raysearch.ledger.ledger import FILE_NAME, Ledger
from raysearch.ledger.run_records import Ended
from raysearch.ledger.study_records import Created
from raysearch.study.changes import Changes
from raysearch.study.retention import Retention, folder_bytes
from raysearch.study.run import Run
from raysearch.study.study import Study

RANDOM: dict[str, Any] = {"sampler": "random", "options": {}}
WEIGHTS, STATE = 1_000_000, 3_000_000  # bytes of a checkpoint, without and with the optimiser


def new_study(
    folder: Path, storage: dict[str, Any], others: dict[str, bool] | None = None, **options: Any
) -> Study:
    """A study that keeps so much, in a folder that may hold so much."""
    plain = create_ledger(folder.with_name(f"{folder.name}-plain"), **options)
    created = plain.entries[0].record
    plain.close()
    assert isinstance(created, Created)
    space_file = {**created.space_file, "storage": storage}
    ledger = Ledger(folder, create=True)
    ledger.append([dataclasses.replace(created, space_file=space_file, others=others or {})])
    study = Study(ledger, lambda *_: None)
    study.begin(opened())
    return study


def value(run: Run) -> float:
    """Coarse, so that there are ties."""
    return round(abs(math.log10(run.settings["learning_rate"] / 0.03)) * 3) / 3 + run.fold / 10


def train(folder: Path, run: Run) -> Ended:
    """Leave files as training does: the best weights, those before, and what a resume would go on from."""
    if run.trial % 5 == 3:
        return failed(run, "nonfinite", "the loss is nan")
    ended = finished(run, value(run))
    ended = dataclasses.replace(ended, facts={"mflop": float(run.settings["width"])})
    path = folder / ended.weights
    path.parent.mkdir(parents=True, exist_ok=True)
    for name, size in ((path.name, WEIGHTS), ("best-00000-0.pt", WEIGHTS), ("last-00001-0.pt", STATE)):
        (path.parent / name).touch()
        os.truncate(path.parent / name, size)
    return ended


def drive(study: Study, rng: random.Random, n_slots: int = 3, crash_after: int | None = None) -> bool:
    """Finish runs in random order, or stop dead; see in_random_order."""

    def train_one(run: Run) -> None:
        study.end(train(study.ledger.folder, run))

    return in_random_order(study, rng, train_one, n_slots, crash_after)


def on_disk(folder: Path) -> dict[int, list[str]]:
    """Checkpoints that are there, by trial."""
    found: dict[int, list[str]] = {}
    for path in sorted(folder.glob("trials/*/*/*/*.pt")):
        found.setdefault(int(path.parts[-4]), []).append(str(path.relative_to(folder)))
    return found


def best_of(history: History, n: int) -> set[int]:
    """The best finished trials; of equal ones those that were committed first."""
    numbered = [
        (trial.committed.value, place, trial.number)
        for place, trial in enumerate(history.commit_order)
        if trial.committed
    ]
    return {
        number for _, _, number in sorted(found for found in numbered if found[0] is not None)[:n]
    }  # fmt: skip


@pytest.mark.parametrize(
    ("keep", "n", "folds", "order"),
    [
        (1, 1, 1, "deterministic"),
        (3, 3, 2, "deterministic"),
        (3, 3, 1, "fast"),
        (99, 99, 1, "fast"),
        ("all", 99, 1, "deterministic"),
    ],
)
def test_exactly_the_best_are_kept_through_kills_ties_and_failures(
    tmp_path: Path, keep: int | str, n: int, folds: int, order: str
) -> None:
    kept = set()
    for seed in range(2):
        rng, folder = random.Random(seed), tmp_path / str(seed)
        study = new_study(folder, {"keep": keep}, folds=folds, order=order, trials=16, **RANDOM)
        while not drive(study, rng, crash_after=len(study.ledger.entries) + rng.randrange(5, 30)):
            content = (folder / FILE_NAME).read_bytes()
            (folder / FILE_NAME).write_bytes(content[: -rng.randrange(1, 40)])
            study = Study(Ledger(folder), lambda *_: None)
            study.begin(opened(len(study.history.sessions) + 1))
        history = study.history
        values = [trial.value for trial in history.trials if trial.value is not None]
        assert len(set(values)) < len(values), "there are ties"
        there = on_disk(folder)
        assert set(there) == best_of(history, n)
        for number, paths in there.items():
            assert paths == sorted(run.ended.weights for run in history.trials[number].runs if run.ended)
        kept.add(frozenset(there))
    if order == "deterministic":
        assert len(kept) == 1


def test_of_several_objectives_the_front_is_kept_and_the_best_in_the_first(tmp_path: Path) -> None:
    for keep in (1, 6):
        folder = tmp_path / str(keep)
        study = new_study(folder, {"keep": keep}, {"mflop": False}, trials=16, **RANDOM)
        drive(study, random.Random(0))
        front = {trial.number for trial in study.history.front}
        scored = [(study.history.point(trial), trial.number) for trial in study.history.committed]
        points = sorted((point, number) for point, number in scored if point is not None)
        assert len(front) > 1
        assert set(on_disk(folder)) == front | {number for _, number in points[:keep]}


@pytest.mark.parametrize("kind", SEARCHES)
def test_beside_the_best_those_stay_that_others_may_begin_from(tmp_path: Path, kind: str) -> None:
    there = {}
    for keep in (1, 9):
        study = new_study(tmp_path / str(keep), {"keep": keep}, trials=36, **SEARCHES[kind])
        drive(study, random.Random(0))
        there[keep] = set(on_disk(tmp_path / str(keep)))
    best = best_of(study.history, 9)
    assert there[9] == there[1] | best
    assert best - there[1]


def test_a_run_that_has_ended_holds_its_weights_alone_before_its_trial_is_committed(tmp_path: Path) -> None:
    study = new_study(tmp_path / "s", {})
    runs = [study.next_run() for _ in range(3)]
    for run in runs:
        assert run is not None
        study.started(run)
    train(tmp_path / "s", runs[0])  # type: ignore[arg-type]
    ended = train(tmp_path / "s", runs[2])  # type: ignore[arg-type]
    study.end(ended)
    assert not study.history.committed
    there = on_disk(tmp_path / "s")
    assert there[2] == [ended.weights]
    assert len(there[0]) == 3, "trial 0 still trains"


def test_what_is_superseded_goes_first(tmp_path: Path) -> None:
    """Eight megabytes hold any number of trials of which one is kept."""
    study = new_study(tmp_path / "s", {"disk": "8 MB"}, trials=24, **RANDOM)
    drive(study, random.Random(0), n_slots=1)
    assert study.history.is_complete


def test_a_study_stops_at_its_budget_and_with_more_goes_on_as_if_it_never_had(tmp_path: Path) -> None:
    straight = new_study(tmp_path / "straight", {"keep": "all"})
    drive(straight, random.Random(0), n_slots=1)
    folder = tmp_path / "s"
    study = new_study(folder, {"keep": "all", "disk": "5 MB"})
    with pytest.raises(DiskBudgetError) as caught:
        drive(study, random.Random(0))
    assert caught.value.exit_code == 74
    told = str(caught.value)
    assert told.startswith("s: its files take ")
    assert (
        "MB, more than its disk budget of 5 MB; everything is saved, go on with: raysearch resume s --runs"
        in told
    )
    assert 5_000_000 < folder_bytes(folder) < 5_000_000 + WEIGHTS, "nothing of the last run but its weights"
    n_records, there = len(study.ledger.entries), on_disk(folder)
    assert 0 < study.history.n_committed < 12
    study.ledger.close()

    again = Study(Ledger(folder), lambda *_: None)
    assert len(again.ledger.entries) == n_records, "all that was told is in the ledger"
    with pytest.raises(DiskBudgetError):
        again.begin(opened(2))
    assert on_disk(folder) == there
    again.ledger.close()
    with pytest.raises(DiskBudgetError, match=r"budget of 5001 kB"):
        (more := Study(Ledger(folder), lambda *_: None)).begin(opened(3), Changes(disk="5001 kB"))
    more.ledger.close()
    more = Study(Ledger(folder), lambda *_: None)
    assert more.history.disk == "5001 kB", "the new budget stays"
    more.begin(opened(4), Changes(disk="50 MB"))
    drive(more, random.Random(1))
    assert more.history.hash == straight.history.hash
    assert set(on_disk(folder)) == set(on_disk(tmp_path / "straight"))


def test_what_is_measured_is_what_lies_there(tmp_path: Path) -> None:
    """Also of kept trials, which are looked at once, and of files that are nobody's."""
    folder = tmp_path / "s"
    study = new_study(folder, {"keep": 4})
    retention = Retention(folder)
    runs = 0
    while not study.is_over:
        run = study.next_run()
        assert run is not None
        study.started(run)
        study.end(train(folder, run))
        runs += 1
        (folder / "notes").mkdir(exist_ok=True)
        (folder / "notes" / str(runs)).write_bytes(b"n" * runs)
        retention.delete_superseded(study.history)
        assert retention.measure() == folder_bytes(folder)
    assert folder_bytes(folder) == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert folder_bytes(tmp_path / "nowhere") == 0


def test_kept_trials_are_not_looked_at_again(tmp_path: Path) -> None:
    """A look at a study that keeps thousands does not walk over their files."""
    folder = tmp_path / "s"
    study = new_study(folder, {"keep": "all"})
    drive(study, random.Random(0))
    retention = Retention(folder)
    retention.delete_superseded(study.history)
    before = retention.measure()
    os.truncate(next(folder.glob("trials/*/*/*/best-*.pt")), 0)
    retention.delete_superseded(study.history)
    assert retention.measure() == before
