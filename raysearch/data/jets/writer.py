"""Writes jets in the layout of the public HLS4ML LHC jet files, and where they came from beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from raysearch.data import made_files
from raysearch.data.files import sums
from raysearch.data.jets.constituents import derive_features
from raysearch.data.jets.frames import Frame
from raysearch.data.jets.images import SIDE, dense_images
from raysearch.data.jets.layout import (
    CLASSES,
    CONSTITUENT_NAMES,
    CONSTITUENTS,
    EVENT,
    FEATURES,
    IMAGE,
    JET_COLUMNS,
    JET_NAMES,
    JETS,
    LABELS,
    MOMENTA,
    PUBLIC_MULTIPLICITY,
    QUANTILES,
)
from raysearch.data.jets.recipe import JetBlock
from raysearch.data.made_files import MADE, whole_hdf5

KEPT_BITS = 18  # of the 23 in the mantissa of a float32: 2e-6 relative; the rest compresses away
CHUNK = 500  # jets
IMAGE_CHUNK = 50  # images, 2 MB of mostly zeros
FILTERS = {"compression": "gzip", "shuffle": True, "fletcher32": True}
LEVEL, LEVEL_OF_0_1_0 = 6, 9  # of gzip: the tightest takes four times as long for 1 % less


def write_jets(path: Path, block: JetBlock, *, compact: bool, made: str = "") -> Path:
    """Write one file, which is whole or not there.

    Args:
        path: the file's final name.
        block: its jets.
        compact: the four-momenta only, rounded; else all 16 features, and images.
        made: how, for the file to tell; without it the file is one of version 0.1.0, in its frame.

    Returns:
        The path.

    Raises:
        StorageError: it cannot be written.
    """
    n, width, _ = block.momenta.shape
    names, frame = MOMENTA if compact else FEATURES, Frame.public if made else Frame.first
    filters = FILTERS | {"compression_opts": LEVEL if made else LEVEL_OF_0_1_0}
    # compact: one chunk for each component, since alike bytes side by side compress better
    chunk = (min(CHUNK, n), width, 1 if compact else len(names))
    with whole_hdf5(path) as file:
        constituents = file.create_dataset(
            CONSTITUENTS, (n, width, len(names)), "f4", chunks=chunk, **filters
        )
        jets = file.create_dataset(JETS, block.jets.shape, "f4", chunks=(chunk[0], 1), **filters)
        if not compact:
            images = (min(IMAGE_CHUNK, n), SIDE, SIDE)
            file.create_dataset(IMAGE, (n, SIDE, SIDE), "f4", chunks=images, **filters)
        for start in range(0, n, CHUNK):
            rows = slice(start, start + CHUNK)
            momenta, columns = block.momenta[rows], block.jets[rows]
            if compact:
                constituents[rows], jets[rows] = _round(momenta), _round(columns)
            else:
                features = derive_features(momenta, frame=frame)
                constituents[rows], jets[rows] = features, columns
                file[IMAGE][rows] = dense_images(features, frame)
        file.create_dataset(EVENT, data=block.event, chunks=(n,), **filters)
        file[CONSTITUENT_NAMES] = np.array(names, dtype="S")
        file[JET_NAMES] = np.array(JET_COLUMNS, dtype="S")
        if made:
            file.attrs[MADE] = made
    return path


def is_compact(path: Path) -> bool:
    """Whether a file holds four-momenta only."""
    with h5py.File(path, "r") as file:
        return file[CONSTITUENTS].shape[2] == len(MOMENTA)


def write_provenance(files: Sequence[Path], made: Mapping[str, object], *, compact: bool) -> Path:
    """Write ``provenance.json`` beside the files: how they were made, their sums, how like the public ones.

    Args:
        files: the files, all in one folder.
        made: what only the maker knows: recipe, seed, versions.
        compact: how the files were written.

    Returns:
        The provenance file.

    Raises:
        StorageError: it cannot be written.
    """
    multiplicity, mass, label = _read_columns(files)
    record = {
        "jets": len(label),
        "jets_per_class": {name: int(np.sum(label == i)) for i, name in enumerate(CLASSES)},
        "files": {
            file: {"sha256": sha, "jets": _n_jets(files[0].with_name(file))}
            for file, sha in sums(files).items()
        },
        "constituents_per_jet": {
            "quantiles": list(QUANTILES),
            "here": np.quantile(multiplicity, QUANTILES).tolist(),
            "public": list(PUBLIC_MULTIPLICITY),
        },
        "median_mmdt_mass_gev": {
            name: round(float(np.median(mass[label == i])), 2) for i, name in enumerate(CLASSES)
        },
        "stored": f"four-momenta and jet columns as float32, {KEPT_BITS} bits of mantissa kept"
        if compact
        else "16 features, jet columns and images as float32",
        "layout_after": "HLS4ML LHC jets, doi:10.5281/zenodo.3602260; none of its data is in these files",
        **made,
    }
    return made_files.write_provenance(files, record)


def _round(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Round to nearest in the last kept bit, so that the other bits are 0."""
    dropped = 23 - KEPT_BITS
    bits = values.astype(np.float32).view(np.uint32) + np.uint32(1 << (dropped - 1))
    return (bits & np.uint32(0xFFFFFFFF << dropped & 0xFFFFFFFF)).view(np.float32)


def _n_jets(path: Path) -> int:
    with h5py.File(path, "r") as file:
        return len(file[JETS])


def _read_columns(
    files: Sequence[Path],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    jets = []
    for path in files:
        with h5py.File(path, "r") as file:
            jets.append(file[JETS][:])
    columns = np.concatenate(jets)
    return (
        columns[:, JET_COLUMNS.index("j_multiplicity")],
        columns[:, JET_COLUMNS.index("j_mass_mmdt")],
        columns[:, LABELS].argmax(axis=1),
    )
