"""Some events and their hits in memory, whether they were read or made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Hits:
    """Events with their hits one after another.

    Attributes:
        event: int64 (hit,), the place of a hit's event among these, rising.
        sensor: int64 (hit,).
        deposits: float64 (hit, particle), GeV.
        particle_energy: float64 (event, particle), GeV, 0 where there is none.
    """

    event: NDArray[np.int64]
    sensor: NDArray[np.int64]
    deposits: NDArray[np.float64]
    particle_energy: NDArray[np.float64]
