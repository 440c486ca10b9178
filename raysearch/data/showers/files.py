"""The reader of showers, in any layout of layouts.py: files of users, made ones, and the sample that ships.

Files of one path are of one grid. Without event numbers of the file's own an event's number follows from the
file's content and the row. Every file passes the gate in raysearch/data/hdf5_gate.py first, and may be larger
than memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from raysearch.data.faults import Faults, FaultyValues, not_used
from raysearch.data.files import content_sha256, sums
from raysearch.data.hdf5_gate import open_hdf5
from raysearch.data.hdf5_rows import read_rows
from raysearch.data.paths import DataPath, hdf5_files, names_of
from raysearch.data.showers.layouts import EVENT, Grid, Layout, layout_of
from raysearch.data.showers.physics import ENERGY_NAME, ShowerPhysics, of_sums
from raysearch.data.showers.summary import ShowerSummary
from raysearch.data.spread import Spread
from raysearch.data.twins import TwinSearch, same_files

SAMPLE = Path(__file__).parents[1] / "sample" / "showers.h5"
ROWS = 100  # showers read at a time, 6 to 26 MB


@dataclass(frozen=True)
class ShowerPiece:
    """Neighbouring showers of a file.

    ``cells`` (shower, x, y, layer) GeV, ``energy`` (shower,) GeV, ``events`` (shower,), and ``theta``
    (shower,) rad or None.
    """

    rows: slice
    cells: NDArray[np.float32]
    energy: NDArray[np.float64]
    events: NDArray[np.int64]
    theta: NDArray[np.float64] | None = None


def shower_files(path: DataPath = None) -> list[Path]:
    """List the files that a path means, None for the sample that ships; see :func:`hdf5_files`."""
    return hdf5_files(path, SAMPLE)


def check_showers(path: DataPath = None) -> ShowerSummary:
    """Read every value of every file once and tell all faults together.

    Args:
        path: as for :func:`raysearch.data.paths.hdf5_files`.

    Returns:
        What is there.

    Raises:
        InputError: hostile or damaged files, missing or misshapen datasets, cells that are negative or not
            finite, energies that are not positive, angles that are none, grids that differ; lists all, each
            with its file and first row.
    """
    files = shower_files(path)
    faults = Faults()
    layouts: list[Layout] = []
    seen = _Seen()
    warnings: list[str] = []
    for file, name in zip(files, names_of(files), strict=True):
        with faults.of(file) as values, closing(open_hdf5(file)) as opened:
            # First its layout: without one no value can be read.
            layouts.append(layout_of(opened, file))
            physics = ShowerPhysics(name)
            for piece in pieces(file):
                _look(values, piece, layouts[-1])
                physics.look(seen.add(piece), piece.energy)
            warnings += physics.warned()
    faults.add(_differing(files, layouts) if len(layouts) == len(files) else ())
    faults.raise_any()
    sha256 = sums(files)
    faults.add(same_files(sha256))
    faults.raise_any()
    unused = (layout.unused for layout in layouts)
    return ShowerSummary(
        files=tuple(files),
        sha256=sha256,
        warnings=(*warnings, *not_used(dict(zip(sha256, unused, strict=True)))),
        twins=seen.twins.found(),
        spread=seen.spread.found(),
        n=seen.n,
        has_events=all(layout.has_events for layout in layouts),
        layout=" and ".join(sorted({layout.name for layout in layouts})),
        grid=layouts[0].grid,
        energy_gev=(seen.energy[0], seen.energy[1]),
        theta_rad=seen.theta,
        deposited=seen.shares / seen.n,
        occupancy=seen.occupied / seen.n / np.prod(layouts[0].grid).item(),
    )


def shower_layouts(path: DataPath = None, grid: Grid | None = None) -> dict[Path, Layout]:
    """How each file holds its showers, from the shapes of its datasets alone.

    Args:
        path: as for :func:`raysearch.data.paths.hdf5_files`.
        grid: which cells are wanted; None for any, but the same in all files.

    Raises:
        InputError: a file is refused, or grids differ; lists all.
    """
    found: dict[Path, Layout] = {}
    faults = Faults()
    for file in shower_files(path):
        with faults.of(file), closing(open_hdf5(file)) as opened:
            found[file] = layout_of(opened, file, grid)
    faults.add(_differing(list(found), list(found.values())))
    faults.raise_any()
    return found


def n_showers(path: DataPath = None, grid: Grid | None = None) -> dict[Path, int]:
    """How many showers each file holds; see :func:`shower_layouts`."""
    return {file: layout.n for file, layout in shower_layouts(path, grid).items()}


def pieces(file: Path, *, cells: bool = True) -> Iterator[ShowerPiece]:
    """Read a file some rows at a time.

    Args:
        file: one file.
        cells: if not, no cells are read, and they come as (shower, 0).

    Raises:
        InputError: the file is refused, or data are damaged.
    """
    with closing(open_hdf5(file)) as opened:
        layout = layout_of(opened, file)
        # Where files bring no event numbers, those of one file must not be another's; and a file keeps its
        # own when others come and go. 60 bits: + row stays an int64.
        first = 0 if layout.has_events else int(content_sha256(file)[:15], 16)
        for start in range(0, layout.n, ROWS):
            rows = slice(start, min(start + ROWS, layout.n))
            energy = layout.energy(opened, rows, file)
            events = (
                read_rows(opened[EVENT], rows, file, "showers")
                if layout.has_events
                else first + np.arange(start, rows.stop)
            )
            found = layout.cells(opened, rows, file) if cells else np.empty((len(energy), 0), np.float32)
            yield ShowerPiece(rows, found, energy, events.astype(np.int64), layout.theta(opened, rows, file))


def load_energies(
    path: DataPath = None,
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


class _Seen:
    """What pieces without fault add up to; with faults they come to nothing, as those are told."""

    def __init__(self) -> None:
        self.n = self.occupied = 0
        self.shares = 0.0
        self.energy = [np.inf, -np.inf]
        self.theta: tuple[float, float] | None = None
        self.twins, self.spread = TwinSearch(), Spread()

    def add(self, piece: ShowerPiece) -> NDArray[np.float64]:
        """Take in some showers; returns the sums of their cells (shower,) in GeV."""
        self.n += len(piece.energy)
        with np.errstate(all="ignore"):  # faults are told at the end
            deposited = piece.cells.reshape(len(piece.energy), -1).sum(axis=1)
            self.twins.add(piece.cells, empty=deposited == 0)
            self.spread.add({**of_sums(deposited), ENERGY_NAME: piece.energy})
            self.shares += float((deposited / piece.energy).sum())
        self.occupied += int(np.count_nonzero(piece.cells))
        self.energy = [
            min(self.energy[0], float(piece.energy.min())),
            max(self.energy[1], float(piece.energy.max())),
        ]
        if piece.theta is not None:
            low, high = self.theta or (np.inf, -np.inf)
            self.theta = (min(low, float(piece.theta.min())), max(high, float(piece.theta.max())))
        return deposited.astype(np.float64)


def _differing(files: list[Path], layouts: list[Layout]) -> list[str]:
    """Tell files that do not go with the first one."""
    problems = []
    for file, layout in zip(files[1:], layouts[1:], strict=True):
        if layout.grid != layouts[0].grid:
            problems.append(f"{file}: has cells {layout.grid}, but {files[0]} has {layouts[0].grid}")
        if layout.has_theta != layouts[0].has_theta:
            told = ("no angles", "angles")
            problems.append(
                f"{file}: has {told[layout.has_theta]}, but {files[0]} has {told[layouts[0].has_theta]}"
            )
    return problems


def _look(values: FaultyValues, piece: ShowerPiece, layout: Layout) -> None:
    start, cells, energy = piece.rows.start, piece.cells, piece.energy
    # Two passes for files without fault, instead of four with an array each.
    if not (cells.min() >= 0 and np.isfinite(cells.max())):  # NaN is neither
        where = f"{layout.cells_name}[{{}}]"
        values.note("cells that are not finite", ~np.isfinite(cells), start, where)
        values.note("cells below 0", cells < 0, start, where)
    good = np.isfinite(energy) & (energy > 0)
    values.note("energies that are not positive numbers", ~good, start, "energy of shower {}")
    if piece.theta is not None:
        inside = (piece.theta > 0) & (piece.theta < np.pi)  # NaN is not
        values.note("angles outside 0 to pi rad", ~inside, start, "angle of shower {}")
