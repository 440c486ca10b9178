"""The contract over all tasks that ship, each at its own space file made small."""

from __future__ import annotations

from pathlib import Path

import test_clouds_contract
import test_hits_contract
from few import few_jets, few_showers

from raysearch.tasks import TASKS
from raysearch.testing import TaskContract

SPACES = Path(__file__).parents[2] / "searchspaces"
JETS = f"data={{path: {few_jets()}}}"
MODULES = (__name__, test_clouds_contract.__name__, test_hits_contract.__name__)
SHOWERS = f"data={{path: {few_showers()}}}"
DENSE = (
    "space.neurons={type: int, low: 8, high: 16}",
    "space.layers={type: int, low: 1, high: 2}",
    "space.plateau_patience=0",
)


class TestJediNet(TaskContract):
    space = SPACES / "jedinet.yaml"
    changes = (JETS, "space.constituents=6", "space.hidden={type: int, low: 6, high: 10}")


class TestJetDnn(TaskContract):
    space = SPACES / "jet-dnn.yaml"
    changes = (JETS, *DENSE)


class TestJetGru(TaskContract):
    space = SPACES / "jet-gru.yaml"
    changes = (JETS, *DENSE, "space.constituents=6", "space.units={type: choice, values: [8, 12]}")


class TestJetCnn(TaskContract):
    space = SPACES / "jet-cnn.yaml"
    changes = (
        JETS,
        "data.limit=100",
        *DENSE,
        "space.filters={type: choice, values: [2, 3]}",
        "space.pool=5",
        "space.kernel=3",
        "space.conv_layers=1",
    )


class TestCaloRegressor(TaskContract):
    space = SPACES / "calo-regressor.yaml"
    variant = "adam"
    changes = (SHOWERS, "space.filters={type: choice, values: [4, 6]}", "space.activation=elu")


HELD = tuple(
    f"space.{setting}={value}"
    for setting, value in {
        "generator_filters": 2,
        "discriminator_filters": 2,
        "discriminator_kernel": 2,
        "dropout": 0.2,
        "real_weight": 6,
        "energy_weight": 0.2,
        "sum_weight": 0.1,
        "rho": 0.9,
        "precision": "float32",
    }.items()
)


class TestGan3d(TaskContract):
    space = SPACES / "gan3d.yaml"
    changes = (
        SHOWERS,
        "space.latent={type: int, low: 4, high: 8}",
        "space.batch_size=4",
        "data.limit=8",
        *HELD,  # each searched setting costs a run; what they do has tests of its own
    )


def test_every_task_has_its_contract() -> None:
    contracts = [each for each in TaskContract.__subclasses__() if each.__module__ in MODULES]
    assert {each.space_file().task for each in contracts} == set(TASKS)
