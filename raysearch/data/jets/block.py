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

from raysearch.data.jets.choices import Detector, RecipeName
from raysearch.data.jets.detector import Particles, detect
from raysearch.data.jets.layout import CLASSES, JET_COLUMNS, QUANTITIES
from raysearch.data.jets.pythia_data import pythia_data, where_to_look
from raysearch.data.jets.recipe import COMMON_CARD, RECIPES, WIDTH, BlockOrder, JetBlock, Recipe
from raysearch.data.jets.substructure import substructure
from raysearch.errors import ResourceError
from raysearch.seeds import generator

NEUTRINOS = (12, 14, 16)
EVENTS_AT_ONCE = 100
MAX_EVENTS_PER_JET = 100
AXES = ("px", "py", "pz", "E")


def make_block(order: BlockOrder) -> JetBlock:
    """Make the jets of one block.

    Raises:
        ResourceError: Pythia's data are not where it looks for them.
        ValueError: Pythia refuses the cards, or its events hold too few jets.
    """
    recipe = RECIPES[order.recipe]
    pythia = _pythia(order, recipe)
    rng = generator(order.pythia_seed, "jets/detector")
    jets, fractions, events = [], [], []
    first, missing = order.first_event, order.n
    while missing > 0:
        events_asked = min(EVENTS_AT_ONCE, missing // recipe.jets_per_event + 2)
        particles = _seen(pythia.nextBatch(events_asked).prt, order.detector, rng)
        found, fraction, position = _leading_jets(particles, recipe)
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
    quantities = substructure(
        constituents,
        recipe.soft_drop_radius,
        correlators_of_fastjet=order.recipe is RecipeName.first,
    )
    quantities["ptfrac"] = np.concatenate(fractions)
    return JetBlock(
        momenta=_padded(constituents),
        jets=_columns(quantities, CLASSES.index(order.name)),
        event=np.concatenate(events).astype(np.int64),
    )


def _pythia(order: BlockOrder, recipe: Recipe) -> pythia8mc.Pythia:
    pythia = pythia8mc.Pythia(pythia_data(), False)
    # Without its data, or with those of another version, it takes no setting at all.
    if not pythia.readString("Print:quiet = on"):
        raise ResourceError(where_to_look())
    for line in (*COMMON_CARD, *recipe.cards[order.name], f"Random:seed = {order.pythia_seed}"):
        if not pythia.readString(line):
            raise ValueError(f"Pythia does not know {line!r}")
    if not pythia.init():
        raise ValueError(f"Pythia could not start for class {order.name}")
    return pythia


def _seen(particles: ak.Array, detector: Detector, rng: np.random.Generator) -> ak.Array:
    """What is clustered: (event, var) with px, py, pz, E in GeV, in events without neutrinos."""
    kind = abs(particles.id)
    visible = particles[
        (particles.status > 0) & (kind != NEUTRINOS[0]) & (kind != NEUTRINOS[1]) & (kind != NEUTRINOS[2])
    ]
    momenta = ak.zip({"px": visible.p.px, "py": visible.p.py, "pz": visible.p.pz, "E": visible.p.e})
    if detector is Detector.none:
        return momenta
    event = np.repeat(np.arange(len(momenta)), ak.num(momenta, axis=1))
    found = detect(
        Particles(event, _stacked(ak.flatten(momenta))),
        ak.to_numpy(ak.flatten(visible.id)),
        detector,
        rng,
    )
    counts = np.bincount(found.event, minlength=len(momenta))
    return ak.unflatten(ak.zip(dict(zip(AXES, found.momenta.T, strict=True))), counts)


def _leading_jets(
    particles: ak.Array, recipe: Recipe
) -> tuple[ak.Array, NDArray[np.float64], NDArray[np.int64]]:
    """Jets that pass the cuts: constituents (jet, var), pT before over after the threshold, events."""
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, recipe.radius)
    constituents = fastjet.ClusterSequence(particles, definition).constituents(recipe.least_clustered)
    # By pT after clustering: FastJet gives jets in an order of its own.
    leading = ak.argsort(_pt(constituents), axis=1, ascending=False)[:, : recipe.jets_per_event]
    position = ak.to_numpy(ak.flatten(ak.broadcast_arrays(ak.local_index(leading, axis=0), leading)[0]))
    full = ak.flatten(constituents[leading], axis=1)
    # After clustering, which sees all particles; what it costs is the quantity ptfrac.
    kept = full[np.hypot(full.px, full.py) > recipe.threshold]
    pt_full, pt = ak.to_numpy(_pt(full)), ak.to_numpy(_pt(kept))
    eta = np.arcsinh(ak.to_numpy(ak.sum(kept.pz, axis=-1)) / pt)
    low, high = recipe.jet_pt
    passed = (pt > low) & (pt < high) & (np.abs(eta) < recipe.most_eta)
    return kept[passed], (pt_full / pt)[passed], position[passed]


def _pt(constituents: ak.Array) -> ak.Array:
    return np.hypot(ak.sum(constituents.px, axis=-1), ak.sum(constituents.py, axis=-1))


def _padded(constituents: ak.Array) -> NDArray[np.float64]:
    by_pt = constituents[ak.argsort(np.hypot(constituents.px, constituents.py), axis=1, ascending=False)]
    return _stacked(ak.zip({axis: _filled(by_pt[axis]) for axis in AXES}))


def _filled(values: ak.Array) -> ak.Array:
    return ak.fill_none(ak.pad_none(values, WIDTH, clip=True), 0.0)


def _stacked(momenta: ak.Array) -> NDArray[np.float64]:
    """Records as an array, px, py, pz, E along its last axis."""
    return np.stack([ak.to_numpy(momenta[axis]) for axis in AXES], axis=-1)


def _columns(quantities: dict[str, NDArray[np.float64]], class_number: int) -> NDArray[np.float64]:
    columns = np.zeros((len(quantities["ptfrac"]), len(JET_COLUMNS)))
    columns[:, : len(QUANTITIES)] = np.stack([quantities[name] for name in QUANTITIES], axis=-1)
    columns[:, len(QUANTITIES) + class_number] = 1.0
    return columns
