"""What a study may take on disk is told before it starts, and is enough."""

from __future__ import annotations

from pathlib import Path

import pytest
from toy import toy_space_file

from raysearch.errors import InputError, StorageError
from raysearch.launch.disk_need import DiskNeed, check_budget, check_free, disk_need
from raysearch.space.space_file import change_space_file
from raysearch.training.rehearsal import Rehearsal

MB = 10**6
REHEARSAL = Rehearsal({}, {"val_loss": False}, 100 * MB, 300 * MB, 5 * MB)


def need(*overrides: str, window: int = 4, n_trials: int = 12) -> DiskNeed:
    return disk_need(change_space_file(toy_space_file(), overrides), REHEARSAL, window, n_trials)


def test_the_need_grows_with_what_is_asked_for() -> None:
    plain = need()
    assert 4 * 4 * 300 * MB < plain.under_way < 4 * 4 * 301 * MB
    assert 100 * MB < plain.kept < 101 * MB
    assert 105 * MB < plain.rest < 130 * MB, "the best model's copy and its predictions"
    assert need("storage.keep=3").kept == 3 * plain.kept
    assert need("storage.keep=all").kept == need("storage.keep=99").kept == 12 * plain.kept
    assert need("objectives=[val_loss, mflop]").kept == 12 * plain.kept, "all may lie on the front"
    assert need("budget.folds=5").kept == 5 * plain.kept
    assert need(window=8).under_way == 2 * plain.under_way
    assert need(window=99, n_trials=4).under_way == plain.under_way, "not more than there are trials"
    pbt = ["search.sampler=pbt", "search.options={population: 3}"]
    assert need(*pbt).kept > (6 + 1) * 300 * MB, "parents keep their optimiser's state"
    assert need(n_trials=24).rest > plain.rest


def test_a_budget_that_may_not_do_is_refused_with_what_to_change() -> None:
    wanted = need("storage.keep=3")
    check_budget(wanted, None)
    check_budget(wanted, "6 GB")
    with pytest.raises(InputError) as caught:
        check_budget(wanted, "2 GB")
    assert str(caught.value) == (
        "storage.disk: 2 GB is less than the 5.23 GB that the study may need: 4.81 GB for trials "
        "under way (less with a smaller search.window), 301 MB for kept weights (storage.keep), "
        "126 MB for ledger, predictions and report "
        "(search.trials)"
    )


def test_a_disk_with_too_little_room_is_told_of(tmp_path: Path) -> None:
    check_free(DiskNeed(0, 0, 1), tmp_path)
    with pytest.raises(StorageError, match=r"the study may need 1000 TB, .* are free"):
        check_free(DiskNeed(10**15, 0, 0), tmp_path)
