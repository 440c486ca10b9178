"""Applies a trained trial to data of a user's own, and keeps the scores in an HDF5 file that can be joined to them.

Rows are read, scored and written piece by piece; the file appears under its name when it is whole.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from raysearch import __version__
from raysearch.after.trained import FoldModel, Trained
from raysearch.data.tensors import TensorData
from raysearch.data.to_score import Piece, ToScore
from raysearch.errors import InputError, StorageError
from raysearch.metrics.shown import Shown, columns, constants
from raysearch.training.precision import computing_in, widened

CHUNK_ROWS = 1000
FOLDS = "_folds"

Progress = Callable[[int, int], None]
Arrays = dict[str, NDArray[Any]]


@runtime_checkable
class ReadsOtherData(Protocol):
    """A task that can read files of which the answers are not known."""

    def other_data(self, paths: Sequence[Path], settings: Any) -> ToScore:  # noqa: ANN401 - the task's own type
        """Check files and make them ready to be read.

        Raises:
            InputError: with every fault of the files.
        """


@runtime_checkable
class ReadsOtherDataLike(Protocol):
    """A task that, to read such files, must know what was told of the study's data, such as a calibration by them."""

    def other_data_like(
        self,
        paths: Sequence[Path],
        settings: Any,  # noqa: ANN401 - the task's own type
        described: Mapping[str, Any],
    ) -> ToScore:
        """As :meth:`ReadsOtherData.other_data`; ``described`` is what the task's ``inspect`` gave the ledger."""


@dataclass(frozen=True)
class Scored:
    """What was written: a file with so many rows of so many files."""

    path: Path
    n_rows: int
    n_files: int


def write_scores(
    trained: Trained,
    paths: Sequence[Path],
    out: Path,
    *,
    batch: int = 1000,
    device: torch.device | None = None,
    progress: Progress = lambda *_: None,
) -> Scored:
    """Apply all fold models of a trial to every row of some files.

    The file holds what the task shows of each row, as the mean over folds, and with folds each
    fold's as ``NAME_folds`` (fold, row, ...); of jets ``scores`` (row, 5) float32, probabilities; of showers
    ``outputs`` (row,) float32, GeV. Beside them ``file`` (place in ``files``) and ``row`` (in that file), and what the
    reader hands through, such as ``event``, which goes before a prediction of that name.
    What is not by row, such as ``classes``, is kept once. Attributes tell where the scores come from.

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
    data = _other_data(trained, paths)
    temporary = out.with_name(f".{out.name}.{os.getpid()}.part")
    device = device or torch.device("cpu")
    for fold in trained.models:
        fold.model.to(device)
    try:
        with _Storage(temporary) as storage:
            with h5py.File(storage, "w") as h5:
                for done in _fill(h5, trained, data, batch, device):
                    storage.check()
                    progress(done, data.n_rows)
            storage.check()
            storage.flush()
            os.fsync(storage.fileno())
        temporary.replace(out)
    except OSError as error:
        raise StorageError(f"{out}: cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()
    return Scored(out, data.n_rows, len(data.files))


def _other_data(trained: Trained, paths: Sequence[Path]) -> ToScore:
    """Have the task check the files."""
    if isinstance(trained.task, ReadsOtherDataLike):
        return trained.task.other_data_like(paths, trained.settings, trained.history.created.data)
    if isinstance(trained.task, ReadsOtherData):
        return trained.task.other_data(paths, trained.settings)
    raise InputError(
        f"task: {type(trained.task).__name__} does not define other_data(paths, settings), which reads files to "
        "be scored; see docs/after-the-search.md"
    )


class _Storage(io.FileIO):
    """A file whose first failure is kept for :meth:`check`: HDF5, told of one, brings the process down at its exit."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "wb+")
        self._failure: OSError | None = None

    def write(self, content: Any) -> int:  # noqa: ANN401 - any buffer
        """Write all of it, or keep why not."""
        left = memoryview(content).cast("B")
        size = len(left)
        try:
            while left and not self._failure:
                left = left[super().write(left) :]
        except OSError as error:
            self._failure = error
        return size

    def truncate(self, size: int | None = None) -> int:
        """Set the size, or keep why not."""
        try:
            return super().truncate(size)
        except OSError as error:
            self._failure = self._failure or error
            return size or 0

    def check(self) -> None:
        """Raise what was kept.

        Raises:
            OSError: a write failed.
        """
        if self._failure is not None:
            raise self._failure


def _fill(h5: h5py.File, trained: Trained, data: ToScore, batch: int, device: torch.device) -> Iterator[int]:
    """Write all there is to write; yields the rows done, after each piece."""
    h5.attrs.update({**trained.provenance(), "raysearch": __version__, "torch": str(torch.__version__)})
    h5["files"] = [str(path.resolve()) for path in data.files]
    done = 0
    for piece in data.pieces():
        outputs = [_outputs(trained, model, piece, batch, device) for model in trained.models]
        shown = [trained.task.shown({"outputs": rows}, TensorData(piece.batch)) for rows in outputs]
        folds = [_arrays(values, rows, piece) for values, rows in zip(shown, outputs, strict=True)]
        if not done:
            for name, values in constants(shown[0]).items():
                h5[name] = values.tolist()
        for name, values in _by_row(folds, piece):
            _append(h5, name, values, done, data.n_rows, axis=1 if name.endswith(FOLDS) else 0)
        done += len(outputs[0])
        yield done


def _outputs(trained: Trained, fold: FoldModel, piece: Piece, batch: int, device: torch.device) -> Tensor:
    """Apply one model to a piece, in the precision in which it was trained."""
    scaling = None if fold.scaling is None else fold.scaling.to(device)
    stored = TensorData(tuple(tensor.to(device) for tensor in piece.batch), scaling=scaling)
    with torch.no_grad(), computing_in(trained.precision, device):
        parts = torch.arange(len(stored), device=device).split(batch)
        outputs = [trained.task.predict(fold.model, stored.rows(rows)).cpu() for rows in parts]
    return widened(torch.cat(outputs))


def _arrays(shown: Sequence[Shown], outputs: Tensor, piece: Piece) -> Arrays:
    """What the task shows of each row, without what the reader hands through; of one that shows nothing, outputs."""
    found = columns(shown) or {"outputs": outputs.numpy()}
    return {name: values for name, values in found.items() if name not in piece.columns}


def _by_row(folds: Sequence[Arrays], piece: Piece) -> Iterator[tuple[str, NDArray[Any]]]:
    """All that has a value for each row of a piece."""
    for name, values in folds[0].items():
        if len(folds) > 1:
            each = np.stack([fold[name] for fold in folds])
            yield f"{name}{FOLDS}", each
            yield name, each.mean(axis=0, dtype=np.float64).astype(values.dtype)
        else:
            yield name, values
    n = len(piece.batch[0])
    yield "file", np.full(n, piece.file, np.int32)
    yield "row", np.arange(piece.first_row, piece.first_row + n)
    yield from piece.columns.items()


def _append(h5: h5py.File, name: str, values: NDArray[Any], done: int, total: int, *, axis: int) -> None:
    """Write rows at their place; the first ones make the dataset."""
    if name not in h5:
        shape, chunks = list(values.shape), list(values.shape)
        shape[axis], chunks[axis] = total, min(CHUNK_ROWS, total)
        h5.create_dataset(
            name,
            tuple(shape),
            values.dtype,
            chunks=tuple(chunks),
            compression="gzip",
            compression_opts=1,
            shuffle=True,
        )
    rows = slice(done, done + values.shape[axis])
    h5[name][(slice(None), rows) if axis else rows] = values
