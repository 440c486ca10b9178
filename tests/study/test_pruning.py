"""What is behind is given up, from committed results alone: within a run, and across folds."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from toy import create_ledger, failed, finished, in_random_order, opened

from raysearch.ledger.ledger import FILE_NAME, Ledger
from raysearch.ledger.run_records import Ended
from raysearch.space.sections import PruneSection
from raysearch.study.pruning import schedule_for
from raysearch.study.run import Run
from raysearch.study.study import Study

EPOCHS = 9
CURVES = [[float(level)] * EPOCHS for level in (1, 2, 3, 4, 5, 6)]


def rule(**options: object) -> PruneSection:
    return PruneSection.model_validate({"startup": 1, **options})


def test_median_asks_every_epoch_but_the_last_from_the_first_on() -> None:
    schedule = schedule_for(rule(rule="median", first_epoch=3), EPOCHS, CURVES)
    assert schedule.cuts == (None, None, 3.5, 3.5, 3.5, 3.5, 3.5, 3.5, None)
    assert schedule.shares == ()


def test_nothing_is_asked_before_enough_trials_are_known() -> None:
    assert set(schedule_for(rule(rule="median", startup=7), EPOCHS, CURVES).cuts) == {None}
    assert set(schedule_for(None, EPOCHS, CURVES).cuts) == set()


def test_a_curve_that_was_cut_short_counts_up_to_its_end() -> None:
    schedule = schedule_for(rule(rule="median"), 4, [[1.0, 1.0, 1.0], [5.0], [3.0, 3.0]])
    assert schedule.cuts == (3.0, 2.0, 1.0, None)


def test_halving_asks_at_rungs_for_the_best_one_in_factor() -> None:
    schedule = schedule_for(rule(rule="halving", factor=3), EPOCHS, CURVES)
    assert [epoch + 1 for epoch, cut in enumerate(schedule.cuts) if cut is not None] == [1, 3]
    assert 2 < schedule.cuts[0] < 3  # type: ignore[operator] # two of six are not above it


def test_halving_by_data_trains_on_growing_shares_and_asks_at_the_end_of_each() -> None:
    schedule = schedule_for(rule(rule="halving", factor=3, by="data", smallest_share=0.1), EPOCHS, CURVES)
    assert schedule.shares == pytest.approx((1 / 9,) * 3 + (1 / 3,) * 3 + (1.0,) * 3)
    assert [epoch + 1 for epoch, cut in enumerate(schedule.cuts) if cut is not None] == [3, 6]


def train(run: Run) -> tuple[list[float], bool]:
    """What a run would report: losses that fall towards its own level, until its schedule ends it."""
    noise = random.Random(run.seed)
    level = abs(run.settings["width"] - 9) / 9 + 0.1 * noise.random()
    losses: list[float] = []
    for epoch in range(3):
        losses.append(level + 1 / (1 + epoch))
        cut = run.schedule.cuts[epoch] if run.schedule.cuts else None
        if cut is not None and min(losses) > cut:
            return losses, True
    return losses, False


def carry_out(study: Study, rng: random.Random, n_slots: int, crash_after: int | None = None) -> bool:
    """Finish runs in random order, or stop dead; see in_random_order."""

    def train_one(run: Run) -> None:
        losses, is_pruned = train(run)
        for epoch, loss in enumerate(losses, 1):
            study.report(run, epoch, 0.1, {"val_loss": loss})
        ended = finished(run, min(losses))
        state = "pruned" if is_pruned else "finished"
        study.end(Ended(**{**vars(ended), "state": state, "epochs": len(losses), "best_epoch": len(losses)}))

    return in_random_order(study, rng, train_one, n_slots, crash_after)


PRUNINGS = {
    "median": ({"prune": {"rule": "median", "startup": 3}}, 1),
    "halving": ({"prune": {"rule": "halving", "startup": 3, "factor": 2}}, 1),
    "folds": ({"prune_folds": {"startup": 2, "p_threshold": 0.3}}, 5),
    "both": ({"prune": {"rule": "median", "startup": 3}, "prune_folds": {"p_threshold": 0.3}}, 4),
}


def begun(folder: Path, kind: str) -> Study:
    search, folds = PRUNINGS[kind]
    study = Study(create_ledger(folder, folds=folds, trials=24, **search), lambda *_: None)
    study.begin(opened())
    return study


@pytest.mark.parametrize("kind", PRUNINGS)
def test_any_order_of_completion_prunes_the_same(tmp_path: Path, kind: str) -> None:
    hashes, states = set(), set()
    for seed in range(4):
        study = begun(tmp_path / str(seed), kind)
        carry_out(study, random.Random(seed), n_slots=1 + 2 * seed)
        hashes.add(study.history.hash)
        states.add(tuple(trial.state for trial in study.history.trials))
    assert len(hashes) == len(states) == 1
    (state,) = states
    assert 3 <= state.count("pruned") < 20, "the test is about pruning"
    assert study.history.best is not None
    assert study.history.best.state == "finished"


@pytest.mark.parametrize("kind", ["halving", "both"])
def test_kills_change_nothing(tmp_path: Path, kind: str) -> None:
    straight = begun(tmp_path / "straight", kind)
    carry_out(straight, random.Random(0), n_slots=2)
    rng = random.Random(1)
    folder = tmp_path / "killed"
    study, over = begun(folder, kind), False
    while not over:
        over = carry_out(study, rng, 3, crash_after=len(study.ledger.entries) + rng.randrange(5, 60))
        if not over:
            path = folder / FILE_NAME
            path.write_bytes(path.read_bytes()[: -rng.randrange(1, 60)])
            study = Study(Ledger(folder), lambda *_: None)
            study.begin(opened(len(study.history.sessions) + 1))
    assert study.history.hash == straight.history.hash


def test_folds_that_no_longer_matter_are_not_run(tmp_path: Path) -> None:
    study = begun(tmp_path / "s", "folds")
    carry_out(study, random.Random(0), n_slots=1)
    pruned = [trial for trial in study.history.trials if trial.state == "pruned"]
    for trial in pruned:
        n_run = sum(run.attempt > 0 for run in trial.runs)
        assert 2 <= n_run < 5
        values = [run.ended.value for run in trial.runs[:n_run] if run.ended]
        assert trial.committed is not None
        assert trial.committed.value == pytest.approx(sum(values) / n_run)  # type: ignore[arg-type]
        assert trial.value is None, "a pruned trial has no value to compare with finished ones"


def test_the_first_fold_that_fails_ends_the_trial(tmp_path: Path) -> None:
    study = Study(create_ledger(tmp_path / "s", folds=3, window=1), lambda *_: None)
    study.begin(opened())
    runs = [study.next_run() for _ in range(3)]
    for run in runs:
        assert run is not None
        study.started(run)
    study.end(failed(runs[1], "nonfinite", "the loss is nan"))  # type: ignore[arg-type]
    assert study.history.n_committed == 0, "fold 0 may still say otherwise"
    study.end(finished(runs[0], 1.0))  # type: ignore[arg-type]
    assert [trial.state for trial in study.history.committed] == ["failed"]
    study.end(finished(runs[2], 1.0))  # type: ignore[arg-type] # too late to matter, and no error
    assert study.history.n_committed == 1


def test_checkpoints_of_a_fold_that_still_trains_are_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    study = Study(create_ledger(folder, folds=2, window=1), lambda *_: None)
    study.begin(opened())
    first, second = study.next_run(), study.next_run()
    assert first is not None
    assert second is not None
    study.started(first)
    study.started(second)
    (folder / "trials/0/fold-1/attempt-1").mkdir(parents=True)
    study.end(failed(first))
    assert (folder / "trials/0/fold-1/attempt-1").is_dir()
    study.end(finished(second, 1.0))
    assert not (folder / "trials/0").exists()
