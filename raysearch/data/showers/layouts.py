"""The layouts of files of showers, each read as float32 GeV (shower, x, y, layer), whatever the file has.

The layout of 3DGAN (svalleco/3Dgan, vlimant/mpi_learn: ``y = f["target"][:, 1]``), in any grid:

- ``ECAL`` (shower, x, y, layer): GeV in the sensors, such as 25 x 25 x 25 at a fixed angle, 51 x 51 x 25 at
  variable;
- ``target`` (shower, columns): column 1, counted from 0, is the primary energy in GeV; or ``energy``
  (shower,);
- ``theta`` (shower,), optional: rad between the particle and the y axis; else ``mtheta``, the measured one,
  or ``eta``;
- ``event`` (shower,), optional: event numbers, by which showers are split.

The layout of CaloChallenge (arXiv:2410.21611), of its data sets 2 and 3, whose layers are all alike:

- ``showers`` (shower, voxels): MeV, in the order layer, angle, radius: angle becomes x and radius y;
- ``incident_energies`` (shower, 1): MeV.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import h5py
import numpy as np
from numpy.typing import NDArray

from raysearch.data.hdf5_rows import read_rows
from raysearch.errors import InputError

ECAL, TARGET, ENERGY, THETA, EVENT = "ECAL", "target", "energy", "theta", "event"
ANGLES = (THETA, "mtheta", "eta")  # the first that is there is taken
SHAPE = (25, 25, 25)  # of the files at a fixed angle
ENERGY_COLUMN = 1
NOT_READ = ("HCAL",)  # of the public files
ELECTRON = 11  # PDG code, in column 0 of the files made by us

SHOWERS, INCIDENT = "showers", "incident_energies"
GEV = 1e-3  # in a MeV
# Layers, angles and radii of CaloChallenge's data sets 2 and 3, by voxels
VOXELS = {6480: (45, 16, 9), 40500: (45, 50, 18)}

Grid = tuple[int, int, int]


@dataclass(frozen=True)
class Layout(ABC):
    """How one file holds its showers.

    Attributes:
        n: showers.
        grid: cells along x and y, and layers.
        has_theta: whether particles come at angles that the file tells.
        has_events: whether the file brings event numbers of its own.
        unused: names of datasets that nothing reads.
    """

    name: ClassVar[str]
    cells_name: ClassVar[str]

    n: int
    grid: Grid
    has_theta: bool
    has_events: bool
    unused: tuple[str, ...] = ()

    @abstractmethod
    def cells(self, opened: h5py.File, rows: slice, file: Path) -> NDArray[np.float32]:
        """Read cells (shower, x, y, layer) in GeV; raises InputError where data are damaged."""

    @abstractmethod
    def energy(self, opened: h5py.File, rows: slice, file: Path) -> NDArray[np.float64]:
        """Read energies of the particles (shower,) in GeV; raises InputError where data are damaged."""

    def theta(self, opened: h5py.File, rows: slice, file: Path) -> NDArray[np.float64] | None:
        """Read angles (shower,) in rad, None if there are none; raises InputError where data are damaged."""
        name = next((name for name in ANGLES if name in opened), None) if self.has_theta else None
        if name is None:
            return None
        found = read_rows(opened[name], rows, file, "showers").astype(np.float64)
        # From pseudorapidity, eta = -ln tan(theta / 2).
        return 2 * np.arctan(np.exp(-found)) if name == "eta" else found


class Clic(Layout):
    """The layout of the 3DGAN files, of a calorimeter for CLIC."""

    name = "3DGAN"
    cells_name = ECAL

    def cells(self, opened: h5py.File, rows: slice, file: Path) -> NDArray[np.float32]:
        """Read cells."""
        return read_rows(opened[ECAL], rows, file, "showers").astype(np.float32, copy=False)

    def energy(self, opened: h5py.File, rows: slice, file: Path) -> NDArray[np.float64]:
        """Read energies."""
        if TARGET in opened:
            return read_rows(opened[TARGET], rows, file, "showers")[:, ENERGY_COLUMN].astype(np.float64)
        return read_rows(opened[ENERGY], rows, file, "showers").astype(np.float64)


class Challenge(Layout):
    """The layout of CaloChallenge."""

    name = "CaloChallenge"
    cells_name = SHOWERS

    def cells(self, opened: h5py.File, rows: slice, file: Path) -> NDArray[np.float32]:
        """Read cells."""
        found = read_rows(opened[SHOWERS], rows, file, "showers")
        angles, radii, layers = self.grid
        # The challenge's voxels run over radii fastest, then angles, then layers.
        in_order = found.reshape(len(found), layers, angles, radii)
        return (GEV * np.moveaxis(in_order, 1, 3)).astype(np.float32)

    def energy(self, opened: h5py.File, rows: slice, file: Path) -> NDArray[np.float64]:
        """Read energies."""
        return GEV * read_rows(opened[INCIDENT], rows, file, "showers").astype(np.float64).reshape(-1)


def layout_of(opened: h5py.File, file: Path, grid: Grid | None = None) -> Layout:
    """Find the layout of a file, and check its datasets' shapes and kinds.

    Args:
        opened: the file.
        file: its path.
        grid: which cells are wanted; None for any.

    Raises:
        InputError: there are no showers, or they are not as they must be; lists all faults.
    """
    # By names, not by an attribute: neither kind of public file says what it is.
    if SHOWERS in opened and ECAL not in opened:
        problems = list(_challenge_misfits(opened, grid))
        make = _challenge
    else:
        problems = list(_clic_misfits(opened, grid))
        make = _clic
    if problems:
        raise InputError(*(f"{file}: {problem}" for problem in problems))
    return make(opened)


def _clic(opened: h5py.File) -> Layout:
    n, *grid = opened[ECAL].shape
    angles = [name for name in ANGLES if name in opened]
    used = {ECAL, EVENT, TARGET if TARGET in opened else ENERGY, *angles[:1]}
    unused = tuple(name for name in opened if name not in used and name not in NOT_READ)
    return Clic(n, (grid[0], grid[1], grid[2]), bool(angles), EVENT in opened, unused)


def _challenge(opened: h5py.File) -> Layout:
    n, voxels = opened[SHOWERS].shape
    layers, angles, radii = VOXELS[voxels]
    unused = tuple(name for name in opened if name not in {SHOWERS, INCIDENT})
    return Challenge(n, (angles, radii, layers), has_theta=False, has_events=False, unused=unused)


def _clic_misfits(opened: h5py.File, grid: Grid | None) -> Iterator[str]:
    cells = "x, y, layers" if grid is None else ", ".join(map(str, grid))
    n = len(opened[ECAL]) if ECAL in opened and _rank(opened[ECAL]) else 0
    yield from _misfits(opened, ECAL, f"(showers, {cells})", "f", (4,), n, grid)
    # Of a file with neither the more common one is said to be missing.
    if TARGET in opened or ENERGY not in opened:
        yield from _misfits(opened, TARGET, "(showers, at least 2)", "fiu", (2,), n, None)
    for name, kinds in ((ENERGY, "fiu"), *((name, "f") for name in ANGLES), (EVENT, "iu")):
        if name in opened:
            yield from _misfits(opened, name, "(showers,)", kinds, (1,), n, None)


def _challenge_misfits(opened: h5py.File, grid: Grid | None) -> Iterator[str]:
    n = len(opened[SHOWERS]) if _rank(opened[SHOWERS]) else 0
    yield from _misfits(opened, INCIDENT, "(showers, 1)", "fiu", (1, 2), n, None)
    found = list(_misfits(opened, SHOWERS, "(showers, voxels)", "fiu", (2,), n, None))
    yield from found
    voxels = None if found else opened[SHOWERS].shape[1]
    if voxels is not None and voxels not in VOXELS:
        known = ", ".join(f"{count:,}" for count in VOXELS)
        yield (
            f"{SHOWERS}: {voxels:,} voxels are of no grid with layers that are alike; known are those of "
            f"CaloChallenge's data sets 2 and 3, {known}"
        )
    elif voxels is not None and grid is not None:
        layers, angles, radii = VOXELS[voxels]
        if (angles, radii, layers) != grid:
            yield f"{SHOWERS}: must be cells {grid}, are {(angles, radii, layers)}"


def _rank(item: Any) -> int:  # noqa: ANN401 - whatever a file holds
    return len(item.shape) if isinstance(item, h5py.Dataset) else 0


def _misfits(
    opened: h5py.File,
    name: str,
    wanted: str,
    kinds: str,
    ranks: tuple[int, ...],
    n: int,
    grid: Grid | None,
) -> Iterator[str]:
    """Tell what is wrong with one dataset, the first of all that may be."""
    if name not in opened:
        yield f"{name}: is missing; it must be {wanted}"
        return
    found = opened[name]
    if not isinstance(found, h5py.Dataset) or found.dtype.kind not in kinds:
        yield f"{name}: must be numbers {wanted}"
    elif not _fits(name, found.shape, ranks, grid):
        yield f"{name}: must be {wanted}, is {found.shape}"
    elif len(found) != n:
        yield f"{name}: has {len(found)} rows, but {ECAL if ECAL in opened else SHOWERS} has {n}"
    elif n == 0:
        yield f"{name}: holds no shower"


def _fits(name: str, shape: tuple[int, ...], ranks: tuple[int, ...], grid: Grid | None) -> bool:
    if len(shape) not in ranks or 0 in shape[1:]:
        return False
    if name == TARGET:
        return shape[1] > ENERGY_COLUMN
    if name == INCIDENT:
        return shape[1:] in ((), (1,))
    return grid is None or shape[1:] == grid
