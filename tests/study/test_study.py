"""The lock-step rule: one history whatever the order of completion, the kills and the folds."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from toy import create_ledger, failed, finished, in_random_order, opened, toy_space_file

import raysearch.study.replay as replaying
from raysearch.errors import InputError, StorageError
from raysearch.ledger.asking_records import Asked
from raysearch.ledger.history import History
from raysearch.ledger.ledger import FILE_NAME, Ledger
from raysearch.ledger.run_records import Lost
from raysearch.search.searcher import Searcher
from raysearch.study.changes import Changes
from raysearch.study.run import Run
from raysearch.study.study import Study


def value(run: Run) -> float:
    """The objective: a bowl, told apart by fold."""
    return (
        math.log10(run.settings["learning_rate"] / 0.03) ** 2
        + abs(run.settings["width"] - 9) / 9
        + run.fold / 10
    )


def drive(study: Study, rng: random.Random, n_slots: int = 3, crash_after: int | None = None) -> bool:
    """Finish runs in random order, or stop dead; see in_random_order."""

    def train_one(run: Run) -> None:
        study.report(run, 1, 0.1, {"val_loss": value(run)})
        study.end(
            failed(run, "nonfinite", "the loss is nan") if run.trial % 5 == 3 else finished(run, value(run))
        )

    return in_random_order(study, rng, train_one, n_slots, crash_after)


def new_study(folder: Path, **options: object) -> Study:
    study = Study(create_ledger(folder, **options), lambda *_: None)  # type: ignore[arg-type]
    study.begin(opened())
    return study


@pytest.mark.parametrize("sampler", ["tpe", "random", "nevergrad:DE", "pbt", "evolution"])
@pytest.mark.parametrize("folds", [1, 3])
def test_any_order_of_completion_gives_one_history(tmp_path: Path, sampler: str, folds: int) -> None:
    hashes = set()
    for seed in range(4):
        options = {"options": {"n_startup_trials": 4} if sampler == "tpe" else {}}
        study = new_study(tmp_path / str(seed), sampler=sampler, folds=folds, trials=24, **options)
        drive(study, random.Random(seed), n_slots=1 + seed)
        hashes.add(study.history.hash)
        assert study.history.n_committed == 24
    assert len(hashes) == 1


def test_asking_on_arrival_would_not(tmp_path: Path) -> None:
    """The test above can fail: in fast mode the order of arrival leaks in."""
    hashes = set()
    for seed in range(4):
        study = new_study(tmp_path / str(seed), order="fast", trials=24)
        drive(study, random.Random(seed), n_slots=4)
        hashes.add(study.history.hash)
    assert len(hashes) > 1


@pytest.mark.parametrize("order", ["deterministic", "fast"])
def test_crashes_at_random_records_change_nothing(tmp_path: Path, order: str) -> None:
    straight = new_study(tmp_path / "straight", order=order)
    drive(straight, random.Random(0), n_slots=1)
    for seed in range(6):
        rng = random.Random(seed)
        folder = tmp_path / str(seed)
        study, over = new_study(folder, order=order), False
        while not over:
            over = drive(
                study,
                rng,
                n_slots=1 if order == "fast" else 3,
                crash_after=len(study.ledger.entries) + rng.randrange(3, 20),
            )
            path = folder / FILE_NAME
            path.write_bytes(path.read_bytes()[: -rng.randrange(1, 60)] if not over else path.read_bytes())
            if not over:
                study = Study(Ledger(folder), lambda *_: None)
                study.begin(opened(len(study.history.sessions) + 1))
        history = History(study.ledger.entries)
        assert history.hash == straight.history.hash
        assert [
            entry.record.trial for entry in study.ledger.entries if isinstance(entry.record, Asked)
        ] == list(range(12))


def test_trial_k_plus_window_is_asked_right_after_commit_k(tmp_path: Path) -> None:
    study = new_study(tmp_path / "s")
    runs = [study.next_run() for _ in range(4)]
    assert study.next_run() is None
    for run in runs:
        assert run is not None
        study.started(run)
    study.end(finished(runs[1], 1.0))  # type: ignore[arg-type]
    assert len(study.history.trials) == 4, "trial 1 is over, but trial 0 is not"
    study.end(finished(runs[0], 1.0))  # type: ignore[arg-type]
    assert len(study.history.trials) == 6


def test_results_of_older_attempts_are_refused(tmp_path: Path) -> None:
    study = new_study(tmp_path / "s")
    first = study.next_run()
    assert first is not None
    study.started(first)
    study.lose(first, "killed")
    again = study.next_run()
    assert again is not None
    assert (again.trial, again.attempt) == (0, 2)
    assert (again.settings, again.seed) == (first.settings, first.seed)
    study.started(again)
    study.end(finished(first, 0.0))
    study.report(first, 1, 0.1, {"val_loss": 0.0})
    assert study.history.trials[0].runs[0].ended is None
    assert study.history.trials[0].runs[0].epochs == {}
    study.end(finished(again, 1.0))
    assert study.history.trials[0].value == 1.0


def test_a_run_lost_three_times_has_failed(tmp_path: Path) -> None:
    study = new_study(tmp_path / "s")
    for attempt in range(3):
        run = study.next_run()
        assert run is not None
        assert (run.trial, run.attempt) == (0, attempt + 1)
        study.started(run)
        study.lose(run, "the process was killed")
    assert study.history.trials[0].state == "failed"
    assert "lost 3 times, last: the process was killed" in study.history.trials[0].failure
    assert sum(isinstance(entry.record, Lost) for entry in study.ledger.entries) == 3
    following = study.next_run()
    assert following is not None
    assert following.trial == 1


def test_a_run_handed_out_but_never_begun_is_handed_out_again(tmp_path: Path) -> None:
    study = new_study(tmp_path / "s")
    run = study.next_run()
    assert run is not None
    study.lose(run, "Tune ended")
    assert study.next_run() == run


def test_failed_trials_are_never_best_and_do_not_stop_the_study(tmp_path: Path) -> None:
    study = new_study(tmp_path / "s")
    drive(study, random.Random(0))
    assert study.history.n_failed == 2
    assert study.history.best is not None
    assert study.history.best.value == min(t.value for t in study.history.trials if t.value is not None)


def test_maximise(tmp_path: Path) -> None:
    study = new_study(tmp_path / "s", maximise=True)
    drive(study, random.Random(0))
    assert study.history.best is not None
    assert study.history.best.value == max(t.value for t in study.history.trials if t.value is not None)


def test_the_same_error_three_times_ends_the_study(tmp_path: Path) -> None:
    study = new_study(tmp_path / "s")
    while (run := study.next_run()) is not None and not study.is_over:
        study.started(run)
        study.end(failed(run))
    assert study.gave_up
    assert study.history.n_committed == 3


def test_extended_study_goes_on(tmp_path: Path) -> None:
    study = new_study(tmp_path / "s")
    drive(study, random.Random(0))
    more = Study(Ledger(tmp_path / "s"), lambda *_: None)
    more.begin(opened(2), Changes(extra_trials=5, window=8))
    drive(more, random.Random(0))
    assert more.history.n_committed == 17
    assert more.history.window == 8
    again = Study(Ledger(tmp_path / "s"), lambda *_: None)  # replays through both windows
    assert again.history.hash == more.history.hash


def believing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have replays ask the search for the last four proposals alone, as in the middle of a long study."""
    for name, value in {"ALL_OF_FIRST": 0, "ONE_OF_OTHERS": 10**9, "ALL_OF_LAST": 4}.items():
        monkeypatch.setattr(replaying, name, value)


def test_what_a_replay_believes_the_search_goes_on_from_as_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for name, prepare in (("asked", lambda _: None), ("believed", believing)):
        drive(new_study(tmp_path / name, trials=16), random.Random(0))
        prepare(monkeypatch)
        more = Study(Ledger(tmp_path / name), lambda *_: None)
        more.begin(opened(2), Changes(extra_trials=6))
        drive(more, random.Random(0))
        found.append([trial.settings for trial in more.history.trials])
    assert found[0] == found[1]
    assert len(found[0]) == 22


@pytest.mark.parametrize("changed", [0, 9])
def test_a_search_that_proposes_otherwise_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: int
) -> None:
    study = new_study(tmp_path / "s")
    drive(study, random.Random(0))
    believing(monkeypatch)
    import raysearch.study.asking as module

    make: Callable[..., Searcher] = module.make_searcher

    def make_changed(*about: object) -> Searcher:
        searcher = make(*about)
        ask = searcher.ask
        monkeypatch.setattr(searcher, "ask", lambda number: ask(number - (number == changed)))
        return searcher

    monkeypatch.setattr(module, "make_searcher", make_changed)
    with pytest.raises(StorageError, match=f"replaying trial {changed}, the search proposes"):
        Study(Ledger(tmp_path / "s"), lambda *_: None)


def test_only_the_best_trials_weights_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    study = new_study(folder)
    while not study.is_over:
        run = study.next_run()
        assert run is not None
        study.started(run)
        ended = finished(run, value(run))
        path = folder / ended.weights
        path.parent.mkdir(parents=True)
        path.write_text("weights")
        (path.parent / "last-00001-0.pt").write_text("state")
        study.end(ended)
    best = study.history.best
    assert best is not None
    assert best.runs[0].ended is not None
    kept = [path.relative_to(folder) for path in (folder / "trials").rglob("*.pt")]
    assert [str(path) for path in kept] == [best.runs[0].ended.weights]


@pytest.mark.parametrize("folds", [1, 2])
def test_a_ledger_cut_after_any_record_goes_on_to_the_same_history(tmp_path: Path, folds: int) -> None:
    """A group of records is one write, yet a kill or a full disk may leave its first records alone."""
    straight = new_study(tmp_path / "straight", folds=folds, window=3, trials=6)
    drive(straight, random.Random(3))
    lines = (tmp_path / "straight" / FILE_NAME).read_bytes().splitlines(keepends=True)
    for n_records in range(1, len(lines)):
        folder = tmp_path / str(n_records)
        folder.mkdir()
        (folder / FILE_NAME).write_bytes(b"".join(lines[:n_records]))
        study = Study(Ledger(folder), lambda *_: None)
        study.begin(opened(2))
        drive(study, random.Random(n_records))
        assert study.history.hash == straight.history.hash, f"cut after record {n_records}"


def test_giving_up_does_not_depend_on_the_order_of_arrival(tmp_path: Path) -> None:
    """Trial 3 is over before trial 2 is; three alike end the study all the same."""
    study = new_study(tmp_path / "s")
    runs = [study.next_run() for _ in range(4)]
    for run in runs:
        assert run is not None
        study.started(run)
    for place in (3, 0, 1, 2):
        study.end(failed(runs[place]))  # type: ignore[arg-type]
    assert study.gave_up
    assert study.history.n_committed == 3
    study.ledger.close()
    again = Study(Ledger(tmp_path / "s"), lambda *_: None)
    again.begin(opened(2))
    assert again.history.n_committed == 3


def test_a_loss_that_may_be_anothers_fault_does_not_count(tmp_path: Path) -> None:
    study = new_study(tmp_path / "s")
    for attempt in range(5):
        run = study.next_run()
        assert run is not None
        assert (run.trial, run.attempt) == (0, attempt + 1)
        study.started(run)
        study.lose(run, "memory", to_blame=False)
    assert study.history.trials[0].runs[0].lost == 0
    assert History(study.ledger.entries).trials[0].runs[0].ended is None


def test_a_grid_is_not_walked_twice(tmp_path: Path) -> None:
    space = {"width": {"type": "int", "low": 1, "high": 10}, "learning_rate": 0.1}
    plain = {
        **toy_space_file().model_dump(mode="json"),
        "space": space,
        "search": {"sampler": "grid", "trials": 8},
    }
    created = create_ledger(tmp_path / "x").entries[0].record
    ledger = Ledger(tmp_path / "s", create=True)
    ledger.append([dataclasses.replace(created, space_file=plain)])  # type: ignore[type-var]
    study = Study(ledger, lambda *_: None)
    n_records = len(ledger.entries)
    with pytest.raises(InputError, match=r"--trials \+3: the grid has 10 points, that would be 11"):
        study.begin(opened(), Changes(extra_trials=3))
    assert len(ledger.entries) == n_records
    study.begin(opened(), Changes(extra_trials=2))
    assert study.history.n_trials == 10


def test_what_a_killed_process_did_not_come_to_delete_is_deleted_on_resume(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    study = new_study(folder)
    drive(study, random.Random(0))
    best = study.history.best
    assert best is not None
    for number in (best.number, (best.number + 1) % 12):
        (folder / f"trials/{number}/fold-0/attempt-1").mkdir(parents=True)
        (folder / f"trials/{number}/fold-0/attempt-1/best-00001-0.pt").write_text("weights")
    (folder / "trials/notes").mkdir()
    again = Study(Ledger(folder), lambda *_: None)
    again.begin(opened(2))
    assert sorted(path.name for path in (folder / "trials").iterdir()) == [str(best.number), "notes"]
    assert (folder / f"trials/{best.number}/fold-0/attempt-1/best-00001-0.pt").exists()
