"""The reader of showers: 3DGAN files of electrons at a fixed angle, files made by us, and the sample that ships.

The layout is that of the public training codes (svalleco/3Dgan, vlimant/mpi_learn: ``y = f["target"][:, 1]``):

- ``ECAL`` (shower, 25, 25, 25): GeV in the sensors; x, y, then the layers along the shower;
- ``target`` (shower, columns): column 1, counted from 0, is the primary energy in GeV; or ``energy`` (shower,);
- ``event`` (shower,), optional: event numbers, by which showers are split. Without them an event's number follows
  from the file's content and the row.

Every file passes the gate in raysearch/data/hdf5_gate.py first, and may be larger than memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from raysearch.data.faults import Faults, FaultyValues
from raysearch.data.files import content_sha256, hdf5_files, sums
from raysearch.data.hdf5_gate import open_hdf5
from raysearch.data.hdf5_rows import read_rows
from raysearch.data.showers.summary import ShowerSummary
from raysearch.errors import InputError

SAMPLE = Path(__file__).parents[1] / "sample" / "showers.h5"
ECAL, TARGET, ENERGY, EVENT = "ECAL", "target", "energy", "event"
SHAPE = (25, 25, 25)
ENERGY_COLUMN = 1
ELECTRON = 11  # PDG code, in column 0 of the files made by us
ROWS = 100  # showers read at a time, 6 MB


@dataclass(frozen=True)
class ShowerPiece:
    """Neighbouring showers of a file: ``cells`` (shower, 25, 25, 25), ``energy`` and ``events`` (shower,)."""

    rows: slice
    cells: NDArray[np.float32]
    energy: NDArray[np.float64]
    events: NDArray[np.int64]


def shower_files(path: Path | None = None) -> list[Path]:
    """List the files that a path means, None for the sample that ships; see :func:`hdf5_files`."""
    return hdf5_files(path, SAMPLE)


def check_showers(path: Path | None = None) -> ShowerSummary:
    """Read every value of every file once and tell all faults together.

    Args:
        path: as for :func:`raysearch.data.files.hdf5_files`.

    Returns:
        What is there.

    Raises:
        InputError: hostile or damaged files, missing or misshapen datasets, cells that are negative or not finite,
            energies that are not positive; lists all, each with its file and first row.
    """
    files = shower_files(path)
    faults = Faults()
    energies, shares, occupied, cells, having = [], 0.0, 0, 0, []
    for file in files:
        with faults.of(file) as values:
            for piece in pieces(file):
                _look(values, piece)
                energies.append(piece.energy)
                with np.errstate(all="ignore"):  # faults are told at the end
                    deposited = piece.cells.reshape(len(piece.energy), -1).sum(axis=1)
                    shares += float((deposited / piece.energy).sum())
                occupied += int(np.count_nonzero(piece.cells))
                cells += piece.cells.size
            having.append(has_events(file))
    faults.raise_any()
    energy = np.concatenate(energies)
    return ShowerSummary(
        files=tuple(files),
        sha256=sums(files),
        n=len(energy),
        has_events=all(having),
        energy_gev=(float(energy.min()), float(energy.max())),
        deposited=shares / len(energy),
        occupancy=occupied / cells,
    )


def n_showers(path: Path | None = None) -> dict[Path, int]:
    """How many showers each file holds, from the shapes of its datasets alone.

    Raises:
        InputError: a file is refused; lists all.
    """
    found: dict[Path, int] = {}
    faults = Faults()
    for file in shower_files(path):
        with faults.of(file), closing(open_hdf5(file)) as opened:
            found[file] = _length(opened, file)
    faults.raise_any()
    return found


def has_events(file: Path) -> bool:
    """Whether a file brings event numbers of its own."""
    with closing(open_hdf5(file)) as opened:
        return EVENT in opened


def pieces(file: Path, *, cells: bool = True) -> Iterator[ShowerPiece]:
    """Read a file some rows at a time.

    Args:
        file: one file.
        cells: if not, no cells are read, and they come as (shower, 0).

    Raises:
        InputError: the file is refused, or data are damaged.
    """
    with closing(open_hdf5(file)) as opened:
        n = _length(opened, file)
        numbered = EVENT in opened
        first = 0 if numbered else int(content_sha256(file)[:15], 16)  # 60 bits: + row stays an int64
        for start in range(0, n, ROWS):
            rows = slice(start, min(start + ROWS, n))
            energy = (
                read_rows(opened[TARGET], rows, file, "showers")[:, ENERGY_COLUMN]
                if TARGET in opened
                else read_rows(opened[ENERGY], rows, file, "showers")
            )
            events = (
                read_rows(opened[EVENT], rows, file, "showers")
                if numbered
                else first + np.arange(start, rows.stop)
            )
            found = read_rows(opened[ECAL], rows, file, "showers") if cells else np.empty((len(energy), 0))
            yield ShowerPiece(
                rows, found.astype(np.float32, copy=False), energy.astype(np.float64), events.astype(np.int64)
            )


def load_energies(
    path: Path | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """Primary energies in GeV, event numbers, and the number of the file among the sorted, each (shower,).

    Raises:
        InputError: a file is refused; lists all.
    """
    files = n_showers(path)
    read = [piece for file in files for piece in pieces(file, cells=False)]
    energy = np.concatenate([piece.energy for piece in read]).astype(np.float32)
    events = np.concatenate([piece.events for piece in read])
    return energy, events, np.repeat(np.arange(len(files)), list(files.values()))


def _length(opened: h5py.File, file: Path) -> int:
    """Check the datasets' shapes and kinds, and tell how many showers there are."""
    n = len(opened[ECAL]) if ECAL in opened and opened[ECAL].shape else 0
    problems = list(_misfits(opened, n))
    if problems:
        raise InputError(*(f"{file}: {problem}" for problem in problems))
    return n


def _misfits(opened: h5py.File, n: int) -> Iterator[str]:
    shapes: dict[str, tuple[str, Callable[[tuple[int, ...]], bool], str]] = {
        ECAL: (f"(showers, {', '.join(map(str, SHAPE))})", lambda shape: shape[1:] == SHAPE, "f"),
        TARGET: ("(showers, at least 2)", lambda shape: len(shape) == 2 and shape[1] > ENERGY_COLUMN, "fiu"),
        ENERGY: ("(showers,)", lambda shape: len(shape) == 1, "fiu"),
        EVENT: ("(showers,)", lambda shape: len(shape) == 1, "iu"),
    }
    for name, (wanted, fits, kinds) in shapes.items():
        if name not in opened:
            if name == ECAL or (name == TARGET and ENERGY not in opened):
                yield f"{name}: is missing; it must be {wanted}"
            continue
        found = opened[name]
        if not isinstance(found, h5py.Dataset) or found.dtype.kind not in kinds:
            yield f"{name}: must be numbers {wanted}"
        elif not fits(found.shape):
            yield f"{name}: must be {wanted}, is {found.shape}"
        elif len(found) != n:
            yield f"{name}: has {len(found)} rows, but {ECAL} has {n}"
        elif n == 0:
            yield f"{name}: holds no shower"


def _look(values: FaultyValues, piece: ShowerPiece) -> None:
    start, cells, energy = piece.rows.start, piece.cells, piece.energy
    if not (cells.min() >= 0 and np.isfinite(cells.max())):  # NaN is neither
        values.note("cells that are not finite", ~np.isfinite(cells), start, f"{ECAL}[{{}}]")
        values.note("cells below 0", cells < 0, start, f"{ECAL}[{{}}]")
    good = np.isfinite(energy) & (energy > 0)
    values.note("energies that are not positive numbers", ~good, start, "energy of shower {}")
