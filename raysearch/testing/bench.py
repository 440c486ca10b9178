"""What a contract finds out about a task: each run is carried out once, for all tests of a class."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from raysearch.data.tensors import Batch, Parts
from raysearch.launch.orders import source_of, way_of
from raysearch.launch.points import Points, points_of
from raysearch.seeds import derive
from raysearch.space.domains import Space
from raysearch.space.space_file import SpaceFile
from raysearch.tasks import load_task
from raysearch.tasks.settings import make_settings
from raysearch.tasks.task import Outputs, Task
from raysearch.testing.need import tried
from raysearch.testing.processes import Plan, Told, apart
from raysearch.testing.runs import Ran, build, carry_out, judge, steps_alike
from raysearch.testing.study import SmallStudy, small_study
from raysearch.training.evaluation import evaluate
from raysearch.training.order import Order
from raysearch.training.randomness import load_parts
from raysearch.training.settings import divide
from raysearch.training.workers import OneWorker

ROWS = 64  # of batches that are looked at by themselves


class Bench:
    """Runs of one task at one point of a space.

    Args:
        space_file: task, space, data and seed; its search and budget do not matter.
        epochs: of each run, two at least.
    """

    def __init__(self, space_file: SpaceFile, epochs: int) -> None:
        self.space_file, self.epochs = space_file, epochs
        self.space: Space = space_file.searched
        self._scratch = tempfile.TemporaryDirectory(prefix="raysearch-contract-")
        self._n_orders = 0

    def close(self) -> None:
        """Delete what the runs have left."""
        self._scratch.cleanup()

    @property
    def folder(self) -> Path:
        """Where the runs leave their files."""
        return Path(self._scratch.name)

    @cached_property
    def task(self) -> Task[Any]:
        """The task."""
        return load_task(self.space_file.task)

    @cached_property
    def point(self) -> dict[str, Any]:
        """Searched and held values, complete."""
        return self.points.drawn

    @cached_property
    def points(self) -> Points:
        """That point, and the corners of the space; those that the task takes."""
        return points_of(self.space_file, "contract")

    @cached_property
    def settings(self) -> Any:  # noqa: ANN401 - the task's own type
        """The same as the task's own settings."""
        return make_settings(self.task, self.order().settings)

    @cached_property
    def parts(self) -> Parts:
        """The data."""
        order = self.order()
        return tried("load", lambda: load_parts(self.task, order.source, self.settings))

    def order(self, point: Mapping[str, Any] | None = None, **changes: Any) -> Order:
        """The order for a run, in a folder of its own, at one worker, by gradient."""
        self._n_orders += 1
        divided = divide(way_of(self.space_file), self.point if point is None else point)
        objective = (*self.space_file.objectives, self.task.objective)[0]
        order = Order(
            task=self.space_file.task,
            study_folder=str(self.folder / f"run-{self._n_orders}"),
            trial=0,
            fold=0,
            attempt=1,
            settings=divided.task,
            seed=derive(self.space_file.seed, "run", 0, 0),
            source=replace(source_of(self.space_file), folds=1),
            epochs=self.epochs,
            objective=objective,
            maximise=objective.removeprefix("val_") in self.task.higher_is_better,
            threads=self.space_file.resources.threads,
            precision=divided.precision,
            large_batch=divided.large_batch,
        )
        return replace(order, **changes)

    @property
    def other_seed(self) -> int:
        """Another run's."""
        return derive(self.space_file.seed, "run", 1, 0)

    @cached_property
    def first(self) -> Ran:
        """A run, before which this process had none."""
        return tried("training", lambda: carry_out(self.order()))

    @cached_property
    def other(self) -> Ran:
        """After it one with another seed."""
        _ = self.first
        return tried("training with another seed", lambda: carry_out(self.order(seed=self.other_seed)))

    @cached_property
    def again(self) -> Ran:
        """After that one the first one again."""
        _ = self.other
        return tried("training once more", lambda: carry_out(self.order()))

    @cached_property
    def apart(self) -> Told:
        """What two other processes found: the first run, one that was stopped here, a shared one.

        And one that was stopped here and is shared from then on.
        """
        stopped = self.order()
        tried("training", lambda: carry_out(stopped, stop_after=1))
        grown = self.order(workers=2, attempt=2)
        shutil.copytree(stopped.run_folder, grown.run_folder)
        plan = Plan(
            self.order(), replace(stopped, attempt=2), self.order(workers=2), grown, self.first.weights
        )
        return apart(plan, self.folder / "apart")

    @cached_property
    def steps_alike(self) -> bool:
        """Whether steps of two workers can be compared with those of one; see :func:`runs.steps_alike`."""
        return tried("the first step", lambda: steps_alike(self.order()))

    @cached_property
    def judged(self) -> dict[str, Tensor]:
        """Outputs for the rows that two workers share."""
        return tried("evaluation", lambda: judge(self.order(), self.first.weights, OneWorker()))

    @cached_property
    def trained(self) -> nn.Module:
        """The first run's model, in evaluation mode."""
        return build(self.order(), self.first.weights)[2].eval()

    @cached_property
    def batch(self) -> Batch:
        """Some rows of the validation part."""
        return self.parts.validation.rows(torch.arange(min(ROWS, len(self.parts.validation))))

    @cached_property
    def outputs(self) -> Outputs:
        """What is kept of the trained model's outputs for the validation part."""
        order = self.order()
        return tried(
            "evaluation",
            lambda: evaluate(self.task, self.trained, self.parts.validation, OneWorker(), seed=order.seed),
        )

    @cached_property
    def study(self) -> SmallStudy:
        """A study of one trial."""
        return tried("a study of one trial", lambda: small_study(self.space_file, self.folder / "study"))
