"""Which points of a space may be run: such as task and training take, with a model within the limits."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from raysearch.data.source import DataSource
from raysearch.data.tensors import TensorData
from raysearch.errors import SettingsRefusedError, StorageError
from raysearch.tasks import load_task
from raysearch.tasks.settings import make_settings, watched
from raysearch.tasks.task import Task
from raysearch.training.counting import count_mflop, count_parameters
from raysearch.training.randomness import load_parts
from raysearch.training.settings import Way, divide, value_problems


@dataclass(frozen=True)
class _Seen:
    """What a task loaded: itself, an example, and the settings that it read for it."""

    task: Task[Any]
    example: TensorData
    read: dict[str, Any]


class Allowed:
    """Looks at points of one study's space.

    Args:
        reference: of the task.
        way: how weights are trained.
        source: the data, whose shapes a model's operations depend on.
        limits: the most ``parameters`` and ``mflop`` of a model.
    """

    def __init__(self, reference: str, way: Way, source: DataSource, limits: Mapping[str, float]) -> None:
        self._reference, self._way, self._source, self._limits = reference, way, source, limits
        self._seen: list[_Seen] = []

    def problems(self, point: Mapping[str, Any]) -> tuple[str, ...]:
        """Say in a line each why the task, or how it is trained, does not take complete settings.

        Raises:
            InputError: the space lacks settings, or has others than the task's.
        """
        divided = divide(self._way, point)
        try:
            make_settings(self._task, divided.task)
        except SettingsRefusedError as error:
            return error.problems
        return tuple(value_problems(self._way, divided))

    def over_limit(self, point: Mapping[str, Any]) -> str:
        """Say in one line which limits a model is over, as its run would; empty if none.

        A model that cannot be counted here is left to its run, which fails and says why.

        Raises:
            StorageError: the data cannot be read.
        """
        if not self._limits:
            return ""
        try:
            with torch.random.fork_rng(devices=[]):  # here others compute, too
                costs = self._costs(divide(self._way, point).task)
        except StorageError:
            raise
        except Exception:  # noqa: BLE001 - whatever a task raises
            return ""
        over = [
            f"{name} {costs[name]:.6g} > {limit:g}"
            for name, limit in self._limits.items()
            if costs[name] > limit
        ]
        return ", ".join(over)

    @cached_property
    def _task(self) -> Task[Any]:
        return load_task(self._reference)

    def _costs(self, values: Mapping[str, Any]) -> dict[str, float]:
        settings = make_settings(self._task, values)
        if "mflop" not in self._limits:
            return {"parameters": count_parameters(self._task.model(settings))}
        seen = self._loaded(settings)
        model = seen.task.model(settings)
        return {
            "parameters": count_parameters(model),
            "mflop": count_mflop(seen.task, model, seen.example),
        }

    def _loaded(self, settings: Any) -> _Seen:  # noqa: ANN401 - the task's own type
        """Load an example of the shape that a run with these settings has."""
        # Where the settings that decided what was loaded are the same, so is what would be loaded now.
        for seen in self._seen:
            if all(getattr(settings, name) == value for name, value in seen.read.items()):
                return seen
        task = load_task(self._reference)  # one of its own, for a task may keep what it has loaded
        spied, unread = watched(settings)
        example = load_parts(task, self._source.of_fold(0), spied).validation
        example = example.every(max(len(example), 1))  # its first row alone
        names = {field.name for field in dataclasses.fields(settings)} - unread
        self._seen.append(_Seen(task, example, {name: getattr(settings, name) for name in names}))
        return self._seen[-1]
