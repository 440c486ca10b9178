"""Reads hits that a trained network is applied to, where nobody knows which particle left them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

from raysearch.data.faults import Faults, FaultyValues
from raysearch.data.hdf5_gate import open_hdf5
from raysearch.data.hdf5_rows import read_rows
from raysearch.data.hits.arrays import dense
from raysearch.data.hits.detector import differing, look_at_sensors, odd_size
from raysearch.data.hits.files import HitPiece, hit_files, pieces, read_sensors
from raysearch.data.hits.geometry import Table
from raysearch.data.hits.layout import EVENT, PARTICLE_ENERGY, Layout, layout_of
from raysearch.data.hits.physics import look_at_hits, quantities_of
from raysearch.data.hits.same_detector import another_detector
from raysearch.data.to_score import Piece, ToScore, files_and_layouts
from raysearch.errors import InputError


def hits_to_score(
    paths: Sequence[Path],
    particles: int,
    n_sensors: int | None = None,
    trained_on: Mapping[str, Any] | None = None,
    *,
    any_number: bool = False,
) -> ToScore:
    """Check files and make them ready to be read.

    Args:
        paths: files and folders, as for :func:`raysearch.data.hits.files.hit_files`.
        particles: columns of fractions, as in training.
        n_sensors: how many a detector must have; None for any.
        trained_on: the detector of the training as :func:`describe_sensors` tells it; None where that is not
            known. Of another one is warned.
        any_number: whether the network finds any number of particles, whatever it was trained with; of one
            that tells ``particles`` apart is warned where events have more.

    Returns:
        Pieces of up to 100 events of one file. A batch is (energies, sensors, fractions) as in training,
        float32 (event, sensor) GeV, (event, sensor, 6), and zeros (event, sensor, particle). Column:
        ``event`` (event,) int64 if all files have event numbers.

    Raises:
        InputError: nothing there, a file is refused, or detectors differ or are of another size; lists all.
            While reading: damaged data, hits that no detector gives; says where.
    """
    files, layouts = files_and_layouts(paths, hit_files, partial(layout_of, truth=False))
    faults = Faults()
    tables = {}
    for file in files:
        with faults.of(file) as values:
            tables[file] = read_sensors(file, truth=False)
            look_at_sensors(values, tables[file])
    faults.add(differing(tables) if len(tables) == len(files) else ())
    faults.raise_any()
    table = tables[files[0]]
    if n_sensors not in {None, len(table)}:
        raise InputError(
            f"{files[0]}: has {len(table):,} sensors, but the network takes the {n_sensors:,} of the "
            "detector that it was trained on"
        )
    sensors = torch.from_numpy(table)
    with_events = all(layout.has_events for layout in layouts)

    def read() -> Iterator[Piece]:
        for number, (file, layout) in enumerate(zip(files, layouts, strict=True)):
            for piece in pieces(file, truth=False):
                _require_good(piece, layout, file)
                n = len(piece.events)
                energy = torch.from_numpy(dense(piece, piece.energy, len(table)))
                fractions = torch.zeros(()).expand(n, len(table), particles)  # a single zero in memory
                batch = (energy, sensors.expand(n, -1, -1), fractions)
                columns = {EVENT: piece.events} if with_events else {}
                empty = np.bincount(piece.event, minlength=n) == 0
                yield Piece(number, piece.rows.start, batch, columns, empty, quantities_of(piece))

    n = sum(layout.n for layout in layouts)
    warnings = tuple(_warnings(files, table, None if any_number else particles, trained_on))
    return ToScore(tuple(files), n, read, "event", "hits", warnings)


def _warnings(
    files: Sequence[Path], table: Table, particles: int | None, trained_on: Mapping[str, Any] | None
) -> Iterator[str]:
    yield from another_detector(files[0], table, trained_on) if trained_on else ()
    yield from odd_size(files[0].name, table)
    if particles is None:
        return
    for file in files:
        if (most := _most_particles(file)) > particles:
            yield (
                f"{file}: has events of {most} particles, but the network tells {particles} apart: "
                "what others left is given to those"
            )


def _most_particles(file: Path) -> int:
    """Count the particles of the event with most of them, where a file tells it; else 0."""
    with closing(open_hdf5(file)) as opened:
        energy = opened.get(PARTICLE_ENERGY)
        if not (isinstance(energy, h5py.Dataset) and energy.ndim == 2 and energy.dtype.kind in "fiu"):
            return 0
        return int((read_rows(energy, slice(None), file, "events") > 0).sum(axis=1).max(initial=0))


def _require_good(piece: HitPiece, layout: Layout, file: Path) -> None:
    values = FaultyValues(file)
    look_at_hits(values, piece, layout.sensors, layout.measured)
    if told := values.told():
        raise InputError(*told)
