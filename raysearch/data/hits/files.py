"""The reader of files of hits, laid out as layout.py says: files of users, made ones, the sample that ships.

Files of one path are of one detector. Without event numbers of the file's own an event's number follows from
the file's content and its place there. Every file passes the gate in raysearch/data/hdf5_gate.py first, and
may be larger than memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from raysearch.data.files import content_sha256
from raysearch.data.hdf5_gate import open_hdf5
from raysearch.data.hdf5_rows import read_rows
from raysearch.data.hits.events import Hits
from raysearch.data.hits.geometry import Table
from raysearch.data.hits.layout import (
    EVENT,
    HIT_DEPOSITS,
    HIT_ENERGY,
    HIT_SENSOR,
    N_HITS,
    PARTICLE_ENERGY,
    SENSORS,
    Layout,
    layout_of,
)
from raysearch.data.paths import DataPath, hdf5_files
from raysearch.errors import InputError

SAMPLE = Path(__file__).parents[1] / "sample" / "hits.h5"
ROWS = 100  # events read at a time, 2.5 MB of the paper's detector once all sensors are filled in
CELLS = 10_000_000  # sensors times events, of detectors with more of them


@dataclass(frozen=True, kw_only=True)
class HitPiece(Hits):
    """Neighbouring events of a file, with their hits one after another.

    Attributes:
        rows: places of the events in the file.
        first_hit: the first hit's place in the file.
        energy: float64 (hit,), GeV that was measured: the sum of the deposits where a file tells no other.
        events: int64 (event,), their numbers.
    """

    rows: slice
    first_hit: int
    energy: NDArray[np.float64]
    events: NDArray[np.int64]


def hit_files(path: DataPath = None) -> list[Path]:
    """List the files that a path means, None for the sample that ships; see :func:`hdf5_files`."""
    return hdf5_files(path, SAMPLE)


def pieces(file: Path, *, truth: bool = True) -> Iterator[HitPiece]:
    """Read a file some events at a time.

    Args:
        file: one file.
        truth: if not, particles are not read, and there are 0 of them.

    Raises:
        InputError: the file is refused, data are damaged, or the numbers of hits are none.
    """
    with closing(open_hdf5(file)) as opened:
        layout = layout_of(opened, file, truth=truth)
        n_hits = _n_hits(opened, layout, file)
        ends = np.cumsum(n_hits)
        events = _events(opened, layout, file)
        at_once = min(ROWS, 1 + CELLS // (layout.sensors * (1 + layout.particles)))
        for start in range(0, layout.n, at_once):
            rows = slice(start, min(start + at_once, layout.n))
            hits = slice(int(ends[start] - n_hits[start]), int(ends[rows.stop - 1]))
            energy, deposits = _energy_and_deposits(opened, hits, file, truth=truth)
            particle_energy = np.zeros((rows.stop - start, 0))
            if truth:
                particle_energy = read_rows(opened[PARTICLE_ENERGY], rows, file, "events").astype(np.float64)
            yield HitPiece(
                rows=rows,
                first_hit=hits.start,
                event=np.repeat(np.arange(rows.stop - start), n_hits[rows]),
                sensor=read_rows(opened[HIT_SENSOR], hits, file, "hits").astype(np.int64),
                deposits=deposits,
                energy=energy,
                particle_energy=particle_energy,
                events=events[rows],
            )


def _energy_and_deposits(
    opened: h5py.File, hits: slice, file: Path, *, truth: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Read what was measured (hit,) and what particles left (hit, particle), without truth of 0 particles."""
    deposits = np.zeros((hits.stop - hits.start, 0))
    if truth or HIT_ENERGY not in opened:
        deposits = read_rows(opened[HIT_DEPOSITS], hits, file, "hits").astype(np.float64)
    if HIT_ENERGY in opened:
        energy = read_rows(opened[HIT_ENERGY], hits, file, "hits").astype(np.float64)
    else:
        energy = deposits.sum(axis=1)
    return energy, deposits if truth else deposits[:, :0]


def read_sensors(file: Path, *, truth: bool = True) -> Table:
    """Read a file's table of sensors, float32 (sensors, 6); ``truth`` as for :func:`layout_of`.

    Raises:
        InputError: the file is refused, or the table is damaged.
    """
    with closing(open_hdf5(file)) as opened:
        layout_of(opened, file, truth=truth)
        return read_rows(opened[SENSORS], slice(None), file, "sensors").astype(np.float32)


def load_events(path: DataPath = None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Event numbers, and the number of the file among the sorted, each (event,).

    Raises:
        InputError: a file is refused.
    """
    found = []
    for file in hit_files(path):
        with closing(open_hdf5(file)) as opened:
            found.append(_events(opened, layout_of(opened, file), file))
    return np.concatenate(found), np.repeat(np.arange(len(found)), [len(events) for events in found])


def _events(opened: h5py.File, layout: Layout, file: Path) -> NDArray[np.int64]:
    if layout.has_events:
        return read_rows(opened[EVENT], slice(None), file, "events").astype(np.int64)
    # Those of one file must not be another's, and a file keeps its own when others come and go. 60 bits: +
    # an event's place stays an int64.
    return int(content_sha256(file)[:15], 16) + np.arange(layout.n)


def _n_hits(opened: h5py.File, layout: Layout, file: Path) -> NDArray[np.int64]:
    """Read how many hits each event has; without that no hit can be given to an event."""
    found = read_rows(opened[N_HITS], slice(None), file, "events").astype(np.int64)
    # One by one before their sum, which may overflow.
    if wrong := np.flatnonzero((found < 0) | (found > layout.hits)).tolist():
        raise InputError(
            f"{file}: {N_HITS}: {len(wrong)} are not 0 to {layout.hits}, the hits of all events, first that "
            f"of event {wrong[0]}"
        )
    if (total := int(found.sum())) != layout.hits:
        raise InputError(f"{file}: {N_HITS}: sum to {total}, but {HIT_SENSOR} has {layout.hits} hits")
    return found
