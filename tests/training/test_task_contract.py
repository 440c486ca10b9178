"""What a class must define to be a task, and what is told of one for version 0.1.0."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from gan_runs import SOURCE, TESTS, metrics_of, order, own_task, run
from torch import Tensor, nn

from raysearch.data.tensors import Batch, TensorData
from raysearch.errors import InputError
from raysearch.metrics.shown import pack
from raysearch.tasks import load_task
from raysearch.tasks.contract import contract_problems
from raysearch.tasks.task import Outputs, Task
from raysearch.training.rehearsal import Wanted, rehearse


def test_evolution_needs_a_loss_and_says_so_before_anything_starts() -> None:
    with pytest.raises(
        InputError, match=r"strategy: ToyGan has no loss\(model, batch\), by which evolution would judge"
    ):
        rehearse(f"{TESTS}/toy_gan.py:ToyGan", SOURCE, {}, [], Wanted(by_gradient=False))


TODAY = """
from raysearch.metrics.shown import Scores
from raysearch.tasks.schedule import Schedule

class Mine(Toy):
    def predict(self, model, batch, chance):
        return 2 * model(batch[0])

    def metrics(self, outputs, data):
        return {"loss": nn.functional.mse_loss(outputs["outputs"], data.tensors[1]).item()}

    def schedulers(self, settings, optimizers):
        reduced = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizers["loss"], patience=0, threshold=1.0)
        return [Schedule(reduced, every="plateau")]

    def shown(self, outputs, data):
        wide = torch.cat([outputs["outputs"], 1 - outputs["outputs"]], dim=1)
        return [Scores((data.tensors[1][:, 0] > 0.5).long().numpy(), wide.numpy(), ("low", "high"))]
"""
OF_0_1_0 = """
import numpy as np

class Mine(Toy):
    def predict(self, model, batch):
        return 2 * model(batch[0])

    def metrics(self, outputs, data):
        return {"loss": nn.functional.mse_loss(outputs, data.tensors[1]).item()}

    def scheduler(self, settings, optimizer):
        return torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, threshold=1.0)

    def predictions(self, outputs, data):
        wide = torch.cat([outputs, 1 - outputs], dim=1)
        labels = (data.tensors[1][:, 0] > 0.5).long()
        return {"labels": labels.numpy(), "scores": wide.numpy(), "classes": np.array(["low", "high"])}
"""


def test_a_task_of_version_0_1_0_goes_on_as_it_is(tmp_path: Path) -> None:
    outcomes, shown = [], []
    for name, body in (("today", TODAY), ("of-0-1-0", OF_0_1_0)):
        task = own_task(tmp_path / name, body)
        outcome, reports = run(order(tmp_path / name, task=task, settings={"width": 4}))
        outcomes.append((outcome.weights_sha256, outcome.value, metrics_of(reports)))
        data = load_task(task).load(SOURCE, load_task(task).Settings(4)).test
        shown.append(load_task(task).shown({"outputs": data.tensors[0]}, data))
    assert outcomes[0] == outcomes[1]
    assert pack(shown[0]) == pack(shown[1])


def test_its_reader_of_other_files_is_to_be_rewritten_and_that_is_told(tmp_path: Path) -> None:
    body = (
        "class Mine(Toy):\n    def other_data_like(self, paths, settings, described):\n        return None\n"
    )
    with pytest.raises(
        InputError, match=r"Mine\.other_data_like is now to_score\(paths, settings, described\)"
    ):
        load_task(own_task(tmp_path, body))


def test_a_predict_that_nobody_can_call_is_told(tmp_path: Path) -> None:
    body = "class Mine(Toy):\n    def predict(self, model):\n        return None\n"
    with pytest.raises(InputError, match=r"Mine\.predict must take \(model, batch, chance\)"):
        load_task(own_task(tmp_path, body))


def test_several_files_are_refused_to_a_task_that_does_not_say_that_it_reads_them() -> None:
    several = replace(SOURCE, path=("a.h5", "b.h5"))
    with pytest.raises(InputError, match=r"data.path: ToyGan reads one file or folder, got 2; put"):
        rehearse(f"{TESTS}/toy_gan.py:ToyGan", several, {}, [])


def test_a_class_that_lacks_something_is_told_all_of_it() -> None:
    class Bare(Task[Any]):
        def predict(self, model: nn.Module, batch: Batch, chance: torch.Generator) -> Tensor:
            return batch[0]

        def metrics(self, outputs: Outputs, data: TensorData) -> dict[str, float]:
            return {}

    told = contract_problems(Bare)
    assert [problem.split(" nor ")[0] for problem in told] == [
        "task: Bare does not define inspect, load, model",
        "task: Bare defines neither optimizer(settings, parameters)",
        "task: Bare defines neither loss(model, batch)",
    ]
