"""What networks are trained on, as arrays that all runs of a node share: constituents, quantities, images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
from numpy.typing import NDArray

from raysearch.data.hdf5_gate import open_hdf5
from raysearch.data.hdf5_rows import read_rows
from raysearch.data.jets.columns import Columns
from raysearch.data.jets.files import jet_files
from raysearch.data.jets.images import SIDE, cells_of_constituents, cells_of_images
from raysearch.data.jets.layout import DNN_COLUMNS, FEATURES, IMAGE, LABELS
from raysearch.data.jets.pieces import columns_of_all, hardest, pieces
from raysearch.data.paths import DataPath
from raysearch.data.prepared import Plan
from raysearch.data.prepared_files import prepared_of_files
from raysearch.errors import InputError

VERSION = 2  # of the definitions behind the arrays; a new one leaves old entries of the cache aside
IMAGE_ROWS = 100  # dense images read at a time

Piece = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class JetInput:
    """What a network sees of a jet.

    Attributes:
        kind: ``constituents``: float32 (jet, constituents, 16), by falling pT, padded with zeros;
            ``quantities``: float32 (jet, 16), ``layout.DNN_COLUMNS``; ``image``: occupied cells int32 and
            their values float32, see raysearch/data/jets/images.py.
        constituents: how many of the hardest, for that kind.
    """

    kind: Literal["constituents", "quantities", "image"]
    constituents: int = 0


@dataclass(frozen=True)
class JetArrays:
    """Jets of all files in order.

    Attributes:
        inputs: as the kind of input says, each (jet, ...).
        labels: int64 (jet,), positions in ``layout.CLASSES``.
        events: int64 (jet,), or None.
        file_index: int64 (jet,), positions in the sorted files.
    """

    inputs: tuple[NDArray[Any], ...]
    labels: NDArray[np.int64]
    events: NDArray[np.int64] | None
    file_index: NDArray[np.int64]


INPUTS: dict[str, tuple[str, ...]] = {
    "constituents": ("constituents",),
    "quantities": ("quantities",),
    "image": ("cells", "values"),
}


def jet_arrays(path: DataPath, wanted: JetInput) -> JetArrays:
    """Get the arrays, mapped from the cache.

    Args:
        path: as for :func:`raysearch.data.jets.files.jet_files`.
        wanted: what of each jet.

    Returns:
        Read-only arrays.

    Raises:
        InputError: a file is refused, or lacks what is wanted; lists all.
        StorageError: see :func:`raysearch.data.prepared.prepared`.
    """
    files = jet_files(path)
    # Split and folds are no part of the identity: they choose rows, and all of them share one entry.
    identity = {"version": VERSION, **asdict(wanted)}
    arrays = prepared_of_files(files, identity, lambda: _plan(files, wanted))
    inputs = tuple(arrays[name] for name in INPUTS[wanted.kind])
    return JetArrays(inputs, arrays["labels"], arrays.get("events"), arrays["file_index"])


def check_input(path: DataPath, wanted: JetInput) -> None:
    """Check that the files have what is wanted, without reading their data.

    Raises:
        InputError: as :func:`jet_arrays`.
    """
    files = jet_files(path)
    columns_of_all(files, wanted.constituents if wanted.kind == "constituents" else 1)
    if wanted.kind == "image":
        _have_images(files)


def _plan(files: list[Path], wanted: JetInput) -> Plan:
    columns = columns_of_all(files, wanted.constituents if wanted.kind == "constituents" else 1)
    stored = wanted.kind == "image" and _have_images(files)
    n, first = sum(found.n for found in columns.values()), next(iter(columns.values()))
    f4, i4, i8 = np.dtype("<f4"), np.dtype("<i4"), np.dtype("<i8")
    arrays: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {
        "labels": ((n,), i8),
        "file_index": ((n,), i8),
    }
    if first.has_events:
        arrays["events"] = ((n,), i8)
    if wanted.kind == "image":
        # Occupied cells alone: of the 10,000 of an image a few dozen are not zero.
        width = _most_cells(files) if stored else first.width
        arrays |= {"cells": ((n, width), i4), "values": ((n, width), f4)}
    elif wanted.kind == "constituents":
        arrays["constituents"] = ((n, wanted.constituents, len(FEATURES)), f4)
    else:
        arrays["quantities"] = ((n, len(DNN_COLUMNS)), f4)

    def read() -> Iterator[Piece]:
        for number, (file, found) in enumerate(columns.items()):
            with closing(open_hdf5(file)) as opened:
                for rows, constituents, jets, events in pieces(opened, file, found):
                    piece = {
                        "labels": jets[:, LABELS].argmax(axis=1),
                        "file_index": np.full(len(jets), number),
                    }
                    if found.has_events:
                        piece["events"] = events
                    if stored:
                        found_cells = [cells_of_images(some, width) for some in _images(opened, file, rows)]
                        cells, values = zip(*found_cells, strict=True)
                        piece |= {"cells": np.concatenate(cells), "values": np.concatenate(values)}
                    else:
                        piece |= _derived(wanted, found, constituents, jets)
                    yield piece

    return Plan(arrays, read)


def _derived(
    wanted: JetInput, columns: Columns, constituents: NDArray[np.float64], jets: NDArray[np.float64]
) -> Mapping[str, NDArray[Any]]:
    if wanted.kind == "quantities":
        return {"quantities": jets[:, DNN_COLUMNS]}
    if wanted.kind == "constituents":
        return {"constituents": hardest(constituents, wanted.constituents, columns.derive_by)}
    features = hardest(constituents, columns.width, columns.derive_by)
    cells, values = cells_of_constituents(features, columns.frame)
    return {"cells": cells, "values": values}


def _have_images(files: list[Path]) -> bool:
    """Whether the files hold images.

    Raises:
        InputError: some do and some do not, or an image is not 100 x 100 numbers; lists all.
    """
    having, problems = [], []
    for file in files:
        with closing(open_hdf5(file)) as opened:
            if IMAGE not in opened:
                continue
            having.append(file)
            image = opened[IMAGE]
            if not isinstance(image, h5py.Dataset) or image.ndim != 3 or image.dtype.kind != "f":
                problems.append(f"{file}: {IMAGE}: must be floating point (jets, {SIDE}, {SIDE})")
            elif image.shape[1:] != (SIDE, SIDE) or len(image) != len(opened["jets"]):
                problems.append(
                    f"{file}: {IMAGE}: must be ({len(opened['jets'])}, {SIDE}, {SIDE}), is {image.shape}"
                )
    if having and len(having) < len(files):
        lacking = next(file for file in files if file not in having)
        problems.append(
            f"{IMAGE}: must be in all files or in none, but is in {having[0]} and not in {lacking}"
        )
    if problems:
        raise InputError(*problems)
    return bool(having)


def _images(opened: h5py.File, file: Path, rows: slice) -> Iterator[NDArray[Any]]:
    """Read stored images a few at a time."""
    for start in range(rows.start, rows.stop, IMAGE_ROWS):
        images = read_rows(opened[IMAGE], slice(start, min(start + IMAGE_ROWS, rows.stop)), file, "jets")
        if not np.isfinite(images).all():
            raise InputError(
                f"{file}: {IMAGE}, jets {start} to {start + len(images)}: values that are not finite"
            )
        yield images


def _most_cells(files: list[Path]) -> int:
    """The most occupied cells of any stored image; reads them all."""
    most = 1
    for file in files:
        with closing(open_hdf5(file)) as opened:
            n = len(opened[IMAGE])
            for images in _images(opened, file, slice(0, n)):
                most = max(most, int(np.count_nonzero(images, axis=(1, 2)).max()))
    return most
