"""What is kept on disk while a study goes on, where trials begin from others' weights."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from test_study_parents import SEARCHES, begun, drive, train
from toy import create_ledger, opened

from raysearch.study.study import Study


def there(folder: Path) -> set[int]:
    """Trials with weights on disk."""
    return {int(path.parts[-4]) for path in folder.glob("trials/*/*/*/best-*.pt")}


@pytest.mark.parametrize("kind", SEARCHES)
def test_weights_are_kept_as_long_as_somebody_may_begin_from_them_and_no_longer(
    tmp_path: Path, kind: str
) -> None:
    folder = tmp_path / "s"
    study = begun(folder, kind)
    rng, running, most = random.Random(0), [], 0
    while not study.is_over:
        while len(running) < 3 and (run := study.next_run()) is not None:
            study.started(run)
            running.append((run, train(folder, run)))
        history = study.history
        for trial in history.trials:
            if trial.parent is not None and not trial.committed:
                assert trial.parent in there(folder), f"trial {trial.number} could not begin, or begin again"
        finished = [trial.number for trial in history.commit_order if trial.value is not None]
        interval = len(history.trials) // 6 - 1
        needed = {number for number in finished if number // 6 == interval}
        may_be = {number for number in finished if number // 6 >= interval - 1}
        if kind == "evolution":
            needed = may_be = {trial.number for trial in history.commit_order[-6:]} & {*finished}
        others = {trial.parent for trial in history.trials if not trial.committed}
        others |= {history.best.number} if history.best else set()
        assert needed <= there(folder)
        assert {number for number in there(folder) if history.trials[number].committed} <= may_be | others
        most = max(most, len(there(folder)))
        _, ended = running.pop(rng.randrange(len(running)))
        study.end(ended)
    assert len(there(folder)) <= 7, "of six and the best"
    assert most <= 2 * 6 + 1 + 4
    assert not list(folder.glob("trials/*/*/*/last-*")), "of parents the best epoch alone"


def test_without_inheritance_nothing_but_the_best_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    options = {"population": 6, "inherit": False}
    study = Study(create_ledger(folder, sampler="evolution", options=options), lambda *_: None)
    study.begin(opened())
    drive(study, random.Random(0), n_slots=2)
    assert study.history.best is not None
    assert there(folder) == {study.history.best.number}
