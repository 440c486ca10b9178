"""All columns of all jets, read at once by the parts of which every reader is made."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from raysearch.data.hdf5_gate import open_hdf5
from raysearch.data.jets.files import jet_files
from raysearch.data.jets.layout import FEATURES, JET_COLUMNS, LABELS
from raysearch.data.jets.pieces import columns_of_all, hardest, pieces


@dataclass(frozen=True)
class Jets:
    """Jets of all files in order; rows of all arrays belong together.

    ``features`` float32 (jet, constituent, 16) in the order of ``layout.FEATURES``, by falling pT, zero where
    padded; ``labels`` int64 (jet,), positions in ``layout.CLASSES``; ``jets`` float32 (jet, 59) in the order
    of ``layout.JET_COLUMNS``; ``events`` int64 (jet,) or None; ``file_index`` int64 (jet,), positions in the
    sorted files. Momenta, energies and masses in GeV, angles in radians.
    """

    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    jets: NDArray[np.float32]
    events: NDArray[np.int64] | None
    file_index: NDArray[np.int64]


def load_jets(path: Path | None, constituents: int) -> Jets:
    """Load the hardest constituents of every jet.

    Args:
        path: as for :func:`jet_files`.
        constituents: how many of each jet; jets with fewer are padded with zeros.

    Returns:
        All jets, in the order of the sorted files.

    Raises:
        InputError: a file is refused, or holds fewer constituents a jet than asked for; lists all.
    """
    files = jet_files(path)
    found = columns_of_all(files, constituents)
    n = sum(columns.n for columns in found.values())
    features = np.empty((n, constituents, len(FEATURES)), np.float32)
    jets = np.empty((n, len(JET_COLUMNS)), np.float32)
    events = np.empty(n, np.int64)
    file_index = np.repeat(np.arange(len(files)), [columns.n for columns in found.values()])
    start = 0
    for file, columns in found.items():
        with closing(open_hdf5(file)) as opened:
            for rows, some_constituents, some_jets, some_events in pieces(opened, file, columns):
                to = slice(start + rows.start, start + rows.stop)
                features[to] = hardest(some_constituents, constituents, columns.derive_by)
                jets[to] = some_jets
                events[to] = some_events
        start += columns.n
    has_events = all(columns.has_events for columns in found.values())
    labels = jets[:, LABELS].argmax(axis=1)
    return Jets(features, labels, jets, events if has_events else None, file_index)
