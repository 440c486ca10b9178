"""Reads jets that a trained tagger is applied to: training files' layout, of which real data lack the labels.

A file needs only what the network sees: ``jetConstituentList`` and ``particleFeatureNames`` for constituents
and for images that are computed, ``jetImage`` for a network that was trained on images of files, ``jets``
with the 16 columns ``layout.DNN_COLUMNS`` by name for quantities. ``jets`` with the five class columns, and
``event``, are handed through where they are there. Everything is read piece by piece.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

from raysearch.data.hdf5_rows import read_rows
from raysearch.data.jets.arrays import JetInput
from raysearch.data.jets.columns import dataset, decoded, feature_columns
from raysearch.data.jets.files import jet_files
from raysearch.data.jets.images import SIDE, cells_of_constituents, cells_of_images
from raysearch.data.jets.layout import (
    CLASSES,
    CONSTITUENT_NAMES,
    CONSTITUENTS,
    DNN_COLUMNS,
    EVENT,
    FEATURES,
    IMAGE,
    JET_COLUMNS,
    JET_NAMES,
    JETS,
    MOMENTA,
)
from raysearch.data.jets.physics import of_columns, of_constituents, require_no_padding
from raysearch.data.jets.pieces import ROWS, hardest
from raysearch.data.spread import Quantities
from raysearch.data.to_score import Piece, ToScore, files_and_layouts, rows_of
from raysearch.errors import InputError

LABEL_COLUMNS = tuple(f"j_{name}" for name in CLASSES)
QUANTITY_COLUMNS = tuple(JET_COLUMNS[place] for place in DNN_COLUMNS)
UNKNOWN = -1  # the label of a jet whose class columns are all 0


@dataclass(frozen=True)
class _Layout:
    """Where one file holds what; places are empty where it does not, or where nobody asks."""

    n: int
    width: int = 0
    features: tuple[int, ...] = ()
    quantities: tuple[int, ...] = ()
    labels: tuple[int, ...] = ()
    has_events: bool = False
    has_images: bool = False


def jets_to_score(paths: Sequence[Path], wanted: JetInput, *, stored_images: bool = False) -> ToScore:
    """Check files and make them ready to be read.

    Args:
        paths: files and folders, as for :func:`raysearch.data.jets.files.jet_files`.
        wanted: what the network sees of a jet.
        stored_images: take images from the files, as in training, instead of computing them from
            constituents.

    Returns:
        Pieces of up to 1000 jets of one file, with ``label`` (int64, -1 where unknown) if all files have
        class columns and ``event`` if all have event numbers.

    Raises:
        InputError: nothing there, a file is refused, or lacks what the network sees; lists all.
    """
    files, layouts = files_and_layouts(
        paths, jet_files, lambda opened, file: _layout(opened, file, wanted, stored_images=stored_images)
    )
    with_labels = all(layout.labels for layout in layouts)
    with_events = all(layout.has_events for layout in layouts)

    def read() -> Iterator[Piece]:
        for number, opened, file, layout, rows in rows_of(files, layouts, ROWS):
            labels = _labels(opened, file, layout, rows)
            columns: dict[str, NDArray[Any]] = {"label": labels} if with_labels else {}
            if with_events:
                columns["event"] = read_rows(opened[EVENT], rows, file, "jets").astype(np.int64)
            seen = _seen(opened, file, layout, rows, wanted)
            inputs = (torch.from_numpy(array) for array in seen.inputs)
            batch = (*inputs, torch.from_numpy(labels.clip(0)))
            yield Piece(number, rows.start, batch, columns, seen.empty, seen.quantities)

    nothing = "quantities" if wanted.kind == "quantities" else "constituents"
    return ToScore(tuple(files), sum(layout.n for layout in layouts), read, "jet", nothing)


def _layout(opened: h5py.File, file: Path, wanted: JetInput, *, stored_images: bool) -> _Layout:
    """Find what is wanted in one file.

    Raises:
        InputError: something is missing or misshapen; lists all.
    """
    problems: list[str] = []
    features: tuple[int, ...] = ()
    quantities: tuple[int, ...] = ()
    images = dataset(opened, IMAGE, 3, "f", problems) if stored_images else None
    if images is not None and images.shape[1:] != (SIDE, SIDE):
        problems.append(f"{IMAGE}: must be (jets, {SIDE}, {SIDE}), is {images.shape}")
    main, width = images, 0
    columns = _named_columns(opened, problems, needed=wanted.kind == "quantities")
    if wanted.kind == "quantities":
        main = opened.get(JETS) if columns else None
        if missing := [name for name in QUANTITY_COLUMNS if columns and name not in columns]:
            problems.append(f"{JET_NAMES}: lacks {', '.join(missing)}")
        quantities = tuple(columns[name] for name in QUANTITY_COLUMNS if name in columns)
    elif not stored_images:
        main = dataset(opened, CONSTITUENTS, 3, "f", problems)
        names = dataset(opened, CONSTITUENT_NAMES, 1, "SO", problems)
        if main is not None and names is not None:
            features = feature_columns(decoded(names), main.shape[2], problems)
            width = main.shape[1]
            if width < wanted.constituents:
                problems.append(f"holds {width} constituents a jet, the network needs {wanted.constituents}")
    n = 0 if main is None else len(main)
    if main is not None and n == 0:
        problems.append(f"{main.name[1:]}: is empty, shape {main.shape}")
    event = dataset(opened, EVENT, 1, "iu", problems) if EVENT in opened else None
    problems += [
        f"{item.name[1:]}: has {len(item)} jets, {main.name[1:]} has {n}"
        for item in (event, opened[JETS] if columns else None)
        if item is not None and main is not None and len(item) != n
    ]
    if problems:
        raise InputError(*(f"{file}: {problem}" for problem in problems))
    labels = tuple(columns[name] for name in LABEL_COLUMNS if name in columns)
    return _Layout(
        n=n,
        width=width,
        features=features,
        quantities=quantities,
        labels=labels if len(labels) == len(CLASSES) else (),
        has_events=event is not None,
        has_images=images is not None,
    )


def _named_columns(opened: h5py.File, problems: list[str], *, needed: bool) -> dict[str, int]:
    """Places of the columns of ``jets`` by name; none where there is no ``jets`` and none is needed."""
    if JETS not in opened and not needed:
        return {}
    jets = dataset(opened, JETS, 2, "f", problems)
    names = dataset(opened, JET_NAMES, 1, "SO", problems) if JET_NAMES in opened else None
    if jets is None:
        return {}
    found = list(JET_COLUMNS) if names is None else decoded(names)
    if len(found) != jets.shape[1]:
        problems.append(f"{JETS}: has {jets.shape[1]} columns for {len(found)} names")
        return {}
    return {name: place for place, name in enumerate(found)}


def _labels(opened: h5py.File, file: Path, layout: _Layout, rows: slice) -> NDArray[np.int64]:
    if not layout.labels:
        return np.full(rows.stop - rows.start, UNKNOWN)
    one_hot = read_rows(opened[JETS], rows, file, "jets")[:, layout.labels]
    # A row of zeros has no class, which argmax would take for the first.
    return np.where(one_hot.any(axis=1), one_hot.argmax(axis=1), UNKNOWN).astype(np.int64)


@dataclass(frozen=True)
class _Seen:
    """What the network sees of some jets, which of them hold nothing, and by what they are compared."""

    inputs: tuple[NDArray[Any], ...]
    empty: NDArray[np.bool_]
    quantities: Quantities = field(default_factory=dict)


def _seen(opened: h5py.File, file: Path, layout: _Layout, rows: slice, wanted: JetInput) -> _Seen:
    """Read what the network sees; types as in :class:`raysearch.data.jets.arrays.JetInput`."""
    if layout.has_images:
        images = _finite(opened, IMAGE, rows, file)
        occupied = np.count_nonzero(images, axis=(1, 2))
        return _Seen(cells_of_images(images, max(int(occupied.max()), 1)), np.equal(occupied, 0))
    if wanted.kind == "quantities":
        quantities = _finite(opened, JETS, rows, file, layout.quantities).astype(np.float32)
        return _Seen((quantities,), np.asarray((quantities == 0).all(axis=1)), of_columns(quantities))
    values = _constituents(opened, file, layout, rows)
    momenta = values[..., : len(MOMENTA)]
    empty = np.equal(momenta[..., :2], 0).all(axis=(1, 2))
    derive = len(layout.features) < len(FEATURES)
    inputs: tuple[NDArray[Any], ...]
    if wanted.kind == "image":
        inputs = cells_of_constituents(hardest(values, layout.width, derive=derive))
    else:
        inputs = (hardest(values, wanted.constituents, derive=derive).astype(np.float32),)
    return _Seen(inputs, np.asarray(empty), of_constituents(momenta))


def _constituents(opened: h5py.File, file: Path, layout: _Layout, rows: slice) -> NDArray[np.float64]:
    """Read constituents, and refuse padding that is not 0, of which a network would make scores."""
    read = read_rows(opened[CONSTITUENTS], rows, file, "jets")
    values = read[..., layout.features].astype(np.float64)
    require_no_padding(values[..., : len(MOMENTA)], rows.start, file)
    _require_finite(values, CONSTITUENTS, rows.start, file)
    return values


def _finite(
    opened: h5py.File, name: str, rows: slice, file: Path, columns: tuple[int, ...] | None = None
) -> NDArray[Any]:
    """Read rows, and refuse numbers that are not finite, of which no network makes scores."""
    values = read_rows(opened[name], rows, file, "jets")
    if columns is not None:
        values = values[..., columns]
    _require_finite(values, name, rows.start, file)
    return values


def _require_finite(values: NDArray[Any], name: str, start: int, file: Path) -> None:
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        place = ", ".join(str(number) for number in (start + int(bad[0][0]), *bad[0][1:].tolist()))
        raise InputError(f"{file}: {name}[{place}]: is not finite")
