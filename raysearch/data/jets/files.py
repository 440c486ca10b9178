"""Files of jets: the public HLS4ML LHC jet files, files made by us, and the sample that ships.

Layout and source of the public files: raysearch/data/jets/layout.py. Every file passes the gate in
raysearch/data/hdf5_gate.py first. What runs train on is read through raysearch/data/jets/arrays.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from raysearch.data.hdf5_gate import open_hdf5
from raysearch.data.hdf5_rows import read_rows
from raysearch.data.jets.columns import Columns, find_columns
from raysearch.data.jets.layout import CLASSES, CONSTITUENTS, EVENT, JETS, LABELS, QUANTILES
from raysearch.data.jets.pieces import columns_of_all, misfits, pieces
from raysearch.errors import InputError

SAMPLE = Path(__file__).parents[1] / "sample" / "jets.h5"
SUFFIXES = (".h5", ".hdf5")


@dataclass(frozen=True)
class JetSummary:
    """What a check found in files without fault.

    ``n_constituents`` is how many a jet can have; ``derived_features``: the files hold four-momenta alone;
    ``multiplicity`` are the constituents per jet at ``layout.QUANTILES``.
    """

    files: tuple[Path, ...]
    sha256: dict[str, str]
    n_jets: int
    n_per_class: dict[str, int]
    n_constituents: int
    derived_features: bool
    has_events: bool
    multiplicity: tuple[float, ...]


def jet_files(path: Path | None = None) -> list[Path]:
    """List the files that a path means.

    Args:
        path: a file, a folder (its ``*.h5`` and ``*.hdf5``, sorted by name), or None for the sample that ships.

    Raises:
        InputError: there is nothing there.
    """
    if path is None:
        return [SAMPLE]
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES and file.is_file())
        if not files:
            raise InputError(f"{path}: holds no file ending in {' or '.join(SUFFIXES)}")
        return files
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    return [path]


def check_jets(path: Path | None = None) -> JetSummary:
    """Read every value of every file once and tell all faults together.

    Args:
        path: as for :func:`jet_files`.

    Returns:
        What is there.

    Raises:
        InputError: hostile or damaged files, missing or misshapen datasets, labels that are not one-hot, values
            that are not finite, files that do not fit each other; lists all.
    """
    files = jet_files(path)
    problems: list[str] = []
    found: dict[Path, Columns] = {}
    labels: list[NDArray[np.int64]] = []
    multiplicities: list[NDArray[np.int64]] = []
    for file in files:
        faults = _Faults(file)
        try:
            with closing(open_hdf5(file)) as opened:
                found[file] = columns = find_columns(opened, file)
                for rows, constituents, jets, _ in pieces(opened, file, columns):
                    faults.look(rows.start, constituents, jets)
                    labels.append(jets[:, LABELS].argmax(axis=1))
                    pt = np.hypot(constituents[..., 0], constituents[..., 1])
                    multiplicities.append((pt > 0).sum(axis=1))
        except InputError as error:
            problems += error.problems
        problems += faults.told()
    problems += misfits(found)
    if problems:
        raise InputError(*problems)
    label = np.concatenate(labels)
    first = next(iter(found.values()))
    return JetSummary(
        files=tuple(files),
        sha256=file_hashes(files),
        n_jets=len(label),
        n_per_class={name: int(np.sum(label == number)) for number, name in enumerate(CLASSES)},
        n_constituents=first.width,
        derived_features=first.derived,
        has_events=first.has_events,
        multiplicity=tuple(np.quantile(np.concatenate(multiplicities), QUANTILES).tolist()),
    )


def load_events(path: Path | None = None) -> tuple[NDArray[np.int64] | None, NDArray[np.int64]]:
    """Load what a split needs: ``events`` (int64 (jet,), or None) and ``file_index`` (int64 (jet,), in sorted files).

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


def file_hashes(files: Sequence[Path]) -> dict[str, str]:
    """SHA-256 of each file: its name to its sum in hexadecimal."""
    sums = {}
    for path in files:
        with path.open("rb") as file:
            sums[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return sums


class _Faults:
    """Counts the faulty values of one file and remembers the first of each kind."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._counts: dict[str, int] = {}
        self._first: dict[str, str] = {}

    def look(self, start: int, constituents: NDArray[np.float64], jets: NDArray[np.float64]) -> None:
        one_hot = ((jets[:, LABELS] == 0) | (jets[:, LABELS] == 1)).all(axis=1) & (
            jets[:, LABELS].sum(axis=1) == 1
        )
        self._note("constituents that are not finite", ~np.isfinite(constituents), start, CONSTITUENTS)
        self._note("jet columns that are not finite", ~np.isfinite(jets), start, JETS)
        self._note(f"labels that are not one-hot in {', '.join(CLASSES)}", ~one_hot, start, JETS)

    def _note(self, kind: str, bad: NDArray[np.bool_], start: int, dataset: str) -> None:
        if not bad.any():
            return
        self._counts[kind] = self._counts.get(kind, 0) + int(bad.sum())
        row, *rest = (int(place) for place in np.argwhere(bad)[0])
        self._first.setdefault(kind, f"{dataset}[{', '.join(map(str, (start + row, *rest)))}]")

    def told(self) -> list[str]:
        return [
            f"{self._file}: {count} {kind}, first {self._first[kind]}" for kind, count in self._counts.items()
        ]
