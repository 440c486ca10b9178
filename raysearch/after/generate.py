"""Has a trained generator make rows, and keeps them in an HDF5 file of its training data's layout."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from raysearch.after.apply import outputs_for, tell_origin
from raysearch.after.row_file import open_row_file
from raysearch.after.trained import TrainedTrial
from raysearch.data.conditions import Conditions
from raysearch.data.tensors import TensorData
from raysearch.data.to_score import Piece

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Generated:
    """What was written: a file with so many rows, and how many models made a part of them each."""

    path: Path
    n_rows: int
    n_models: int


def write_generated(
    trained: TrainedTrial,
    wanted: Conditions,
    out: Path,
    *,
    batch: int = 100,
    device: torch.device | None = None,
    progress: Progress = lambda *_: None,
) -> Generated:
    """Generate rows and write them.

    The models of several folds make a part of each piece: a mean over what they generate is like none of
    them. Each is asked by what it has to know of its own training part.

    Args:
        trained: the models.
        wanted: what is asked of them.
        out: the file to be written; one of that name is replaced.
        batch: rows a model is given at a time.
        device: where to compute; the CPU if not given.
        progress: told rows done and all rows, after each piece.

    Raises:
        InputError: the task generates nothing, or not what is wanted.
        StorageError: the file cannot be written.
    """
    task = trained.task
    asked = [
        task.to_generate(wanted, trained.settings, trained.history.created.data | dict(fold.training_facts))
        for fold in trained.models
    ]
    n_rows = asked[0].n_rows
    device = device or torch.device("cpu")
    purpose = f"generate {wanted.seed}" if wanted.seed else "generate"
    for fold in trained.models:
        fold.model.to(device)
    with open_row_file(out, n_rows) as file:
        tell_origin(file, trained)
        file.h5.attrs["seed"] = wanted.seed
        done = 0
        for pieces in zip(*(each.pieces() for each in asked), strict=True):
            for fold, part in zip(trained.models, _shared_out(pieces), strict=True):
                if not len(part.batch[0]):
                    continue  # fewer rows than models
                outputs = outputs_for(trained, fold, part, batch, device, purpose=purpose)
                made = task.written(outputs, TensorData(part.batch))
                for name, values in {**made, **part.columns}.items():
                    file.append(name, values, done)
                done += len(part.batch[0])
                progress(done, n_rows)
    return Generated(out, n_rows, min(len(trained.models), n_rows))


def _shared_out(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """Cut the same rows, as each model is asked for them, into a part for each model."""
    n = len(pieces[0].batch[0])
    bounds = [n * place // len(pieces) for place in range(len(pieces) + 1)]
    for piece, start, end in zip(pieces, bounds, bounds[1:], strict=False):
        some = slice(start, end)
        yield replace(
            piece,
            first_row=piece.first_row + start,
            batch=tuple(tensor[some] for tensor in piece.batch),
            columns={name: values[some] for name, values in piece.columns.items()},
        )
