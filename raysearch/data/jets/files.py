"""Files of jets: the public HLS4ML LHC jet files, files made by us, and the sample that ships.

Layout and source of the public files: raysearch/data/jets/layout.py. Every file passes the gate in
raysearch/data/hdf5_gate.py first. What runs train on is read through raysearch/data/jets/arrays.py.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from raysearch.data.faults import Faults, FaultyValues, not_used
from raysearch.data.files import sums
from raysearch.data.hdf5_gate import open_hdf5
from raysearch.data.hdf5_rows import read_rows
from raysearch.data.jets.columns import Columns, find_columns
from raysearch.data.jets.earlier_sample import earlier_sample
from raysearch.data.jets.layout import (
    CLASSES,
    CONSTITUENTS,
    DNN_COLUMNS,
    EVENT,
    JET_COLUMNS,
    JET_NAMES,
    JETS,
    LABELS,
    MOMENTA,
    QUANTILES,
)
from raysearch.data.jets.physics import JetPhysics, of_columns, of_constituents
from raysearch.data.jets.pieces import columns_of_all, misfits, pieces
from raysearch.data.jets.summary import JetSummary
from raysearch.data.paths import DataPath, hdf5_files, names_of
from raysearch.data.spread import Spread
from raysearch.data.twins import TwinSearch, same_files

DROPPED = 13  # binary digits of single precision that half precision does not have
SAMPLE = Path(__file__).parents[1] / "sample" / "jets.h5"


def jet_files(path: DataPath = None) -> list[Path]:
    """List the files that a path means, None for the sample that ships; see :func:`hdf5_files`.

    Raises:
        InputError: there is nothing there, or :func:`earlier_sample` refuses what the environment names.
    """
    return hdf5_files(path, (earlier_sample() if path is None else None) or SAMPLE)


def check_jets(path: DataPath = None) -> JetSummary:
    """Read every value of every file once and tell all faults together.

    Args:
        path: as for :func:`raysearch.data.paths.hdf5_files`.

    Returns:
        What is there.

    Raises:
        InputError: hostile or damaged files, missing or misshapen datasets, labels that are not one-hot,
            values that are not finite or no jets', files that do not fit each other or are the same; lists
            all.
    """
    files = jet_files(path)
    faults, seen = Faults(), _Seen()
    found: dict[Path, Columns] = {}
    warnings: list[str] = []
    for file, name in zip(files, names_of(files), strict=True):
        with faults.of(file) as values, closing(open_hdf5(file)) as opened:
            found[file] = columns = find_columns(opened, file)
            physics = JetPhysics(file, name, columns)
            for rows, constituents, jets, _ in pieces(opened, file, columns):
                padded = physics.look(values, rows.start, constituents, jets)
                _look(values, rows.start, constituents, jets, padded)
                seen.add(constituents[..., : len(MOMENTA)], jets)
            faults.add(physics.refused())
            warnings += physics.warned()
            if JET_NAMES not in opened:
                warnings.append(
                    f"{name}: has no {JET_NAMES}; the columns of {JETS} are taken in the public files' order"
                )
    faults.add(misfits(found))
    faults.raise_any()
    sha256 = sums(files)
    faults.add(same_files(sha256))
    faults.raise_any()
    unused = (columns.unused for columns in found.values())
    first = next(iter(found.values()))
    return JetSummary(
        files=tuple(files),
        sha256=sha256,
        n=len(seen.label),
        has_events=first.has_events,
        warnings=(*warnings, *seen.always_the_same(), *not_used(dict(zip(sha256, unused, strict=True)))),
        twins=seen.twins.found(),
        spread=seen.spread.found(),
        n_per_class={name: int(np.sum(seen.label == number)) for number, name in enumerate(CLASSES)},
        n_constituents=first.width,
        derived_features=first.derived,
        frame=str(first.frame),
        multiplicity=tuple(np.quantile(np.concatenate(seen.multiplicities), QUANTILES).tolist()),
    )


def load_events(path: DataPath = None) -> tuple[NDArray[np.int64] | None, NDArray[np.int64]]:
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


class _Seen:
    """What pieces of jets add up to."""

    def __init__(self) -> None:
        self.twins, self.spread = TwinSearch(), Spread()
        self.multiplicities: list[NDArray[np.int64]] = []
        self._labels: list[NDArray[np.int64]] = []

    def add(self, momenta: NDArray[np.float64], jets: NDArray[np.float64]) -> None:
        self._labels.append(jets[:, LABELS].argmax(axis=1))
        self.multiplicities.append((np.hypot(momenta[..., 0], momenta[..., 1]) > 0).sum(axis=1))
        self.twins.add(_to_compare(momenta), empty=self.multiplicities[-1] == 0)
        self.spread.add({**of_constituents(momenta), **of_columns(jets[:, DNN_COLUMNS])})

    def always_the_same(self) -> list[str]:
        """Tell the quantities that a network could learn nothing from."""
        if len(self.label) == 1:
            return []
        spread = self.spread.found()
        found = {name: spread[name] for name in (JET_COLUMNS[column] for column in DNN_COLUMNS)}
        return [
            f"{name} is {each['low']:g} for all jets"
            for name, each in found.items()
            if each["low"] == each["high"]
        ]

    @property
    def label(self) -> NDArray[np.int64]:
        return np.concatenate(self._labels)


def _to_compare(momenta: NDArray[np.float64]) -> NDArray[np.float32]:
    """Momenta (jet, constituent, 4) in an order and a precision that copies of a jet share.

    Copies in half precision have 11 binary digits; the order of constituents is often another by pT.
    """
    bits = np.ascontiguousarray(momenta, np.float32).view(np.int32)
    # To the nearest, and to the even one of two, as hardware does.
    last = (bits >> DROPPED) & 1
    rounded = ((bits + ((1 << DROPPED - 1) - 1) + last) & -(1 << DROPPED)).view(np.float32)
    return np.take_along_axis(rounded, np.argsort(rounded[..., :1], axis=1, kind="stable"), axis=1)


def _look(
    values: FaultyValues,
    start: int,
    constituents: NDArray[np.float64],
    jets: NDArray[np.float64],
    padded: NDArray[np.bool_],
) -> None:
    labels = jets[:, LABELS]
    one_hot = ((labels == 0) | (labels == 1)).all(axis=1) & (labels.sum(axis=1) == 1)
    constituents_at, jets_at = f"{CONSTITUENTS}[{{}}]", f"{JETS}[{{}}]"
    infinite = ~np.isfinite(constituents) & ~padded[..., None]  # padding is told as such
    values.note("constituents that are not finite", infinite, start, constituents_at)
    values.note("jet columns that are not finite", ~np.isfinite(jets), start, jets_at)
    values.note(f"labels that are not one-hot in {', '.join(CLASSES)}", ~one_hot, start, jets_at)
