"""A study that is to stop where its objective cannot be told from that of real against real data."""

import dataclasses
import random
from pathlib import Path

import pytest
from toy import finished, in_random_order, ledger_of, opened, toy_space_file

from raysearch.errors import InputError
from raysearch.launch.prepare import prepare
from raysearch.ledger.history import read_history
from raysearch.ledger.ledger import Ledger
from raysearch.ledger.search_lines import search_lines
from raysearch.space.space_file import SpaceFile, read_space_file
from raysearch.study.changes import Changes
from raysearch.study.run import Run
from raysearch.study.study import Study

SPACES = Path(__file__).parents[2] / "searchspaces"
VALUES = [0.9, 0.5, 0.301, 0.2, 0.1]  # by trial; the floor with two errors is 0.3
FLOOR = {"val_floor": 0.2, "val_floor_error": 0.05}


def space_file(**budget: object) -> SpaceFile:
    plain = toy_space_file()
    return plain.model_copy(update={"budget": plain.budget.model_copy(update=budget)})


def study_of(folder: Path, file: SpaceFile) -> Study:
    study = Study(ledger_of(folder, file, window=2), lambda *_: None)
    study.begin(opened())
    return study


def drive(study: Study, metrics: dict[str, float], crash_after: int | None = None, seed: int = 0) -> bool:
    def train(run: Run) -> None:
        value = VALUES[min(run.trial, len(VALUES) - 1)]
        study.end(dataclasses.replace(finished(run, value), metrics={"val_loss": value, **metrics}))

    return in_random_order(study, random.Random(seed), train, 2, crash_after)


def test_it_stops_at_the_first_trial_within_two_errors_and_says_so(tmp_path: Path) -> None:
    study = study_of(tmp_path / "s", space_file(stop="floor"))
    drive(study, FLOOR)
    reached = study.history.reached
    assert reached is not None
    assert (reached.trial, reached.value, reached.wanted) == (3, 0.2, 12)
    # Trial 4 was asked for before 3 was committed, and is carried out.
    assert (study.history.n_trials, study.history.n_committed, study.is_over) == (5, 5, True)
    (line,) = search_lines(read_history(tmp_path / "s"))
    assert line.startswith("trial 3 has come to 0.2, within two errors of what real data have against")
    assert line.endswith("0.2 +- 0.05: that search, of 12 trials, asked for no further one")


@pytest.mark.parametrize(("stop", "metrics"), [(None, FLOOR), ("floor", {})])
def test_without_the_wish_or_a_floor_all_trials_are_carried_out(
    tmp_path: Path, stop: str | None, metrics: dict[str, float]
) -> None:
    study = study_of(tmp_path / "s", space_file(stop=stop))
    drive(study, metrics)
    assert (study.history.reached, study.history.n_committed) == (None, 12)


@pytest.mark.parametrize(
    ("runs", "error"),
    [({"folds": 4}, 0.025), ({"repeats": 4}, 0.05)],  # folds have data of their own, repeats the same ones
)
def test_the_error_of_several_runs_is_that_of_their_mean(
    tmp_path: Path, runs: dict[str, int], error: float
) -> None:
    study = study_of(tmp_path / "s", space_file(stop="floor", **runs))
    drive(study, FLOOR)
    assert study.history.reached is not None
    assert study.history.reached.error == pytest.approx(error)


def test_who_asks_for_more_trials_gets_them(tmp_path: Path) -> None:
    drive(study_of(tmp_path / "s", space_file(stop="floor")), FLOOR)
    more = Study(Ledger(tmp_path / "s"), lambda *_: None)
    more.begin(opened(2), Changes(extra_trials=3))
    drive(more, FLOOR)
    assert (more.history.n_committed, more.is_over) == (8, True)


def test_a_kill_after_any_record_leads_to_the_same_end(tmp_path: Path) -> None:
    straight = study_of(tmp_path / "straight", space_file(stop="floor"))
    drive(straight, FLOOR)
    for records in range(2, len(straight.ledger.entries)):
        folder = tmp_path / str(records)
        over = drive(study_of(folder, space_file(stop="floor")), FLOOR, crash_after=records)
        while not over:
            study = Study(Ledger(folder), lambda *_: None)
            study.begin(opened(2))
            over = drive(study, FLOOR)
        assert study_hash(folder) == study_hash(tmp_path / "straight")


def study_hash(folder: Path) -> str:
    return read_history(folder).hash


def test_it_is_no_part_of_a_studys_identity() -> None:
    assert space_file(stop="floor").identity == space_file().identity


@pytest.mark.parametrize(
    ("objective", "told"),
    [
        ("val_loss", "jet_dnn does not tell val_floor and val_floor_error"),
        ("val_accuracy", "of val_accuracy more is better"),
    ],
)
def test_an_objective_without_a_floor_is_refused(tmp_path: Path, objective: str, told: str) -> None:
    wishes = ["budget.stop=floor", "budget.epochs=1", f"objectives=[{objective}]"]
    file = read_space_file(SPACES / "jet-dnn.yaml", overrides=wishes)
    with pytest.raises(InputError, match=f"budget.stop: floor: {told}"):
        prepare(file, tmp_path)
