"""Writes showers in the layout of the 3DGAN files, block by block: files may be larger than memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from raysearch.data.made_files import whole_hdf5
from raysearch.data.showers.layouts import (
    ECAL,
    ELECTRON,
    ENERGY,
    ENERGY_COLUMN,
    EVENT,
    TARGET,
    THETA,
)
from raysearch.data.showers.recipe import BLOCK, ShowerBlock
from raysearch.errors import InputError


@dataclass(frozen=True)
class ShowerFile:
    """What a file of showers will be.

    Attributes:
        path: its name; its folder is there.
        showers: how many.
        grid: cells along x and y, and layers.
        with_theta: whether particles come at angles: ``energy`` and ``theta`` by shower, as in the public
            files at variable angle; else ``target``, as in those at a fixed angle, with the PDG code in
            column 0.
        attributes: of the file, such as how it was made.
        first_event: event number of the first shower; the others follow.
        level: of compression, 0 to 9.
    """

    path: Path
    showers: int
    grid: tuple[int, int, int]
    with_theta: bool = False
    attributes: Mapping[str, str] | None = None
    first_event: int = 0
    level: int = 4


def write_showers(
    what: ShowerFile, blocks: Iterable[ShowerBlock], told: Callable[[int], None] = lambda _: None
) -> None:
    """Write a file, which is whole or not there, also after a crash.

    Args:
        what: it will be.
        blocks: the showers in order, each block as large as it likes.
        told: called with the number of showers written, after each block.

    Raises:
        InputError: the blocks hold another number of showers, another grid, or angles where there should be
            none.
        StorageError: the disk is full or failed.
    """
    with whole_hdf5(what.path) as file:
        _fill(file, what, blocks, told)


def _fill(
    file: h5py.File, what: ShowerFile, blocks: Iterable[ShowerBlock], told: Callable[[int], None]
) -> None:
    n = what.showers
    filters: dict[str, Any] = {"compression": "gzip", "compression_opts": what.level}
    # Bytes of like meaning side by side pack better; and a checksum, for files travel.
    filters |= {"shuffle": True, "fletcher32": True}
    for name, text in (what.attributes or {}).items():
        file.attrs[name] = text
    # A chunk is a block: each is packed once, when it is written.
    cells = file.create_dataset(ECAL, (n, *what.grid), "f4", chunks=(min(BLOCK, n), *what.grid), **filters)
    if what.with_theta:
        energy, theta = (file.create_dataset(name, (n,), "f4") for name in (ENERGY, THETA))
    else:
        target = file.create_dataset(TARGET, (n, 2), "f4")
        target[:, 0] = ELECTRON
    start = 0
    for block in blocks:
        rows = slice(start, start + len(block.energy))
        _require_fit(what, block, rows)
        cells[rows] = block.cells
        if what.with_theta:
            energy[rows], theta[rows] = block.energy, block.theta
        else:
            target[rows, ENERGY_COLUMN] = block.energy
        start = rows.stop
        told(start)
    if start != n:
        raise InputError(f"{what.path}: only {start} of {n} showers came")
    file[EVENT] = what.first_event + np.arange(n)


def _require_fit(what: ShowerFile, block: ShowerBlock, rows: slice) -> None:
    problems = []
    if block.cells.shape != (len(block.energy), *what.grid):
        problems.append(f"cells {block.cells.shape} for {len(block.energy)} showers of {what.grid}")
    if (block.theta is not None) != what.with_theta:
        problems.append("angles are missing" if what.with_theta else "angles for showers at a fixed angle")
    if rows.stop > what.showers:
        problems.append(f"more than {what.showers} showers")
    if problems:
        raise InputError(*(f"{what.path}: {problem}" for problem in problems))
