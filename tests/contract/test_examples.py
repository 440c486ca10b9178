"""The contract over the examples of docs/own-task.md."""

from __future__ import annotations

import tempfile
from pathlib import Path

from few import few_jets
from own_pions import make_pions

from raysearch.testing import TaskContract

EXAMPLES = Path(__file__).parents[2] / "docs/examples"


class TestDeepSets(TaskContract):
    space = EXAMPLES / "deep_sets.yaml"
    changes = (f"data={{path: {few_jets()}}}", "space.width=16")


class TestOwnGan(TaskContract):
    space = EXAMPLES / "own_gan.yaml"

    @classmethod
    def setup_class(cls) -> None:
        cls.folder = tempfile.TemporaryDirectory()
        cls.changes = (f"data.path={make_pions(Path(cls.folder.name))}",)
        super().setup_class()

    @classmethod
    def teardown_class(cls) -> None:
        super().teardown_class()
        cls.folder.cleanup()


def test_every_example_has_its_contract() -> None:
    tested = {Path(each.space) for each in (TestDeepSets, TestOwnGan)}
    assert {path.with_suffix(".yaml") for path in EXAMPLES.glob("*.py")} == tested
