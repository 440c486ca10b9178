"""Reads jet files piece by piece, so that they may be larger than memory; columns come in our order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from raysearch.data.faults import Faults
from raysearch.data.hdf5_gate import open_hdf5
from raysearch.data.hdf5_rows import read_rows
from raysearch.data.jets.columns import Columns, find_columns
from raysearch.data.jets.constituents import derive_features
from raysearch.data.jets.frames import Frame
from raysearch.data.jets.layout import CONSTITUENTS, EVENT, FEATURES, JETS

ROWS = 1000  # jets read at a time
PT = FEATURES.index("j1_pt")


def columns_of_all(files: Sequence[Path], constituents: int) -> dict[Path, Columns]:
    """Find the columns of every file.

    Raises:
        InputError: a file is refused, holds fewer constituents a jet than asked for, or does not fit the
            others; lists all.
    """
    found: dict[Path, Columns] = {}
    faults = Faults()
    if constituents < 1:
        faults.add([f"constituents: must be at least 1, got {constituents}"])
    for file in files:
        with faults.of(file), closing(open_hdf5(file)) as opened:
            found[file] = columns = find_columns(opened, file)
            if columns.width < constituents:
                faults.add([f"{file}: holds {columns.width} constituents a jet, asked for {constituents}"])
    faults.add(misfits(found))
    faults.raise_any()
    return found


def misfits(found: dict[Path, Columns]) -> Iterator[str]:
    """Tell how files differ that are to be read as one sample."""
    traits = {
        "constituents a jet": lambda columns: columns.width,
        "features": lambda columns: len(columns.features),
        "definitions of features": lambda columns: str(columns.frame),
        "event numbers": lambda columns: "some" if columns.has_events else "none",
    }
    for word, trait in traits.items():
        first: dict[object, Path] = {}
        for file, columns in found.items():
            first.setdefault(trait(columns), file)
        if len(first) > 1:
            which = "; ".join(f"{value} in {file}" for value, file in first.items())
            yield f"{word}: must be alike in all files, but {which}"


def pieces(
    opened: h5py.File, file: Path, columns: Columns
) -> Iterator[tuple[slice, NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]]:
    """Read rows with their constituents, jet columns and event numbers (0 without).

    Args:
        opened: the file, which passed the gate.
        file: its path, for messages.
        columns: where it holds what.

    Yields:
        Which jets; constituents (jet, constituent, 16 or 4); columns (jet, 59); events (jet,).

    Raises:
        InputError: data that are damaged.
    """
    for start in range(0, columns.n, ROWS):
        rows = slice(start, min(start + ROWS, columns.n))
        constituents = read_rows(opened[CONSTITUENTS], rows, file, "jets")[..., columns.features].astype(
            np.float64
        )
        jets = read_rows(opened[JETS], rows, file, "jets")[:, columns.jets].astype(np.float64)
        events = read_rows(opened[EVENT], rows, file, "jets") if columns.has_events else np.zeros(len(jets))
        yield rows, constituents, jets, events.astype(np.int64)


def hardest(values: NDArray[np.float64], constituents: int, frame: Frame | None) -> NDArray[np.float64]:
    """Take the hardest constituents of each jet.

    Args:
        values: (jet, constituent, 16), or the four momenta.
        constituents: how many.
        frame: the values are momenta, of which features are to be derived by these definitions; None: they
            are the features.

    Returns:
        (jet, constituents, 16), by falling pT.
    """
    pt = values[..., PT] if frame is None else np.hypot(values[..., 0], values[..., 1])
    # Public files and ours are sorted already; then nothing is copied.
    if np.any(pt[:, 1:] > pt[:, :-1]):
        values = np.take_along_axis(values, np.argsort(-pt, axis=1, kind="stable")[..., None], axis=1)
    return values[:, :constituents] if frame is None else derive_features(values, constituents, frame)
