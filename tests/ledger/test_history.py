"""What is known of trials and their parents, from records."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from raysearch.errors import StorageError
from raysearch.ledger.asking_records import Asked
from raysearch.ledger.entries import Entry, from_json, to_json
from raysearch.ledger.history import History
from raysearch.ledger.record import Record
from raysearch.ledger.run_records import Committed, Ended, Epoch
from raysearch.ledger.study_records import Created


def created(folds: int = 1) -> Created:
    return Created(
        study="s", space_file={"search": {"trials": 9}}, identity="", task_sha256="", objective="val_loss",
        maximise=False, window=2, folds=folds, data={}, settings=["x"],
    )  # fmt: skip


def trained(trial: int, fold: int, epochs: int, best_epoch: int) -> list[Record]:
    shared: dict[str, Any] = {"trial": trial, "fold": fold, "attempt": 1}
    curve = [
        Epoch(**shared, epoch=epoch, seconds=1.0, metrics={"val_loss": 1.0}) for epoch in range(1, epochs + 1)
    ]
    ended = Ended(
        **shared, state="finished", value=0.5, metrics={}, best_epoch=best_epoch, epochs=epochs,
        weights=f"w{trial}", weights_sha256="0", seconds=1.0,
    )  # fmt: skip
    return [*curve, ended]


def family(folds: int = 1) -> list[Record]:
    """Trial 0, its child 1, whose child is 3; 2 has nobody."""
    records: list[Record] = [created(folds)]
    for trial, parent, epochs, best in ((0, None, 5, 4), (1, 0, 5, 2), (2, None, 3, 3), (3, 1, 4, 1)):
        records.append(Asked(trial=trial, settings={"x": 0.5}, parent=parent))
        for fold in range(folds):
            records += trained(trial, fold, epochs, best)
        records.append(Committed(trial=trial, state="finished", value=0.5, folds=folds))
    return records


def history_of(records: list[Record]) -> History:
    return History(Entry(seq, 1000 + seq, record) for seq, record in enumerate(records))


def test_a_lineage_goes_back_to_who_began_anew() -> None:
    history = history_of(family())
    assert [history.lineage(number) for number in range(4)] == [[0], [0, 1], [2], [0, 1, 3]]


def test_an_age_counts_what_the_weights_have_behind_them() -> None:
    history = history_of(family())
    assert [history.age(number) for number in range(4)] == [5, 4 + 5, 3, 4 + 2 + 4]


def test_behind_a_run_are_its_ancestors_epochs_up_to_where_the_next_began() -> None:
    history = history_of(family(folds=2))
    assert [history.behind(number) for number in (0, 2)] == [[], []]
    for fold in (0, 1):
        behind = history.behind(3, fold)
        assert [(record.trial, record.epoch) for record in behind] == [
            *((0, epoch) for epoch in (1, 2, 3, 4)), (1, 1), (1, 2),
        ]  # fmt: skip
        assert {record.fold for record in behind} == {fold}


@pytest.mark.parametrize(
    ("budget", "word"), [({"repeats": 5}, "repeat"), ({"folds": 5, "repeats": 1}, "fold"), ({}, "fold")]
)
def test_runs_of_a_trial_are_folds_or_repeats(budget: dict[str, int], word: str) -> None:
    assert replace(created(5), space_file={"budget": budget}).run_word == word
    assert created().run_word == "fold", "a ledger with no budget in its space file"


def test_a_fold_that_was_not_looked_at_passes_nothing_on() -> None:
    records = [
        Committed(trial=1, state="pruned", value=0.5, folds=1)
        if isinstance(record, Committed) and record.trial == 1
        else record
        for record in family(folds=2)
    ]
    history = history_of(records)
    assert history.inherited(3, 0) == history.run(1, 0).ended
    assert history.inherited(3, 1) is None
    assert (history.age(3, 0), history.age(3, 1)) == (4 + 2 + 4, 4)
    assert history.behind(3, 1) == []


def test_the_hash_knows_parents_and_is_what_it_was_without_them() -> None:
    plain = [created(), Asked(trial=0, settings={"x": 0.5}), Committed(trial=0, state="finished", value=0.25)]
    assert history_of(plain).hash == "d8d901dbab5e02070b10d3914bca62812f258198c4c5655d05f93e1feb05c599", (
        "a ledger of an earlier version has the same hash now"
    )
    records = family()
    other = [
        Asked(trial=3, settings={"x": 0.5}, parent=0)
        if isinstance(record, Asked) and record.trial == 3
        else record
        for record in records
    ]
    assert history_of(records).hash != history_of(other).hash


def test_a_record_of_an_earlier_version_has_no_parent() -> None:
    content = to_json(Entry(0, 1, Asked(trial=0, settings={"x": 0.5})))
    del content["parent"]
    assert from_json(content).record == Asked(trial=0, settings={"x": 0.5}, parent=None)


@pytest.mark.parametrize("parent", [1, 2, -1])
def test_a_parent_must_be_an_earlier_trial(parent: int) -> None:
    records = [created(), Asked(trial=0, settings={}), Asked(trial=1, settings={}, parent=parent)]
    with pytest.raises(StorageError, match=f"names trial {parent} the parent of trial 1"):
        history_of(records)


def test_the_best_is_the_first_of_the_front_also_among_equals_in_the_first_objective() -> None:
    """The weights of the front are kept; a best trial beside it would lose its own."""
    records: list[Record] = [replace(created(), others={"mflop": False})]
    for trial, mflop in enumerate((3.0, 1.0, 2.0)):
        records += [Asked(trial=trial, settings={"x": 0.5}), *trained(trial, 0, 1, 1)]
        records.append(Committed(trial=trial, state="finished", value=0.5, others={"mflop": mflop}))
    history = history_of(records)
    assert [trial.number for trial in history.front] == [1]
    assert history.best is history.front[0]
