"""The contract over all tasks that ship, each at its own space file made small."""

from __future__ import annotations

from pathlib import Path

from raysearch.data.jets.files import SAMPLE as JETS
from raysearch.data.showers.files import SAMPLE as SHOWERS
from raysearch.tasks import TASKS
from raysearch.testing import TaskContract

SPACES = Path(__file__).parents[2] / "searchspaces"
FEW = "data.split=[0.03, 0.03, 0.94]"  # of 10,000 jets
DENSE = ("space.neurons={type: int, low: 8, high: 16}", "space.layers={type: int, low: 1, high: 2}")
RATE = "space.learning_rate={type: float, low: 0.001, high: 0.01}"


class TestJediNet(TaskContract):
    space = SPACES / "jedinet.yaml"
    changes = (FEW, "space.constituents=6", "space.hidden={type: int, low: 6, high: 10}")
    files = [JETS]


class TestJetDnn(TaskContract):
    space = SPACES / "jet-dnn.yaml"
    changes = (FEW, *DENSE)
    files = [JETS]


class TestJetGru(TaskContract):
    space = SPACES / "jet-gru.yaml"
    changes = (FEW, *DENSE, "space.constituents=6", "space.units={type: choice, values: [8, 12]}")
    files = [JETS]


class TestJetCnn(TaskContract):
    space = SPACES / "jet-cnn.yaml"
    changes = (
        "data.split=[0.01, 0.02, 0.97]",
        "data.limit=null",
        *DENSE,
        "space.filters={type: choice, values: [2, 3]}",
        "space.pool=5",
    )
    files = [JETS]


class TestCaloRegressor(TaskContract):
    space = SPACES / "calo-regressor.yaml"
    changes = (
        "data={split: [0.1, 0.1, 0.8]}",
        "variants=null",
        "space.filters={type: choice, values: [4, 6]}",
        RATE,
    )
    files = [SHOWERS]


def test_every_task_has_its_contract() -> None:
    tried = {each.space_file().task for each in TaskContract.__subclasses__() if each.__module__ == __name__}
    assert tried == set(TASKS)
