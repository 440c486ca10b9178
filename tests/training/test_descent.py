"""Steps of several networks: whom a loss reaches, when, at which rate; what would do nothing is told."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from gan_runs import SOURCE, TESTS, order, own_task, run
from torch import nn
from torch.optim import SGD, Adam, Optimizer
from torch.optim.lr_scheduler import ExponentialLR, ReduceLROnPlateau
from torch.utils.flop_counter import FlopCounterMode
from toy import TOY_TASK
from toy_gan import ToyGan, ToyGanSettings

from raysearch.data.tensors import Batch
from raysearch.errors import InputError
from raysearch.tasks import load_task
from raysearch.tasks.schedule import Schedule
from raysearch.tasks.settings import make_settings
from raysearch.tasks.task import Task
from raysearch.training.attempt import attempt_run
from raysearch.training.descent import Descent, Place
from raysearch.training.rehearsal import rehearse
from raysearch.training.workers import OneWorker


class Recorded(ToyGan):
    """Notes at each step which weights have a gradient."""

    def __init__(self) -> None:
        self.seen: list[dict[str, bool]] = []

    def optimizers(self, settings: ToyGanSettings, model: nn.Module) -> Mapping[str, Optimizer]:
        found = super().optimizers(settings, model)

        def look(*_: object) -> None:
            self.seen.append({name: weight.grad is not None for name, weight in model.named_parameters()})

        for optimizer in found.values():
            optimizer.register_step_pre_hook(look)
        return found


def prepared(task: Task[Any], settings: Any, precision: str = "float32") -> tuple[Descent, Batch]:
    torch.manual_seed(3)
    model = task.model(settings).train()
    batch = task.load(SOURCE, settings).train.rows(torch.arange(settings.batch_size))
    return Descent(task, settings, model, OneWorker(), precision), batch


def place(batch: Batch, number: int = 1) -> Place:
    return Place(epoch=1, batch_number=number, n_batches=4, n_rows=len(batch[0]), n_mine=len(batch[0]))


def test_a_frozen_critic_gets_no_gradient_and_none_is_computed_for_it() -> None:
    task = Recorded()
    descent, batch = prepared(task, ToyGanSettings())
    before = {name: weight.clone() for name, weight in descent.model.named_parameters()}
    descent.take(batch, place(batch))
    for own, seen in zip(("critic", "generator"), task.seen, strict=True):
        assert {name for name, has in seen.items() if has} == {
            name for name in before if name.startswith(own)
        }
    assert all(weight.grad is None for weight in descent.model.parameters())
    assert all(not torch.equal(weight, before[name]) for name, weight in descent.model.named_parameters())


def test_the_way_through_a_critic_costs_no_gradients_of_its_weights() -> None:
    def operations(*, frozen: bool) -> int:
        descent, batch = prepared(ToyGan(), ToyGanSettings())
        model: Any = descent.model
        model.critic.requires_grad_(not frozen)
        loss = model.critic(model.generator(torch.randn(len(batch[0]), model.latent))).mean()
        with FlopCounterMode(display=False) as counter:
            descent(loss, "generator")
        return counter.get_total_flops()

    assert operations(frozen=False) == operations(frozen=True) > 0


def test_the_second_loss_of_a_batch_sees_the_weights_after_the_first_ones_step() -> None:
    """Autocast keeps lower-precision copies of weights for as long as it is on, a whole step of a task."""

    class Twice(ToyGan):
        def step(self, descent: Any, batch: Batch) -> None:
            before = descent.model.critic(batch[0]).mean()
            descent(before.square(), "critic")
            self.change = (descent.model.critic(batch[0]).mean() - before).abs().item()

    for precision in ("float32", "bfloat16"):
        task = Twice()
        descent, batch = prepared(task, ToyGanSettings(critic_learning_rate=0.5), precision)
        descent.take(batch, place(batch))
        assert task.change > 0.1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            'descent(loss, "criticc")',
            "Mine has no optimiser 'criticc' to step; one of critic, generator. Did you mean",
        ),
        ("descent(loss)", "Mine has no optimiser 'loss' to step; one of critic, generator"),
        (
            'descent(loss, "generator")',
            "the loss of 'generator' depends on none of the parameters of that optimiser",
        ),
        ("pass", "Mine.step takes no step in the first batch"),
    ],
)
def test_a_step_that_would_train_nothing_is_refused_before_a_study(
    tmp_path: Path, call: str, message: str
) -> None:
    body = f"""
class Mine(ToyGan):
    def step(self, descent, batch):
        loss = descent.model.critic(batch[0]).mean()
        {call}
"""
    with pytest.raises(InputError, match=message):
        rehearse(own_task(tmp_path, body), SOURCE, {}, [])


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ("{}", "Mine.optimizers must give optimisers by name, got {}"),
        ("torch.optim.SGD(model.parameters(), lr=0.01)", "must give optimisers by name, got SGD"),
        (
            '{"my loss": torch.optim.SGD(model.parameters(), lr=0.01)}',
            "'my loss' must be letters, digits and _",
        ),
        (
            '{"one": torch.optim.SGD([*model.parameters(), nn.Parameter(torch.ones(1))], lr=0.01)}',
            "one holds parameters that are not the model's, which no checkpoint would keep",
        ),
        (
            '{n: torch.optim.SGD(model.critic.parameters(), lr=0.01) for n in ("one", "other")}',
            "none holds generator.0.weight, generator.0.bias, generator.1.weight and more; freeze",
        ),
    ],
)
def test_optimisers_that_cannot_be_used_are_told(tmp_path: Path, made: str, message: str) -> None:
    body = f"class Mine(ToyGan):\n    def optimizers(self, settings, model):\n        return {made}\n"
    with pytest.raises(InputError, match=message):
        rehearse(own_task(tmp_path, body), SOURCE, {}, [])


def test_learning_rates_that_reach_no_optimiser_are_told(tmp_path: Path) -> None:
    rehearse(f"{TESTS}/toy_gan.py:ToyGan", SOURCE, {}, [])
    body = """
class Mine(ToyGan):
    def optimizers(self, settings, model):
        settings.learning_rate, settings.critic_learning_rate
        return {"critic": torch.optim.Adam(model.critic.parameters(), lr=settings.learning_rate),
                "generator": torch.optim.Adam(model.generator.parameters(), lr=0.5)}
"""
    with pytest.raises(InputError) as caught:
        rehearse(own_task(tmp_path, body), SOURCE, {"critic_learning_rate": 0.125}, [])
    assert caught.value.problems == (
        "space.critic_learning_rate: 0.125 did not reach the optimiser, which has 0.02",
    )
    body = body.replace("lr=settings.learning_rate", "lr=settings.critic_learning_rate")
    with pytest.raises(
        InputError, match="space.learning_rate: 0.02 did not reach any optimiser; they have 0.01, 0.5"
    ):
        rehearse(own_task(tmp_path, body), SOURCE, {}, [])


def test_schedules_of_steps_and_epochs(tmp_path: Path) -> None:
    descent, batch = prepared(ToyGan(), ToyGanSettings(generator_every=2))
    rates = []
    for number in range(1, 5):
        descent.take(batch, place(batch, number))
        rates.append(descent.optimizers["generator"].param_groups[0]["lr"])
    assert rates == pytest.approx([0.005, 0.00875, 0.00875, 0.0125]), (
        "a schedule counts its optimiser's steps"
    )
    assert descent.optimizers["critic"].param_groups[0]["lr"] == 0.01
    descent.end_epoch(1.0)
    assert descent.optimizers["critic"].param_groups[0]["lr"] == pytest.approx(0.009)
    assert descent.optimizers["generator"].param_groups[0]["lr"] == pytest.approx(0.0125)


def test_a_step_left_out_for_overflow_is_that_of_one_loss_and_no_step_of_a_schedule() -> None:
    class Loud(ToyGan):
        def step(self, descent: Any, batch: Batch) -> None:
            made = descent.model.generator(self.noise(descent.model, batch))
            descent(0.1 * descent.model.critic(made.detach()).float().mean(), "critic")
            descent(1e35 * descent.model.critic(made).float().mean(), "generator")

    descent, batch = prepared(Loud(), ToyGanSettings(), "float16")
    before = {name: weight.clone() for name, weight in descent.model.named_parameters()}
    descent.take(batch, place(batch))
    changed = {
        name for name, weight in descent.model.named_parameters() if not torch.equal(weight, before[name])
    }
    assert {name.partition(".")[0] for name in changed} == {"critic"}
    scales = {name: state["scale"] for name, state in descent.state()["scalers"].items()}
    assert scales == {"critic": 65536.0, "generator": 32768.0}
    assert descent.optimizers["generator"].param_groups[0]["lr"] == pytest.approx(0.005)


def test_a_schedule_has_the_rhythm_its_scheduler_can_have() -> None:
    optimizer = SGD([nn.Parameter(torch.ones(1))], lr=1.0)
    assert Schedule(ReduceLROnPlateau(optimizer), "plateau").every == "plateau"
    with pytest.raises(
        InputError, match="every: of ExponentialLR needs one of step, epoch, plateau, got 'batch'"
    ):
        Schedule(ExponentialLR(optimizer, 0.9), "batch")  # type: ignore[arg-type] # that is the fault
    for scheduler, every in (
        (ExponentialLR(optimizer, 0.9), "plateau"),
        (ReduceLROnPlateau(optimizer), "step"),
    ):
        with pytest.raises(InputError, match="'plateau' is for ReduceLROnPlateau alone"):
            Schedule(scheduler, every)  # type: ignore[arg-type] # one of its values


def test_a_step_knows_where_it_stands(tmp_path: Path) -> None:
    body = """
class Mine(ToyGan):
    places = []
    def step(self, descent, batch):
        self.places.append((descent.epoch, descent.batch_number, descent.progress))
        assert descent.settings.latent == 3
        super().step(descent, batch)
"""
    task = own_task(tmp_path, body)
    run(order(tmp_path, task=task, epochs=2))
    places = sys.modules["raysearch_user_task_mine"].Mine.places
    assert places == [(1 + n // 4, 1 + n % 4, n / 4) for n in range(8)]


def test_an_optimiser_that_takes_no_step_in_an_epoch_is_told(tmp_path: Path) -> None:
    outcome, reports = run(order(tmp_path, settings={"generator_every": 3}))
    assert outcome.message == ""
    outcome, reports = run(order(tmp_path / "never", settings={"generator_every": 5}))
    assert outcome.message == "generator took no step in 4 of 4 epochs"
    assert "train_generator" not in reports[0].metrics


def test_a_loss_that_is_no_number_is_named(tmp_path: Path) -> None:
    body = """
class Mine(ToyGan):
    def step(self, descent, batch):
        super().step(descent, batch)
        if descent.progress == 1.25:
            descent(descent.model.critic(batch[0]).mean() * float("nan"), "critic")
"""
    outcome = attempt_run(order(tmp_path, task=own_task(tmp_path, body)), OneWorker(), lambda _: None)
    assert (outcome.state, outcome.failure) == ("failed", "nonfinite")
    assert outcome.message == "the loss of critic is nan in epoch 2, batch 2"


def test_one_optimiser_steps_as_torch_alone_would() -> None:
    """The same bits as a loop written by hand."""
    task = load_task(f"{TOY_TASK}:Toy")
    settings = make_settings(task, {"width": 8})
    descent, batch = prepared(task, settings)
    torch.manual_seed(3)
    model = task.model(settings)
    optimizer = Adam(model.parameters(), lr=settings.learning_rate)
    for number in (1, 2, 3):
        descent.take(batch, place(batch, number))
        task.loss(model, batch).backward()
        optimizer.step()
        optimizer.zero_grad()
    assert all(map(torch.equal, descent.model.parameters(), model.parameters()))
