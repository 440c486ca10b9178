"""A training in intervals: schedules of learning rates go on where the parent's checkpoint was."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from test_training import Killed, essence, kill_after, order, run
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import StepLR
from toy import TOY_SPACE, TOY_TASK
from toy_task import Toy, ToySettings
from yaml import safe_load

import raysearch
from raysearch.data.source import DataSource
from raysearch.tasks import load_task
from raysearch.tasks.jet_dnn import JetDnn, JetDnnSettings
from raysearch.tasks.schedule import Schedule
from raysearch.training.attempt import attempt_run
from raysearch.training.checkpoint import load_checkpoint
from raysearch.training.descent import Descent, Place
from raysearch.training.loop import Trainer
from raysearch.training.order import Order
from raysearch.training.workers import OneWorker

SOURCE = DataSource(None, (0.6, 0.2, 0.2))
KINDS = {
    "cosine": {"schedule": "cosine", "decay_epochs": 8},
    "step": {"schedule": "step", "decay_epochs": 3},
    "exponential": {"schedule": "exponential", "decay_epochs": 4},
    "warm-up": {"schedule": "cosine", "decay_epochs": 8, "warmup_epochs": 6},
    "plateau": {"schedule": "plateau", "plateau_patience": 2, "warmup_epochs": 2},
}
# Progress and standstill: a plateau of patience 2 falls in the third and in the seventh epoch.
LOSSES = (1.0, 1.0, 1.0, 0.5, 0.4, 0.4, 0.4, 0.3)


def settings(rate: float, **schedule: Any) -> JetDnnSettings:
    return JetDnnSettings(layers=1, neurons=4, activation="relu", dropout=0.0, learning_rate=rate, **schedule)


def descent_of(of: JetDnnSettings) -> Descent:
    return Descent(JetDnn(), of, nn.Linear(2, 2), OneWorker())


def rate_of(descent: Descent) -> float:
    return float(descent.optimizers["loss"].param_groups[0]["lr"])


def shares(descent: Descent, losses: tuple[float, ...], first: float) -> list[float]:
    found = []
    for loss in losses:
        found.append(rate_of(descent) / first)
        descent.end_epoch(loss)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_intervals_have_the_rates_of_one_long_training(kind: str) -> None:
    whole = shares(descent_of(settings(0.1, **KINDS[kind])), LOSSES, 0.1)
    assert len(set(whole)) > 2
    found: list[float] = []
    state: dict[str, Any] = {}
    for begin, rate in zip(range(0, len(LOSSES), 2), (0.1, 0.08, 0.02, 0.3), strict=True):
        member = descent_of(settings(rate, **KINDS[kind]))
        member.inherit(state, goes_on=True)
        found += shares(member, LOSSES[begin : begin + 2], rate)
        state = member.state()
    assert found == pytest.approx(whole)


def test_another_schedule_goes_on_from_the_same_epoch_and_a_new_training_begins_anew() -> None:
    parent = descent_of(settings(0.1, schedule="step", decay_epochs=2))
    shares(parent, LOSSES[:4], 0.1)
    cosine = settings(0.1, schedule="cosine", decay_epochs=8)
    goes_on, begins = descent_of(cosine), descent_of(cosine)
    goes_on.inherit(parent.state(), goes_on=True)
    begins.inherit(parent.state())
    assert (rate_of(goes_on), rate_of(begins)) == pytest.approx((0.05, 0.1))


def test_without_a_schedule_nothing_changes_and_checkpoints_that_counted_nothing_are_read() -> None:
    parent = descent_of(settings(0.1, schedule="none"))
    shares(parent, LOSSES, 0.1)
    before = {key: value for key, value in parent.state().items() if key != "behind"}
    child = descent_of(settings(0.2, schedule="none"))
    child.inherit(parent.state(), goes_on=True)
    assert rate_of(child) == 0.2
    child.inherit(before, goes_on=True)
    child.load_state(before)
    assert rate_of(child) == 0.1


class Stepping(Toy):
    """Its rate falls by a tenth after each third step."""

    def schedulers(self, settings: ToySettings, optimizers: Mapping[str, Optimizer]) -> list[Schedule]:
        return [Schedule(StepLR(optimizers["loss"], 3, 0.1), "step")]


def test_steps_are_counted_over_the_parents_and_so_are_epochs_in_a_tasks_own_step() -> None:
    toy, task = ToySettings(width=2), Stepping()
    batch = task.load(SOURCE, toy).train.rows(torch.arange(16))

    def two_steps(rate: float, state: dict[str, object]) -> tuple[Descent, list[float]]:
        own = dataclasses.replace(toy, learning_rate=rate)
        descent, found = Descent(task, own, task.model(own), OneWorker()), []
        descent.inherit(state, goes_on=True)
        for number in (1, 2):
            found.append(rate_of(descent) / rate)
            descent.take(batch, Place(1, number, 2, 16, 16))
        descent.end_epoch(1.0)
        return descent, found

    first, ones = two_steps(1e-3, {})
    second, more = two_steps(2e-3, first.state())
    assert (ones, more) == ([1.0, 1.0], pytest.approx([1.0, 0.1]))
    assert (first.epoch, second.epoch, second.progress) == (1, 2, 1.5)


FALLING = f"""\
import sys
sys.path.insert(0, {str(TOY_TASK.parent)!r})
from torch.optim.lr_scheduler import ExponentialLR
from raysearch.tasks.schedule import Schedule
from toy_task import Toy
class Falling(Toy):
    def schedulers(self, settings, optimizers):
        return [Schedule(ExponentialLR(optimizers['loss'], 0.5), 'epoch')]
"""


def falling(folder: Path, **changes: object) -> Order:
    path = folder / "falling.py"
    path.write_text(FALLING)
    plain = {"task": f"{path}:Falling", "breeds": True, "in_intervals": True, "epochs": 3}
    return dataclasses.replace(order(folder), **(plain | changes))  # type: ignore[arg-type]


def test_a_child_with_another_shape_goes_on_and_one_that_was_killed_has_its_bits(tmp_path: Path) -> None:
    parent, _ = run(falling(tmp_path))
    content = load_checkpoint(tmp_path / parent.weights)
    assert content is not None
    behind = content["behind"]["epochs"]
    assert behind == parent.best_epoch
    kept = {"trial": 1, "parent": parent.weights, "parent_sha256": parent.weights_sha256}
    wider = falling(tmp_path, **kept, settings={"learning_rate": 0.03, "width": 12})
    trainer = Trainer(load_task(wider.task), wider, OneWorker(), lambda _: None)
    assert rate_of(trainer.learner.descent) == pytest.approx(0.03 * 0.5**behind)  # type: ignore[attr-defined]
    straight, _ = run(falling(tmp_path, **kept))
    with pytest.raises(Killed):
        attempt_run(falling(tmp_path, **kept | {"trial": 2}), OneWorker(), kill_after(2))
    resumed, _ = run(falling(tmp_path, **kept | {"trial": 2}, attempt=2))
    assert essence(resumed) == essence(straight)


def test_epochs_at_a_rate_of_0_are_told(tmp_path: Path) -> None:
    path = tmp_path / "ending.py"
    ending = "LambdaLR(optimizers['loss'], lambda epoch: max(0.0, 1 - epoch / 2))"
    path.write_text(
        FALLING.replace("ExponentialLR(optimizers['loss'], 0.5)", ending).replace("ExponentialLR", "LambdaLR")
    )
    outcome, _ = run(falling(tmp_path, task=f"{path}:Falling", epochs=2))
    assert outcome.message == "", "a schedule that ends with the training leaves no epoch"
    outcome, _ = run(falling(tmp_path, task=f"{path}:Falling", epochs=5, trial=1))
    assert outcome.message == "the learning rate was 0 in 3 of 5 epochs"


@pytest.mark.parametrize(
    ("search", "falls"),
    [
        ({"sampler": "pbt", "options": {"population": 2, "quantile": 0}, "window": 1}, True),
        ({"sampler": "evolution", "options": {"population": 2, "sample": 2}, "window": 1}, False),
    ],
)
def test_a_population_goes_on_and_children_of_an_evolution_begin_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, search: dict[str, object], falls: bool
) -> None:
    shares_seen: list[float] = []
    real = Descent.end_epoch

    def end_epoch(self: Descent, objective: float) -> None:
        shares_seen.append(round(rate_of(self) / self.settings.learning_rate, 6))
        real(self, objective)

    monkeypatch.setattr(Descent, "end_epoch", end_epoch)
    path = tmp_path / "falling.py"
    path.write_text(FALLING)
    space = {
        **safe_load(TOY_SPACE.format(task=TOY_TASK)),
        "task": f"{path}:Falling",
        "search": {**search, "trials": 4},
        "budget": {"epochs": 1},
    }
    raysearch.tune(space, runs=tmp_path / "runs", name="s", local=True)
    assert shares_seen[-4:] == ([1.0, 1.0, 0.5, 0.5] if falls else [1.0] * 4)
