"""Data of a user's own that a trained model is applied to: pieces of files, whose answers may not be known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from raysearch.data.tensors import Batch


@dataclass(frozen=True)
class Piece:
    """Some rows of one file, in order.

    Attributes:
        file: its place in :attr:`OtherData.files`.
        first_row: the first one's place in that file.
        batch: the rows as the task's batches hold them, not standardised; where the file does not tell the answers,
            they are 0.
        columns: what to hand through row by row, such as event numbers: a name to (row, ...).
    """

    file: int
    first_row: int
    batch: Batch
    columns: Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class OtherData:
    """Checked files, to be read piece by piece, so that they may be larger than memory.

    Attributes:
        files: in the order they are read.
        n_rows: of all of them.
        pieces: reads them from the first row on; raises InputError for values that cannot be.
    """

    files: tuple[Path, ...]
    n_rows: int
    pieces: Callable[[], Iterator[Piece]]
