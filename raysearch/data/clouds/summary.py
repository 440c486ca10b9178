"""What a check of jets as point clouds found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from raysearch.data.summary import FileSummary


@dataclass(frozen=True)
class CloudSummary(FileSummary):
    """What a check found in files of jets, read as point clouds, without fault; ``n`` are jets.

    Attributes:
        n_per_class: jets of each of ``layout.CLASSES``.
        n_unknown: jets whose class the files do not tell.
        points: particles a jet that were looked at.
        multiplicity: of these the number that is there, at 5, 50 and 95 %.
        pt_sum: of pT_rel over a jet, at the same.
    """

    n_per_class: dict[str, int]
    n_unknown: int
    points: int
    multiplicity: tuple[float, ...]
    pt_sum: tuple[float, ...]

    def facts(self) -> dict[str, Any]:
        """Tell classes, and how many particles jets have."""
        quantiles = [0.05, 0.5, 0.95]
        return {
            "jets_per_class": self.n_per_class,
            "jets_of_unknown_class": self.n_unknown,
            "particles_looked_at": self.points,
            "particles_per_jet": {"quantiles": quantiles, "here": list(self.multiplicity)},
            "sum_of_pT_rel": {"quantiles": quantiles, "here": list(self.pt_sum)},
        }
