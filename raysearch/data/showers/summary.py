"""What a check of files of showers found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from raysearch.data.summary import FileSummary


@dataclass(frozen=True)
class ShowerSummary(FileSummary):
    """What a check found in files of showers without fault; ``n`` are showers.

    Attributes:
        layout: after whose files the files are laid out.
        grid: cells along x and y, and layers.
        theta_rad: the least and the greatest angle between particle and y axis, None where all come alike.
        energy_gev: the least and the greatest primary energy.
        deposited: the mean share of it in the cells.
        occupancy: the mean share of cells that are not zero.
    """

    layout: str
    grid: tuple[int, int, int]
    theta_rad: tuple[float, float] | None
    energy_gev: tuple[float, float]
    deposited: float
    occupancy: float

    def facts(self) -> dict[str, Any]:
        """Tell layout, cells, energies and how full the cells are."""
        angles = {} if self.theta_rad is None else {"theta_rad": list(self.theta_rad)}
        return {
            "layout": self.layout,
            "cells": list(self.grid),
            **angles,
            "energy_gev": list(self.energy_gev),
            "deposited_share": self.deposited,
            "occupied_cells": self.occupancy,
            "event_numbers": self.has_events,
        }
