"""The contract over tasks that take milliseconds: one network, and two."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from raysearch.testing import TaskContract

HERE = Path(__file__).parent.parent


class TestToy(TaskContract):
    space: ClassVar = {
        "task": f"{HERE}/toy_task.py:Toy",
        "space": {
            "width": {"type": "int", "low": 2, "high": 8},
            "learning_rate": {"type": "float", "low": 1e-3, "high": 0.1, "log": True},
            "activation": {"type": "choice", "values": ["relu", "elu"]},
        },
    }


class TestToyGan(TaskContract):
    space: ClassVar = {
        "task": f"{HERE}/toy_gan.py:ToyGan",
        "space": {
            "latent": {"type": "int", "low": 2, "high": 4},
            "width": {"type": "int", "low": 4, "high": 16},
            "critic_learning_rate": {"type": "float", "low": 1e-3, "high": 0.1, "log": True},
            "generator_every": {"type": "choice", "values": [1, 2]},
            "warm_up": {"type": "int", "low": 1, "high": 8},
        },
    }
    with_folds = False
