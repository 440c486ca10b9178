"""The check of files of hits: every value is read, and all faults of all files are told together."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from raysearch.data.faults import Faults, not_used
from raysearch.data.files import sums
from raysearch.data.hdf5_gate import open_hdf5
from raysearch.data.hits.arrays import dense
from raysearch.data.hits.beside import odd_beside
from raysearch.data.hits.detector import LAYER, differing, look_at_sensors, odd_size, size_mm
from raysearch.data.hits.files import HitPiece, hit_files, pieces, read_sensors
from raysearch.data.hits.geometry import Table
from raysearch.data.hits.layout import HIT_ENERGY, Layout, layout_of
from raysearch.data.hits.physics import HitPhysics, look_at_hits, look_at_truth, quantities_of, sums_of
from raysearch.data.hits.summary import HitSummary
from raysearch.data.paths import DataPath, names_of
from raysearch.data.spread import Spread
from raysearch.data.twins import TwinSearch, same_files


def check_hits(path: DataPath = None) -> HitSummary:
    """Read every value of every file once and tell all faults together.

    Args:
        path: as for :func:`raysearch.data.paths.hdf5_files`.

    Returns:
        What is there.

    Raises:
        InputError: hostile or damaged files, missing or misshapen datasets, sensors that cannot be, hits of
            no sensor or of one that was hit, deposits that are negative or not finite, detectors that differ;
            lists all, each with its file and place.
    """
    files = hit_files(path)
    faults = Faults()
    seen = _Seen()
    for file, name in zip(files, names_of(files), strict=True):
        with faults.of(file) as values:
            # First its layout: without one no value can be read.
            with closing(open_hdf5(file)) as opened:
                layout = layout_of(opened, file)
                beside = list(odd_beside(name, opened, file))
            seen.layouts.append(layout)
            table = seen.tables[file] = read_sensors(file)
            look_at_sensors(values, table)
            physics = HitPhysics(name)
            for piece in pieces(file):
                look_at_truth(values, piece)
                look_at_hits(values, piece, layout.sensors, HIT_ENERGY if layout.has_energy else None)
                # What cannot be is told, and nothing else of its file.
                if not values.told():
                    physics.look(piece)
                    seen.add(piece, layout.sensors)
            if not values.told():
                seen.warnings += [*odd_size(name, table), *physics.warned(), *beside]
    if len(seen.tables) == len(files):
        faults.add(differing(seen.tables))
    faults.raise_any()
    sha256 = sums(files)
    faults.add(same_files(sha256))
    faults.raise_any()
    unused = (layout.unused for layout in seen.layouts)
    return seen.summary(sha256, tuple(not_used(dict(zip(sha256, unused, strict=True)))))


@dataclass
class _Seen:
    """What files and pieces without fault add up to."""

    layouts: list[Layout] = field(default_factory=list)
    tables: dict[Path, Table] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    n: int = 0
    shares: float = 0.0
    particles: tuple[int, int] = (2**31, 0)
    energy_gev: tuple[float, float] = (np.inf, 0.0)
    twins: TwinSearch = field(default_factory=TwinSearch)
    spread: Spread = field(default_factory=Spread)

    def add(self, piece: HitPiece, n_sensors: int) -> None:
        """Take in some events."""
        deposited, energy = sums_of(piece)
        self.n += len(energy)
        self.shares += float((deposited / energy).sum())
        numbers = (piece.particle_energy > 0).sum(axis=1)
        self.particles = (
            min(self.particles[0], int(numbers.min())),
            max(self.particles[1], int(numbers.max())),
        )
        there = piece.particle_energy[piece.particle_energy > 0]
        self.energy_gev = (
            min(self.energy_gev[0], float(there.min())),
            max(self.energy_gev[1], float(there.max())),
        )
        self.twins.add(dense(piece, piece.energy, n_sensors), empty=deposited == 0)
        self.spread.add(quantities_of(piece))

    def summary(self, sha256: dict[str, str], unused: tuple[str, ...]) -> HitSummary:
        """Tell it, of one file at least."""
        table = next(iter(self.tables.values()))
        return HitSummary(
            files=tuple(self.tables),
            sha256=sha256,
            n=self.n,
            has_events=all(layout.has_events for layout in self.layouts),
            warnings=(*self.warnings, *unused),
            twins=self.twins.found(),
            spread=self.spread.found(),
            sensors=len(table),
            layers=len(np.unique(table[:, LAYER])),
            size_mm=size_mm(table),
            particles=self.particles,
            energy_gev=self.energy_gev,
            deposited=self.shares / self.n,
            hits=sum(layout.hits for layout in self.layouts) / self.n,
        )
