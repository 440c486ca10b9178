"""Jets as point clouds for networks, prepared once a node, see data/prepared.py."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from raysearch.data.clouds.jets import POINTS, JetClouds, load_jet_clouds
from raysearch.data.files import sums
from raysearch.data.jets.files import jet_files
from raysearch.data.paths import DataPath
from raysearch.data.prepared import Arrays, Plan
from raysearch.data.prepared_files import prepared_of_files
from raysearch.errors import InputError

VERSION = 2  # of the definitions behind the arrays; a new one leaves old entries of the cache aside


def cloud_arrays(path: DataPath = None, points: int = POINTS, of_class: str | None = None) -> JetClouds:
    """Get the hardest particles of every jet, mapped from the cache.

    Args:
        path: as for :func:`raysearch.data.clouds.jets.load_jet_clouds`.
        points: particles a jet.
        of_class: jets of this class alone.

    Returns:
        Read-only arrays.

    Raises:
        InputError: files are refused, or have no jets of the class; lists all.
        StorageError: see :func:`raysearch.data.prepared.prepared`.
    """
    if points < 1:
        raise InputError(f"points: must be at least 1, got {points}")
    files = jet_files(path)
    identity = {"kind": "jet clouds", "version": VERSION, "points": points, "class": of_class}
    arrays = prepared_of_files(files, identity, lambda: _plan(path, points, of_class))
    return JetClouds(**arrays, sha256=sums(files))


def _plan(path: DataPath, points: int, of_class: str | None) -> Plan:
    jets = load_jet_clouds(path, points)
    if of_class is not None:
        jets = jets.of_class(of_class)
    whole = {name: ((len(jets),), np.dtype("<i8")) for name in ("labels", "events", "file_index")}

    def read() -> Iterator[Arrays]:
        yield {name: getattr(jets, name) for name in ("particles", *whole)}

    return Plan({"particles": (jets.particles.shape, np.dtype("<f4")), **whole}, read)
