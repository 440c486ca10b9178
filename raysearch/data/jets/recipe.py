"""What is made when jets are made: Pythia cards, cuts, sizes. No code that needs Pythia or FastJet.

What is known of the public HLS4ML jets (R. Kansal's thesis, chapter 4, on JetNet, which was made from them) is
followed: pp at 13 TeV, pairs of g, q, W, Z, t of 1 TeV within 1 %, Monash tune with underlying event, anti-kT
R = 0.8, the two leading jets. What differs: Pythia's own leading-order processes instead of MadGraph's, no detector
(visible stable particles), and a constituent threshold tuned to the public number of constituents per jet.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COMMON_CARD = (
    "Beams:idA = 2212",
    "Beams:idB = 2212",
    "Beams:eCM = 13000.",
    "PhaseSpace:pTHatMin = 990.",
    "PhaseSpace:pTHatMax = 1010.",
    "Tune:pp = 14",
    "Print:quiet = on",
    "Random:setSeed = on",
)
W_TO_QUARKS = ("24:onMode = off", "24:onIfAny = 1 2 3 4 5")
Z_TO_QUARKS = ("23:onMode = off", "23:onIfAny = 1 2 3 4 5")
CARDS = {
    "g": ("HardQCD:gg2gg = on", "HardQCD:qqbar2gg = on"),
    "q": ("HardQCD:qq2qq = on", "HardQCD:qqbar2qqbarNew = on", "HardQCD:gg2qqbar = on"),
    "w": ("WeakDoubleBoson:ffbar2WW = on", *W_TO_QUARKS),
    "z": ("WeakDoubleBoson:ffbar2gmZgmZ = on", "WeakZ0:gmZmode = 2", *Z_TO_QUARKS),
    "t": ("Top:gg2ttbar = on", "Top:qqbar2ttbar = on", *W_TO_QUARKS),
}
RADIUS = 0.8
MIN_CONSTITUENT_PT_GEV = 1.15
JET_PT_GEV = (800.0, 1600.0)
MAX_JET_ETA = 2.5
JETS_PER_EVENT = 2
WIDTH = 150  # constituents stored per jet
BLOCK = 500  # jets of one class made from one seed
FILE = 10_000  # jets in a file, as in the public set


@dataclass(frozen=True)
class BlockOrder:
    """One block to make: ``n`` jets of one class from one seed of Pythia; events count from ``first_event``."""

    name: str
    n: int
    pythia_seed: int
    first_event: int


@dataclass(frozen=True)
class JetBlock:
    """Jets: ``momenta`` (jet, WIDTH, 4) in GeV by falling pT, ``jets`` (jet, 59), ``event`` (jet,)."""

    momenta: NDArray[np.float64]
    jets: NDArray[np.float64]
    event: NDArray[np.int64]


def definitions() -> dict[str, object]:
    """Say what the jets are, in words and cards, for the provenance file."""
    low, high = JET_PT_GEV
    return {
        "common_card": [*COMMON_CARD, "Random:seed = derived from seed, class and block"],
        "class_cards": {name: list(card) for name, card in CARDS.items()},
        "particles": "visible and stable; no detector simulation, no pile-up",
        "constituents": f"particles of the jet with pT > {MIN_CONSTITUENT_PT_GEV} GeV, the {WIDTH} of highest pT",
        "jets": f"anti-kT R = {RADIUS} on all particles, the {JETS_PER_EVENT} leading of an event; then, for the sum "
        f"of constituents above threshold, {low:.0f} < pT < {high:.0f} GeV and |eta| < {MAX_JET_ETA}",
        "class": "the process of the event; nothing is matched to partons",
        "ptfrac": "pT of the jet with all particles over pT of the jet with those above threshold",
        "substructure": "raysearch/data/jets/substructure.py",
        "differs_from_public": "processes of Pythia, not MadGraph5_aMC@NLO 2.3.1; no detector",
    }
