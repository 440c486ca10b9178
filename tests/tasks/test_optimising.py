"""Optimisers and schedules by name, as torch has them; rates are told for each epoch."""

import dataclasses
import math

import pytest
import torch

from raysearch.errors import InputError
from raysearch.tasks import load_task
from raysearch.tasks.optimising import OPTIMIZERS, Optimising, Scheduled, build_optimizer, build_schedules
from raysearch.tasks.settings import make_settings, watched
from raysearch.tasks.task import LOSS


def rates(n, losses=None, **settings):
    """The rate in each of n epochs; half way the run is resumed from a checkpoint."""
    settings = Scheduled(learning_rate=1.0, **settings)

    def begin():
        optimizer = build_optimizer(settings, [torch.nn.Parameter(torch.zeros(1))])
        return optimizer, build_schedules(settings, optimizer)

    optimizer, schedules = begin()
    found = []
    for epoch in range(n):
        if epoch == n // 2:
            kept = optimizer.state_dict(), [schedule.scheduler.state_dict() for schedule in schedules]
            optimizer, schedules = begin()
            optimizer.load_state_dict(kept[0])
            for schedule, state in zip(schedules, kept[1], strict=True):
                schedule.scheduler.load_state_dict(state)
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        for schedule in schedules:
            arguments = [losses[epoch] if losses else 1.0] if schedule.every == "plateau" else []
            schedule.scheduler.step(*arguments)
    return found


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_optimiser_is_torchs_of_that_name(name):
    optimizer = build_optimizer(
        Optimising(optimizer=name, learning_rate=0.02), [torch.nn.Parameter(torch.zeros(1))]
    )
    assert type(optimizer).__name__.lower() == name
    assert optimizer.param_groups[0]["lr"] == 0.02


def test_rates_by_hand():
    assert rates(3) == [1, 1, 1]
    assert rates(6, schedule="step", decay_epochs=2, decay=0.5) == pytest.approx([1, 1, 0.5, 0.5, 0.25, 0.25])
    assert rates(5, schedule="exponential", decay_epochs=2, decay=0.25) == pytest.approx(
        [1, 0.5, 0.25, 0.125, 0.0625]
    )
    half = [(1 + math.cos(math.pi * epoch / 4)) / 2 for epoch in range(4)]
    assert rates(7, schedule="cosine", decay_epochs=4) == pytest.approx([*half, 0, 0, 0])
    losses = [5.0, 4.0, 3.99995, 4.1, 3.0, 3.5, 2.0]
    assert rates(7, losses, schedule="plateau", plateau_patience=2) == pytest.approx(
        [1, 1, 1, 1, 0.1, 0.1, 0.1]
    )
    assert rates(7, schedule="plateau", plateau_patience=0) == [1] * 7


@pytest.mark.parametrize("schedule", ["none", "plateau", "cosine", "step", "exponential"])
def test_a_warm_up_is_a_factor_of_any_schedule(schedule):
    plain = rates(8, schedule=schedule, decay_epochs=5, plateau_patience=3)
    warm = rates(8, schedule=schedule, decay_epochs=5, plateau_patience=3, warmup_epochs=3)
    factors = [1 / 4, 2 / 4, 3 / 4, 1, 1, 1, 1, 1]
    assert warm == pytest.approx([rate * factor for rate, factor in zip(plain, factors, strict=True)])


def test_all_faults_are_told_by_name():
    wrong = {
        "optimizer": "lion", "learning_rate": float("nan"), "batch_size": 0, "schedule": "linear",
        "plateau_patience": -1, "decay_epochs": 0, "decay": 1.0, "warmup_epochs": -1,
    }  # fmt: skip
    with pytest.raises(InputError) as caught:
        Scheduled(**wrong)
    assert [problem.split(":")[0] for problem in caught.value.problems] == list(wrong)
    assert "one of adam, nadam, adadelta, rmsprop, sgd, adamw" in caught.value.problems[0]


def test_a_task_may_allow_fewer():
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Few(Optimising):
        ALLOWED = ("sgd",)
        optimizer: str = "sgd"

    assert Few().optimizer == "sgd"
    with pytest.raises(InputError, match="optimizer: needs"):
        Few(optimizer="adam")


@pytest.mark.parametrize(
    ("schedule", "unread"), [("none", {"plateau_patience", "decay_epochs", "decay"}), ("cosine", set())]
)
def test_without_a_schedule_its_settings_count_as_never_read(schedule, unread):
    task = load_task("calo_regressor")
    seen, left = watched(make_settings(task, {"schedule": schedule, "decay_epochs": 3}))
    task.schedulers(seen, {LOSS: task.optimizer(seen, task.model(seen).parameters())})
    assert left & {"schedule", "plateau_patience", "decay_epochs", "decay", "warmup_epochs"} == unread


@pytest.mark.parametrize("name", ["jedinet", "jet_dnn", "jet_cnn", "jet_gru", "calo_regressor"])
def test_what_tasks_had_before_is_as_it_was(name):
    kind = load_task(name).Settings
    defaults = {field.name: field.default for field in dataclasses.fields(kind)}
    calo = name == "calo_regressor"
    assert defaults["optimizer"] == ("rmsprop" if calo else "adam")
    assert (defaults["learning_rate"], defaults["batch_size"]) == (1e-3, 128 if calo else 100)
    allowed = ("rmsprop", "adam") if calo else ("adam", "nadam", "adadelta")
    assert set(kind.ALLOWED) == set(allowed)
    assert defaults["schedule"] == ("none" if calo or name == "jedinet" else "plateau")
    assert (defaults["plateau_patience"], defaults["warmup_epochs"]) == (5, 0)
