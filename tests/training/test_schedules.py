"""What an order says besides settings: folds, cuts, shares of the data, limits, a falling learning rate."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from test_training import Killed, essence, kill_after, order, run
from toy import TOY_TASK

from raysearch.data.source import DataSource
from raysearch.errors import InputError
from raysearch.tasks import load_task
from raysearch.training.attempt import attempt_run
from raysearch.training.counting import count_mflop
from raysearch.training.final import evaluate_on_test
from raysearch.training.loop import Trainer
from raysearch.training.order import EpochReport, Order
from raysearch.training.rehearsal import Wanted, rehearse
from raysearch.training.workers import OneWorker

SOURCE = DataSource(None, (0.6, 0.2, 0.2))


def of(folder: Path, **changes: object) -> Order:
    return dataclasses.replace(order(folder), **changes)  # type: ignore[arg-type]


def test_a_run_above_its_cut_is_pruned_there_and_keeps_its_best(tmp_path: Path) -> None:
    straight, reports = run(of(tmp_path / "straight"))
    losses = [report.metrics["val_loss"] for report in reports]
    best = min(losses[:3])
    cuts = (None, None, best / 2, None, None, None)
    pruned, heard = run(of(tmp_path / "pruned", cuts=cuts))
    assert (pruned.state, pruned.epochs, pruned.value) == ("pruned", 3, best)
    assert [report.metrics for report in heard] == [report.metrics for report in reports[:3]]
    spared, _ = run(of(tmp_path / "spared", cuts=(None, None, best, None, None, None)))
    assert essence(spared) == essence(straight), "a cut that is met changes nothing"


def test_a_pruned_run_killed_before_it_said_so_is_pruned_again(tmp_path: Path) -> None:
    cuts = (None, None, 0.0, None, None, None)
    with pytest.raises(Killed):
        attempt_run(of(tmp_path, cuts=cuts), OneWorker(), kill_after(2))
    again, _ = run(of(tmp_path, cuts=cuts, attempt=2))
    assert (again.state, again.epochs) == ("pruned", 3)


def test_shares_of_the_data_grow_and_are_nested(tmp_path: Path) -> None:
    what = of(tmp_path, shares=(0.25, 0.25, 0.5, 0.5, 1.0, 1.0))
    trainer = Trainer(load_task(what.task), what, OneWorker(), lambda _: None)
    rows = [trainer.context.rows_of(epoch) for epoch in range(1, 7)]
    assert [len(some) for some in rows] == [16, 16, 32, 32, 64, 64]
    sets = [set(some.tolist()) for some in rows]
    assert sets[0] == sets[1] < sets[2] == sets[3] < sets[4] == set(range(64))
    assert not torch.equal(rows[0], rows[1]), "each epoch has its own order"


@pytest.mark.parametrize(
    ("limits", "message"),
    [({"parameters": 24}, "parameters 25 > 24"), ({"mflop": 1e-6}, "mflop 3.2e-05 > 1e-06")],
)
def test_a_model_over_a_limit_is_refused_before_it_trains(
    tmp_path: Path, limits: dict[str, float], message: str
) -> None:
    outcome, reports = run(of(tmp_path, limits=limits))
    assert (outcome.state, outcome.failure, outcome.message) == ("refused", "limit", message)
    assert reports == []
    assert outcome.facts["parameters"] == 25
    assert run(of(tmp_path / "within", limits={"parameters": 25}))[0].state == "finished"


def test_operations_are_counted_by_hand_too(tmp_path: Path) -> None:
    what = of(tmp_path)
    trainer = Trainer(load_task(what.task), what, OneWorker(), lambda _: None)
    flop = 2 * 1 * 8 + 2 * 8 * 1  # two layers, a product and a sum for each weight
    assert count_mflop(trainer.task, trainer.model, trainer.parts.train) * 1e6 == pytest.approx(flop)
    assert trainer.model.training, "counting leaves the mode alone"


def test_each_fold_trains_and_validates_on_its_own_part(tmp_path: Path) -> None:
    """The published code overwrote all folds with the last model: its spread is zero."""
    source = dataclasses.replace(SOURCE, folds=3)
    outcomes = [run(of(tmp_path / str(fold), source=source, fold=fold))[0] for fold in range(3)]
    assert len({outcome.weights_sha256 for outcome in outcomes}) == 3
    assert len({outcome.value for outcome in outcomes}) == 3
    tested = [
        evaluate_on_test(
            of(tmp_path / str(fold), source=source, fold=fold), outcome.weights, outcome.weights_sha256
        )
        for fold, outcome in enumerate(outcomes)
    ]
    assert len({outcome.predictions_sha256 for outcome in tested}) == 3
    assert {outcome.n_test for outcome in tested} == {32}, "all on one and the same test set"


def test_a_task_that_ignores_the_fold_is_told(tmp_path: Path) -> None:
    path = tmp_path / "deaf.py"
    path.write_text(
        f"import sys; sys.path.insert(0, {str(TOY_TASK.parent)!r})\n"
        "from dataclasses import replace\nfrom toy_task import Toy\n"
        "class Deaf(Toy):\n"
        "    def load(self, source, settings): return super().load(replace(source, folds=1), settings)\n"
    )
    settings = {"learning_rate": 0.03, "width": 8}
    source = dataclasses.replace(SOURCE, folds=3)
    with pytest.raises(InputError, match="budget.folds: the task gives every fold the same validation part"):
        rehearse(f"{path}:Deaf", source, settings, [])
    rehearse(f"{TOY_TASK}:Toy", source, settings, [])


def test_objectives_and_limits_that_cannot_be_are_told() -> None:
    def told(**wanted: object) -> str:
        settings = {"learning_rate": 0.03, "width": 8}
        asked = Wanted(**wanted)  # type: ignore[arg-type]
        with pytest.raises(InputError) as caught:
            rehearse(f"{TOY_TASK}:Toy", SOURCE, settings, [], asked)
        return str(caught.value)

    assert "objectives: Toy has no 'val_los'; one of val_loss, parameters, mflop. Did you mean" in told(
        objectives=["val_los"]
    )
    assert "the first chooses the best epoch and must be a metric" in told(objectives=["mflop", "val_loss"])
    assert "limits.parameters: 24 is below 25, the least of the corners tried" in told(
        limits={"parameters": 24}
    )
    found = rehearse(
        f"{TOY_TASK}:Toy",
        SOURCE,
        {"learning_rate": 0.03, "width": 8},
        [],
        Wanted(objectives=["val_loss", "mflop"]),
    )
    assert found.objectives == {"val_loss": False, "mflop": False}


def test_a_scheduler_is_told_the_objective_and_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "falling.py"
    path.write_text(
        f"import sys; sys.path.insert(0, {str(TOY_TASK.parent)!r})\n"
        "from torch.optim.lr_scheduler import ReduceLROnPlateau\n"
        "from raysearch.tasks.schedule import Schedule\n"
        "from toy_task import Toy\n"
        "class Falling(Toy):\n"
        "    def schedulers(self, settings, optimizers):\n"
        "        plateau = ReduceLROnPlateau(optimizers['loss'], factor=0.1, patience=0, threshold=0.5)\n"
        "        return [Schedule(plateau, 'plateau')]\n"
    )
    task = f"{path}:Falling"
    plain, _ = run(of(tmp_path / "plain"))
    straight, _ = run(of(tmp_path / "straight", task=task))
    assert straight.weights_sha256 != plain.weights_sha256
    with pytest.raises(Killed):
        attempt_run(of(tmp_path / "killed", task=task), OneWorker(), kill_after(4))
    again, _ = run(of(tmp_path / "killed", task=task, attempt=2))
    assert essence(again) == essence(straight)


def test_patience_begins_with_all_of_the_data(tmp_path: Path) -> None:
    """On a share of the data a run may get worse and still be worth going on with."""
    what = of(tmp_path, shares=(0.25, 0.25, 0.5, 0.5, 1.0, 1.0, 1.0, 1.0), epochs=8, patience=2)
    trainer = Trainer(load_task(what.task), what, OneWorker(), lambda _: None)
    over = []
    for epoch in range(1, 8):
        trainer.progress.reports.append(EpochReport(epoch, 0.0, {"val_loss": float(epoch)}))
        over.append(trainer._is_over())
    assert over == [False] * 6 + [True]
