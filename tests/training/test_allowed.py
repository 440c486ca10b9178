"""Whether a point may be run is said before its run, in the words and figures that its run would have."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from toy import TOY_TASK

from raysearch.data.source import DataSource
from raysearch.errors import InputError
from raysearch.training.allowed import Allowed
from raysearch.training.attempt import attempt_run
from raysearch.training.order import Order
from raysearch.training.settings import Way
from raysearch.training.workers import OneWorker

SOURCE = DataSource(None, (0.6, 0.2, 0.2))
POINT = {"width": 4, "activation": "relu"}
# A task whose examples are as long as a setting says, and which keeps what it has loaded.
LONG = f"""
import sys
sys.path.insert(0, {str(TOY_TASK.parent)!r})
import torch
from dataclasses import dataclass
from torch import nn
from raysearch.data.tensors import Parts, TensorData
from toy_task import Toy, ToySettings

@dataclass(frozen=True)
class Settings(ToySettings):
    length: int = 1

class Long(Toy):
    Settings = Settings
    n_loaded = 0
    def load(self, source, settings):
        Long.n_loaded += 1
        self.length = settings.length
        parts = super().load(source, settings)
        return Parts(*[
            TensorData((part.tensors[0].repeat(1, self.length), part.tensors[1]))
            for part in (parts.train, parts.validation, parts.test)
        ])
    def model(self, settings):
        return nn.Sequential(nn.Linear(settings.length, settings.width), nn.Linear(settings.width, 1))
    def predict(self, model, batch, chance):
        assert batch[0].shape[1] == self.length
        return model(batch[0])
"""


def allowed(task: str = f"{TOY_TASK}:Toy", strategy: str | None = None, **limits: float) -> Allowed:
    return Allowed(task, Way(strategy), SOURCE, limits)


def test_what_the_task_refuses_is_told_in_its_words() -> None:
    assert allowed().problems(POINT) == ()
    assert allowed().problems({**POINT, "width": 0}) == ("space.width: needs at least 1, got 0",)
    with pytest.raises(InputError, match=r"space.depth: Toy has no such setting"):
        allowed().problems({**POINT, "depth": 3})


def test_what_the_strategy_refuses_is_told_too() -> None:
    point = {**POINT, "rate": 2.0}
    (problem,) = allowed(strategy="one-plus-lambda").problems(point)
    assert problem.startswith("space.rate: ")


def test_a_model_over_a_limit_is_told_as_its_run_tells(tmp_path: Path) -> None:
    order = Order(
        task=f"{TOY_TASK}:Toy",
        study_folder=str(tmp_path),
        trial=0,
        fold=0,
        attempt=1,
        settings=POINT,
        seed=1,
        source=SOURCE,
        objective="val_loss",
        maximise=False,
        epochs=1,
        limits={"parameters": 12, "mflop": 1e-5},
    )
    outcome = attempt_run(order, OneWorker(), lambda _: None)
    assert outcome.state == "refused"
    before = torch.get_rng_state()
    assert allowed(parameters=12, mflop=1e-5).over_limit(POINT) == outcome.message
    assert torch.equal(torch.get_rng_state(), before), "others draw from it"
    assert allowed(parameters=13, mflop=1).over_limit(POINT) == ""
    assert allowed().over_limit(POINT) == ""


def test_operations_are_those_of_the_data_that_the_point_is_trained_on(tmp_path: Path) -> None:
    (tmp_path / "long.py").write_text(LONG)
    found = allowed(f"{tmp_path}/long.py:Long", mflop=1e-9)
    costs = [found.over_limit({"width": 4, "length": length}) for length in (1, 8, 1, 8, 8)]
    assert costs[0] == costs[2] == "mflop 1.6e-05 > 1e-09"
    assert costs[1] == costs[3] == costs[4] == "mflop 7.2e-05 > 1e-09"
    assert len(found._seen) == 2, "loaded once for each length, not for each point"
    assert found.over_limit({"width": 8, "length": 8}) == "mflop 0.000144 > 1e-09"
    assert len(found._seen) == 2


def test_what_cannot_be_counted_is_left_to_its_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYSEARCH_TEST_REHEARSED", "1")
    assert allowed(parameters=1).over_limit({**POINT, "trouble": "raises"}) == ""
