"""The contract that every task keeps, as a class of tests: for raysearch's own tasks, and for users'.

In a test file that pytest finds, beside the task:

    from raysearch.testing import TaskContract

    class TestMine(TaskContract):
        space = "mine.yaml"
        changes = ("data.path=some.npz", "space.width=8")

Small data and small models make it quick: it trains a dozen short runs, some in other processes, and carries
out a study of one trial. It needs no Ray.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from raysearch.space.space_file import SpaceFile, change_space_file, check_document, read_space_file
from raysearch.space.yaml_file import Document
from raysearch.testing.bench import Bench
from raysearch.testing.data_contract import DataContract
from raysearch.testing.outputs_contract import OutputsContract
from raysearch.testing.study_contract import StudyContract
from raysearch.testing.training_contract import TrainingContract

UNSEEN = {"search": {"sampler": "random", "trials": 1}, "budget": {"epochs": 1}, "seed": 1}


class TaskContract(DataContract, TrainingContract, OutputsContract, StudyContract):
    """All tests of a task; a subclass whose name begins with Test is found by pytest.

    Class attributes:
        space: a space file, as seen from the file of the subclass; or its content, of which ``task`` and
            ``space`` are enough.
        changes: of its values, as ``--set`` of the command line takes them.
        variant: which of the file's variants; by default the first, if it has any.
        epochs: of each run, two at least: one that is stopped goes on after the first.
    """

    space: ClassVar[str | Path | Mapping[str, Any]]
    changes: ClassVar[Sequence[str]] = ()
    variant: ClassVar[str | None] = None
    epochs: ClassVar[int] = 2
    bench: ClassVar[Bench]

    @classmethod
    def setup_class(cls) -> None:
        """Read the space file; called by pytest before the first test.

        Raises:
            InputError: it is refused.
        """
        cls.bench = Bench(cls.space_file(), cls.epochs)

    @classmethod
    def teardown_class(cls) -> None:
        """Delete what the runs have left; called by pytest after the last test."""
        cls.bench.close()

    @classmethod
    def space_file(cls) -> SpaceFile:
        """The space file, with the changes."""
        if isinstance(cls.space, Mapping):
            given = check_document(Document("space", {**UNSEEN, **cls.space}))
            return change_space_file(given, cls.changes)
        path = Path(cls.space)
        if not path.is_absolute():
            path = Path(inspect.getfile(cls)).parent / path
        return read_space_file(path, cls.changes, cls.variant)
