"""A task of two networks, end to end: it learns, repeats itself, goes on after a kill, hands its state on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from gan_runs import metrics_of, order, run
from killing import Killed, kill_after
from toy import TOY_TASK
from toy_gan import ToyGan, ToyGanSettings

from raysearch.training.attempt import attempt_run
from raysearch.training.checkpoint import Checkpoints, load_checkpoint
from raysearch.training.descent import Descent
from raysearch.training.final import evaluate_on_test
from raysearch.training.inherit import inherit
from raysearch.training.order import Order
from raysearch.training.workers import OneWorker


def test_two_networks_learn_and_their_losses_are_told_by_name(tmp_path: Path) -> None:
    outcome, reports = run(order(tmp_path, epochs=40))
    first = reports[0].metrics
    assert set(first) == {"val_loss", "train_critic", "train_generator", "train_loss", "presentations"}
    assert first["train_loss"] == first["train_critic"] + first["train_generator"]
    assert outcome.value is not None
    assert outcome.value < 0.3 < first["val_loss"]
    tested = evaluate_on_test(order(tmp_path), outcome.weights, outcome.weights_sha256)
    assert tested.metrics["test_loss"] == pytest.approx(outcome.value, abs=0.15)
    assert (
        evaluate_on_test(order(tmp_path), outcome.weights, outcome.weights_sha256).metrics == tested.metrics
    )


def test_the_same_seed_gives_the_same_bits_and_another_others(tmp_path: Path) -> None:
    first, reports = run(order(tmp_path / "1"))
    again, reports_again = run(order(tmp_path / "2"))
    other, _ = run(order(tmp_path / "3", seed=6))
    assert (first.weights_sha256, metrics_of(reports)) == (again.weights_sha256, metrics_of(reports_again))
    assert other.weights_sha256 != first.weights_sha256


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("epoch", [1, 3])
def test_a_killed_run_goes_on_to_the_same_bits(tmp_path: Path, epoch: int, precision: str) -> None:
    straight, reports = run(order(tmp_path / "straight", precision=precision))
    with pytest.raises(Killed):
        attempt_run(order(tmp_path / "killed", precision=precision), OneWorker(), kill_after(epoch))
    again, resumed = run(order(tmp_path / "killed", precision=precision, attempt=2))
    assert again.weights_sha256 == straight.weights_sha256
    assert metrics_of(resumed) == metrics_of(reports)


@pytest.mark.parametrize("lost", ["critic", "generator"])
def test_a_checkpoint_holds_both_optimisers_and_the_schedules(tmp_path: Path, lost: str) -> None:
    """The test above can fail: without the moments of either a continued run has other bits."""
    _, straight = run(order(tmp_path / "straight"))
    with pytest.raises(Killed):
        attempt_run(order(tmp_path / "killed"), OneWorker(), kill_after(2))
    checkpoints = Checkpoints(tmp_path / "killed/trials/0/fold-0", 1)
    found = checkpoints.newest("last")
    assert found is not None
    content = found[1]
    assert set(content["optimizers"]) == {"critic", "generator"}
    steps = {name: state["state"][0]["step"].item() for name, state in content["optimizers"].items()}
    assert steps == {"critic": 8, "generator": 8}
    assert [schedule["last_epoch"] for schedule in content["schedules"]] == [8, 2]
    content["optimizers"][lost]["state"] = {}
    checkpoints.save("last", 2, content)
    found[0].unlink()
    _, resumed = run(order(tmp_path / "killed", attempt=2))
    assert resumed[2].metrics != straight[2].metrics


def test_moments_of_every_optimiser_are_inherited(tmp_path: Path) -> None:
    parent, _ = run(order(tmp_path, breeds=True))
    content = load_checkpoint(tmp_path / parent.weights)
    assert content is not None
    child = order(tmp_path, trial=1, parent=parent.weights, parent_sha256=parent.weights_sha256)
    task, settings = ToyGan(), ToyGanSettings(learning_rate=0.5)
    model = task.model(settings)
    state = inherit(child, model)
    descent = Descent(task, settings, model, OneWorker())
    descent.inherit(state)
    for name, optimizer in descent.optimizers.items():
        theirs = content["optimizers"][name]["state"][0]["exp_avg"]
        assert torch.equal(optimizer.state_dict()["state"][0]["exp_avg"], theirs)
    assert descent.optimizers["generator"].param_groups[0]["initial_lr"] == 0.5


def test_a_checkpoint_of_version_0_1_0_resumes_to_the_same_bits(tmp_path: Path) -> None:
    """Its content was that of one optimiser, without its name."""

    def toy(folder: Path, **changes: Any) -> Order:
        settings = {"learning_rate": 0.03, "width": 8}
        return order(folder, task=f"{TOY_TASK}:Toy", settings=settings, precision="float16", **changes)

    straight, _ = run(toy(tmp_path / "straight"))
    with pytest.raises(Killed):
        attempt_run(toy(tmp_path / "killed"), OneWorker(), kill_after(2))
    checkpoints = Checkpoints(tmp_path / "killed/trials/0/fold-0", 1)
    found = checkpoints.newest("last")
    assert found is not None
    path, content = found
    progress = {name: content["progress"][name] for name in ("reports", "best_epoch")}
    old = {
        "model": content["model"],
        "optimizer": content["optimizers"]["loss"],
        "kind": content["kinds"]["loss"],
        "scaler": content["scalers"]["loss"],
        "progress": progress,
    }
    path.unlink()
    checkpoints.save("last", 2, old)
    assert run(toy(tmp_path / "killed", attempt=2))[0].weights_sha256 == straight.weights_sha256
