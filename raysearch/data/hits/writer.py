"""Writes files of hits, block by block: they may be larger than memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from raysearch.data.hits.geometry import COLUMNS, Table
from raysearch.data.hits.layout import (
    EVENT,
    HIT_DEPOSITS,
    HIT_SENSOR,
    N_HITS,
    PARTICLE_ENERGY,
    PARTICLE_TYPE,
    PARTICLE_VERTEX,
    SENSORS,
)
from raysearch.data.hits.recipe import PION, HitBlock
from raysearch.data.made_files import whole_hdf5
from raysearch.errors import InputError

CHUNK = 65_536  # hits
# Bytes of like meaning side by side pack better; and a checksum, for files travel.
FILTERS: dict[str, Any] = {"compression": "gzip", "compression_opts": 9, "shuffle": True, "fletcher32": True}


@dataclass(frozen=True)
class HitFile:
    """What a file of hits will be.

    Attributes:
        path: its name; its folder is there.
        events: how many.
        particles: columns for them.
        sensors: of the detector, (sensor, 6).
        attributes: of the file, such as how it was made.
        first_event: event number of the first; the others follow.
    """

    path: Path
    events: int
    particles: int
    sensors: Table
    attributes: Mapping[str, str]
    first_event: int = 0


def write_hits(
    what: HitFile, blocks: Iterable[HitBlock], told: Callable[[int], None] = lambda _: None
) -> None:
    """Write a file, which is whole or not there, also after a crash.

    Args:
        what: it will be.
        blocks: the events in order, each block as large as it likes.
        told: called with the number of events written, after each block.

    Raises:
        InputError: the blocks hold another number of events.
        StorageError: the disk is full or failed.
    """
    with whole_hdf5(what.path) as file:
        _fill(file, what, blocks, told)


def _fill(file: h5py.File, what: HitFile, blocks: Iterable[HitBlock], told: Callable[[int], None]) -> None:
    n, width = what.events, what.particles
    for name, text in what.attributes.items():
        file.attrs[name] = text
    file[SENSORS] = what.sensors
    file[SENSORS].attrs["columns"] = ", ".join(COLUMNS)
    kind = np.min_scalar_type(len(what.sensors) - 1)
    sensor = file.create_dataset(HIT_SENSOR, (0,), kind, maxshape=(None,), chunks=(CHUNK,), **FILTERS)
    # One particle's deposits side by side: most hits are of one alone.
    deposits = file.create_dataset(
        HIT_DEPOSITS, (0, width), "f4", maxshape=(None, width), chunks=(CHUNK, 1), **FILTERS
    )
    n_hits = file.create_dataset(N_HITS, (n,), "u4", **FILTERS)
    energy = file.create_dataset(PARTICLE_ENERGY, (n, width), "f4", **FILTERS)
    vertex = file.create_dataset(PARTICLE_VERTEX, (n, width, 3), "f4", **FILTERS)
    pdg = file.create_dataset(PARTICLE_TYPE, (n, width), "i4", **FILTERS)
    start = first_hit = 0
    for block in blocks:
        rows = slice(start, start + len(block.particle_energy))
        if rows.stop > n:
            raise InputError(f"{what.path}: more than {n} events came")
        hits = slice(first_hit, first_hit + len(block.sensor))
        for dataset, values in ((sensor, block.sensor), (deposits, block.deposits)):
            dataset.resize(hits.stop, axis=0)
            dataset[hits] = values
        n_hits[rows] = np.bincount(block.event, minlength=rows.stop - start)
        energy[rows], vertex[rows] = block.particle_energy, block.vertex
        pdg[rows] = np.where(block.particle_energy > 0, PION, 0)
        start, first_hit = rows.stop, hits.stop
        told(start)
    if start != n:
        raise InputError(f"{what.path}: only {start} of {n} events came")
    file.create_dataset(EVENT, data=what.first_event + np.arange(n), **FILTERS)
