"""Reads rows of a dataset, and says where the file is damaged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
from numpy.typing import NDArray

from raysearch.errors import InputError


def read_rows(dataset: h5py.Dataset, rows: slice, file: Path, what: str) -> NDArray[Any]:
    """Read rows of a dataset.

    Args:
        dataset: (row, ...).
        rows: which ones.
        file: that it lies in.
        what: a row is one of these, such as ``jets``.

    Raises:
        InputError: they are damaged; says where.
    """
    try:
        return dataset[rows]
    except OSError as error:  # a checksum that does not match, or a broken chunk
        where = f"{dataset.name[1:]}, {what} {rows.start or 0} to {rows.stop or len(dataset)}"
        raise InputError(f"{file}: {where}: damaged data: {error}") from None
