"""A dress rehearsal before a study starts: one training step and one evaluation, in the driver.

It finds what would otherwise fail every run, or worse, be searched for nothing: settings the task
does not know or never reads, data that do not fit, corners of the space that cannot be built.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from raysearch.data.source import DataSource
from raysearch.data.tensors import Parts, TensorData
from raysearch.errors import InputError, RaysearchError, did_you_mean, one_of
from raysearch.models.kernels.noted import forget_noted, noted
from raysearch.tasks import load_task
from raysearch.tasks.file_task import FileTask
from raysearch.tasks.settings import make_settings, watched
from raysearch.tasks.task import Task
from raysearch.training.counting import COUNTED, count_mflop, count_parameters
from raysearch.training.first_step import REHEARSAL_ROWS, Begun, begun, one_evaluation
from raysearch.training.odd_task import odd_directions, odd_rows, odd_scores, odd_steps
from raysearch.training.precision import FLOAT32
from raysearch.training.randomness import load_parts
from raysearch.training.watched_source import unread_keys, watched_source

DESCRIBES_DATA = ("files", "n_train", "n_validation", "n_test", "split_by")
FLOATS_PER_WEIGHT = 3  # the weight and up to two moments of the optimiser
FLOATS_EVOLVED = 5  # the weight and up to four snapshots
FLOAT_BYTES = 4


@dataclass(frozen=True)
class Rehearsal:
    """What the rehearsal found out.

    Attributes:
        data: the task's description of the data, for the ledger.
        objectives: what is searched, to whether more of it is better; the first chooses epochs and best.
        largest_weights_bytes: of the largest model in the space.
        largest_checkpoint_bytes: the same with its optimiser.
        predictions_bytes: of a model's predictions for the test set.
        refused: why the task refuses a corner of the space, or empty.
        inspected: the settings at which the task described its data.
        kernels: what became of the compiled kernels that the model asked for, see models/kernels/noted.py.
        unread: why keys of the data section, which are given, do nothing.
        metrics: names of all validation metrics.
    """

    data: dict[str, Any]
    objectives: dict[str, bool]
    largest_weights_bytes: int
    largest_checkpoint_bytes: int
    predictions_bytes: int
    refused: str = ""
    inspected: dict[str, Any] = field(default_factory=dict)
    kernels: frozenset[str] = frozenset()
    unread: Sequence[str] = ()
    metrics: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Wanted:
    """What a study wants of its task.

    Attributes:
        objectives: empty for the task's own.
        limits: of its models.
        by_gradient: whether the task's optimiser trains them; else they are evolved.
        precisions: in which they may compute; each is rehearsed.
    """

    objectives: Sequence[str] = ()
    limits: Mapping[str, float] = field(default_factory=dict)
    by_gradient: bool = True
    precisions: Sequence[str] = (FLOAT32,)


NOTHING_SPECIAL = Wanted()


def rehearse(
    reference: str,
    source: DataSource,
    settings: Mapping[str, Any],
    corners: Sequence[Mapping[str, Any]],
    wanted: Wanted = NOTHING_SPECIAL,
) -> Rehearsal:
    """Rehearse a task on its data.

    Args:
        reference: name of a task or ``path/to/my_task.py:MyTask``.
        source: the data.
        settings: one complete point of the space.
        corners: further points, whose models are built but not trained; but for a setting that the first
            point does not read.
        wanted: objectives and limits.

    Raises:
        InputError: whatever is wrong with task, data, settings or corners.
    """
    forget_noted()
    task = load_task(reference)
    typed = make_settings(task, settings)
    if isinstance(source.path, tuple) and not task.reads_several:
        raise InputError(
            f"data.path: {type(task).__name__} reads one file or folder, got {len(source.path)}; put all "
            "into one folder, for which links will do"
        )
    # Tasks on files of a kind of ours look at all of it.
    asked = source if isinstance(task, FileTask) else watched_source(source)
    data = task.inspect(asked, typed)
    _check_description(reference, data, task.training_facts(asked, typed))
    seen, unread = watched(typed)
    precision = wanted.precisions[0]
    steps: list[Begun] = []
    try:
        parts = _load(task, asked, seen)
        if source.folds > 1:
            _check_folds(task, source, seen, parts)
        shaping = sorted(set(settings) - unread)
        for precision in wanted.precisions:
            steps.append(begun(task, parts, seen, precision, by_gradient=wanted.by_gradient))
            evaluated = one_evaluation(task, steps[-1].model, parts, precision)
        costs = [_cost(task, settings, parts.validation), *_corner_costs(task, source, corners, shaping)]
        never_read = _never_read(task, source, unread & set(settings), corners, wanted)
    except RaysearchError:
        raise
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise InputError(
            f"task: {reference} fails in its first training step, in {precision}, "
            f"with {dict(settings)}: {what}"
        ) from error
    if never_read:
        raise InputError(*(f"space.{name}: the task never reads this setting" for name in never_read))
    _check_limits(wanted.limits, costs)
    # What is above the limit is never trained.
    parameters = min(max(cost["parameters"] for cost in costs), wanted.limits.get("parameters", math.inf))
    largest = FLOAT_BYTES * int(parameters)
    floats = FLOATS_PER_WEIGHT if wanted.by_gradient else FLOATS_EVOLVED
    objectives = _objectives(task, wanted, evaluated.metrics)
    odd = [
        *odd_rows(task, source, data, parts),
        *odd_scores(task, data, evaluated.shown, evaluated.rows, parts),
        *odd_directions(task, objectives),
        *odd_steps(task, [each.has_learned for each in steps]),
    ]
    return Rehearsal(
        data | ({"warnings": [*data.get("warnings", ()), *odd]} if odd else {}),
        objectives,
        largest_weights_bytes=largest,
        largest_checkpoint_bytes=largest * floats,
        predictions_bytes=int(evaluated.bytes_of_one * len(parts.test)),
        inspected=dict(settings),
        kernels=frozenset(noted()),
        unread=unread_keys(asked, type(task).__name__),
        metrics=frozenset(evaluated.metrics),
    )


def _objectives(task: Task[Any], wanted: Wanted, metrics: Mapping[str, float]) -> dict[str, bool]:
    names = wanted.objectives or (task.objective,)
    without = {f"val_{name}" for name in task.no_objectives}
    allowed = [name for name in (*metrics, *COUNTED) if name not in without]
    problems = [
        f"objectives: neither less nor more of {name!r} is better; {one_of(allowed)}"
        if name in without
        else f"objectives: {type(task).__name__} has no {name!r}; {one_of(allowed)}."
        f"{did_you_mean(name, allowed)}"
        for name in names
        if name not in allowed
    ]
    if names[0] in COUNTED:
        problems.append(f"objectives: the first chooses the best epoch and must be a metric, got {names[0]}")
    if problems:
        raise InputError(*problems)
    return {name: name.removeprefix("val_") in task.higher_is_better for name in names}


def _check_limits(limits: Mapping[str, float], costs: Sequence[Mapping[str, float]]) -> None:
    for name, limit in limits.items():
        least = min(cost[name] for cost in costs)
        if least > limit:
            raise InputError(f"limits.{name}: {limit:g} is below {least:.6g}, the least of the corners tried")


def _check_description(reference: str, data: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    missing = [name for name in DESCRIBES_DATA if name not in data]
    if missing:
        raise InputError(f"task: {reference}: inspect must tell {', '.join(missing)} too")
    for method, told in (("inspect", data), ("training_facts", facts)):
        try:
            json.dumps(told, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise InputError(f"task: {reference}: {method} must give plain values: {error}") from error


def _load(task: Task[Any], source: DataSource, settings: Any) -> Parts:  # noqa: ANN401 - the task's own type
    parts = load_parts(task, source, settings)
    for name in ("train", "validation", "test"):
        if not len(getattr(parts, name)):
            raise InputError(f"data: the {name} part is empty; give more data or change data.split")
    return parts


def _check_folds(
    task: Task[Any],
    source: DataSource,
    settings: Any,  # noqa: ANN401 - the task's own type
    parts: Parts,
) -> None:
    other = load_parts(task, source.of_fold(1), settings).validation
    if are_alike(parts.validation, other):
        raise InputError(
            "budget.folds: the task gives every fold the same validation part; "
            "its load must look at source.fold"
        )


def are_alike(one: TensorData, other: TensorData) -> bool:
    """Whether two parts have as many rows, and the first ones of them are the same, shapes and all."""
    rows = torch.arange(min(len(one), len(other), REHEARSAL_ROWS))
    ours, theirs = one.rows(rows), other.rows(rows)
    return len(one) == len(other) and len(ours) == len(theirs) and all(map(torch.equal, ours, theirs))


def _never_read(
    task: Task[Any],
    source: DataSource,
    unread: set[str],
    corners: Iterable[Mapping[str, Any]],
    wanted: Wanted,
) -> list[str]:
    """Of settings that one point does not read, those that no corner reads either.

    What belongs to some choice alone, such as the decay to a schedule, is read where that is chosen.
    """
    for point in corners:
        if not unread:
            break
        seen, unread_here = watched(make_settings(task, point))
        with _naming(task, point):
            parts = load_parts(task, source, seen)
            model, _ = begun(task, parts, seen, wanted.precisions[0], by_gradient=wanted.by_gradient)
            one_evaluation(task, model, parts, wanted.precisions[0])
        unread = unread & unread_here
    return sorted(unread)


def _corner_costs(
    task: Task[Any], source: DataSource, corners: Iterable[Mapping[str, Any]], shaping: Sequence[str]
) -> Iterator[dict[str, float]]:
    """Cost of each corner, on the data as they are at its own values of the settings that shape them."""
    loaded: dict[str, TensorData] = {}
    for point in corners:
        key = json.dumps([point[name] for name in shaping], default=repr)
        with _naming(task, point):
            if key not in loaded:
                loaded[key] = load_parts(task, source, make_settings(task, point)).validation
            yield _cost(task, point, loaded[key])


@contextmanager
def _naming(task: Task[Any], point: Mapping[str, Any]) -> Iterator[None]:
    """Name the corner that something fails at.

    Raises:
        InputError: something has failed.
    """
    try:
        yield
    except RaysearchError:
        raise
    except Exception as error:
        raise InputError(
            f"task: {type(task).__name__} has no model that takes the data "
            f"with {dict(point)}: {type(error).__name__}: {error}"
        ) from error


def _cost(task: Task[Any], settings: Mapping[str, Any], data: TensorData) -> dict[str, float]:
    model = task.model(make_settings(task, settings))
    return {"parameters": count_parameters(model), "mflop": count_mflop(task, model, data)}
