"""One block of events: pions' cascades one by one, laid over each other sensor by sensor.

Runs in a process of its own, since Pythia is GPL, large, and keeps global state; called by make.py. Pions are
each used once, and a block's come from one stream of random numbers: no event holds a pion twice, as events
laid over others made from the same seed would.
"""

from __future__ import annotations

from random import Random

import numpy as np
from numpy.typing import NDArray

from raysearch.data.hits.cascade import MM, Cascade, Hadron
from raysearch.data.hits.deposits import deposits_of
from raysearch.data.hits.nucleon import Nucleons
from raysearch.data.hits.overlay import overlaid
from raysearch.data.hits.recipe import (
    PION,
    PION_MASS_GEV,
    START_MM,
    STEP_GEV,
    VERTEX_MM,
    BlockOrder,
    HitBlock,
)
from raysearch.seeds import derive, generator

AT_ONCE = 50  # pions whose points are in memory together
MAX_PYTHIA_SEED = 900_000_000

Floats = NDArray[np.float64]


def make_block(order: BlockOrder) -> HitBlock:
    """Make one block; the same order gives the same bits.

    Raises:
        ResourceError: Pythia's data are not where it looks for them.
        ValueError: Pythia refuses a setting, or cannot start.
    """
    seed, choices = order.recipe.seed, order.recipe.choices
    rng = generator(seed, "hits", order.number)
    numbers = rng.integers(choices.particles[0], choices.particles[1] + 1, order.n)
    n = int(numbers.sum())
    # Rounded first: the shower is one of the energy that the file holds.
    momentum = rng.uniform(*choices.momentum_gev, n)
    energy = np.hypot(momentum, PION_MASS_GEV).astype(np.float32).astype(np.float64)
    vertex = np.full((n, 3), START_MM)
    vertex[:, :2] = rng.uniform(-VERTEX_MM, VERTEX_MM, (n, 2))
    # Pythia takes 0 for the time of day.
    nucleons = Nucleons(1 + derive(seed, "hits/pythia", order.number) % MAX_PYTHIA_SEED)
    cascade = Cascade(nucleons, Random(derive(seed, "hits/cascade", order.number)))
    found = []
    for start in range(0, n, AT_ONCE):
        pions = zip(energy[start : start + AT_ONCE], vertex[start : start + AT_ONCE], strict=True)
        found.append(deposits_of([cascade.of(pion(*each)) for each in pions], rng))
    # A step is what electronics would tell apart, and packs well.
    deposits = np.rint(np.concatenate(found) / STEP_GEV) * STEP_GEV
    return overlaid(deposits, energy, vertex, numbers, choices.particles[1])


def pion(energy: float, vertex: Floats) -> Hadron:
    """A pion at the front face, which it reaches along z."""
    x, y, _ = (vertex * MM).tolist()
    return Hadron(PION, PION_MASS_GEV, 1.0, float(energy) - PION_MASS_GEV, (x, y, 0.0), (0.0, 0.0, 1.0))
