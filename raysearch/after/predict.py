"""Applies a trained trial to a user's own data, and keeps the scores in an HDF5 file that joins to them.

Rows are read, scored and written piece by piece; the file appears under its name when it is whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from raysearch.after.apply import outputs_for, tell_origin
from raysearch.after.odd_rows import OddRows, without_empty
from raysearch.after.row_file import RowFile, open_row_file
from raysearch.after.seen_rows import SeenRows
from raysearch.after.trained import TrainedTrial
from raysearch.data.tensors import TensorData
from raysearch.data.to_score import Piece, ToScore
from raysearch.metrics.shown import constants

FOLDS = "_folds"

Progress = Callable[[int, int], None]
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Scored:
    """What was written: a file with so many rows of so many files; and what is odd about them, by line."""

    path: Path
    n_rows: int
    n_files: int
    warnings: tuple[str, ...] = ()


def write_scores(
    trained: TrainedTrial,
    paths: Sequence[Path],
    out: Path,
    *,
    batch: int = 1000,
    device: torch.device | None = None,
    progress: Progress = lambda *_: None,
) -> Scored:
    """Apply all fold models of a trial to every row of some files.

    The file holds what the task shows of each row, as the mean over folds (of a task whose ``is_averaged``
    is False, as the first fold has it), and with folds each fold's as ``NAME_folds`` (fold, row, ...); of
    jets ``scores`` (row, 5) float32, probabilities; of showers ``outputs`` (row,) float32, GeV. Beside them
    ``file`` (place in ``files``) and ``row`` (in that file), and what the reader hands through, such as
    ``event``, which goes before a prediction of that name. What is not by row, such as ``classes``, is kept
    once. Where files are the study's own, ``part`` (row,) int8 tells what each row was to it: 0 training,
    1 validation, 2 test, -1 none of these. Attributes tell where the scores come from, and ``warnings``.
    What is predicted of a row that holds nothing, such as a jet without constituents, is NaN.

    Args:
        trained: the models.
        paths: files and folders, as the task's reader takes them.
        out: the file to be written; one of that name is replaced.
        batch: rows a model is given at a time.
        device: where to compute; the CPU if not given.
        progress: told rows done and all rows, after each piece.

    Raises:
        InputError: the task has no reader for other data, or files are refused.
        StorageError: the file cannot be written.
    """
    data = trained.task.to_score(paths, trained.settings, trained.history.created.data)
    device = device or torch.device("cpu")
    odd, seen = OddRows(trained, data, paths), SeenRows(trained, data)
    for fold in trained.models:
        fold.model.to(device)
    with open_row_file(out, data.n_rows) as file:
        tell_origin(file, trained)
        file.h5["files"] = [str(path.resolve()) for path in data.files]
        for done in _fill(file, trained, data, (odd, seen), batch, device):
            progress(done, data.n_rows)
        warnings = (*odd.told(), *seen.told())
        if warnings:
            file.h5.attrs["warnings"] = list(warnings)
    return Scored(out, data.n_rows, len(data.files), warnings)


def _fill(
    file: RowFile,
    trained: TrainedTrial,
    data: ToScore,
    looks: tuple[OddRows, SeenRows],
    batch: int,
    device: torch.device,
) -> Iterator[int]:
    """Write all there is to write; yields the rows done, after each piece."""
    task, done, (odd, seen) = trained.task, 0, looks
    for piece in data.pieces():
        odd.look(piece)
        rows = TensorData(piece.batch)
        outputs = [
            outputs_for(trained, fold, piece, batch, device, purpose="predict") for fold in trained.models
        ]
        folds = [
            {
                name: without_empty(values, piece.empty)
                for name, values in task.written(each, rows).items()
                if name not in piece.columns
            }
            for each in outputs
        ]
        # From the first piece: what is not by row is the same in all of them.
        if not done:
            for name, values in constants(task.shown(outputs[0], rows)).items():
                file.h5[name] = values.tolist()
        for name, values in _by_row(folds, piece, mean=task.is_averaged):
            file.append(name, values, done, axis=1 if name.endswith(FOLDS) else 0)
        if (parts := seen.parts(piece)) is not None:
            file.append(seen.column, parts, done, axis=0)
        done += len(piece.batch[0])
        yield done


def _by_row(folds: Sequence[Arrays], piece: Piece, *, mean: bool) -> Iterator[tuple[str, NDArray[Any]]]:
    """All that has a value for each row of a piece."""
    for name, values in folds[0].items():
        if len(folds) > 1:
            each = np.stack([fold[name] for fold in folds])
            yield f"{name}{FOLDS}", each
            # The mean in double precision, so that equal folds give exactly their value.
            yield name, each.mean(axis=0, dtype=np.float64).astype(values.dtype) if mean else values
        else:
            yield name, values
    n = len(piece.batch[0])
    yield "file", np.full(n, piece.file, np.int32)
    yield "row", np.arange(piece.first_row, piece.first_row + n)
    yield from piece.columns.items()
