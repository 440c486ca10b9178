"""Hits as networks see them: the energy in every sensor and each particle's share of it.

Prepared once a node, see data/prepared.py. A two-particle event of the paper's calorimeter takes 25 kB.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from raysearch.data.faults import Faults
from raysearch.data.hdf5_gate import open_hdf5
from raysearch.data.hits.detector import differing
from raysearch.data.hits.files import HitPiece, hit_files, pieces, read_sensors
from raysearch.data.hits.geometry import COLUMNS, Table
from raysearch.data.hits.layout import Layout, layout_of
from raysearch.data.hits.order import in_order
from raysearch.data.paths import DataPath
from raysearch.data.prepared import Arrays, Plan
from raysearch.data.prepared_files import prepared_of_files
from raysearch.errors import InputError

VERSION = 1  # of the definitions behind the arrays; a new one leaves old entries of the cache aside

Single = NDArray[np.float32]


@dataclass(frozen=True)
class HitArrays:
    """Events of all files in order, read-only.

    Attributes:
        energy: float32 (event, sensor), GeV that was measured, 0 where there is no hit.
        fractions: float32 (event, sensor, particle), each particle's share of what was left there: rows sum
            to 1 where there is a hit and are 0 elsewhere. Particles come in the order of order.py.
        sensors: float32 (sensor, 6), see ``geometry.COLUMNS``: the same for all events.
        particle_energy: float32 (event, particle), GeV, in the same order; 0 where there is none.
        events: int64 (event,), event numbers, which decide the split.
        file_index: int64 (event,), positions in the sorted files.
    """

    energy: Single
    fractions: Single
    sensors: Table
    particle_energy: Single
    events: NDArray[np.int64]
    file_index: NDArray[np.int64]


def load_hits(path: DataPath = None, particles: int = 2) -> HitArrays:
    """Get the arrays, mapped from the cache.

    Args:
        path: as for :func:`raysearch.data.hits.files.hit_files`.
        particles: columns of ``fractions``; events with fewer have columns of 0 at the end.

    Returns:
        Read-only arrays.

    Raises:
        InputError: a file is refused, detectors differ, or an event has more particles; lists all.
        StorageError: see :func:`raysearch.data.prepared.prepared`.
    """
    files = hit_files(path)
    common = {"kind": "hits", "version": VERSION}
    # An entry of its own: its rows are sensors, not events.
    of_detector = prepared_of_files(files, common | {"what": "sensors"}, lambda: _plan_of_sensors(files))
    identity = common | {"what": "events", "particles": particles}
    arrays = prepared_of_files(files, identity, lambda: _plan(files, of_detector["sensors"], particles))
    return HitArrays(**arrays, **of_detector)


def dense(piece: HitPiece, values: NDArray[np.float64], n_sensors: int) -> Single:
    """Spread values (hit, ...) over all sensors: float32 (event, sensor, ...), 0 where there is no hit."""
    found = np.zeros((len(piece.events), n_sensors, *values.shape[1:]), np.float32)
    found[piece.event, piece.sensor] = values
    return found


def _plan_of_sensors(files: list[Path]) -> Plan:
    faults = Faults()
    tables = {}
    for file in files:
        with faults.of(file):
            tables[file] = read_sensors(file)
    faults.add(differing(tables) if len(tables) == len(files) else ())
    faults.raise_any()
    table = tables[files[0]]
    return Plan(
        {"sensors": ((len(table), len(COLUMNS)), np.dtype("<f4"))}, lambda: iter([{"sensors": table}])
    )


def _plan(files: list[Path], table: Table, particles: int) -> Plan:
    layouts = _layouts(files, particles)
    n, f4, i8 = sum(layout.n for layout in layouts), np.dtype("<f4"), np.dtype("<i8")

    def read() -> Iterator[Arrays]:
        for number, file in enumerate(files):
            for piece in pieces(file):
                yield {
                    **_arrays_of(piece, table, particles),
                    "file_index": np.full(len(piece.events), number),
                }

    return Plan(
        {
            "energy": ((n, len(table)), f4),
            "fractions": ((n, len(table), particles), f4),
            "particle_energy": ((n, particles), f4),
            "events": ((n,), i8),
            "file_index": ((n,), i8),
        },
        read,
    )


def _arrays_of(piece: HitPiece, table: Table, particles: int) -> Arrays:
    order = in_order(piece, table)
    deposits = np.take_along_axis(piece.deposits, order[piece.event], axis=1)
    shares = deposits / deposits.sum(axis=1, keepdims=True)
    particle_energy = np.take_along_axis(piece.particle_energy, order, axis=1)
    return {
        "energy": dense(piece, piece.energy, len(table)),
        "fractions": dense(piece, _columns(shares, particles), len(table)),
        "particle_energy": _columns(particle_energy, particles),
        "events": piece.events,
    }


def _columns(values: NDArray[np.float64], wanted: int) -> NDArray[np.float64]:
    """Cut or fill (row, column) to so many columns; what is cut off stands for no particle."""
    return np.pad(values[:, :wanted], ((0, 0), (0, max(wanted - values.shape[1], 0))))


def _layouts(files: list[Path], particles: int) -> list[Layout]:
    """Look into all files, and refuse those with events of more particles than are wanted."""
    faults = Faults()
    layouts = []
    for file in files:
        with faults.of(file), closing(open_hdf5(file)) as opened:
            layouts.append(layout_of(opened, file))
            # A file may have columns that no event fills.
            most = layouts[-1].particles
            if most > particles:
                most = max(int((piece.particle_energy > 0).sum(axis=1).max()) for piece in pieces(file))
            if most > particles:
                raise InputError(
                    f"{file}: has events of {most} particles; this task takes at most {particles}"
                )
    faults.raise_any()
    return layouts
