from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from mirrored_studies import START_MS, Recipe, interrupted, resume, write_study

from raysearch.ledger.asking_records import Asked
from raysearch.ledger.history import History
from raysearch.ledger.ledger import read_entries
from raysearch.ledger.run_records import Epoch
from raysearch.tracking.view import RunView, experiment_name, views


def view_of(folder: Path, *, is_held: bool = False) -> dict[str, RunView]:
    return {view.name: view for view in views(read_entries(folder), is_held=is_held)}


def latest(view: RunView) -> dict[str, float]:
    return {point.key: point.value for point in view.points}


def test_trials_hang_below_the_study(tmp_path: Path) -> None:
    seen = view_of(write_study(tmp_path / "s"))
    study = seen["jedinet-demo"]
    assert list(seen) == ["jedinet-demo", "trial 0", "trial 1", "trial 2"]
    assert {view.parent for name, view in seen.items() if name != "jedinet-demo"} == {study.key}


def test_folds_hang_below_their_trial_and_give_mean_and_sd(tmp_path: Path) -> None:
    seen = view_of(write_study(tmp_path / "s", Recipe(folds=3)))
    trial = seen["trial 1"]
    assert [view.name for view in seen.values() if view.parent == trial.key] == [
        "trial 1 fold 0", "trial 1 fold 1", "trial 1 fold 2",
    ]  # fmt: skip
    assert latest(trial)["value"] == pytest.approx(4 / 3 + 0.1)
    assert latest(trial)["value_sd"] == pytest.approx(0.1)
    assert latest(trial)["best/val_auc_sd"] == pytest.approx(0)
    assert seen["trial 1 fold 2"].params == trial.params


def test_repeats_are_no_folds(tmp_path: Path) -> None:
    seen = view_of(write_study(tmp_path / "s", Recipe(folds=3, repeats=True)))
    assert [view.name for view in seen.values() if view.parent == seen["trial 1"].key] == [
        "trial 1 repeat 0", "trial 1 repeat 1", "trial 1 repeat 2",
    ]  # fmt: skip
    assert seen["trial 1 repeat 2"].tags["repeat"] == "2"
    assert seen["jedinet-demo"].params["repeats"] == "3"
    assert not any("fold" in {*view.tags, *view.params} for view in seen.values())
    assert "folds" not in seen["jedinet-demo"].params
    folds = view_of(write_study(tmp_path / "f", Recipe(folds=3)))
    assert (folds["jedinet-demo"].params["folds"], folds["trial 1 fold 2"].tags["fold"]) == ("3", "2")


def test_a_strategy_can_be_filtered_and_compared_by(tmp_path: Path) -> None:
    seen = view_of(write_study(tmp_path / "s", Recipe(folds=2, strategy="one-plus-lambda")))
    assert len(seen) == 1 + 3 * 3
    for view in seen.values():
        assert (view.tags["strategy"], view.params["strategy"]) == ("one-plus-lambda", "one-plus-lambda")
    plain = view_of(write_study(tmp_path / "p"))
    assert not any("strategy" in {*view.tags, *view.params} for view in plain.values())


def test_params_are_searched_and_fixed_settings(tmp_path: Path) -> None:
    assert view_of(write_study(tmp_path / "s"))["trial 2"].params == {"hidden": "7", "batch_size": "100"}


def test_the_trial_that_another_one_began_from_is_a_param(tmp_path: Path) -> None:
    entries = read_entries(write_study(tmp_path / "s", Recipe(folds=3)))
    bred = [
        replace(entry, record=replace(entry.record, parent=0))
        if isinstance(entry.record, Asked) and entry.record.trial == 2
        else entry
        for entry in entries
    ]
    seen = {view.name: view for view in views(bred, is_held=False)}
    assert seen["trial 2"].params == {"parent": "0", "hidden": "7", "batch_size": "100"}
    assert seen["trial 2 fold 1"].params["parent"] == "0"
    assert "parent" not in seen["trial 1"].params


def test_every_run_says_what_made_it(tmp_path: Path) -> None:
    for view in view_of(write_study(tmp_path / "s", Recipe(folds=3))).values():
        assert view.tags["data_sha256"] == "da7a" * 16
        assert view.tags["seed"] == "7"
        assert view.tags["raysearch_version"] == "0.1.0"


def test_epochs_are_steps_at_the_time_of_their_record(tmp_path: Path) -> None:
    points = [
        point for point in view_of(write_study(tmp_path / "s"))["trial 0"].points if point.key == "val_loss"
    ]
    assert [(point.step, point.value) for point in points] == [(1, 1.0), (2, 0.5), (3, 1 / 3)]
    entries = read_entries(tmp_path / "s")
    times = [
        entry.time_ms for entry in entries if isinstance(entry.record, Epoch) and entry.record.trial == 0
    ]
    assert [point.time_ms for point in points] == times


def test_study_shows_best_trial_and_test_figures(tmp_path: Path) -> None:
    study = view_of(write_study(tmp_path / "s", Recipe(failed=(1,))))["jedinet-demo"]
    assert study.tags["best_trial"] == "0"
    assert study.tags["best.hidden"] == "5"
    assert study.tags["trials"] == "2 finished, 1 failed (1 nonfinite) of 3"
    assert latest(study) == {"best_value": 1 / 3, "test_auc": 0.93}
    assert "no physics results" in study.tags["mlflow.note.content"]


def test_failure_is_told(tmp_path: Path) -> None:
    trial = view_of(write_study(tmp_path / "s", Recipe(failed=(1,))))["trial 1"]
    assert trial.status == "FAILED"
    assert trial.tags["failure"] == "nonfinite: the loss is nan in epoch 3"


@pytest.mark.parametrize(
    ("closed", "status"),
    [("finished", "FINISHED"), ("gave up", "FAILED"), ("stopped", "KILLED"), ("", "KILLED")],
)
def test_status_of_a_study_nobody_holds(tmp_path: Path, closed: str, status: str) -> None:
    study = view_of(write_study(tmp_path / "s", Recipe(closed=closed)))["jedinet-demo"]
    assert study.status == status
    assert study.end_ms is not None


def test_a_held_study_goes_on_and_a_left_one_does_not(tmp_path: Path) -> None:
    folder = interrupted(tmp_path / "s")
    going = view_of(folder, is_held=True)
    assert {name: view.status for name, view in going.items()} == {
        "jedinet-demo": "RUNNING", "trial 0": "FINISHED", "trial 1": "RUNNING",
    }  # fmt: skip
    assert going["trial 1"].end_ms is None
    left = view_of(folder)
    assert [view.status for view in left.values()] == ["KILLED", "FINISHED", "KILLED"]
    assert left["trial 1"].end_ms == read_entries(folder)[-1].time_ms


def test_a_resumed_run_has_each_epoch_once_and_names_the_lost_attempt(tmp_path: Path) -> None:
    folder = interrupted(tmp_path / "s")
    resume(folder)
    trial = view_of(folder)["trial 1"]
    assert [point.step for point in trial.points if point.key == "val_loss"] == [1, 2, 3]
    assert trial.tags["attempt"] == "2"
    assert trial.tags["attempts_lost"] == "its process was killed"
    assert trial.status == "FINISHED"


def test_same_name_other_study_other_key(tmp_path: Path) -> None:
    first = view_of(write_study(tmp_path / "a"))["jedinet-demo"].key
    later = view_of(write_study(tmp_path / "b", start_ms=START_MS + 1000))["jedinet-demo"].key
    other = view_of(write_study(tmp_path / "c", Recipe(identity="2e" * 32)))["jedinet-demo"].key
    assert len({first, later, other}) == 3


@pytest.mark.parametrize(("task", "name"), [("jedinet", "jedinet"), ("mine/my_task.py:MyTask", "MyTask")])
def test_experiment_is_named_after_the_task(tmp_path: Path, task: str, name: str) -> None:
    entries = read_entries(write_study(tmp_path / "s", Recipe(task=task)))
    assert experiment_name(History(entries)) == name


def test_pruned_and_refused_trials_are_no_failures(tmp_path: Path) -> None:
    seen = view_of(
        write_study(tmp_path / "s", Recipe(n_trials=4, done=4, pruned=(1,), refused=(2,), failed=(3,)))
    )
    assert [seen[f"trial {n}"].status for n in range(4)] == ["FINISHED", "FINISHED", "FINISHED", "FAILED"]
    assert [seen[f"trial {n}"].tags["state"] for n in range(4)] == ["finished", "pruned", "refused", "failed"]
    assert seen["trial 2"].tags["failure"] == "limit: parameters: 8,329, the limit is 5,000"
    trials = "1 finished, 1 pruned, 1 refused, 1 failed (1 nonfinite) of 4"
    assert seen["jedinet-demo"].tags["trials"] == trials


def test_a_pruned_trial_never_is_the_best_value(tmp_path: Path) -> None:
    study = view_of(write_study(tmp_path / "s", Recipe(pruned=(0,))))["jedinet-demo"]
    assert [point.value for point in study.points if point.key == "best_value"] == pytest.approx(
        [4 / 3, 4 / 3]
    )


def test_folds_left_out_leave_their_trial_over(tmp_path: Path) -> None:
    seen = view_of(write_study(tmp_path / "s", Recipe(folds=3, pruned=(1,), closed="")), is_held=True)
    trial = seen["trial 1"]
    assert (trial.status, trial.tags["state"]) == ("FINISHED", "pruned")
    assert trial.end_ms is not None
    assert latest(trial) == {"value": 4 / 3}
    assert [view.name for view in seen.values() if view.parent == trial.key] == ["trial 1 fold 0"]


def test_every_fold_has_its_test_figures_and_the_study_their_mean_and_sd(tmp_path: Path) -> None:
    seen = view_of(write_study(tmp_path / "s", Recipe(folds=3)))
    folds = [latest(seen[f"trial 0 fold {fold}"])["test_auc"] for fold in range(3)]
    assert folds == pytest.approx([0.93, 0.94, 0.95])
    study = latest(seen["jedinet-demo"])
    assert study["test_auc"] == pytest.approx(0.94)
    assert study["test_auc_sd"] == pytest.approx(0.01)


def test_no_mean_of_some_of_the_folds(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", Recipe(folds=3))
    entries = [entry for entry in read_entries(folder) if getattr(entry.record, "kind", "") != "closed"][:-1]
    study = next(view for view in views(entries, is_held=False) if view.name == "jedinet-demo")
    assert "test_auc" not in latest(study)


def test_the_pareto_front_is_tagged_and_all_objectives_are_metrics(tmp_path: Path) -> None:
    """Of trials 0, 1, 2 each has a larger loss and fewer parameters than the one before."""
    seen = view_of(
        write_study(tmp_path / "s", Recipe(n_trials=4, done=4, others=("parameters",), pruned=(3,)))
    )
    assert [seen[f"trial {n}"].tags.get("pareto") for n in range(4)] == ["true", "true", "true", None]
    assert latest(seen["trial 1"])["objective/parameters"] == 8328
    assert latest(seen["trial 1"])["objective/val_loss"] == pytest.approx(4 / 3)
    assert seen["jedinet-demo"].tags["pareto_front"] == "0, 1, 2"
    assert seen["jedinet-demo"].params["objective"] == "val_loss,parameters"


def test_a_trial_that_is_beaten_is_not_on_the_front(tmp_path: Path) -> None:
    """Of trials 0, 1, 2 each has a larger loss and more operations than the one before."""
    seen = view_of(write_study(tmp_path / "s", Recipe(others=("mflop",))))
    assert [seen[f"trial {n}"].tags["pareto"] for n in range(3)] == ["true", "false", "false"]
