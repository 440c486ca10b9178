"""A batch in parts is the same step as the whole, also of two networks; rates follow the rows of a step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from gan_runs import order, own_task, run
from toy_gan import ToyGan, ToyGanSettings

from raysearch.errors import InputError
from raysearch.training.attempt import attempt_run
from raysearch.training.checkpoint import load_checkpoint
from raysearch.training.descent import Descent
from raysearch.training.large_batch import LargeBatch
from raysearch.training.settings import BY_GRADIENT, Way, divide, value_problems
from raysearch.training.side_by_side import SideBySide
from raysearch.training.workers import OneWorker

# In double precision, with nothing that is drawn or normalised by the batch: only how sums round may differ.
STEADY = """
from raysearch.data.tensors import Parts, TensorData

class Mine(ToyGan):
    def model(self, settings):
        model = super().model(settings)
        model.generator[1] = nn.Identity()
        return model.double()

    def load(self, source, settings):
        parts = super().load(source, settings)
        each = (parts.train, parts.validation, parts.test)
        return Parts(*(TensorData((part.column(0).double(),)) for part in each))

    def noise(self, model, batch, chance=None):
        return torch.cat([torch.sin(k * batch[0]) for k in (7, 13, 31)], dim=1)
"""


def trained(
    folder: Path, batch_size: int, **large_batch: Any
) -> tuple[list[dict[str, float]], dict[str, Any]]:
    task = own_task(folder, STEADY)
    where = folder / f"{batch_size}-{len(large_batch)}"
    what = order(where, task=task, settings={"batch_size": batch_size}, large_batch=large_batch)
    outcome, reports = run(what)
    content = load_checkpoint(where / outcome.weights)
    assert content is not None
    return [report.metrics for report in reports], content["model"]


@pytest.mark.parametrize(("batch_size", "accumulate"), [(24, 2), (12, 4), (7, 7)])
def test_parts_of_a_batch_are_the_same_steps_of_two_networks(
    tmp_path: Path, batch_size: int, accumulate: int
) -> None:
    """256 rows: five batches of 48 and one of 16, which has fewer parts."""
    one, weights = trained(tmp_path, batch_size * accumulate)
    several, theirs = trained(tmp_path, batch_size, accumulate=accumulate)
    for ours, others in zip(one, several, strict=True):
        assert ours == pytest.approx(others, rel=1e-12)
    for name, weight in weights.items():
        torch.testing.assert_close(weight, theirs[name], rtol=1e-10, atol=1e-12)


def test_half_precision_goes_on_with_parts(tmp_path: Path) -> None:
    run(order(tmp_path, precision="float16", large_batch={"accumulate": 3}, settings={"batch_size": 16}))


def test_parts_that_come_to_other_losses_are_told(tmp_path: Path) -> None:
    task = own_task(
        tmp_path,
        """
class Mine(ToyGan):
    def step(self, descent, batch):
        if batch[0].sum() > 0:
            super().step(descent, batch)
""",
    )
    outcome = attempt_run(
        order(tmp_path, task=task, large_batch={"accumulate": 4}, settings={"batch_size": 4}),
        OneWorker(),
        lambda _: None,
    )
    assert outcome.state == "failed"
    assert "parts of one batch have come to 'critic' and the end of the task's step" in outcome.message


def test_an_error_in_a_part_is_the_step_s_error() -> None:
    ended: list[str] = []
    parts = SideBySide(ended.append)

    def fails() -> None:
        parts.loss_is_down("loss")
        raise ValueError("the second time")

    with pytest.raises(ValueError, match="the second time"):
        parts.run([fails, fails], lambda _: None)
    assert ended == ["loss"]


def rates(**large_batch: Any) -> dict[str, float]:
    """Rates after the warm-up of the generator, of batches of 64."""
    task, settings = ToyGan(), ToyGanSettings(learning_rate=0.02, critic_learning_rate=0.01, warm_up=1)
    made = Descent(task, settings, task.model(settings), OneWorker(), large_batch=LargeBatch(**large_batch))
    for schedule in made._schedules._all:  # the generator's warm-up begins at a quarter
        if schedule.every == "step":
            schedule.scheduler.optimizer.step()
            schedule.scheduler.step()
    return {name: each.param_groups[0]["lr"] for name, each in made.optimizers.items()}


@pytest.mark.parametrize(
    ("large_batch", "factor"),
    [
        ({}, 1.0),
        ({"accumulate": 4}, 1.0),
        ({"accumulate": 4, "scale_rate": "linear"}, 4.0),
        ({"accumulate": 4, "scale_rate": "sqrt"}, 2.0),
        ({"accumulate": 2, "scale_rate": "linear", "rate_batch": 16}, 8.0),
        ({"scale_rate": "sqrt", "rate_batch": 256}, 0.5),
    ],
)
def test_rates_follow_the_rows_of_a_step_through_a_warm_up(large_batch: Any, factor: float) -> None:
    assert rates(**large_batch) == pytest.approx({"critic": 0.01 * factor, "generator": 0.02 * factor})


def test_settings_of_large_batches_are_the_loop_s() -> None:
    given = {"width": 3, "accumulate": 2, "scale_rate": "linear"}
    divided = divide(BY_GRADIENT, given)
    assert (divided.task, divided.large_batch) == ({"width": 3}, {"accumulate": 2, "scale_rate": "linear"})
    assert value_problems(BY_GRADIENT, divided) == []


@pytest.mark.parametrize(
    ("way", "settings", "told"),
    [
        (BY_GRADIENT, {"accumulate": 0}, "space.accumulate: must be at least 1, got 0"),
        (
            BY_GRADIENT,
            {"scale_rate": "lin"},
            "space.scale_rate: needs one of none, linear, sqrt, got 'lin'. ",
        ),
        (
            BY_GRADIENT,
            {"rate_batch": 0},
            "space.rate_batch: must be a whole number from 1 on, or none, got 0",
        ),
        (
            Way(strategy="one-plus-lambda"),
            {"accumulate": 2},
            "space.accumulate: evolution takes no steps by gradient; leave it out",
        ),
        (
            Way(agreements=("easgd",), workers=2),
            {"elasticity": 2.0},
            "space.elasticity: must be above 0 and at",
        ),
        (
            Way(agreements=("gem",), workers=2),
            {"masters": 3},
            "space.masters: each needs a worker; must be at most",
        ),
        (
            Way(agreements=("gem",)),
            {"exchange": "asynchronous"},
            "space.exchange: asynchronous needs workers that could wait for each other; raise",
        ),
    ],
)
def test_what_means_nothing_is_refused(way: Way, settings: dict[str, Any], told: str) -> None:
    (problem,) = value_problems(way, divide(way, settings))
    assert problem.startswith(told)


def test_an_unknown_agreement_is_named_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"agreement: unknown 'easgdd'; one of .* Did you mean 'easgd'"):
        divide(Way(agreements=("easgdd",)), {})
