"""Equal examples: the same jet or shower twice, which makes a test too good if one of them was trained on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raysearch.data.source import DataSource
from raysearch.data.splitting import PARTS, Split, part_examples
from raysearch.data.summary import Twins
from raysearch.errors import InputError

MOST_SHARED = 0.1  # of a part that may be in training as well; with more its figures say nothing
MOST_TWINS = 1_000_000


class TwinSearch:
    """Finds equal examples among all that it is shown; 8 bytes are kept of each."""

    def __init__(self) -> None:
        self._hashes: list[NDArray[np.int64]] = []

    def add(self, rows: NDArray[Any], empty: NDArray[np.bool_]) -> None:
        """Look at some examples.

        Args:
            rows: (example, ...), all that makes one; compared in single precision.
            empty: (example,), which hold nothing: these are not compared, for there is nothing to be equal.
        """
        # + 0: -0 and 0 are one number, but not the same bits.
        plain = np.ascontiguousarray(rows, np.float32) + np.float32(0)
        # 64 bits: by chance two of ten million are equal once in 400,000 samples.
        hashes = np.fromiter((hash(row.tobytes()) for row in plain), np.int64, len(plain))
        place = sum(map(len, self._hashes)) + np.flatnonzero(empty)
        hashes[empty] = -2 - place  # no hash of its own: what is empty is equal to nothing
        self._hashes.append(hashes)

    def found(self) -> Twins:
        """Tell all examples that are equal to an earlier one.

        Raises:
            InputError: there are more than a million.
        """
        hashes = np.concatenate(self._hashes) if self._hashes else np.zeros(0, np.int64)
        _, first, which = np.unique(hashes, return_index=True, return_inverse=True)
        earliest = first[which]
        later = np.flatnonzero(earliest != np.arange(len(hashes)))
        if len(later) > MOST_TWINS:
            raise InputError(f"data: {len(later):,} of {len(hashes):,} are copies of others; leave them out")
        return tuple(zip(later.tolist(), earliest[later].tolist(), strict=True))


def same_files(sums: Mapping[str, str]) -> Iterator[str]:
    """Tell files that hold the same bytes; ``sums`` are SHA-256 by file."""
    first: dict[str, str] = {}
    for name, digest in sums.items():
        if (other := first.setdefault(digest, name)) != name:
            yield f"{name}: is a copy of {other}, byte for byte; leave one of them out"


def shared_between_parts(
    twins: Twins,
    events: NDArray[np.int64] | None,
    file_index: NDArray[np.int64],
    source: DataSource,
    noun: str,
) -> Iterator[str]:
    """Tell how many examples of validation and test part are equal to ones that are trained on.

    Args:
        twins: equal examples.
        events: of all examples, as :func:`raysearch.data.splitting.part_examples` takes them.
        file_index: the same.
        source: how they are parted; all its folds are looked at.
        noun: what an example is called.

    Raises:
        InputError: they are more than a tenth of a part.
    """
    if not twins:
        return
    yield f"{len(twins):,} {noun}{' is' if len(twins) == 1 else 's are'} equal to another one"
    for fold in range(source.folds):
        split = part_examples(events, file_index, source.of_fold(fold), noun)
        where = f" of fold {fold}" if source.folds > 1 else ""
        counts = _shared(twins, split, len(file_index))
        for part, (n, size, others) in counts.items():
            if n and (part != PARTS[2] or fold == 0):  # the test part is the same for all folds
                told = f"{n:,} of {size:,} {noun}s of the {part} part{where if part != PARTS[2] else ''}"
                if n > MOST_SHARED * size:
                    raise InputError(
                        f"data: {told} are equal to ones of {others}, so that its figures would say nothing; "
                        f"leave the copies out, or give copies the same event number"
                    )
                yield f"{told} are equal to ones of {others}: its figures are too good; leave copies out"


def _shared(twins: Twins, split: Split, n: int) -> dict[str, tuple[int, int, str]]:
    """Count examples of a part that are equal to ones of the parts before it; with its size, and theirs."""
    part = np.full(n, -1)
    for number, rows in enumerate((split.train, split.validation, split.test)):
        part[rows] = number
    pairs = np.array(twins)
    group = np.concatenate([pairs[:, 1], np.unique(pairs[:, 1])])  # by the first one, which is among them
    part_of = part[np.concatenate([pairs[:, 0], np.unique(pairs[:, 1])])]
    groups = [group[part_of == number] for number in range(3)]
    return {
        PARTS[1]: (int(np.isin(groups[1], groups[0]).sum()), len(split.validation), PARTS[0]),
        PARTS[2]: (
            int(np.isin(groups[2], np.concatenate(groups[:2])).sum()),
            len(split.test),
            f"{PARTS[0]} or {PARTS[1]}",
        ),
    }
