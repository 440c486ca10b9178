"""What decides the events that raysearch makes. No code that needs Pythia."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raysearch.data.hits.choices import DEFAULT, Choices
from raysearch.data.hits.events import Hits
from raysearch.data.hits.model import MODEL

VERSION = 1  # of the recipe; files of another are not kept
BLOCK = 1000  # events made from one seed: for each Pythia takes a second to start, the events seven
STEP_GEV = 2.0**-10  # what deposits are whole numbers of
VERTEX_MM = 50.0  # pions begin within so much of the axis along x and y
START_MM = -2000.0  # and so far before the front face
PION, PION_MASS_GEV = 211, 0.13957
CARD = (
    "Beams:frameType = 2",
    "Beams:idA = 211",
    "Beams:idB = 2212",
    "Beams:eA = 250.",
    "Beams:eB = 0.93827",
    "SoftQCD:all = on",
    "LowEnergyQCD:all = on",
    # What lives long enough to fly is followed; neutral pions decay where they are made.
    "ParticleDecays:limitTau0 = on",
    "ParticleDecays:tau0Max = 1.",
    "Random:setSeed = on",
)


@dataclass(frozen=True, kw_only=True)
class HitBlock(Hits):
    """Events that were made; ``vertex`` float64 (event, particle, 3), mm, 0 where there is no particle."""

    vertex: NDArray[np.float64]


@dataclass(frozen=True)
class Recipe:
    """All that decides some events in order: ``events`` of them from number ``first``."""

    seed: int
    first: int
    events: int
    choices: Choices = DEFAULT

    @property
    def rows(self) -> int:
        """How many events."""
        return self.events

    def told(self) -> dict[str, Any]:
        """Tell all of it in plain values."""
        return {
            "version": VERSION,
            "seed": self.seed,
            "first": self.first,
            "events": self.events,
            **asdict(self.choices),
            "particle": f"pi+ ({PION}) along z from z = {START_MM:g} mm, |x| and |y| < {VERTEX_MM:g} mm",
            "step_gev": STEP_GEV,
            "pythia": ["setups/InitDefaultMPI.cmnd", *CARD, "Random:seed = derived from seed and block"],
            "parameters": asdict(MODEL),
        }

    def text(self) -> str:
        """The same, as the file says how it was made."""
        return json.dumps(self.told(), sort_keys=True)

    def blocks(self) -> Iterator[BlockOrder]:
        """The blocks that it is made of, in order."""
        for start in range(0, self.events, BLOCK):
            yield BlockOrder(self, (self.first + start) // BLOCK, min(BLOCK, self.events - start))


@dataclass(frozen=True)
class BlockOrder:
    """One block to make: ``n`` events, whose randomness follows from seed and number."""

    recipe: Recipe
    number: int
    n: int
