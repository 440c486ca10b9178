"""The step of a task of several networks, and what the house does in it: whom a loss reaches, what is noted, what resumes."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer
from torch.optim.lr_scheduler import ExponentialLR, ReduceLROnPlateau
from toy import TOY_TASK

from raysearch.data.source import DataSource
from raysearch.data.tensors import Batch, TensorData
from raysearch.errors import InputError
from raysearch.tasks import load_task
from raysearch.tasks.contract import contract_problems
from raysearch.tasks.schedule import Schedule
from raysearch.tasks.task import Outputs, Task, make_settings
from raysearch.training.attempt import attempt_run
from raysearch.training.checkpoint import Checkpoints, load_checkpoint
from raysearch.training.descent import Descent, Place
from raysearch.training.final import evaluate_on_test
from raysearch.training.inherit import inherit
from raysearch.training.order import EpochReport, Order, Outcome
from raysearch.training.rehearsal import Wanted, rehearse
from raysearch.training.workers import OneWorker

TESTS = TOY_TASK.parent
sys.path.insert(0, str(TESTS))
from toy_gan import ToyGan, ToyGanSettings

SOURCE = DataSource(None, (0.6, 0.2, 0.2))


def order(folder: Path, *, task: str = f"{TESTS}/toy_gan.py:ToyGan", **changes: Any) -> Order:
    settings = changes.pop("settings", {})
    made = Order(
        task=task,
        study_folder=str(folder),
        trial=0,
        fold=0,
        attempt=1,
        settings=settings,
        seed=5,
        source=SOURCE,
        epochs=4,
    )
    return dataclasses.replace(made, **changes)


def run(what: Order) -> tuple[Outcome, list[EpochReport]]:
    reports: list[EpochReport] = []
    outcome = attempt_run(what, OneWorker(), reports.append)
    assert outcome.state == "finished", outcome.message
    return outcome, reports


def metrics_of(reports: list[EpochReport]) -> list[dict[str, float]]:
    return [report.metrics for report in reports]


class Killed(BaseException):
    """Stands for a killed process."""


def kill_after(epoch: int) -> Callable[[EpochReport], None]:
    def report(epoch_report: EpochReport) -> None:
        if epoch_report.epoch == epoch:
            raise Killed

    return report


def own_task(folder: Path, body: str) -> str:
    """A user's file with a class ``Mine``, which may begin from the toys."""
    folder.mkdir(exist_ok=True)
    path = folder / "mine.py"
    path.write_text(
        f"import sys; sys.path.insert(0, {str(TESTS)!r})\nimport torch\nfrom torch import nn\n"
        f"from toy_gan import ToyGan, ToyGanSettings\nfrom toy_task import Toy\n\n{body}"
    )
    return f"{path}:Mine"


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


# --- whom a loss reaches -------------------------------------------------------------------------------------------


class Recorded(ToyGan):
    """Notes at each step of the generator which weights have a gradient, and how often the critic's were computed."""

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


def test_the_second_loss_of_a_batch_sees_the_weights_after_the_first_ones_step() -> None:
    """Autocast keeps lower-precision copies of weights for as long as it is on, which is the whole step of a task."""

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
    body = f"class Mine(ToyGan):\n    def step(self, descent, batch):\n        loss = descent.model.critic(batch[0]).mean()\n        {call}\n"
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
            "none holds generator.0.weight, generator.0.bias, generator.1.weight and more; freeze what is not",
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


# --- schedules, noise, places --------------------------------------------------------------------------------------


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


# --- metrics that are no numbers -----------------------------------------------------------------------------------

ODD = """
import math
class Mine(ToyGan):
    def metrics(self, outputs, data):
        found = super().metrics(outputs, data)
        self.epochs = getattr(self, "epochs", 0) + 1
        return {**found, "ratio": math.nan if self.epochs in (2, 3) else 1.5, "worst": math.inf}
"""


def test_only_the_objective_must_be_a_number(tmp_path: Path) -> None:
    task = own_task(tmp_path, ODD)
    outcome, reports = run(order(tmp_path, task=task))
    assert [("val_ratio" in report.metrics, "val_worst" in report.metrics) for report in reports] == [
        (True, False),
        (False, False),
        (False, False),
        (True, False),
    ]
    assert outcome.message == (
        "val_worst is no finite number and left out in 4 of 4 epochs; "
        "val_ratio is no finite number and left out in 2 of 4 epochs"
    )
    tested = evaluate_on_test(order(tmp_path, task=task), outcome.weights, outcome.weights_sha256)
    assert set(tested.metrics) == {"test_loss", "test_ratio"}
    assert tested.message == "test_worst is no finite number and left out"
    for changes in ({"objective": "val_ratio"}, {"others": ("val_ratio", "parameters")}):
        failed = attempt_run(
            order(tmp_path / next(iter(changes)), task=task, **changes), OneWorker(), lambda _: None
        )
        assert (failed.failure, failed.message) == ("nonfinite", "val_ratio is nan in epoch 2")


def test_what_was_left_out_before_a_kill_is_told_after_it(tmp_path: Path) -> None:
    task = own_task(tmp_path, ODD)
    with pytest.raises(Killed):
        attempt_run(order(tmp_path, task=task), OneWorker(), kill_after(3))
    outcome, _ = run(order(tmp_path, task=task, attempt=2))
    assert "val_worst is no finite number and left out in 4 of 4 epochs" in outcome.message


# --- outputs -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "given", "message"),
    [
        ("predict", "3", "Mine.predict must give a tensor, or tensors by name, got int"),
        (
            "predict",
            "torch.ones(2)",
            r"Mine.predict gives 'outputs' of shape \(2,\) for a batch of 1000 rows",
        ),
        (
            "kept",
            "{'mean': torch.ones(())}",
            r"Mine.kept gives 'mean' of shape \(\) for a batch of 1000 rows",
        ),
    ],
)
def test_outputs_that_are_not_by_row_are_told(tmp_path: Path, method: str, given: str, message: str) -> None:
    body = f"class Mine(ToyGan):\n    def {method}(self, *_):\n        return {given}\n"
    with pytest.raises(InputError, match=message):
        rehearse(own_task(tmp_path, body), SOURCE, {}, [])


# --- contract ------------------------------------------------------------------------------------------------------


def test_evolution_needs_a_loss_and_says_so_before_anything_starts() -> None:
    with pytest.raises(
        InputError, match=r"strategy: ToyGan has no loss\(model, batch\), by which evolution would judge"
    ):
        rehearse(f"{TESTS}/toy_gan.py:ToyGan", SOURCE, {}, [], Wanted(by_gradient=False))


OLD = """
class Mine(Toy):
    def predict(self, model, batch):
        return model(batch[0])

    def scheduler(self, settings, optimizer):
        return None

    def other_data_like(self, paths, settings, described):
        return None
"""


def test_a_task_of_version_0_1_0_is_told_what_to_change_in_one_go(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_task(own_task(tmp_path, OLD))
    told = caught.value.problems
    assert [problem.split(" ")[1] for problem in told] == [
        "Mine.scheduler",
        "Mine.other_data_like",
        "Mine.predict",
    ]
    assert 'Schedule(scheduler, every="plateau")' in told[0]
    assert "to_score(paths, settings, described)" in told[1]
    assert 'outputs["outputs"]' in told[2]


def test_a_class_that_lacks_something_is_told_all_of_it() -> None:
    class Bare(Task[Any]):
        def predict(self, model: nn.Module, batch: Batch, chance: torch.Generator) -> Tensor:
            return batch[0]

        def metrics(self, outputs: Outputs, data: TensorData) -> dict[str, float]:
            return {}

    assert contract_problems(Bare) == [
        "task: Bare does not define inspect, load, model",
        "task: Bare defines neither optimizer(settings, parameters) nor optimizers(settings, model) if there are several",
        "task: Bare defines neither loss(model, batch) nor step(descent, batch) if a batch is more than one step down "
        "one loss",
    ]


# --- checkpoints of version 0.1.0 ----------------------------------------------------------------------------------


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
