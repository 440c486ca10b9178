"""Rows of spectra with what belongs to each: its condition, and what it is a part of, such as its jet.

Rows of one thing, as particles of a jet, are not independent: things are halved and counted, not rows.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, Self

import numpy as np

from raysearch.metrics.shown import Spectra

Floats = np.ndarray
Side = Literal["real", "made"]


@dataclass(frozen=True)
class Rows:
    """Some rows of one side, (n,) or (n, cell).

    Attributes:
        values: of the quantity, as floats.
        condition: (n,), 0 without one.
        part_of: number of the thing that a row belongs to, (n,); each its own where nothing is said.
    """

    values: Floats
    condition: Floats
    part_of: Floats

    @classmethod
    def of(cls, shown: Spectra, side: Side) -> Self:
        """Take all rows of the real or of the made ones."""
        values = getattr(shown, side)
        condition = np.zeros(len(values)) if shown.over is None else getattr(shown.over, side)
        part_of = np.arange(len(values)) if shown.parts is None else getattr(shown.parts, side)
        return cls(values.astype(np.float64), condition, part_of)

    def __len__(self) -> int:
        return len(self.values)

    def where(self, chosen: Floats) -> Self:
        """Take some rows."""
        return type(self)(*(getattr(self, each.name)[chosen] for each in fields(self)))

    def in_bin(self, edges: Floats, place: int) -> Self:
        """Take those in a bin of the condition; the last one has its upper edge too."""
        inside = (self.condition >= edges[place]) & (self.condition < edges[place + 1])
        return self.where(inside | (self.condition == edges[-1]) if place == len(edges) - 2 else inside)

    def finite(self, *, above_0: bool) -> Self:
        """Take those whose values are all finite and, if wanted, above 0."""
        cells = self.values.reshape(len(self), -1)
        known = np.isfinite(cells).all(axis=1)
        return self.where(known & (cells > 0).all(axis=1) if above_0 else known)

    @property
    def things(self) -> Floats:
        """Number of each row's thing from 0 on, in the order of ``part_of``, (n,)."""
        return np.unique(self.part_of, return_inverse=True)[1]

    @property
    def n_things(self) -> int:
        """How many independent things there are."""
        return len(np.unique(self.part_of))

    def halves(self, *, like_conditions: bool) -> tuple[Self, Self]:
        """Take the first and the second of every two things.

        Args:
            like_conditions: of every two that follow each other by their condition, so that both halves have
                nearly the same ones: for what is compared with rows made of the very same conditions.
        """
        _, first, thing = np.unique(self.part_of, return_index=True, return_inverse=True)
        turn = np.arange(len(first))
        if like_conditions:
            # Halves are the 1st, 4th, 5th, 8th, ... and the others: neither has the greater of every two.
            turn[np.argsort(self.condition[first], kind="stable")] = (np.arange(len(first)) + 1) // 2
        is_first = turn[thing] % 2 == 0
        return self.where(is_first), self.where(~is_first)


def has_the_real_conditions(shown: Spectra) -> bool:
    """Whether each made row was asked for with the very condition of a real one."""
    return shown.over is not None and np.array_equal(shown.over.real, shown.over.made)
