"""Pions laid over each other, sensor by sensor, with each one's deposits kept apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from raysearch.data.hits.events import Hits
from raysearch.data.hits.geometry import paper_sensors
from raysearch.data.hits.order import in_order
from raysearch.data.hits.recipe import HitBlock

Floats = NDArray[np.float64]


def overlaid(
    deposits: Floats, energy: Floats, vertex: Floats, numbers: NDArray[np.int64], width: int
) -> HitBlock:
    """Lay pions over each other, the first ``numbers[0]`` of them in the first event and so on.

    Args:
        deposits: (pion, sensor), GeV.
        energy: (pion,), GeV.
        vertex: (pion, 3), mm.
        numbers: (event,), pions of each.
        width: columns for pions.
    """
    of_event = np.repeat(np.arange(len(numbers)), numbers)
    place = np.arange(len(energy)) - np.repeat(np.cumsum(numbers) - numbers, numbers)
    all_deposits = np.zeros((len(numbers), deposits.shape[1], width))
    all_deposits[of_event, :, place] = deposits
    energies, vertices = np.zeros((len(numbers), width)), np.zeros((len(numbers), width, 3))
    energies[of_event, place], vertices[of_event, place] = energy, vertex
    event, sensor = np.nonzero(all_deposits.any(axis=2))
    hits = Hits(event=event, sensor=sensor, deposits=all_deposits[event, sensor], particle_energy=energies)
    order = in_order(hits, paper_sensors())
    return HitBlock(
        event=event,
        sensor=sensor,
        deposits=np.take_along_axis(hits.deposits, order[event], axis=1),
        particle_energy=np.take_along_axis(energies, order, axis=1),
        vertex=np.take_along_axis(vertices, order[..., None], axis=1),
    )
