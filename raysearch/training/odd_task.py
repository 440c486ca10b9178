"""What seems wrong with the rows and figures of a task, told before the first run and in the report.

A task of a user's own is free in what it reads, computes and shows, so that little of it can be refused. What
nearly always makes a study say nothing, or too much, is told: rows of one part in another, values that are no
numbers, labels that mean nothing, an objective that is searched in the wrong direction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from raysearch.data.source import DataSource
from raysearch.data.splitting import PARTS
from raysearch.data.tensors import Batch, Parts, TensorData
from raysearch.metrics.shown import Scores, Shown
from raysearch.tasks.file_task import FileTask
from raysearch.tasks.task import Task

MOST_BYTES = 1 << 29  # of all parts together; larger ones are not looked at, for it would take minutes
ROWS = 10_000  # looked at at a time
ROUNDING = 1e-3  # of the sum of probabilities

MORE_IS_BETTER = frozenset({"auc", "acc", "accuracy", "rejection", "recall", "f1", "r2", "significance"})
LESS_IS_BETTER = frozenset({"loss", "error", "mse", "rmse", "mae", "nll", "chi2", "distance"})
TURNED = frozenset({"neg", "negative", "minus", "one", "inverse", "inv"})  # words that turn a name round


def odd_rows(task: Task[Any], source: DataSource, told: Mapping[str, Any], parts: Parts) -> Iterator[str]:
    """Tell what is odd about the rows of a task that reads its data in its own way.

    Args:
        task: the task; what reads files of a kind of ours, which are checked as such, is not looked at.
        source: the data.
        told: what its ``inspect`` told of them.
        parts: what its ``load`` gave.
    """
    if isinstance(task, FileTask):
        return
    each = (parts.train, parts.validation, parts.test)
    for name, part in zip(("n_train", "n_validation", "n_test"), each, strict=True):
        if source.folds == 1 and told[name] != len(part):
            kind = type(task).__name__
            yield f"{kind}.inspect tells {name} = {told[name]}, but load gives {len(part)} rows"
    if sum(map(_size, each)) > MOST_BYTES:
        return
    before: NDArray[np.int64] = np.zeros(0, np.int64)
    for name, others, part in zip(PARTS, ("", PARTS[0], f"{PARTS[0]} or {PARTS[1]}"), each, strict=True):
        hashes, n_infinite = _looked_at(part)
        if n_infinite:
            yield f"{n_infinite:,} of {len(part):,} rows of the {name} part hold values that are not finite"
        if n_shared := int(np.isin(hashes, before).sum()):
            yield (
                f"{n_shared:,} of {len(part):,} rows of the {name} part are equal to ones of {others}: "
                "its figures are too good, unless rows may well be equal by chance"
            )
        before = np.concatenate([before, hashes])


def odd_scores(
    task: Task[Any], told: Mapping[str, Any], shown: Sequence[Shown], shown_of: TensorData, parts: Parts
) -> Iterator[str]:
    """Tell what is odd about scores by class.

    Args:
        task: the task.
        told: what its ``inspect`` told of the data.
        shown: what it shows.
        shown_of: some rows of the validation part, of which that is.
        parts: of the data.
    """
    kind = type(task).__name__
    for value in shown:
        if not isinstance(value, Scores) or not len(value.labels):
            continue
        classes = list(value.classes)
        wrong = value.labels[(value.labels < 0) | (value.labels >= len(classes))]
        if len(wrong):
            yield (
                f"{kind}.shown has labels such as {wrong[0]}; they are places in its classes, 0 to "
                f"{len(classes) - 1}, and without such the report has no curves"
            )
        else:
            yield from _lacking(value, shown_of, parts)
        described = told.get("classes")
        if described is not None and list(map(str, described)) != classes:
            yield (
                f"{kind}.inspect tells classes {', '.join(map(str, described))}, but shown has "
                f"{', '.join(classes)}; which column of the scores is which?"
            )
        sums = value.scores.sum(axis=1)
        if np.isfinite(sums).all() and (value.scores.min() < 0 or np.abs(sums - 1).max() > ROUNDING):
            yield (
                f"{kind}.shown has scores that are no probabilities of classes (not from 0 to 1, or of "
                "another sum than 1): curves of a class against the rest compare them between rows as they "
                "are, and after a softmax may be others"
            )


def odd_directions(task: Task[Any], objectives: Mapping[str, bool]) -> Iterator[str]:
    """Tell objectives whose name says the opposite of what the task does.

    Args:
        task: the task.
        objectives: name to whether more of it is better.
    """
    for name, more in objectives.items():
        words = {*name.removeprefix("val_").lower().split("_")}
        if words & TURNED or (words & MORE_IS_BETTER and words & LESS_IS_BETTER):
            continue
        if words & (LESS_IS_BETTER if more else MORE_IS_BETTER):
            yield (
                f"{name} is searched for its {'highest' if more else 'lowest'} value, as higher_is_better of "
                f"{type(task).__name__} {'names' if more else 'does not name'} "
                f"{name.removeprefix('val_')!r}; is that meant?"
            )


def odd_steps(task: Task[Any], have_learned: Sequence[bool]) -> Iterator[str]:
    """Tell that the first step changed no weight; ``have_learned`` says so for each precision."""
    if not all(have_learned):
        yield (
            f"the first step of {type(task).__name__} changes no weight of the model: does its loss depend "
            "on them?"
        )


def _size(part: TensorData) -> int:
    """Bytes of a part."""
    return len(part) * sum(tensor.nbytes for tensor in part.rows(torch.arange(1)))


def _looked_at(part: TensorData) -> tuple[NDArray[np.int64], int]:
    """A hash of each row (row,), and how many rows hold what is not finite."""
    hashes, n_infinite = [], 0
    for start in range(0, len(part), ROWS):
        batch = part.rows(torch.arange(start, min(start + ROWS, len(part))))
        n_infinite += int((~_finite(batch)).sum())
        plain = [np.ascontiguousarray(tensor.cpu().numpy()) for tensor in batch]
        raw = [array.reshape(len(array), -1).view(np.uint8) for array in plain if array[:1].nbytes]
        hashes += [hash(row.tobytes()) for row in np.concatenate(raw, axis=1)]
    return np.array(hashes, np.int64), n_infinite


def _finite(batch: Batch) -> torch.Tensor:
    """Whether all of a row is finite, bool (row,)."""
    each = [tensor.isfinite().reshape(len(tensor), -1).all(dim=1) for tensor in batch]
    return torch.stack(each).all(dim=0)


def _lacking(value: Scores, shown_of: TensorData, parts: Parts) -> Iterator[str]:
    """Tell classes that a part has no row of, where a column of the data holds the labels as they are."""
    labels = torch.from_numpy(value.labels)
    columns = shown_of.rows(torch.arange(len(shown_of)))
    places = [number for number, column in enumerate(columns) if torch.equal(column, labels.to(column.dtype))]
    if not places:
        return
    for name, part in zip(PARTS, (parts.train, parts.validation, parts.test), strict=True):
        there = set(part.column(places[0]).unique().tolist())
        if lacking := [each for number, each in enumerate(value.classes) if number not in there]:
            yield f"the {name} part has no row of class {', '.join(lacking)} among its {len(part):,}"
