"""Files of jets: the public HLS4ML LHC jet files, files made by us, and the sample that ships.

Layout and source of the public files: raysearch/data/jets/layout.py. Every file passes the gate in
raysearch/data/hdf5_gate.py first. What runs train on is read through raysearch/data/jets/arrays.py.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from raysearch.data.faults import Faults, FaultyValues
from raysearch.data.files import hdf5_files, sums
from raysearch.data.hdf5_gate import open_hdf5
from raysearch.data.hdf5_rows import read_rows
from raysearch.data.jets.columns import Columns, find_columns
from raysearch.data.jets.earlier_sample import earlier_sample
from raysearch.data.jets.layout import CLASSES, CONSTITUENTS, EVENT, JETS, LABELS, QUANTILES
from raysearch.data.jets.pieces import columns_of_all, misfits, pieces
from raysearch.data.jets.summary import JetSummary

SAMPLE = Path(__file__).parents[1] / "sample" / "jets.h5"


def jet_files(path: Path | None = None) -> list[Path]:
    """List the files that a path means, None for the sample that ships; see :func:`hdf5_files`.

    Raises:
        InputError: there is nothing there, or :func:`earlier_sample` refuses what the environment names.
    """
    return hdf5_files(path, (earlier_sample() if path is None else None) or SAMPLE)


def check_jets(path: Path | None = None) -> JetSummary:
    """Read every value of every file once and tell all faults together.

    Args:
        path: as for :func:`raysearch.data.files.hdf5_files`.

    Returns:
        What is there.

    Raises:
        InputError: hostile or damaged files, missing or misshapen datasets, labels that are not one-hot,
            values that are not finite, files that do not fit each other; lists all.
    """
    files = jet_files(path)
    faults = Faults()
    found: dict[Path, Columns] = {}
    labels: list[NDArray[np.int64]] = []
    multiplicities: list[NDArray[np.int64]] = []
    for file in files:
        with faults.of(file) as values, closing(open_hdf5(file)) as opened:
            found[file] = columns = find_columns(opened, file)
            for rows, constituents, jets, _ in pieces(opened, file, columns):
                _look(values, rows.start, constituents, jets)
                labels.append(jets[:, LABELS].argmax(axis=1))
                pt = np.hypot(constituents[..., 0], constituents[..., 1])
                multiplicities.append((pt > 0).sum(axis=1))
    faults.add(misfits(found))
    faults.raise_any()
    label = np.concatenate(labels)
    first = next(iter(found.values()))
    return JetSummary(
        files=tuple(files),
        sha256=sums(files),
        n=len(label),
        has_events=first.has_events,
        n_per_class={name: int(np.sum(label == number)) for number, name in enumerate(CLASSES)},
        n_constituents=first.width,
        derived_features=first.derived,
        frame=str(first.frame),
        multiplicity=tuple(np.quantile(np.concatenate(multiplicities), QUANTILES).tolist()),
    )


def load_events(path: Path | None = None) -> tuple[NDArray[np.int64] | None, NDArray[np.int64]]:
    """Load what a split needs: ``events``, int64 (jet,) or None, and ``file_index``, int64 (jet,).

    Raises:
        InputError: a file is refused; lists all.
    """
    files = jet_files(path)
    found = columns_of_all(files, constituents=1)
    file_index = np.repeat(np.arange(len(files)), [columns.n for columns in found.values()])
    if not all(columns.has_events for columns in found.values()):
        return None, file_index
    events = []
    for file in files:
        with closing(open_hdf5(file)) as opened:
            events.append(read_rows(opened[EVENT], slice(None), file, "jets").astype(np.int64))
    return np.concatenate(events), file_index


def _look(
    values: FaultyValues, start: int, constituents: NDArray[np.float64], jets: NDArray[np.float64]
) -> None:
    labels = jets[:, LABELS]
    one_hot = ((labels == 0) | (labels == 1)).all(axis=1) & (labels.sum(axis=1) == 1)
    constituents_at, jets_at = f"{CONSTITUENTS}[{{}}]", f"{JETS}[{{}}]"
    values.note("constituents that are not finite", ~np.isfinite(constituents), start, constituents_at)
    values.note("jet columns that are not finite", ~np.isfinite(jets), start, jets_at)
    values.note(f"labels that are not one-hot in {', '.join(CLASSES)}", ~one_hot, start, jets_at)
