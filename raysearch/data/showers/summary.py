"""What a check of files of showers found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from raysearch.data.summary import FileSummary


@dataclass(frozen=True)
class ShowerSummary(FileSummary):
    """What a check found in files of showers without fault; ``n`` are showers.

    Attributes:
        energy_gev: the least and the greatest primary energy.
        deposited: the mean share of it in the cells.
        occupancy: the mean share of cells that are not zero.
    """

    energy_gev: tuple[float, float]
    deposited: float
    occupancy: float

    def facts(self) -> dict[str, Any]:
        """Tell energies and how full the cells are."""
        return {
            "energy_gev": list(self.energy_gev),
            "deposited_share": self.deposited,
            "occupied_cells": self.occupancy,
            "event_numbers": self.has_events,
        }
