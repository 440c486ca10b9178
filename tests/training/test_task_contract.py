"""What a class must define to be a task, and what is told of one for version 0.1.0."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from gan_runs import SOURCE, TESTS, own_task
from torch import Tensor, nn

from raysearch.data.tensors import Batch, TensorData
from raysearch.errors import InputError
from raysearch.tasks import load_task
from raysearch.tasks.contract import contract_problems
from raysearch.tasks.task import Outputs, Task
from raysearch.training.rehearsal import Wanted, rehearse


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

    told = contract_problems(Bare)
    assert [problem.split(" nor ")[0] for problem in told] == [
        "task: Bare does not define inspect, load, model",
        "task: Bare defines neither optimizer(settings, parameters)",
        "task: Bare defines neither loss(model, batch)",
    ]
