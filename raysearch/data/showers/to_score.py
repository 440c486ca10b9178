"""Reads showers that a trained regressor is applied to: the 3DGAN layout, where real data lack the energies.

A file needs only ``ECAL``. ``target`` or ``energy``, and ``event``, are read where they are there, as
raysearch/data/showers/files.py does. Everything is read piece by piece.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

from raysearch.data.hdf5_rows import read_rows
from raysearch.data.showers.files import ROWS, shower_files
from raysearch.data.showers.layouts import ECAL, ENERGY, ENERGY_COLUMN, EVENT, SHAPE, TARGET
from raysearch.data.showers.physics import of_sums
from raysearch.data.showers.projection import project
from raysearch.data.to_score import Piece, ToScore, files_and_layouts, rows_of
from raysearch.errors import InputError, did_you_mean

Calibrate = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True)
class _Layout:
    """What one file holds; ``energy`` names the dataset, None without energies."""

    n: int
    energy: str | None
    has_events: bool


def showers_to_score(paths: Sequence[Path], axis: Literal["x", "y"], calibrate: Calibrate) -> ToScore:
    """Check files and make them ready to be read.

    Args:
        paths: files and folders, as for :func:`raysearch.data.showers.files.shower_files`.
        axis: the transverse axis that is summed; the other one is kept.
        calibrate: estimates energies (shower,) in GeV from the sums of all cells (shower,) in GeV.

    Returns:
        Pieces of up to 100 showers of one file. A batch is (images, energies by calibration, energies), as in
        training: float32 (shower, 25 layers, 25 cells across), (shower,), and (shower,), in GeV, with 0 where
        unknown.
        Columns: ``calibrated`` (shower,) float32 GeV; ``energy`` (shower,) float32 GeV if all files have
        energies, and ``event`` int64 if all have event numbers.

    Raises:
        InputError: nothing there, or a file is refused; lists all. While reading: damaged data, cells that
            are negative or not finite, energies that are not positive; says where.
    """
    files, layouts = files_and_layouts(paths, shower_files, _layout)
    with_energies = all(layout.energy for layout in layouts)
    with_events = all(layout.has_events for layout in layouts)

    def read() -> Iterator[Piece]:
        for number, opened, file, layout, rows in rows_of(files, layouts, ROWS):
            images = _images(opened, file, rows, axis)
            sums = images.sum((1, 2), dtype=np.float64)
            calibrated = calibrate(sums).astype(np.float32)
            energy = _energies(opened, file, rows, layout)
            columns: dict[str, NDArray[Any]] = {"calibrated": calibrated}
            if with_energies:
                columns["energy"] = energy
            if with_events:
                columns["event"] = read_rows(opened[EVENT], rows, file, "showers").astype(np.int64)
            batch = tuple(torch.from_numpy(array) for array in (images, calibrated, energy))
            yield Piece(number, rows.start, batch, columns, sums == 0, of_sums(sums))

    n = sum(layout.n for layout in layouts)
    return ToScore(tuple(files), n, read, "shower", "energy in any cell")


def _layout(opened: h5py.File, file: Path) -> _Layout:
    """Find what one file holds.

    Raises:
        InputError: there are no cells, or a dataset is misshapen; lists all.
    """
    if ECAL not in opened:
        held = ", ".join(sorted(opened)) or "nothing"
        raise InputError(f"{file}: {ECAL}: is missing; the file holds {held}.{did_you_mean(ECAL, opened)}")
    energy = next((name for name in (TARGET, ENERGY) if name in opened), None)
    problems = list(_misfits(opened, energy))
    if problems:
        raise InputError(*(f"{file}: {problem}" for problem in problems))
    return _Layout(len(opened[ECAL]), energy, EVENT in opened)


def _misfits(opened: h5py.File, energy: str | None) -> Iterator[str]:
    """Tell which of the datasets that are read cannot be what they should be."""
    cells = opened[ECAL]
    if not (isinstance(cells, h5py.Dataset) and cells.dtype.kind == "f"):
        yield f"{ECAL}: must be floating point numbers (showers, {', '.join(map(str, SHAPE))})"
        return
    if cells.ndim != 1 + len(SHAPE) or cells.shape[1:] != SHAPE or not len(cells):
        yield f"{ECAL}: must be (showers, {', '.join(map(str, SHAPE))}), is {cells.shape}"
        return
    for name in (energy, EVENT):
        if name is None or name not in opened:
            continue
        item, rank, kinds = opened[name], 2 if name == TARGET else 1, "iu" if name == EVENT else "fiu"
        if not (isinstance(item, h5py.Dataset) and item.dtype.kind in kinds):
            yield f"{name}: must be {'whole ' if name == EVENT else ''}numbers"
        elif item.ndim != rank or (name == TARGET and item.shape[1] <= ENERGY_COLUMN):
            yield f"{name}: must be (showers{', at least 2' if name == TARGET else ','}), is {item.shape}"
        elif len(item) != len(cells):
            yield f"{name}: has {len(item)} rows, but {ECAL} has {len(cells)}"


def _images(opened: h5py.File, file: Path, rows: slice, axis: Literal["x", "y"]) -> NDArray[np.float32]:
    """Read showers and project them; refuses what no detector gives."""
    with np.errstate(over="ignore"):  # what single precision cannot hold is refused
        cells = read_rows(opened[ECAL], rows, file, "showers").astype(np.float32, copy=False)
    bad = np.argwhere(~(np.isfinite(cells) & (cells >= 0)))
    if len(bad):
        place = ", ".join(map(str, (rows.start + int(bad[0][0]), *bad[0][1:].tolist())))
        what = "is below 0" if np.isfinite(cells[tuple(bad[0])]) else "is not finite"
        raise InputError(f"{file}: {ECAL}[{place}]: {what}")
    return np.ascontiguousarray(project(cells, axis), dtype=np.float32)


def _energies(opened: h5py.File, file: Path, rows: slice, layout: _Layout) -> NDArray[np.float32]:
    if layout.energy is None:
        return np.zeros(rows.stop - rows.start, np.float32)
    values = read_rows(opened[layout.energy], rows, file, "showers")
    with np.errstate(over="ignore"):  # as for cells
        energy = (values[:, ENERGY_COLUMN] if layout.energy == TARGET else values).astype(np.float32)
    bad = np.flatnonzero(~(np.isfinite(energy) & (energy > 0)))
    if len(bad):
        raise InputError(
            f"{file}: {layout.energy}: the energy of shower {rows.start + int(bad[0])} is not a positive "
            f"number; where energies are not known, leave {layout.energy} out"
        )
    return energy
