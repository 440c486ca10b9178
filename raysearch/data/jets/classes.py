"""Which class each jet is of, and whether every part of a study has jets of every class."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from raysearch.data.files import stamps
from raysearch.data.hdf5_gate import open_hdf5
from raysearch.data.hdf5_rows import read_rows
from raysearch.data.jets.files import jet_files
from raysearch.data.jets.layout import CLASSES, JETS, LABELS
from raysearch.data.jets.pieces import ROWS, columns_of_all
from raysearch.data.paths import DataPath
from raysearch.data.source import DataSource
from raysearch.data.splitting import PARTS, part_examples


def load_labels(path: DataPath = None) -> NDArray[np.int64]:
    """Read the class of every jet of all files in order, int64 (jet,), positions in ``layout.CLASSES``.

    Raises:
        InputError: a file is refused; lists all.
    """
    return _labels(path, stamps(jet_files(path)))


@lru_cache(maxsize=1)  # for all members of a series; the files' stamps are a key, so that changes are seen
def _labels(
    path: DataPath,
    stamps: tuple[tuple[int, ...], ...],  # noqa: ARG001 - as a key
) -> NDArray[np.int64]:
    found = columns_of_all(jet_files(path), constituents=1)
    labels = []
    for file, columns in found.items():
        places = list(columns.jets[LABELS])
        with closing(open_hdf5(file)) as opened:
            for start in range(0, columns.n, ROWS):
                rows = slice(start, min(start + ROWS, columns.n))
                labels.append(read_rows(opened[JETS], rows, file, "jets")[:, places].argmax(axis=1))
    return np.concatenate(labels)


def missing_classes(
    labels: NDArray[np.int64],
    events: NDArray[np.int64] | None,
    file_index: NDArray[np.int64],
    source: DataSource,
) -> Iterator[str]:
    """Tell each class that a part, or a fold's part, has no jet of, and what can be done about it.

    Args:
        labels: of all jets, as :func:`load_labels` gives them.
        events: of all jets, as :func:`raysearch.data.splitting.part_examples` takes them.
        file_index: the same.
        source: how they are parted; all its folds are looked at.
    """
    for fold in range(source.folds):
        split = part_examples(events, file_index, source.of_fold(fold), "jet")
        for part, rows in zip(PARTS, (split.train, split.validation, split.test), strict=True):
            if part == PARTS[2] and fold:
                continue  # the test part is the same for all folds
            counts = np.bincount(labels[rows], minlength=len(CLASSES))
            lacking = [name for name, count in zip(CLASSES, counts, strict=True) if not count]
            if lacking:
                where = f" of fold {fold}" if source.folds > 1 and part != PARTS[2] else ""
                yield (
                    f"data: the {part} part{where} has no jet of class {', '.join(lacking)} among its "
                    f"{len(rows):,}, split by {split.by}; {_remedy(labels, lacking, source)}"
                )


def _remedy(labels: NDArray[np.int64], lacking: list[str], source: DataSource) -> str:
    counts = {name: int((labels == CLASSES.index(name)).sum()) for name in lacking}
    if not all(counts.values()):
        none = ", ".join(name for name, count in counts.items() if not count)
        return f"the files have none of {none}: all of {', '.join(CLASSES)} are needed"
    few = ", ".join(f"{count:,} of {name}" for name, count in counts.items())
    ways = ["more jets of it", "another data.split"]
    ways += ["fewer folds"] if source.folds > 1 else []
    ways += ["a larger data.limit"] if source.limit is not None else []
    return f"the files have {few}; give {', or '.join(ways)}"
