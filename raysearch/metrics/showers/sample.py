"""Showers as metrics see them: the energy that was asked for, perhaps the angle, and what is kept of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raysearch.errors import InputError


@dataclass(frozen=True)
class ShowerSample:
    """Showers of one origin.

    Attributes:
        energy: (n,) GeV of the primary particle.
        features: what :func:`raysearch.metrics.showers.features.shower_features` keeps, each (n, ...).
        theta: (n,) rad between the particle and the y axis, None where all come at a right angle.

    Raises:
        InputError: no showers, lengths that differ, or an energy that is not above 0.
    """

    energy: NDArray[np.floating[Any]]
    features: Mapping[str, NDArray[Any]]
    theta: NDArray[np.floating[Any]] | None = None

    def __post_init__(self) -> None:
        n = len(self.energy)
        columns = {**self.features, **({} if self.theta is None else {"theta": self.theta})}
        problems = [
            f"{name}: has {len(column)} showers, but energy {n}"
            for name, column in columns.items()
            if len(column) != n
        ]
        if not n or not (np.asarray(self.energy) > 0).all():
            problems.append("energy: needs at least one shower, and energies above 0")
        if problems:
            raise InputError(*problems)

    def __len__(self) -> int:
        return len(self.energy)

    def __getitem__(self, rows: ArrayLike | slice) -> ShowerSample:
        """Take some showers: numbers, a mask, or a slice."""
        found = rows if isinstance(rows, slice) else np.asarray(rows)
        return ShowerSample(
            self.energy[found],
            {name: column[found] for name, column in self.features.items()},
            None if self.theta is None else self.theta[found],
        )

    @property
    def sampling_fraction(self) -> NDArray[np.float64]:
        """Energy in the cells over energy of the particle, (n,)."""
        return np.asarray(self.features["total"] / np.asarray(self.energy, np.float64))
