"""The contract over the tasks on calorimeter hits, in a file of their own: files are tested side by side."""

from __future__ import annotations

from pathlib import Path

from few import few_hits

from raysearch.testing import TaskContract

SPACES = Path(__file__).parents[2] / "searchspaces"
HITS = f"data={{path: {few_hits()}, limit: 24}}"
OF_HITS = (
    HITS,
    "space.batch_size=4",
    "space.variant=paper",
    "space.learning_rate=0.003",
    "space.propagated=6",
)


class TestHitsGravnet(TaskContract):
    space = SPACES / "hits-gravnet.yaml"
    changes = (
        *OF_HITS,
        "space.hidden=8",
        "space.outputs=8",
        "space.blocks=1",
        "space.neighbours={type: choice, values: [5, 8]}",
        "space.space_dimensions=2",
        "space.kernel=torch",  # the C++ kernel's equality has tests of its own
    )


class TestHitsGarnet(TaskContract):
    space = SPACES / "hits-garnet.yaml"
    changes = (
        *OF_HITS,
        "space.layers=2",
        "space.outputs=8",
        "space.aggregators={type: choice, values: [2, 3]}",
    )


class TestHitsDgcnn(TaskContract):
    space = SPACES / "hits-dgcnn.yaml"
    changes = (
        HITS,
        "space.batch_size=4",
        "space.learning_rate=0.003",
        "space.blocks=2",
        "space.neighbours=4",
        "space.hidden={type: choice, values: [4, 6]}",
    )


class TestHitsBinning(TaskContract):
    space = SPACES / "hits-binning.yaml"
    changes = (
        HITS,
        "space.batch_size=4",
        "space.learning_rate=0.003",
        "space.bins=6",
        "space.across=3",
        "space.along=3",
        "space.blocks=1",
        "space.first=4",
        "space.combined=8",
        "space.channels={type: choice, values: [3, 4]}",
    )


class TestHitsCondensation(TaskContract):
    space = SPACES / "hits-condensation.yaml"
    changes = (
        *OF_HITS,
        "space.hidden=8",
        "space.outputs=8",
        "space.blocks=1",
        "space.neighbours=5",
        "space.coordinates={type: choice, values: [2, 3]}",
        "space.q_min=0.1",
        "space.space_dimensions=2",
        "space.kernel=torch",
    )
