"""Faults of files, all of which are told together: what is refused, and values that cannot be, counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from raysearch.errors import InputError


class Faults:
    """Collects the faults of some files, in the order in which they are read."""

    def __init__(self) -> None:
        self._problems: list[str] = []

    @contextmanager
    def of(self, file: Path) -> Iterator[FaultyValues]:
        """Read a file: an InputError ends its reading and is kept, and what was counted of its values.

        Args:
            file: the file, by which faulty values are told.
        """
        values = FaultyValues(file)
        try:
            yield values
        except InputError as error:
            self._problems += error.problems
        # After the error that ended the reading: what was counted until then is true as well.
        self._problems += values.told()

    def add(self, problems: Iterable[str]) -> None:
        """Keep faults that are not of one file alone."""
        self._problems += problems

    def raise_any(self) -> None:
        """Tell them all.

        Raises:
            InputError: there are some.
        """
        if self._problems:
            raise InputError(*self._problems)


def not_used(unused: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Tell what files hold that nothing reads, a line for all files that hold the same.

    Args:
        unused: names of columns and datasets, by the file's name.
    """
    holding: dict[tuple[str, ...], list[str]] = {}
    for file, names in unused.items():
        holding.setdefault(tuple(names), []).append(file)
    for names, files in holding.items():
        if names:
            others = f" and {len(files) - 1} other files" if len(files) > 1 else ""
            yield f"{files[0]}{others}: not used are {', '.join(names)}"


class FaultyValues:
    """Counts the faulty values of one file and remembers the first of each kind."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._counts: dict[str, int] = {}
        self._first: dict[str, str] = {}

    def note(self, kind: str, bad: NDArray[np.bool_], start: int, where: str) -> None:
        """Count values of some rows.

        Args:
            kind: what is wrong with them, in the plural, such as ``cells below 0``.
            bad: (row, ...), which of them are.
            start: the first row's place in the file.
            where: how to name a value, with ``{}`` for its place, such as ``ECAL[{}]``.
        """
        if not bad.any():
            return
        self._counts[kind] = self._counts.get(kind, 0) + int(bad.sum())
        row, *rest = (int(place) for place in np.argwhere(bad)[0])
        self._first.setdefault(kind, where.format(", ".join(map(str, (start + row, *rest)))))

    def told(self) -> list[str]:
        """Tell one line for each kind."""
        return [
            f"{self._file}: {count} {kind}, first {self._first[kind]}" for kind, count in self._counts.items()
        ]
