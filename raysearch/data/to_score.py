"""Data of a user's own that a trained model is applied to: pieces of files, perhaps without answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import h5py
import numpy as np
from numpy.typing import NDArray

from raysearch.data.faults import Faults
from raysearch.data.hdf5_gate import open_hdf5
from raysearch.data.hdf5_rows import read_rows
from raysearch.data.paths import named_twice
from raysearch.data.spread import Quantities
from raysearch.data.tensors import Batch
from raysearch.errors import InputError


class WithRows(Protocol):
    """What a file holds, and of how many rows."""

    @property
    def n(self) -> int:
        """How many rows."""
        ...


EVENT = "event"  # event numbers, in files of every kind
L = TypeVar("L")
R = TypeVar("R", bound=WithRows)


@dataclass(frozen=True)
class Piece:
    """Some rows of one file, in order.

    Attributes:
        file: its place in :attr:`ToScore.files`.
        first_row: the first one's place in that file.
        batch: the rows as the task's batches hold them, not standardised; where the file does not tell the
            answers, they are 0.
        columns: what to hand through row by row, such as event numbers: a name to (row, ...).
        empty: (row,), which hold nothing that a score could be of, such as jets without constituents; what is
            predicted of them is NaN. None: no row is.
        quantities: by which the rows are compared with those that the study was trained on.
    """

    file: int
    first_row: int
    batch: Batch
    columns: Mapping[str, NDArray[Any]]
    empty: NDArray[np.bool_] | None = None
    quantities: Quantities = field(default_factory=dict)


@dataclass(frozen=True)
class ToScore:
    """Checked files, to be read piece by piece, so that they may be larger than memory.

    Attributes:
        files: in the order they are read.
        n_rows: of all of them.
        pieces: reads them from the first row on; raises InputError for values that cannot be.
        noun: what a row is called, such as ``jet``.
        nothing: what a row that is empty lacks, such as ``constituents``.
        warnings: what is odd about the files, a line each.
    """

    files: tuple[Path, ...]
    n_rows: int
    pieces: Callable[[], Iterator[Piece]]
    noun: str = "row"
    nothing: str = "content"
    warnings: tuple[str, ...] = ()


def files_and_layouts(
    paths: Sequence[Path],
    files_at: Callable[[Path], Sequence[Path]],
    layout_of: Callable[[h5py.File, Path], L],
) -> tuple[list[Path], list[L]]:
    """List the files at some paths, and what each of them holds.

    Args:
        paths: files and folders.
        files_at: lists the files at one path.
        layout_of: looks into an open file; raises InputError if it cannot be used.

    Raises:
        InputError: nothing there, or a file is refused; lists all.
    """
    faults = Faults()
    files: list[Path] = []
    layouts: list[L] = []
    for path in paths:
        with faults.of(path):
            files += files_at(path)
    faults.add(named_twice(files))
    # Layouts of all files before any row is read: a fault is told in a second, not after an hour.
    for file in files:
        with faults.of(file), closing(open_hdf5(file)) as opened:
            layouts.append(layout_of(opened, file))
            _require_int64(opened.get(EVENT), file)
    faults.raise_any()
    return files, layouts


def _require_int64(events: object, file: Path) -> None:
    """Refuse event numbers that would be handed through as others: what rows are joined by would be lost."""
    if not (isinstance(events, h5py.Dataset) and events.dtype == np.uint64 and events.size):
        return
    if int(read_rows(events, slice(None), file, "rows").max()) > np.iinfo(np.int64).max:
        raise InputError(f"{file}: {EVENT}: has numbers of 2^63 and more; they must be below that")


def rows_of(
    files: Sequence[Path], layouts: Sequence[R], size: int
) -> Iterator[tuple[int, h5py.File, Path, R, slice]]:
    """Go through files in their order, up to ``size`` rows at a time.

    Returns:
        The file's place, the open file, its path, what it holds, and which rows come now.
    """
    for number, (file, layout) in enumerate(zip(files, layouts, strict=True)):
        with closing(open_hdf5(file)) as opened:
            for start in range(0, layout.n, size):
                yield number, opened, file, layout, slice(start, min(start + size, layout.n))
