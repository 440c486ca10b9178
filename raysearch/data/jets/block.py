"""One block of jets of one class: Pythia 8 events, anti-kT jets, their constituents and 59 quantities.

Runs in a process of its own, since Pythia and FastJet are GPL, large, and print to the terminal; called by
raysearch/data/jets/make.py. Recipe: raysearch/data/jets/recipe.py.
"""

from __future__ import annotations

import awkward as ak
import fastjet
import numpy as np
import pythia8mc
from numpy.typing import NDArray

from raysearch.data.jets.layout import CLASSES, JET_COLUMNS, QUANTITIES
from raysearch.data.jets.recipe import (
    CARDS,
    COMMON_CARD,
    JET_PT_GEV,
    JETS_PER_EVENT,
    MAX_JET_ETA,
    MIN_CONSTITUENT_PT_GEV,
    RADIUS,
    WIDTH,
    BlockOrder,
    JetBlock,
)
from raysearch.data.jets.substructure import substructure

NEUTRINOS = (12, 14, 16)
EVENTS_AT_ONCE = 100
MAX_EVENTS_PER_JET = 100
MIN_JET_PT_GEV = 200.0  # softer jets are not looked at


def make_block(order: BlockOrder) -> JetBlock:
    """Make the jets of one block.

    Raises:
        ValueError: Pythia refuses the cards, or its events hold too few jets.
    """
    pythia = _pythia(order)
    jets, fractions, events = [], [], []
    first, missing = order.first_event, order.n
    while missing > 0:
        events_asked = min(EVENTS_AT_ONCE, missing // JETS_PER_EVENT + 2)
        particles = _visible(pythia.nextBatch(events_asked).prt)
        found, fraction, position = _leading_jets(particles)
        # Cuts that nothing passes would otherwise generate events for ever.
        if first - order.first_event > MAX_EVENTS_PER_JET * order.n:
            raise ValueError(
                f"class {order.name}: too few jets pass the cuts, {missing} of {order.n} are missing"
            )
        jets.append(found[:missing])
        fractions.append(fraction[:missing])
        events.append(first + position[:missing])
        first += len(particles)
        missing -= len(found)
    constituents = ak.concatenate(jets)
    return JetBlock(
        momenta=_padded(constituents),
        jets=_columns(constituents, np.concatenate(fractions), CLASSES.index(order.name)),
        event=np.concatenate(events).astype(np.int64),
    )


def _pythia(order: BlockOrder) -> pythia8mc.Pythia:
    pythia = pythia8mc.Pythia("", False)
    for line in (*COMMON_CARD, *CARDS[order.name], f"Random:seed = {order.pythia_seed}"):
        if not pythia.readString(line):
            raise ValueError(f"Pythia does not know {line!r}")
    if not pythia.init():
        raise ValueError(f"Pythia could not start for class {order.name}")
    return pythia


def _visible(particles: ak.Array) -> ak.Array:
    """Stable particles that a detector could see: (event, var) with px, py, pz, E in GeV."""
    kind = abs(particles.id)
    seen = particles[
        (particles.status > 0) & (kind != NEUTRINOS[0]) & (kind != NEUTRINOS[1]) & (kind != NEUTRINOS[2])
    ]
    return ak.zip({"px": seen.p.px, "py": seen.p.py, "pz": seen.p.pz, "E": seen.p.e})


def _leading_jets(particles: ak.Array) -> tuple[ak.Array, NDArray[np.float64], NDArray[np.int64]]:
    """Jets that pass the cuts: constituents (jet, var), pT before over after the threshold, events."""
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, RADIUS)
    constituents = fastjet.ClusterSequence(particles, definition).constituents(MIN_JET_PT_GEV)
    # By pT after clustering: FastJet gives jets in an order of its own.
    leading = ak.argsort(_pt(constituents), axis=1, ascending=False)[:, :JETS_PER_EVENT]
    position = ak.to_numpy(ak.flatten(ak.broadcast_arrays(ak.local_index(leading, axis=0), leading)[0]))
    full = ak.flatten(constituents[leading], axis=1)
    # After clustering, so that the threshold moves no axis; what it costs is the quantity ptfrac.
    kept = full[np.hypot(full.px, full.py) > MIN_CONSTITUENT_PT_GEV]
    pt_full, pt = ak.to_numpy(_pt(full)), ak.to_numpy(_pt(kept))
    eta = np.arcsinh(ak.to_numpy(ak.sum(kept.pz, axis=-1)) / pt)
    passed = (pt > JET_PT_GEV[0]) & (pt < JET_PT_GEV[1]) & (np.abs(eta) < MAX_JET_ETA)
    return kept[passed], (pt_full / pt)[passed], position[passed]


def _pt(constituents: ak.Array) -> ak.Array:
    return np.hypot(ak.sum(constituents.px, axis=-1), ak.sum(constituents.py, axis=-1))


def _padded(constituents: ak.Array) -> NDArray[np.float64]:
    by_pt = constituents[ak.argsort(np.hypot(constituents.px, constituents.py), axis=1, ascending=False)]
    axes = (ak.fill_none(ak.pad_none(by_pt[axis], WIDTH, clip=True), 0.0) for axis in ("px", "py", "pz", "E"))
    return np.stack([ak.to_numpy(axis) for axis in axes], axis=-1)


def _columns(
    constituents: ak.Array, pt_fraction: NDArray[np.float64], class_number: int
) -> NDArray[np.float64]:
    values = {"ptfrac": pt_fraction, **substructure(constituents)}
    columns = np.zeros((len(pt_fraction), len(JET_COLUMNS)))
    columns[:, : len(QUANTITIES)] = np.stack([values[name] for name in QUANTITIES], axis=-1)
    columns[:, len(QUANTITIES) + class_number] = 1.0
    return columns
