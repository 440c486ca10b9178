"""Cross-validation, several objectives, limits, given settings and series, as a user asks for them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from cli_runs import raysearch

from raysearch.ledger.history import History, read_history

VARY = "vary: {space: {activation: [relu, elu], batch_size: [16, 32]}}\n"
TWO = "  activation: relu\n  batch_size: 16\n"


def known(folder: Path, name: str = "s") -> History:
    return read_history(folder / "runs" / name)


def test_folds_are_runs_of_a_trial_and_differ(toy_space: Path, tmp_path: Path) -> None:
    result = raysearch(tmp_path, "tune", str(toy_space), "--folds", "3", "-n", "4", "--name", "s", "--local")
    assert result.code == 0, result.err
    history = known(tmp_path)
    assert history.created.folds == 3
    for trial in history.trials:
        values = [run.ended.value for run in trial.runs if run.ended and run.ended.value is not None]
        assert len(set(values)) == 3, "every fold has its own model and its own validation part"
        assert trial.value == pytest.approx(sum(values) / 3)
    assert sorted(record.fold for record, _ in history.tests) == [0, 1, 2]
    assert (tmp_path / "runs/s/best/fold-2/model.pt").is_file()
    again = raysearch(tmp_path, "resume", "s", "--local")
    assert "nothing is left to do" in again.out


def test_crossval_of_a_trial_is_a_study_of_its_settings(toy_space: Path, tmp_path: Path) -> None:
    raysearch(tmp_path, "tune", str(toy_space), "-n", "3", "--name", "s", "--local")
    options = ("--from", "1", "--folds", "4", "--set", "budget.epochs=2", "--local")
    result = raysearch(tmp_path, "crossval", "s", *options)
    assert result.code == 0, result.err
    first, final = known(tmp_path), known(tmp_path, "s-crossval")
    assert [trial.settings for trial in final.trials] == [first.trials[1].settings]
    assert final.trials[0].given
    assert final.created.space_file["budget"]["epochs"] == 2
    assert len(final.tests) == 4
    assert "go on:" not in result.out, "a trial more would be another question than that of these settings"
    assert raysearch(tmp_path, "crossval", "s", "--from", "7", "--local").code == 2


def test_a_learning_curve_is_a_series_over_sizes(toy_space: Path, tmp_path: Path) -> None:
    raysearch(tmp_path, "tune", str(toy_space), "-n", "2", "--name", "s", "--local")
    sizes = ("--folds", "2", "--train-on", "8,16,32")
    result = raysearch(tmp_path, "crossval", "s", *sizes, "--local")
    assert result.code == 0, result.err
    for size in (8, 16, 32):
        history = known(tmp_path, f"s-learning-curve/{size}")
        assert history.created.space_file["data"]["limit"] == size
        assert len(history.tests) == 2
    lines = [line.split() for line in raysearch(tmp_path, "compare", "s-learning-curve").out.splitlines()]
    assert [line[0] for line in lines[1:4]] == [f"s-learning-curve/{size}" for size in (8, 16, 32)]
    assert "test_loss" in lines[0]
    assert "bias" not in lines[0], "nothing there has one"
    wrong = raysearch(tmp_path, "crossval", "s", "--train-on", "16,0", "--local")
    assert wrong.code == 2
    assert "--train-on 16,0: must be different whole numbers" in wrong.err


def test_given_settings_are_tried_first_and_learned_from(toy_space: Path, tmp_path: Path) -> None:
    wish = {"learning_rate": 0.02, "width": 12, "activation": "elu"}
    options = ("--name", "s", "--local", "-n", "5")
    result = raysearch(
        tmp_path, "tune", str(toy_space), *options, "--set", f"search.enqueue={json.dumps([wish])}"
    )
    assert result.code == 0, result.err
    history = known(tmp_path)
    assert history.trials[0].settings == wish
    assert [trial.given for trial in history.trials] == [True, False, False, False, False]
    wrong = json.dumps([{**wish, "width": 99}])
    told = raysearch(tmp_path, "tune", str(toy_space), "--set", f"search.enqueue={wrong}", "--dry-run")
    assert told.code == 2
    assert "search.enqueue.0: width: 99 lies outside the space" in told.err


def test_published_settings_that_lie_in_the_space_are_tried_first(toy_space: Path, tmp_path: Path) -> None:
    here = {"learning_rate": 0.05, "width": 4, "activation": "relu"}
    elsewhere = {**here, "width": 40}
    published = json.dumps([{"source": "a paper", "settings": each} for each in (elsewhere, here)])
    toy_space.write_text(toy_space.read_text() + f"published: {published}\n")
    options = ("--enqueue", "published", "--name", "s", "--local", "-n", "2")
    assert raysearch(tmp_path, "tune", str(toy_space), *options).code == 0
    assert known(tmp_path).trials[0].settings == here
    narrow = raysearch(tmp_path, "tune", str(toy_space), *options, "--set", "space.width.low=8", "--dry-run")
    assert narrow.code == 2
    assert "search.enqueue: no published settings lie in this space" in narrow.err
    assert "the nearest differs in width = 40 (outside of its range)" in narrow.err


def test_two_objectives_give_a_front(toy_space: Path, tmp_path: Path) -> None:
    options = ("--objectives", "val_loss,parameters", "--sampler", "nsga2", "--set", "search.options={}")
    result = raysearch(tmp_path, "tune", str(toy_space), *options, "-n", "12", "--name", "s", "--local")
    assert result.code == 0, result.err
    history = known(tmp_path)
    assert history.created.others == {"parameters": False}
    points = [history.objectives(trial) for trial in history.front]
    assert len(points) > 1
    losses, sizes = zip(*points, strict=True)  # type: ignore[arg-type]
    assert list(losses) == sorted(losses)
    assert list(sizes) == sorted(sizes, reverse=True), "what is worse in one objective is better in the other"
    for trial in history.front:
        assert trial.runs[0].ended is not None
        assert (tmp_path / "runs/s" / trial.runs[0].ended.weights).is_file()
    wrong = raysearch(tmp_path, "tune", str(toy_space), "--objectives", "val_loss,mflop", "--sampler", "gp")
    assert wrong.code == 2
    assert "gp searches one objective, got 2; one of tpe, nsga2, random, grid" in wrong.err


def test_models_over_a_limit_are_no_trials_and_the_study_goes_on(toy_space: Path, tmp_path: Path) -> None:
    result = raysearch(
        tmp_path, "tune", str(toy_space), "--max-parameters", "25", "-n", "10", "--name", "s", "--local"
    )
    assert result.code == 0, "a refused model is no failure: " + result.err
    history = known(tmp_path)
    assert [trial.state for trial in history.trials] == ["finished"] * 10
    assert all(trial.settings["width"] <= 8 for trial in history.trials)
    assert history.redrawn
    assert all(record.settings["width"] > 8 for record in history.redrawn)


def test_a_series_is_a_study_for_each_combination(toy_space: Path, tmp_path: Path) -> None:
    space = toy_space.read_text().replace("  activation: {type: choice, values: [relu, elu]}\n", TWO)
    toy_space.write_text(space + VARY)
    result = raysearch(tmp_path, "tune", str(toy_space), "-n", "2", "--name", "s", "--local")
    assert result.code == 0, result.err
    members = ["relu-16", "relu-32", "elu-16", "elu-32"]
    for member in members:
        history = known(tmp_path, f"s/{member}")
        assert history.is_complete
        activation, batch_size = member.split("-")
        fixed = history.created.space_file["space"]
        assert (fixed["activation"], str(fixed["batch_size"])) == (activation, batch_size)
    assert (tmp_path / "runs/s/report/index.html").is_file()
    listed = json.loads(raysearch(tmp_path, "list", "-f", "json").out)
    assert sorted(row["name"] for row in listed) == sorted(f"s/{member}" for member in members)


def test_a_series_that_was_stopped_goes_on_where_it_was(toy_space: Path, tmp_path: Path) -> None:
    space = toy_space.read_text().replace("  activation: {type: choice, values: [relu, elu]}\n", TWO)
    toy_space.write_text(space + VARY)
    assert raysearch(tmp_path, "tune", str(toy_space), "-n", "2", "--name", "s", "--local").code == 0
    straight = {
        path.parent.name: read_history(path.parent).hash for path in tmp_path.glob("runs/s/*/ledger.jsonl")
    }
    third = tmp_path / "runs/s/elu-16/ledger.jsonl"
    third.write_bytes(b"".join(third.read_bytes().splitlines(keepends=True)[:6]))
    for path in sorted((tmp_path / "runs/s/elu-32").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    assert raysearch(tmp_path, "resume", "s", "--local").code == 0
    assert {
        path.parent.name: read_history(path.parent).hash for path in tmp_path.glob("runs/s/*/ledger.jsonl")
    } == straight


def test_more_trials_of_a_series_are_for_each_member_also_for_those_that_have_not_begun(
    toy_space: Path, tmp_path: Path
) -> None:
    toy_space.write_text(toy_space.read_text() + "vary: {budget: {epochs: [1, 2]}}\n")
    assert raysearch(tmp_path, "tune", str(toy_space), "-n", "2", "--name", "s", "--local").code == 0
    shutil.rmtree(tmp_path / "runs/s/2")
    assert raysearch(tmp_path, "resume", "s", "--trials", "+1", "--local").code == 0
    assert [known(tmp_path, f"s/{epochs}").n_committed for epochs in (1, 2)] == [3, 3]


def test_a_wrong_member_stops_the_series_before_it_begins(toy_space: Path, tmp_path: Path) -> None:
    toy_space.write_text(toy_space.read_text() + "vary: {budget: {epochs: [2, 0]}}\n")
    result = raysearch(tmp_path, "tune", str(toy_space), "--name", "s", "--local")
    assert result.code == 2
    assert "budget.epochs: input should be greater than or equal to 1, got 0 (member 0)" in result.err
    assert not (tmp_path / "runs").exists()
