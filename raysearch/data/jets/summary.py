"""What a check of files of jets found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from raysearch.data.jets.layout import CLASSES, FEATURES, PUBLIC_MULTIPLICITY, QUANTILES
from raysearch.data.summary import FileSummary


@dataclass(frozen=True)
class JetSummary(FileSummary):
    """What a check found in files of jets without fault; ``n`` are jets.

    Attributes:
        n_per_class: jets of each of ``layout.CLASSES``.
        n_constituents: how many a jet can have.
        derived_features: the files hold four-momenta alone.
        frame: by which definitions features are derived and images computed, see frames.py.
        multiplicity: constituents per jet at ``layout.QUANTILES``.
    """

    n_per_class: dict[str, int]
    n_constituents: int
    derived_features: bool
    frame: str
    multiplicity: tuple[float, ...]

    def facts(self) -> dict[str, Any]:
        """Tell classes, features and constituents, these beside those of the public files."""
        return {
            "classes": list(CLASSES),
            "jets_per_class": self.n_per_class,
            "constituents_stored": self.n_constituents,
            "features": list(FEATURES),
            "features_derived_from_momenta": self.derived_features,
            **({"features_derived_as": self.frame} if self.derived_features else {}),
            "event_numbers": self.has_events,
            "constituents_per_jet": {
                "quantiles": list(QUANTILES),
                "here": list(self.multiplicity),
                "public": list(PUBLIC_MULTIPLICITY),
            },
        }
