"""Files of some jets of the sample that ships, as raysearch and as JetNet lay them out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from raysearch.data.clouds.jets import load_jet_clouds
from raysearch.data.jets.files import SAMPLE
from raysearch.data.jets.layout import CLASSES, CONSTITUENT_NAMES, JET_NAMES, JETS, LABELS


def rows_of_class(name: str) -> np.ndarray:
    """Which jets of the sample are of a class."""
    with h5py.File(SAMPLE) as file:
        labels = file[JETS][:, LABELS].argmax(axis=1)
    return np.flatnonzero(labels == CLASSES.index(name))


def write_jet_file(path: Path, rows: Any, *, lacking: tuple[str, ...] = ()) -> Path:
    """Write some jets of the sample, without some datasets perhaps."""
    with h5py.File(SAMPLE) as sample, h5py.File(path, "w") as file:
        for name, values in sample.items():
            if name not in lacking:
                file[name] = values[:] if name in (CONSTITUENT_NAMES, JET_NAMES) else values[:][rows]
    return path


def write_jetnet(path: Path, particles: np.ndarray, *, mask: bool = True) -> Path:
    """Write (jet, particle, 3) as JetNet does."""
    there = (particles != 0).any(axis=2, keepdims=True).astype(np.float64)
    with h5py.File(path, "w") as file:
        file["particle_features"] = np.concatenate([particles, there] if mask else [particles], axis=2)
        file["jet_features"] = np.zeros((len(particles), 4))
    return path


def sample_clouds() -> np.ndarray:
    """All jets of the sample, (10000, 30, 3)."""
    return load_jet_clouds().particles
