"""What may be chosen of jets that are made, and earlier samples of them; light to import, for the help."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from raysearch.errors import InputError, one_of


class RecipeName(StrEnum):
    """Whose jets are made: like the public HLS4ML LHC jets, or those of version 0.1.0, to repeat studies."""

    public = "public"
    first = "0.1.0"


class Detector(StrEnum):
    """What sees the particles: nothing, a detector's cells and tracks, or these with its resolution too."""

    none = "none"
    cells = "cells"
    smeared = "smeared"


DETECTORS = {  # of each recipe, the one it has if none is asked for first
    RecipeName.public: (Detector.cells, Detector.none, Detector.smeared),
    RecipeName.first: (Detector.none,),
}


@dataclass(frozen=True)
class Choices:
    """What jets are made.

    Attributes:
        recipe: whose.
        detector: what sees the particles; None for the recipe's own.
        compact: rounded four-momenta only, a quarter of the size; the reader derives the other features.

    Raises:
        InputError: the recipe has no such detector.
    """

    recipe: RecipeName = RecipeName.public
    detector: Detector | None = None
    compact: bool = False

    def __post_init__(self) -> None:
        allowed = DETECTORS[self.recipe]
        if self.detector is not None and self.detector not in allowed:
            raise InputError(f"detector: recipe {self.recipe} takes {one_of(allowed)}, got {self.detector}")

    @property
    def seen_by(self) -> Detector:
        """The detector that is meant."""
        return self.detector or DETECTORS[self.recipe][0]


DEFAULT = Choices()

EARLIER_SAMPLES = {  # SHA-256 of samples that shipped, and with which version
    "d36fec1d75d5141514a0cb080fa681418d98139f29b1ffeb8fdd627fcf2ea942": "0.1.0",
}
