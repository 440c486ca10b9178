"""The contract over the generators of point clouds, in a file of their own: files are tested side by side."""

from __future__ import annotations

from pathlib import Path

from few import few_jets

from raysearch.testing import TaskContract

SPACES = Path(__file__).parents[2] / "searchspaces"
CLOUDS = (
    "space.width={type: choice, values: [6, 12]}",
    "space.hidden=4",
    "space.dropout=0.2",
    "space.generator_learning_rate=0.001",
    "space.discriminator_learning_rate={type: float, low: 0.0005, high: 0.002}",
    "space.batch_size=20",
    "data.limit=40",
    "space.points=6",
)


class TestGraphGan(TaskContract):
    space = SPACES / "graph-gan.yaml"
    changes = (f"data={{path: {few_jets()}}}", *CLOUDS)


class TestGraphGanOfDigits(TaskContract):
    space = SPACES / "graph-gan-digits.yaml"
    changes = CLOUDS
