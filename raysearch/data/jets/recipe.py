"""What is made when jets are made: Pythia cards, cuts, sizes. No code that needs Pythia or FastJet.

``public`` follows the public HLS4ML LHC jets as the programs that made them have it
(nhanvtran/trackObservables: run card, ntupliser, and the tags in the names of its files): pp at 13 TeV, pairs
of g, q, W, Z, t of 1 TeV within 1 %, Monash tune with underlying event, anti-kT R = 0.4 on what the detector
sees, the hardest jet of an event if it has more than 100 GeV. W, Z and t come from the matrix element as
final particles there, without a width, and gluons have no upper pT. What differs: Pythia's own leading-order
processes instead of MadGraph's.

``0.1.0`` is the recipe of that version, whose studies can be repeated by it: R = 0.8, two jets an event, no
detector, and a threshold for constituents that was tuned to the public number of constituents per jet.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raysearch.data.jets.choices import Choices, Detector, RecipeName
from raysearch.data.jets.frames import Frame

VERSION = 1  # of the recipe ``public``
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
NO_UPPER_PT = ("PhaseSpace:pTHatMax = -1.",)
# On shell is the particle that the matrix element makes: the W of a top's decay keeps its width.
ON_SHELL = {"w": 24, "z": 23, "t": 6}
PUBLIC_CARDS = {
    **CARDS,
    "g": (*CARDS["g"], "PhaseSpace:pTHatMax = -1."),
    **{
        name: (*CARDS[name], f"{pdg}:doForceWidth = on", f"{pdg}:mWidth = 0.02")
        for name, pdg in ON_SHELL.items()
    },
}
WIDTH = 150  # constituents stored per jet
FILE = 10_000  # jets in a file, as in the public set


@dataclass(frozen=True)
class Recipe:
    """What decides the jets, beside seed and detector; momenta in GeV.

    Attributes:
        cards: Pythia's settings for each class.
        radius: of the jets.
        jets_per_event: so many of the hardest.
        least_clustered: softer jets are not looked at.
        threshold: pT that a constituent of a jet must exceed.
        jet_pt, most_eta: within which a jet is kept, without the constituents below the threshold.
        soft_drop_radius: R0 of the grooming by soft drop.
        frame: by which definitions its files are read.
        block: jets of one class that are made from one seed.
    """

    cards: Mapping[str, tuple[str, ...]]
    radius: float
    jets_per_event: int
    least_clustered: float
    threshold: float
    jet_pt: tuple[float, float]
    most_eta: float
    soft_drop_radius: float
    frame: Frame
    block: int


RECIPES = {
    RecipeName.public: Recipe(
        cards=PUBLIC_CARDS,
        radius=0.4,
        jets_per_event=1,
        least_clustered=100.0,
        threshold=0.0,
        jet_pt=(100.0, math.inf),
        most_eta=3.0,
        soft_drop_radius=1.0,
        frame=Frame.public,
        block=2000,
    ),
    RecipeName.first: Recipe(
        cards=CARDS,
        radius=0.8,
        jets_per_event=2,
        least_clustered=200.0,
        threshold=1.15,
        jet_pt=(800.0, 1600.0),
        most_eta=2.5,
        soft_drop_radius=0.8,
        frame=Frame.first,
        block=500,
    ),
}


@dataclass(frozen=True)
class BlockOrder:
    """One block to make: ``n`` jets of a class from one seed of Pythia; events count from ``first_event``."""

    name: str
    n: int
    pythia_seed: int
    first_event: int
    recipe: RecipeName = RecipeName.public
    detector: Detector = Detector.cells


@dataclass(frozen=True)
class JetBlock:
    """Jets: ``momenta`` (jet, WIDTH, 4) in GeV by falling pT, ``jets`` (jet, 59), ``event`` (jet,)."""

    momenta: NDArray[np.float64]
    jets: NDArray[np.float64]
    event: NDArray[np.int64]


SEEN = {
    Detector.none: "visible and stable; no detector, no pile-up",
    Detector.cells: "tracks and cells of a detector without fluctuations, detector.py; no pile-up",
    Detector.smeared: "tracks and cells of a detector, smeared by its resolution, detector.py; no pile-up",
}


def definitions(choices: Choices) -> dict[str, object]:
    """Say what the jets are, in words and cards, for the provenance file."""
    recipe = RECIPES[choices.recipe]
    low, high = recipe.jet_pt
    upper = f" and pT < {high:.0f} GeV" if math.isfinite(high) else ""
    return {
        "recipe": choices.recipe,
        **({"version": VERSION} if choices.recipe is RecipeName.public else {}),
        "common_card": [*COMMON_CARD, "Random:seed = derived from seed, class and block"],
        "class_cards": {name: list(card) for name, card in recipe.cards.items()},
        "detector": choices.seen_by,
        "particles": SEEN[choices.seen_by],
        "constituents": f"those of pT > {recipe.threshold:g} GeV in the jet, the {WIDTH} of highest pT",
        "jets": f"anti-kT R = {recipe.radius}, the {recipe.jets_per_event} hardest of an event; then, for "
        f"the sum of its constituents, pT > {low:.0f} GeV{upper} and |eta| < {recipe.most_eta:g}",
        "class": "the process of the event; nothing is matched to partons",
        "ptfrac": "pT of the jet with all particles over that with those above the threshold",
        "substructure": f"substructure.py, soft drop with R0 = {recipe.soft_drop_radius:g}",
        "features": f"constituents.py, frame {recipe.frame}",
        "differs_from_public": "processes of Pythia, not MadGraph5_aMC@NLO 2.3.1",
    }
