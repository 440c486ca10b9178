"""Points that may not be run, or were run already, become no trials; and one history all the same."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from toy import finished, in_random_order, ledger_of, opened

from raysearch.errors import InputError
from raysearch.ledger.asking_records import Asked, Redrawn
from raysearch.ledger.history import History
from raysearch.ledger.ledger import FILE_NAME, Ledger, read_entries
from raysearch.ledger.search_lines import search_lines
from raysearch.search.make import SAMPLERS
from raysearch.space.space_file import SpaceFile
from raysearch.study.asking import DRAWS, REPEATS, TRIES, Gate, Refusal
from raysearch.study.changes import Changes
from raysearch.study.run import Run
from raysearch.study.study import Study

MIXED = {
    "low": {"type": "float", "low": 0.0, "high": 1.0},
    "high": {"type": "float", "low": 0.0, "high": 1.0},
    "width": {"type": "int", "low": 1, "high": 9},
}
GRID = {"low": {"type": "int", "low": 0, "high": 4}, "high": {"type": "int", "low": 0, "high": 4}}
SMALL = {
    "width": {"type": "int", "low": 10, "high": 13},
    "act": {"type": "choice", "values": ["relu", "elu", "tanh"]},
}
# GP takes half a second an ask
QUICK = [pytest.param(name, marks=pytest.mark.slow) if name == "gp" else name for name in SAMPLERS]
LEARN_SOON = {"tpe": {"n_startup_trials": 4}, "gp": {"n_startup_trials": 4}}
INHERIT = ("pbt", "evolution")


def ordered(settings: Mapping[str, Any]) -> Refusal | None:
    """A constraint between two settings: half of the space."""
    if settings["low"] > settings["high"]:
        return "settings", f"space.low: must not be above high, got {settings['low']}"
    return None


def never(settings: Mapping[str, Any]) -> Refusal | None:
    return "settings", f"space.low: no, not {settings['low']}"


def not_asked(settings: Mapping[str, Any]) -> Refusal | None:
    raise AssertionError("a replay looks at no point again")


def study_of(
    folder: Path, space: Mapping[str, Any], gate: Gate | None = None, window: int = 4, **search: Any
) -> Study:
    """Begin a study that nothing trains."""
    space_file = SpaceFile.model_validate(
        {"task": "toy", "space": space, "search": search, "budget": {"epochs": 1}, "seed": 7}
    )
    ledger = ledger_of(folder, space_file, window=window)
    return opened_study(ledger, gate)


def opened_study(ledger: Ledger, gate: Gate | None = None, **wishes: Any) -> Study:
    study = Study(ledger, lambda *_: None, make_gate=lambda _: gate or (lambda _: None))
    study.begin(opened(len(study.history.sessions) + 1), Changes(**wishes))
    return study


def drive(study: Study, rng: random.Random, n_slots: int = 3, crash_after: int | None = None) -> bool:
    def train(run: Run) -> None:
        value = sum(value for value in run.settings.values() if isinstance(value, (int, float)))
        study.report(run, 1, 0.1, {"val_loss": value})
        study.end(finished(run, value))

    return in_random_order(study, rng, train, n_slots, crash_after)


def settings_of(history: History) -> list[str]:
    return [repr(trial.settings) for trial in history.trials]


@pytest.mark.parametrize("sampler", QUICK)
def test_no_trial_breaks_a_constraint_and_every_one_counts(tmp_path: Path, sampler: str) -> None:
    space, trials = (GRID, 15) if sampler == "grid" else (MIXED, 24)
    options = LEARN_SOON.get(sampler, {})
    hashes = set()
    for seed in range(3):
        study = study_of(
            tmp_path / str(seed), space, ordered, sampler=sampler, trials=trials, options=options
        )
        drive(study, random.Random(seed), n_slots=1 + seed)
        hashes.add(study.history.hash)
    history = study.history
    assert len(hashes) == 1, "one history whatever the order of completion"
    assert history.n_committed == trials
    assert all(trial.state == "finished" and ordered(trial.settings) is None for trial in history.trials)
    assert all(ordered(record.settings) is not None for record in history.redrawn)
    assert history.redrawn, "half of the space may not be run"
    (line,) = search_lines(history)
    assert f"{len(history.redrawn)} refused by the task" in line
    assert line.endswith(history.redrawn[0].reason)


@pytest.mark.parametrize("sampler", ["tpe", "nevergrad:DE", "pbt", "evolution", "random"])
@pytest.mark.parametrize("space", ["mixed", "small"])
def test_crashes_at_random_bytes_change_nothing(tmp_path: Path, sampler: str, space: str) -> None:
    how: dict[str, Any] = {"sampler": sampler, "trials": 16, "options": LEARN_SOON.get(sampler, {})}
    domains, gate = (MIXED, ordered) if space == "mixed" else (SMALL, None)
    straight = study_of(tmp_path / "straight", domains, gate, **how)
    drive(straight, random.Random(0), n_slots=1)
    rng, folder = random.Random(5), tmp_path / "s"
    study, over = study_of(folder, domains, gate, **how), False
    while not over:
        over = drive(study, rng, crash_after=len(study.ledger.entries) + rng.randrange(3, 12))
        if not over:  # records of one group are torn apart, too
            path = folder / FILE_NAME
            path.write_bytes(path.read_bytes()[: -rng.randrange(1, 900)])
            study = opened_study(Ledger(folder), gate)
    assert study.history.hash == straight.history.hash
    assert study.history.redrawn == straight.history.redrawn
    assert study.history.exhausted == straight.history.exhausted


def test_a_replay_asks_nobody_what_may_be_run(tmp_path: Path) -> None:
    study = study_of(tmp_path / "s", MIXED, ordered, sampler="tpe", trials=12)
    drive(study, random.Random(0))
    again = Study(Ledger(tmp_path / "s"), lambda *_: None, make_gate=lambda _: not_asked)
    assert again.history.hash == study.history.hash


@pytest.mark.parametrize("sampler", [name for name in SAMPLERS if name not in (*INHERIT, "grid", "gp")])
def test_a_finite_space_is_tried_once_each_and_then_the_study_is_over(tmp_path: Path, sampler: str) -> None:
    options = LEARN_SOON.get(sampler, {})
    study = study_of(tmp_path / "s", SMALL, sampler=sampler, trials=40, options=options)
    drive(study, random.Random(1))
    history = study.history
    assert len(history.trials) == len(set(settings_of(history))) == history.n_committed == 12
    assert study.is_over
    assert history.exhausted is not None
    assert search_lines(history) == [
        "the space has 12 points and each has been looked at: 12 trials, 40 asked for"
    ]
    more = Study(Ledger(tmp_path / "s"), lambda *_: None)
    with pytest.raises(InputError, match="no point of the space is left"):
        more.begin(opened(2), Changes(extra_trials=1))


def test_of_a_finite_space_what_may_not_be_run_is_told(tmp_path: Path) -> None:
    study = study_of(tmp_path / "s", GRID, ordered, sampler="tpe", trials=40, options=LEARN_SOON["tpe"])
    drive(study, random.Random(1))
    assert len(set(settings_of(study.history))) == 15
    assert study.is_over
    refused = {repr(record.settings) for record in study.history.redrawn if record.cause == "settings"}
    assert len(refused) <= 10
    assert search_lines(study.history)[1].endswith("15 trials, 40 asked for")


@pytest.mark.parametrize("sampler", INHERIT)
def test_with_weights_of_others_the_same_settings_are_another_trial(tmp_path: Path, sampler: str) -> None:
    study = study_of(tmp_path / "s", SMALL, sampler=sampler, trials=40)
    drive(study, random.Random(1))
    assert study.history.n_committed == 40
    assert study.history.redrawn == []


def test_a_child_that_begins_anew_is_not_trained_twice(tmp_path: Path) -> None:
    options = {"population": 4, "sample": 2, "inherit": False}
    study = study_of(tmp_path / "s", SMALL, sampler="evolution", trials=40, options=options)
    drive(study, random.Random(1))
    assert len(settings_of(study.history)) == len(set(settings_of(study.history))) == 12


def test_the_grid_goes_on_to_the_next_point(tmp_path: Path) -> None:
    study = study_of(tmp_path / "s", GRID, ordered, sampler="grid", trials=25)
    drive(study, random.Random(1))
    points = [(trial.settings["low"], trial.settings["high"]) for trial in study.history.trials]
    assert points == [(low, high) for low in range(5) for high in range(5) if low <= high]
    assert search_lines(study.history)[1] == (
        "the space has 25 points and each has been looked at; 10 may not be run: 15 trials, 25 asked for"
    )


def test_a_search_that_is_stuck_is_helped_by_draws_and_replayed(tmp_path: Path) -> None:
    """So small a part of the space is allowed that a searcher would propose on and on."""

    def seldom(settings: Mapping[str, Any]) -> Refusal | None:
        return None if settings["low"] < 0.02 else ("limit", "parameters 9 > 3")

    study = study_of(tmp_path / "s", MIXED, seldom, sampler="nevergrad:OnePlusOne", trials=6)
    drive(study, random.Random(0))
    history = study.history
    assert history.n_committed == 6
    assert any(trial.drawn for trial in history.trials)
    assert all(trial.drawn <= DRAWS for trial in history.trials)
    n_asked = [sum(record.trial == trial.number for record in history.redrawn) for trial in history.trials]
    assert all(n == TRIES for n, trial in zip(n_asked, history.trials, strict=True) if trial.drawn)
    n_drawn = sum(trial.drawn - 1 for trial in history.trials if trial.drawn)
    (line,) = search_lines(history)
    assert f"{len(history.redrawn)} over a limit, {n_drawn} more of those drawn" in line
    again = Study(Ledger(tmp_path / "s"), lambda *_: None)
    assert again.history.hash == history.hash


def test_a_search_that_has_settled_does_not_repeat_itself_for_ever(tmp_path: Path) -> None:
    study = study_of(tmp_path / "s", SMALL, sampler="nevergrad:OnePlusOne", trials=12)
    drive(study, random.Random(0))
    repeats = [record for record in study.history.redrawn if record.cause == "repeat"]
    assert len(set(settings_of(study.history))) == 12
    assert repeats
    assert len(repeats) <= REPEATS * 12


def test_where_nothing_may_be_run_there_is_no_study(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no point of it may be run, .*; the first: space.low: no, not"):
        study_of(tmp_path / "s", MIXED, never, sampler="tpe", trials=6)
    kinds = [entry.record.kind for entry in read_entries(tmp_path / "s")]
    assert kinds == ["created"]


def test_where_nothing_more_may_be_run_the_study_ends_with_what_it_has(tmp_path: Path) -> None:
    seen: set[str] = set()

    def two(settings: Mapping[str, Any]) -> Refusal | None:
        if len(seen) < 2 or repr(settings) in seen:
            seen.add(repr(settings))
            return None
        return never(settings)

    study = study_of(tmp_path / "s", MIXED, two, sampler="random", trials=6)
    drive(study, random.Random(0))
    assert study.history.n_committed == 2
    assert search_lines(study.history)[1] == (
        "no further point was found that may be run: 2 trials, 6 asked for"
    )


def test_points_that_the_user_gives_are_his(tmp_path: Path) -> None:
    """Also twice the same: before the start it is checked that they may be run, and no more."""
    given = [{"width": 10, "act": "elu"}] * 2
    study = study_of(tmp_path / "s", SMALL, sampler="random", trials=12, enqueue=given)
    drive(study, random.Random(0))
    assert [trial.settings for trial in study.history.trials[:2]] == given
    assert len(set(settings_of(study.history))) == 11, "one of 12 trials was given twice"


def test_a_ledger_of_before_has_no_such_records_and_is_the_same(tmp_path: Path) -> None:
    """Trials over a limit were trials then."""
    study = study_of(tmp_path / "s", MIXED, sampler="tpe", trials=12)
    drive(study, random.Random(0))
    gated = Study(Ledger(tmp_path / "s"), lambda *_: None, make_gate=lambda _: never)
    assert gated.history.hash == study.history.hash
    assert not any(isinstance(entry.record, Redrawn) for entry in gated.ledger.entries)
    assert all(entry.record.drawn == 0 for entry in gated.ledger.entries if isinstance(entry.record, Asked))
