"""Jets of files as point clouds, all of them or those of one class."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raysearch.data.clouds.jet_layouts import JetPiece, jet_clouds
from raysearch.data.faults import Faults
from raysearch.data.files import sums
from raysearch.data.hdf5_gate import open_hdf5
from raysearch.data.jets.files import jet_files
from raysearch.data.jets.layout import CLASSES
from raysearch.data.paths import DataPath
from raysearch.errors import InputError, did_you_mean, one_of

POINTS = 30  # particles a jet, as in JetNet and all that is published of it


@dataclass(frozen=True)
class JetClouds:
    """Jets of all files in order.

    Attributes:
        particles: float32 (jet, particle, 3), eta_rel, phi_rel in rad and pT_rel, by falling pT, zero where
            there is none.
        labels: int64 (jet,), positions in ``layout.CLASSES``, -1 where the files do not tell.
        events: int64 (jet,), event numbers, which decide the split.
        file_index: int64 (jet,), positions in the sorted files.
        sha256: of each file, by name.
    """

    particles: NDArray[np.float32]
    labels: NDArray[np.int64]
    events: NDArray[np.int64]
    file_index: NDArray[np.int64]
    sha256: dict[str, str]

    def __len__(self) -> int:
        return len(self.particles)

    @property
    def shares(self) -> dict[str, float]:
        """Share of the jets that each class has, classes without jets left out."""
        return {
            name: float(share)
            for number, name in enumerate(CLASSES)
            if (share := np.mean(self.labels == number))
        }

    def of_class(self, name: str) -> JetClouds:
        """Take the jets of a class.

        Raises:
            InputError: there is no such class, or there are no jets of it.
        """
        if name not in CLASSES:
            raise InputError(f"class {name}: must be {one_of(CLASSES)}.{did_you_mean(name, CLASSES)}")
        chosen = self.labels == CLASSES.index(name)
        if not chosen.any():
            there = ", ".join(self.shares) or "jets without a class alone"
            raise InputError(f"class {name}: no jet is of it; there are {there}")
        return JetClouds(
            self.particles[chosen],
            self.labels[chosen],
            self.events[chosen],
            self.file_index[chosen],
            self.sha256,
        )


def load_jet_clouds(path: DataPath = None, points: int = POINTS) -> JetClouds:
    """Read the hardest particles of every jet of files in any layout that ``jet_layouts.py`` knows.

    Args:
        path: as for :func:`raysearch.data.jets.files.jet_files`; files may differ in layout.
        points: particles a jet.

    Raises:
        InputError: files are refused, or hold values that cannot be; lists all.
    """
    files = jet_files(path)
    faults = Faults()
    found: list[JetPiece] = []
    places: list[NDArray[np.int64]] = []
    for number, file in enumerate(files):
        with faults.of(file), closing(open_hdf5(file)) as opened:
            for piece in jet_clouds(opened, file, points):
                found.append(piece)
                places.append(np.full(len(piece.labels), number))
    faults.raise_any()
    particles, labels, events = (np.concatenate(part) for part in zip(*found, strict=True))
    return JetClouds(particles, labels, events, np.concatenate(places), sums(files))
