"""What a check of files of hits found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from raysearch.data.summary import FileSummary


@dataclass(frozen=True)
class HitSummary(FileSummary):
    """What a check found in files of hits without fault; ``n`` are events.

    Attributes:
        sensors: of the detector.
        layers: of it.
        size_mm: from the first to the last edge of sensors along x, y and z.
        particles: the least and the greatest number in an event.
        energy_gev: the least and the greatest of a particle.
        deposited: the mean share of the particles' energy in the sensors.
        hits: the mean number in an event.
    """

    sensors: int
    layers: int
    size_mm: tuple[float, float, float]
    particles: tuple[int, int]
    energy_gev: tuple[float, float]
    deposited: float
    hits: float

    def facts(self) -> dict[str, Any]:
        """Tell detector, particles, energies and how many sensors are hit."""
        return {
            "sensors": self.sensors,
            "layers": self.layers,
            "size_mm": list(self.size_mm),
            "particles_of_an_event": list(self.particles),
            "energy_gev": list(self.energy_gev),
            "deposited_share": self.deposited,
            "hits_of_an_event": self.hits,
            "event_numbers": self.has_events,
        }
