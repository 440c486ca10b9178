"""An HDF5 file of rows that is written piece by piece, and appears under its name when it is whole."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import h5py
from numpy.typing import NDArray

from raysearch.errors import StorageError
from raysearch.files import put_in_place

CHUNK_ROWS = 1000
CHUNK_BYTES = 1 << 20  # HDF5 reads and packs whole chunks: large rows, such as showers, go a few at a time


class RowFile:
    """An open file of ``n_rows`` rows.

    Args:
        h5: the file.
        storage: under it.
        n_rows: of every dataset by row.
    """

    def __init__(self, h5: h5py.File, storage: _Storage, n_rows: int) -> None:
        self.h5, self.n_rows, self._storage = h5, n_rows, storage

    def append(self, name: str, values: NDArray[Any], done: int, *, axis: int = 0) -> None:
        """Write rows at their place; the first ones make the dataset.

        Args:
            name: of the dataset.
            values: (row, ...), or with ``axis`` 1 (fold, row, ...).
            done: rows that stand before them.
            axis: that counts rows.

        Raises:
            OSError: the disk is full or failed.
        """
        if name not in self.h5:
            self._create(name, values, axis)
        rows = slice(done, done + values.shape[axis])
        self.h5[name][(slice(None), rows) if axis else rows] = values
        self._storage.check()

    def _create(self, name: str, values: NDArray[Any], axis: int) -> None:
        shape, chunks = list(values.shape), list(values.shape)
        row_bytes = max(values.nbytes // max(values.shape[axis], 1), 1)
        shape[axis] = self.n_rows
        chunks[axis] = max(min(CHUNK_ROWS, self.n_rows, CHUNK_BYTES // row_bytes), 1)
        self.h5.create_dataset(
            name,
            tuple(shape),
            values.dtype,
            chunks=tuple(chunks),
            compression="gzip",
            compression_opts=1,
            shuffle=True,
        )


@contextmanager
def open_row_file(out: Path, n_rows: int) -> Iterator[RowFile]:
    """Open a file under another name, which becomes ``out`` at the end, in place of one of that name.

    Raises:
        StorageError: it cannot be written; nothing is left of it.
    """
    # Beside it, for a rename works within one file system; with the process, for two may write one name.
    temporary = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        with _Storage(temporary) as storage:
            with h5py.File(storage, "w") as h5:
                yield RowFile(h5, storage, n_rows)
            storage.check()
        put_in_place(temporary, out)
    except OSError as error:
        raise StorageError(f"{out}: cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


class _Storage(io.FileIO):
    """A file that keeps its first failure for :meth:`check`: HDF5, told of one, crashes the process."""

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
