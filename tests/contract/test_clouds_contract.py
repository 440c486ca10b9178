"""The contract over the generators of point clouds, in a file of their own: files are tested side by side."""

from __future__ import annotations

from pathlib import Path

from few import few_digits, few_jets

from raysearch.testing import TaskContract

SPACES = Path(__file__).parents[2] / "searchspaces"
JETS = f"data={{path: {few_jets()}}}"
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
    changes = (JETS, *CLOUDS)


class TestGraphGanOfDigits(TaskContract):
    space = SPACES / "graph-gan-digits.yaml"
    changes = (*CLOUDS, "space.average_decay=0.9")


FLOW = (
    "space.width={type: choice, values: [6, 12]}",
    "space.layers=1",
    "space.hidden=4",
    "space.steps=2",
    "space.draws=2",
    "space.learning_rate={type: float, low: 0.0005, high: 0.002}",
    "space.batch_size=20",
    "data.limit=40",
    "space.points=6",
)


class TestFlowMatching(TaskContract):
    space = SPACES / "flow-matching.yaml"
    changes = (JETS, *FLOW)


class TestFlowMatchingOfDigits(TaskContract):
    space = SPACES / "flow-matching-digits.yaml"
    changes = (
        *(each for each in FLOW if "width" not in each and "hidden" not in each),
        "space.width=8",
        "space.pairing=shortest",
    )


class TestNndVae(TaskContract):
    space = SPACES / "nnd-vae.yaml"
    changes = (
        f"data={{path: {few_digits()}}}",
        "space.points=8",
        "space.batch_size=10",
        "space.form={type: choice, values: [equation, oei_repulsion]}",
        "space.latent={type: int, low: 2, high: 3}",
    )


class TestNndVaeOfJets(TaskContract):
    space = SPACES / "nnd-vae-jets.yaml"
    changes = (
        JETS,
        "space.points=14",
        "space.filters=2",
        "space.hidden=6",
        "space.width=8",
        "space.latent={type: int, low: 2, high: 3}",
        "space.batch_size=20",
    )
