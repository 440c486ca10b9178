"""Trials that begin from others: from whose weights, in any order, through any kill, and they are there."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import pytest
from toy import create_ledger, failed, finished, opened

from raysearch.errors import InputError, StorageError
from raysearch.ledger.asking_records import Asked
from raysearch.ledger.ledger import FILE_NAME, Ledger
from raysearch.ledger.run_records import Ended
from raysearch.study.changes import Changes
from raysearch.study.run import Run
from raysearch.study.study import Study

SEARCHES: dict[str, dict[str, Any]] = {
    "pbt": {"sampler": "pbt", "options": {"population": 6}},
    "evolution": {"sampler": "evolution", "options": {"population": 6, "sample": 3}},
}
TRIALS = 36


def train(folder: Path, run: Run) -> Ended:
    """Train a number: it goes on from the parent's, which must lie there; the best is written as one is."""
    begun = json.loads((folder / run.parent).read_text()) if run.parent else 0.0
    rate = -abs(math.log10(run.settings["learning_rate"] / 0.03)) - abs(run.settings["width"] - 9) / 9
    weights = begun + 10**rate * (1 + run.fold)
    if run.trial % 7 == 3:
        return failed(run, "nonfinite", "the loss is nan")
    value = math.exp(-weights)
    ended = finished(run, value)
    path = folder / ended.weights
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(weights))
    (path.parent / "last-00001-0.pt").write_text("state")
    return ended


def drive(study: Study, rng: random.Random, n_slots: int, crash_after: int | None = None) -> bool:
    """Finish runs in random order; stop dead after some ledger records. True if the study is over."""
    running: list[tuple[Run, Ended]] = []
    while not study.is_over:
        while len(running) < n_slots and (run := study.next_run()) is not None:
            study.started(run)
            running.append((run, train(study.ledger.folder, run)))
        run, ended = running.pop(rng.randrange(len(running)))
        study.end(ended)
        if crash_after is not None and len(study.ledger.entries) >= crash_after:
            study.ledger.close()
            return False
    study.ledger.close()
    return True


def begun(folder: Path, kind: str, folds: int = 1, **search: Any) -> Study:
    study = Study(
        create_ledger(folder, folds=folds, trials=TRIALS, **SEARCHES[kind], **search), lambda *_: None
    )
    study.begin(opened())
    return study


@pytest.fixture(params=SEARCHES)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("folds", [1, 2])
def test_any_order_of_completion_gives_the_same_parents_and_values(
    tmp_path: Path, kind: str, folds: int
) -> None:
    hashes, parents = set(), set()
    for seed in range(4):
        study = begun(tmp_path / str(seed), kind, folds)
        drive(study, random.Random(seed), n_slots=1 + seed)
        hashes.add(study.history.hash)
        parents.add(tuple(trial.parent for trial in study.history.trials))
    assert len(hashes) == len(parents) == 1
    assert sum(parent is not None for parent in parents.pop()) > TRIALS // 2
    assert study.history.best is not None
    assert len(study.history.lineage(study.history.best.number)) > 2, "weights were trained on"


def test_a_run_begins_from_its_parents_run_of_the_same_fold(tmp_path: Path, kind: str) -> None:
    study = begun(tmp_path / "s", kind, folds=2)
    drive(study, random.Random(0), n_slots=3)
    for trial in study.history.trials:
        for known in trial.runs:
            run = study.as_run(known, 1)
            assert run.breeds
            if trial.parent is None:
                assert (run.parent, run.parent_sha256) == ("", "")
            else:
                source = study.history.run(trial.parent, known.fold).ended
                assert source is not None
                assert (run.parent, run.parent_sha256) == (source.weights, source.weights_sha256)
                assert run.parent.startswith(f"trials/{trial.parent}/fold-{known.fold}/")


def test_lineages_have_no_loops_and_begin_without_a_parent(tmp_path: Path, kind: str) -> None:
    study = begun(tmp_path / "s", kind)
    drive(study, random.Random(0), n_slots=3)
    for trial in study.history.trials:
        line = study.history.lineage(trial.number)
        assert line == sorted(set(line))
        assert line[-1] == trial.number
        assert study.history.trials[line[0]].parent is None


def test_kills_at_random_records_change_nothing_and_cost_no_parents_weights(
    tmp_path: Path, kind: str
) -> None:
    straight = begun(tmp_path / "straight", kind)
    drive(straight, random.Random(0), n_slots=2)
    for seed in range(3):
        rng, folder = random.Random(seed), tmp_path / str(seed)
        study, over = begun(folder, kind), False
        while not over:
            over = drive(study, rng, 3, crash_after=len(study.ledger.entries) + rng.randrange(3, 20))
            if not over:
                path = folder / FILE_NAME
                path.write_bytes(path.read_bytes()[: -rng.randrange(1, 60)])
                study = Study(Ledger(folder), lambda *_: None)
                study.begin(opened(len(study.history.sessions) + 1))
        assert study.history.hash == straight.history.hash


def test_a_ledger_cut_after_any_record_is_rebuilt(tmp_path: Path, kind: str) -> None:
    straight = begun(tmp_path / "straight", kind)
    drive(straight, random.Random(3), n_slots=3)
    asked = [entry.record for entry in straight.ledger.entries if isinstance(entry.record, Asked)]
    lines = (tmp_path / "straight" / FILE_NAME).read_bytes().splitlines(keepends=True)
    for n_records in range(1, len(lines), 3):
        folder = tmp_path / str(n_records)
        folder.mkdir()
        (folder / FILE_NAME).write_bytes(b"".join(lines[:n_records]))
        study = Study(Ledger(folder), lambda *_: None)
        study.begin(opened(2))
        known = [entry.record for entry in study.ledger.entries if isinstance(entry.record, Asked)]
        assert known == asked[: len(known)]
        study.ledger.close()


def test_more_trials_begin_from_weights_that_were_kept(tmp_path: Path, kind: str) -> None:
    study = begun(tmp_path / "s", kind)
    drive(study, random.Random(0), n_slots=3)
    more = Study(Ledger(tmp_path / "s"), lambda *_: None)
    more.begin(opened(2), Changes(extra_trials=12))
    drive(more, random.Random(1), n_slots=3)
    assert more.history.n_committed == TRIALS + 12
    assert any(trial.parent is not None for trial in more.history.trials[TRIALS:])


def test_another_parent_than_the_ledgers_is_told(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = begun(tmp_path / "s", kind)
    drive(study, random.Random(0), n_slots=3)
    name = {
        "pbt": "raysearch.search.pbt.PopulationBased",
        "evolution": "raysearch.search.aging_evolution.AgingEvolution",
    }
    monkeypatch.setattr(f"{name[kind]}.parent", lambda self, number: None)
    with pytest.raises(StorageError, match=r"the ledger has \{.*\} from trial \d+; were packages changed"):
        Study(Ledger(tmp_path / "s"), lambda *_: None)


def test_the_window_of_pbt_is_never_wider_than_its_population(tmp_path: Path) -> None:
    study = begun(tmp_path / "s", "pbt")
    drive(study, random.Random(0), n_slots=3)
    again = Study(Ledger(tmp_path / "s"), lambda *_: None)
    with pytest.raises(
        InputError, match="--window 7: pbt looks ahead by one interval at most; must be up to 6"
    ):
        again.begin(opened(2), Changes(window=7))
    again.begin(opened(2), Changes(window=6))
    assert again.history.window == 6


def test_nothing_breeds_where_nothing_is_inherited(tmp_path: Path) -> None:
    search = {"sampler": "evolution", "options": {"population": 6, "inherit": False}}
    for number, options in enumerate((search, {})):
        study = Study(create_ledger(tmp_path / str(number), **options), lambda *_: None)
        study.begin(opened())
        run = study.next_run()
        assert run is not None
        assert not run.breeds


def test_a_fold_that_was_left_out_of_a_pruned_parent_begins_anew(tmp_path: Path) -> None:
    """Whether it was run at all depends on the order of arrival, so nobody may know its weights."""
    for also_run in (False, True):
        folder = tmp_path / str(also_run)
        ledger = create_ledger(
            folder, folds=3, window=1, trials=9, prune_folds={"startup": 1, "p_threshold": 0.3},
            sampler="evolution", options={"population": 2, "sample": 1},
        )  # fmt: skip
        study = Study(ledger, lambda *_: None)
        study.begin(opened())
        while study.history.n_committed < 2:
            runs = [run for _ in range(3) if (run := study.next_run()) is not None]
            for run in runs:
                study.started(run)
            ended = [finished(run, 0.1) for run in runs]
            if runs[0].trial == 1:
                ended[1] = Ended(**{**vars(ended[1]), "state": "pruned", "value": 0.5})
                order = (2, 0, 1) if also_run else (0, 1)
            else:
                order = (0, 1, 2)
            for place in order:
                study.end(ended[place])
        trial = study.history.trials[2]
        trial.parent = 1  # what another seed would have drawn
        runs = [study.as_run(known, 1) for known in trial.runs]
        assert [bool(run.parent) for run in runs] == [True, True, False]
