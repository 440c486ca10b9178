"""Failed trials tried again: only they run, the study knows what they came to, the search hears nothing."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from toy import create_ledger, failed, finished, in_random_order, opened

from raysearch.ledger.asking_records import Asked
from raysearch.ledger.history import History
from raysearch.ledger.ledger import Ledger, read_entries
from raysearch.ledger.run_records import Committed, Ended
from raysearch.study.changes import Changes
from raysearch.study.run import Run
from raysearch.study.study import Study

FAIL = {0: "oom", 2: "hung", 5: "error", 7: "nonfinite"}


def value(run: Run) -> float:
    return float(run.settings["learning_rate"]) + run.fold if run.trial != 5 else -1.0


class Weather:
    """Trains: some trials fail while it is bad."""

    def __init__(self, *, bad: bool) -> None:
        self.bad = bad
        self.study: Any = None
        self.ran: list[int] = []

    def __call__(self, run: Run) -> None:
        self.ran.append(run.trial)
        self.study.report(run, 1, 0.1, {"val_loss": value(run)})
        is_bad = run.trial in FAIL and (self.bad or FAIL[run.trial] == "nonfinite")
        self.study.end(failed(run, FAIL[run.trial], "no") if is_bad else finished(run, value(run)))


def carry(
    folder: Path, weather: Weather, rng: random.Random, crash_after: int | None = None, **wishes: Any
) -> bool:
    study = Study(Ledger(folder), lambda *_: None)
    weather.study = study
    study.begin(opened(len(study.history.sessions) + 1), Changes(**wishes))
    return in_random_order(study, rng, weather, 3, crash_after)


def retried(folder: Path, seed: int, *, crash: bool, search: dict[str, Any]) -> History:
    rng = random.Random(seed)
    create_ledger(folder, **search).close()
    assert carry(folder, Weather(bad=True), rng)
    there = len(read_entries(folder))
    wishes: dict[str, Any] = {"retry_failed": True, "extra_trials": 4}
    while not carry(folder, Weather(bad=False), rng, there + 4 if crash else None, **wishes):
        there, wishes = len(read_entries(folder)), {}
    return History(read_entries(folder))


@pytest.mark.parametrize(
    "search",
    [
        {"sampler": "tpe"},
        {"sampler": "nsga2", "options": {"population_size": 4}},
        {"sampler": "tpe", "prune": {"rule": "median", "startup": 2}},
    ],
)
def test_a_retried_study_is_the_same_in_any_order_and_with_kills(
    tmp_path: Path, search: dict[str, Any]
) -> None:
    first = retried(tmp_path / "first", 1, crash=False, search=search)
    again = [
        retried(tmp_path / f"{seed}", seed, crash=crash, search=search)
        for seed, crash in ((2, False), (3, True), (4, True))
    ]
    assert {each.hash for each in again} == {first.hash}
    assert first.is_complete
    assert first.n_failed == 1


def test_only_what_may_end_otherwise_runs_again_and_the_search_hears_nothing_new(tmp_path: Path) -> None:
    create_ledger(tmp_path / "s").close()
    rng = random.Random(1)
    carry(tmp_path / "s", Weather(bad=True), rng)
    before = History(read_entries(tmp_path / "s"))
    assert [trial.number for trial in before.trials if trial.state == "failed"] == [0, 2, 5, 7]
    weather = Weather(bad=False)
    assert carry(tmp_path / "s", weather, rng, retry_failed=True)
    assert sorted(weather.ran) == [0, 2, 5]
    after = History(read_entries(tmp_path / "s"))
    assert [trial.number for trial in after.trials if trial.state == "failed"] == [7]
    assert after.best is not None
    assert after.best.number == 5
    assert after.n_committed == before.n_committed == 12
    # What is proposed next is what would have been proposed without the other try.
    asked = {}
    for name, wishes in (("s", {}), ("plain", {})):
        if name == "plain":
            create_ledger(tmp_path / name).close()
            carry(tmp_path / name, Weather(bad=True), rng)
        carry(tmp_path / name, Weather(bad=False), rng, extra_trials=3, **wishes)
        records = [entry.record for entry in read_entries(tmp_path / name)]
        asked[name] = [record.settings for record in records if isinstance(record, Asked)]
    assert asked["s"] == asked["plain"]


def test_a_trial_that_fails_again_has_failed_and_may_be_tried_a_third_time(tmp_path: Path) -> None:
    create_ledger(tmp_path / "s").close()
    rng = random.Random(1)
    carry(tmp_path / "s", Weather(bad=True), rng)
    carry(tmp_path / "s", Weather(bad=True), rng, retry_failed=True)
    history = History(read_entries(tmp_path / "s"))
    assert history.is_complete
    assert history.n_failed == 4
    assert history.trials[2].runs[0].attempt == 2
    carry(tmp_path / "s", Weather(bad=False), rng, retry_failed=True)
    assert History(read_entries(tmp_path / "s")).n_failed == 1


def test_of_folds_only_the_failed_one_runs_again(tmp_path: Path) -> None:
    create_ledger(tmp_path / "s", folds=2).close()
    study = Study(Ledger(tmp_path / "s"), lambda *_: None)
    study.begin(opened())
    while not study.is_over:
        run = study.next_run()
        assert run is not None
        study.started(run)
        study.end(failed(run, "time") if (run.trial, run.fold) == (3, 0) else finished(run, value(run)))
    study.ledger.close()
    again = Study(Ledger(tmp_path / "s"), lambda *_: None)
    again.begin(opened(2), Changes(retry_failed=True))
    runs = []
    while (run := again.next_run()) is not None:
        runs.append((run.trial, run.fold, run.attempt))
        again.started(run)
        again.end(finished(run, value(run)))
    assert (3, 0, 2) in runs
    assert set(runs) <= {(3, 0, 2), (3, 1, 1)}
    records = [entry.record for entry in again.ledger.entries]
    assert sum(isinstance(record, Ended) and record.trial == 3 for record in records) == 3
    assert [record.state for record in records if isinstance(record, Committed) and record.trial == 3] == [
        "failed",
        "finished",
    ]
