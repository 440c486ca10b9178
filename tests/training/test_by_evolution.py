"""Runs whose weights are evolved: the same bits however interrupted or spread, equal passes over the data."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from toy import TOY_TASK

from raysearch.data.source import DataSource
from raysearch.evolve import strata
from raysearch.evolve.strategy import Round
from raysearch.tasks import load_task
from raysearch.tasks.settings import make_settings
from raysearch.training.attempt import attempt_run
from raysearch.training.by_evolution import EvaluatorLostError
from raysearch.training.children import ChildLosses, items_of
from raysearch.training.order import EpochReport, Order, Outcome
from raysearch.training.randomness import load_parts
from raysearch.training.workers import OneWorker

# The toy with noise on its targets, and a direction of its own that no state_dict keeps.
DRAWING = f"""
import sys
sys.path.insert(0, {str(TOY_TASK.parent)!r})
import torch
from toy_task import Toy


class Drawing(Toy):
    def model(self, settings):
        model = super().model(settings)
        model.shift = torch.randn(1)
        return model

    def loss(self, model, batch):
        x, y = batch
        return super().loss(model, (x + model.shift, y + 0.1 * torch.randn(y.shape)))
"""

STRATEGIES = {
    "one-plus-lambda": {"parents": 4, "children": 4, "rate": 0.2, "power": 0.3},
    "truncation-ga": {
        "population": 12,
        "parents": 4,
        "power": 0.1,
        "elite_candidates": 3,
        "elite_batches": 2,
    },
    "nevergrad:OnePlusOne": {},
    "openai-es": {"pairs": 8, "rate": 0.2, "power": 0.05, "step_size": 0.05, "averaging": 0.8},
    "sep-cma-es": {"population": 16, "rate": 0.2, "sigma": 0.05, "averaging": 0.8},
}


def order(folder: Path, strategy: str, **changes: object) -> Order:
    made = Order(
        task=f"{TOY_TASK}:Toy",
        study_folder=str(folder),
        trial=0,
        fold=0,
        attempt=1,
        settings={"learning_rate": 0.03, "width": 8, "batch_size": 8},
        seed=5,
        source=DataSource(None, (0.6, 0.2, 0.2)),
        epochs=6,
        strategy=strategy,
        evolution=STRATEGIES[strategy],
    )
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type] # an order's own fields


def run(what: Order) -> tuple[Outcome, list[EpochReport]]:
    reports: list[EpochReport] = []
    outcome = attempt_run(what, OneWorker(), reports.append)
    assert outcome.state == "finished", outcome.message
    return outcome, reports


def child_losses(what: Order) -> ChildLosses:
    task = load_task(what.task)
    settings = make_settings(task, what.settings)
    return ChildLosses(task, what, settings, load_parts(task, what.source, settings).train)


class Killed(BaseException):
    """Stands for a killed process."""


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_loss_falls(tmp_path: Path, strategy: str) -> None:
    outcome, reports = run(order(tmp_path, strategy, epochs=30))
    assert outcome.value is not None
    assert outcome.value < 0.85 * reports[0].metrics["val_loss"]
    assert outcome.value == min(report.metrics["val_loss"] for report in reports)


@pytest.mark.parametrize("strategy", ["openai-es", "sep-cma-es"])
def test_a_round_that_does_not_fit_into_memory_is_evaluated_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strategy: str
) -> None:
    whole, _ = run(order(tmp_path / "whole", strategy))
    monkeypatch.setattr(strata, "AT_ONCE", 20)  # of 16 children, which change more than one weight each
    parts, _ = run(order(tmp_path / "parts", strategy))
    assert parts.value == whole.value


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("last", [1, 4])
def test_a_killed_run_goes_on_to_the_same_bits(tmp_path: Path, strategy: str, last: int) -> None:
    straight, reports = run(order(tmp_path / "straight", strategy))

    def kill(report: EpochReport) -> None:
        if report.epoch == last:
            raise Killed

    with pytest.raises(Killed):
        attempt_run(order(tmp_path / "killed", strategy), OneWorker(), kill)
    outcome, resumed = run(order(tmp_path / "killed", strategy, attempt=2))
    assert outcome.weights_sha256 == straight.weights_sha256
    assert [(each.epoch, each.metrics) for each in resumed] == [
        (each.epoch, each.metrics) for each in reports
    ]


def test_an_epoch_passes_once_over_the_data_and_forward_passes_are_counted(tmp_path: Path) -> None:
    """64 examples in batches of 8; in each the parent and its 4 children, in the first 4 random parents."""
    _, reports = run(order(tmp_path, "one-plus-lambda", epochs=3))
    counts = [report.metrics["presentations"] for report in reports]
    assert counts == [8 * 4 + 7 * 8 * 5, *(8 * 4 + (7 + more) * 8 * 5 for more in (8, 16))]


def test_rows_left_over_join_the_last_batch(tmp_path: Path) -> None:
    """A selection on the last 4 of 64 examples would be chance, right before the epoch is judged."""
    settings = {"learning_rate": 0.03, "width": 8, "batch_size": 20}
    asked: list[int] = []

    class Counting(Scattered):
        def losses(self, asked_for: Round, batches: Sequence[torch.Tensor]) -> NDArray[np.float64]:
            asked.extend(len(batch) for batch in batches)
            return super().losses(asked_for, batches)

    what = order(tmp_path, "one-plus-lambda", epochs=1, settings=settings)
    attempt_run(what, OneWorker(), lambda _: None, Counting(what))
    assert asked == [20, 20, 24]


class Scattered:
    """Evaluates every candidate by itself, in an evaluator that has seen no other."""

    def __init__(self, what: Order) -> None:
        self._order = what

    def losses(self, asked: Round, batches: Sequence[torch.Tensor]) -> NDArray[np.float64]:
        items = items_of(asked)
        each = [items[place : place + 1] for place in range(len(items))]
        return np.concatenate([child_losses(self._order).losses_of(one, batches) for one in each])

    def remember(self, snapshots: dict[str, Any]) -> None:
        """Nothing: every evaluator is new."""


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_where_candidates_are_evaluated_changes_no_bit(tmp_path: Path, strategy: str) -> None:
    together, _ = run(order(tmp_path / "together", strategy, epochs=2))
    what = order(tmp_path / "scattered", strategy, epochs=2)
    scattered = attempt_run(what, OneWorker(), lambda _: None, Scattered(what))
    assert (scattered.value, scattered.weights_sha256) == (together.value, together.weights_sha256)


def test_a_run_goes_on_from_its_parent(tmp_path: Path) -> None:
    first, reports = run(order(tmp_path, "one-plus-lambda", epochs=20))
    changes = {"trial": 1, "parent": first.weights, "parent_sha256": first.weights_sha256}
    child, _ = run(order(tmp_path, "one-plus-lambda", epochs=2, **changes))
    assert first.value is not None
    assert child.value is not None
    assert child.value < 3 * first.value < 0.5 * reports[0].metrics["val_loss"]
    fresh, _ = run(order(tmp_path / "elsewhere", "one-plus-lambda", epochs=2, trial=1))
    assert fresh.value is not None
    assert child.value < 0.5 * fresh.value


def test_a_loss_that_draws_at_random_draws_the_same_wherever_it_is_evaluated(tmp_path: Path) -> None:
    (tmp_path / "drawing.py").write_text(DRAWING)
    task = f"{tmp_path}/drawing.py:Drawing"
    together, _ = run(order(tmp_path / "together", "one-plus-lambda", epochs=2, task=task))
    what = order(tmp_path / "scattered", "one-plus-lambda", epochs=2, task=task)
    scattered = attempt_run(what, OneWorker(), lambda _: None, Scattered(what))
    assert (scattered.value, scattered.weights_sha256) == (together.value, together.weights_sha256)


def test_a_lost_evaluator_is_no_failure_of_the_run(tmp_path: Path) -> None:
    class Lost(Scattered):
        def losses(self, asked: Round, batches: Sequence[torch.Tensor]) -> NDArray[np.float64]:
            raise EvaluatorLostError("gone")

    what = order(tmp_path, "one-plus-lambda")
    with pytest.raises(EvaluatorLostError):
        attempt_run(what, OneWorker(), lambda _: None, Lost(what))


def test_candidates_without_a_finite_loss_end_the_run(tmp_path: Path) -> None:
    what = order(tmp_path, "one-plus-lambda")
    settings = {**what.settings, "trouble": "diverges"}
    outcome = attempt_run(dataclasses.replace(what, settings=settings), OneWorker(), lambda _: None)
    assert (outcome.state, outcome.failure) == ("failed", "nonfinite")
