"""Has a trained generator make rows, and keeps them in an HDF5 file of its training data's layout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from raysearch.after.apply import outputs_for, tell_origin
from raysearch.after.row_file import open_row_file
from raysearch.after.trained import TrainedTrial
from raysearch.data.conditions import Conditions
from raysearch.data.tensors import TensorData

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Generated:
    """What was written: a file with so many rows, by so many models in turn."""

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

    The models of several folds take pieces in turn: a mean over what they generate is like none of them.

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
    asked = task.to_generate(wanted, trained.settings, trained.history.created.data)
    device = device or torch.device("cpu")
    for fold in trained.models:
        fold.model.to(device)
    with open_row_file(out, asked.n_rows) as file:
        tell_origin(file, trained)
        done = 0
        for number, piece in enumerate(asked.pieces()):
            # By piece, not by row: a model is applied to whole batches.
            fold = trained.models[number % len(trained.models)]
            outputs = outputs_for(trained, fold, piece, batch, device, purpose="generate")
            made = task.written(outputs, TensorData(piece.batch))
            for name, values in {**made, **piece.columns}.items():
                file.append(name, values, done)
            done += len(piece.batch[0])
            progress(done, asked.n_rows)
    return Generated(out, asked.n_rows, len(trained.models))
