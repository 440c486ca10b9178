"""Looks at a ledger that grows add up to what one look at all of it shows, and take in what is new alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from mirrored_studies import Recipe, groups, interrupted, opened, resume

from raysearch.ledger.entries import Entry
from raysearch.ledger.ledger import Ledger, read_entries
from raysearch.ledger.run_records import Epoch
from raysearch.tracking.growing import GrowingViews
from raysearch.tracking.view import RunView, views

RECIPES = [
    Recipe(failed=(1,)),
    Recipe(folds=3, failed=(1,), pruned=(2,)),
    Recipe(n_trials=8, done=8, others=("parameters",)),
    Recipe(n_trials=8, done=5, closed="stopped"),
]


def prefixes(recipe: Recipe, folder: Path) -> list[list[Entry]]:
    """The ledger after each of its groups."""
    with Ledger(folder, create=True) as ledger:
        for group in groups(recipe):
            ledger.append(group)
        entries = read_entries(folder)
    return [entries[:length] for length in range(2, len(entries) + 1)]


@pytest.mark.parametrize("recipe", RECIPES)
def test_looks_add_up_to_what_one_look_at_all_of_it_shows(tmp_path: Path, recipe: Recipe) -> None:
    growing, shown = GrowingViews(), dict[str, RunView]()
    for entries in prefixes(recipe, tmp_path / "s"):
        shown |= {view.key: view for view in growing.changed(entries, is_held=True)}
        assert shown == {view.key: view for view in views(entries, is_held=True)}
    shown |= {view.key: view for view in growing.changed(entries, is_held=False, parent="series")}
    assert shown == {view.key: view for view in views(entries, is_held=False, parent="series")}


def test_a_study_that_is_resumed_is_shown_as_by_one_look(tmp_path: Path) -> None:
    folder, growing, shown = interrupted(tmp_path / "s"), GrowingViews(), dict[str, RunView]()
    for is_held in (False, True):
        if is_held:
            resume(folder)
        entries = read_entries(folder)
        shown |= {view.key: view for view in growing.changed(entries, is_held=is_held)}
        assert shown == {view.key: view for view in views(entries, is_held=is_held)}


def test_what_all_runs_hang_on_changes_all_of_them(tmp_path: Path) -> None:
    """Whether a process holds the study, and by which version it goes on."""
    folder, growing, shown = interrupted(tmp_path / "s"), GrowingViews(), dict[str, RunView]()
    newer, newest = (replace(opened(session=2), versions={"raysearch": version}) for version in ("2", "3"))
    for is_held, records in ((True, []), (False, []), (True, [newer]), (True, [newest])):
        with Ledger(folder) as ledger:
            ledger.append(records)
        entries = read_entries(folder)
        shown |= {view.key: view for view in growing.changed(entries, is_held=is_held)}
        assert shown == {view.key: view for view in views(entries, is_held=is_held)}


def test_an_epoch_changes_its_own_trial_and_the_study_alone(tmp_path: Path) -> None:
    growing = GrowingViews()
    with Ledger(tmp_path / "s", create=True) as ledger:
        for group in list(groups(Recipe(n_trials=6, done=6)))[:-1]:
            ledger.append(group)
        assert len(growing.changed(read_entries(ledger.folder), is_held=True)) == 7
        assert len(growing.changed(read_entries(ledger.folder), is_held=True)) == 1
        ledger.append([Epoch(trial=4, fold=0, attempt=1, epoch=9, seconds=1.0, metrics={"val_loss": 0.1})])
        study, trial = growing.changed(read_entries(ledger.folder), is_held=True)
    assert (study.name, trial.name) == ("jedinet-demo", "trial 4")


def test_a_ledger_that_was_cut_is_shown_from_its_beginning(tmp_path: Path) -> None:
    *_, shorter, _, whole = prefixes(Recipe(n_trials=6, done=6), tmp_path / "s")
    growing = GrowingViews()
    growing.changed(whole, is_held=True)
    assert growing.changed(shorter, is_held=True) == views(shorter, is_held=True)
