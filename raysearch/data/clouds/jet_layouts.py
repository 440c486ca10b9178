"""Jets as point clouds (eta_rel, phi_rel, pT_rel), from a file in either of two layouts.

- raysearch's and the public HLS4ML LHC jet files', raysearch/data/jets/layout.py: features are shares of and
  distances to the jet of all its constituents;
- JetNet's, doi:10.5281/zenodo.6975118, CC BY 4.0: ``particle_features`` (jet, particle, 4), eta_rel, phi_rel,
  pT_rel and a mask of 0 and 1, which may be left out. There each class has a file, named by it, such as
  ``g.hdf5`` or ``t150.hdf5``; ``jet_features`` is not read. Files that raysearch's generators write may have
  ``label`` (jet,) beside it, positions in ``layout.CLASSES``, which goes before the name.

In both a particle with a pT of exactly 0 is padding, wherever it lies.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from raysearch.data.files import content_sha256
from raysearch.data.hdf5_rows import read_rows
from raysearch.data.jets.arrays import JetInput
from raysearch.data.jets.columns import dataset
from raysearch.data.jets.layout import CLASSES, CONSTITUENTS, FEATURES, PARTICLES
from raysearch.data.jets.to_score import UNKNOWN, jets_to_score
from raysearch.errors import InputError

LABEL = "label"  # beside them, in files that raysearch's generators write
CLASS_OF_FILE = re.compile(rf"({'|'.join(CLASSES)})(30|150)?")
COLUMNS = [FEATURES.index(f"j1_{name}") for name in ("etarel", "phirel", "ptrel")]
ROWS = 5000  # jets read at a time

Floats = NDArray[np.float32]


class JetPiece(NamedTuple):
    """Some jets of one file, in order.

    Attributes:
        particles: float32 (jet, points, 3), by falling pT, zero where there is none.
        labels: int64 (jet,), positions in ``layout.CLASSES``, -1 where the file does not tell.
        events: int64 (jet,), the file's event numbers, or numbers that follow from its content and the row.
    """

    particles: Floats
    labels: NDArray[np.int64]
    events: NDArray[np.int64]


def jet_clouds(opened: h5py.File, file: Path, points: int) -> Iterator[JetPiece]:
    """Read the hardest particles of every jet of a file.

    Args:
        opened: the file, which passed the gate.
        file: its path.
        points: particles a jet; jets with fewer are padded with zeros.

    Raises:
        InputError: the file has neither layout, or values that cannot be.
    """
    if PARTICLES in opened:
        yield from _of_jetnet(opened, file, points)
    elif CONSTITUENTS in opened:
        yield from _of_jet_file(opened, file, points)
    else:
        raise InputError(
            f"{file}: holds no jets: needs {CONSTITUENTS} (raysearch's files and the public ones) or "
            f"{PARTICLES} (JetNet's), but holds {', '.join(sorted(opened)) or 'nothing'}"
        )


def _of_jet_file(opened: h5py.File, file: Path, points: int) -> Iterator[JetPiece]:
    stored = opened[CONSTITUENTS]
    width = stored.shape[1] if isinstance(stored, h5py.Dataset) and stored.ndim == 3 else points
    wanted = JetInput("constituents", max(1, min(points, width)))
    first = _first_number(file)
    for piece in jets_to_score([file], wanted).pieces():
        particles = piece.batch[0].numpy()[..., COLUMNS]
        labels = piece.columns.get("label", np.full(len(particles), UNKNOWN))
        events = piece.columns.get("event", first + piece.first_row + np.arange(len(particles)))
        yield JetPiece(_padded(particles, points), labels, events)


def _of_jetnet(opened: h5py.File, file: Path, points: int) -> Iterator[JetPiece]:
    problems: list[str] = []
    stored = dataset(opened, PARTICLES, 3, "f", problems)
    if stored is not None and (stored.shape[2] not in (3, 4) or 0 in stored.shape):
        problems.append(
            f"{PARTICLES}: must be (jet, particle, 4): eta_rel, phi_rel, pT_rel and a mask, or the first "
            f"three, without an axis of 0; is {stored.shape}"
        )
    if problems or stored is None:
        raise InputError(*(f"{file}: {problem}" for problem in problems))
    labels, first = _labels(opened, file, len(stored)), _first_number(file)
    for start in range(0, len(stored), ROWS):
        rows = slice(start, min(start + ROWS, len(stored)))
        values = read_rows(stored, rows, file, "jets").astype(np.float32)
        _require_numbers(values, start, file)
        particles = values[..., :3]
        if values.shape[2] == 4:
            particles = particles * values[..., 3:]
        yield JetPiece(
            _padded(_hardest(particles, points), points),
            labels[rows],
            first + start + np.arange(len(values)),
        )


def _labels(opened: h5py.File, file: Path, n: int) -> NDArray[np.int64]:
    """Read the jets' classes from ``label``, which generators write, else from the file's name."""
    if LABEL not in opened:
        named = CLASS_OF_FILE.fullmatch(file.stem)
        return np.full(n, CLASSES.index(named[1]) if named else UNKNOWN)
    problems: list[str] = []
    stored = dataset(opened, LABEL, 1, "iu", problems)
    if stored is None or stored.shape != (n,):
        raise InputError(f"{file}: {LABEL}: must be (jet,), whole numbers, one for each of the {n:,} jets")
    labels = read_rows(stored, slice(0, n), file, "jets").astype(np.int64)
    if labels.size and not 0 <= labels.min() <= labels.max() < len(CLASSES):
        raise InputError(
            f"{file}: {LABEL}: must be 0 to {len(CLASSES) - 1}, for {', '.join(CLASSES)}; has "
            f"{labels.min()} to {labels.max()}"
        )
    return labels


def _first_number(file: Path) -> int:
    """Number the jets of a file without event numbers, so that none has another file's: 60 bits fit int64."""
    return int(content_sha256(file)[:15], 16)


def _require_numbers(values: Floats, start: int, file: Path) -> None:
    faults = {"is not finite": ~np.isfinite(values)}
    if values.shape[2] == 4:
        mask = np.zeros_like(faults["is not finite"])
        mask[..., 3] = ~np.isin(values[..., 3], (0, 1))
        faults["is a mask that is neither 0 nor 1"] = mask
    for fault, bad in faults.items():
        if bad.any():
            jet, *place = np.argwhere(bad)[0].tolist()
            where = ", ".join(map(str, (start + jet, *place)))
            raise InputError(f"{file}: {PARTICLES}[{where}]: {fault}")


def _hardest(particles: Floats, points: int) -> Floats:
    order = np.argsort(-particles[..., 2], axis=1, kind="stable")[:, :points]
    return np.take_along_axis(particles, order[..., None], axis=1)


def _padded(particles: Floats, points: int) -> Floats:
    # A generator without a mask gives padding some place.
    there = np.where(particles[..., 2:] != 0, particles, np.float32(0))
    return np.pad(there, ((0, 0), (0, points - particles.shape[1]), (0, 0)))
