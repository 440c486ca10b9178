"""What files of hits may tell of particles and no network reads: where they began, and what they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from raysearch.data.hdf5_rows import read_rows
from raysearch.data.hits.layout import PARTICLE_ENERGY, PARTICLE_TYPE, PARTICLE_VERTEX

NOT_A_PARTICLE = 0  # among PDG codes


def odd_beside(name: str, opened: h5py.File, file: Path) -> Iterator[str]:
    """Warn of particles without a place or a type in a file that tells them.

    Args:
        name: of the file, for the warning.
        opened: the file, whose layout was checked.
        file: its path.

    Raises:
        InputError: data are damaged; says where.
    """
    whole = slice(None)
    there = read_rows(opened[PARTICLE_ENERGY], whole, file, "events") > 0
    if PARTICLE_VERTEX in opened:
        vertex = read_rows(opened[PARTICLE_VERTEX], whole, file, "events")
        if n := int((there & ~np.isfinite(vertex).all(axis=2)).sum()):
            yield f"{name}: {n:,} of {there.sum():,} particles have a {PARTICLE_VERTEX} that is not finite"
    if PARTICLE_TYPE in opened:
        code = read_rows(opened[PARTICLE_TYPE], whole, file, "events")
        if n := int((there & (code == NOT_A_PARTICLE)).sum()):
            yield f"{name}: {n:,} of {there.sum():,} particles have a {PARTICLE_TYPE} of 0, which is none"
