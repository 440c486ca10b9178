"""The energies of showers as found, beside the true ones: what a report shows of their response."""

from __future__ import annotations

import numpy as np

from raysearch.metrics.clustering.figures import Shared, shower_energies
from raysearch.metrics.shown import Estimates

LEAST_SHOWERS = 2  # that the report can say something of


def shower_estimates(shared: Shared) -> list[Estimates]:
    """Take the energy of the first, second, ... shower of each event.

    Args:
        shared: events whose energies were shared out.

    Returns:
        For each place in the order of showers the energies in the sensors, in GeV, of the events that have
        so many showers which left something; an estimate over the true value is the response, eq. (3) of
        arXiv:1902.07987. The plain estimate is an equal part of the event's energy.
    """
    true, found = shower_energies(shared)
    equal = true.sum(axis=1) / true.shape[1]
    shown = []
    for place in range(true.shape[1]):
        there = true[:, place] > 0
        if there.sum() >= LEAST_SHOWERS:
            energies = [each[there].astype(np.float32) for each in (true[:, place], found[:, place], equal)]
            shown.append(
                Estimates(
                    f"energy of shower {place + 1}",
                    "GeV",
                    true=energies[0],
                    estimated=energies[1],
                    plain=energies[2],
                    plain_name="equal parts",
                    plain_told="the event's energy over the number of particles that are told apart",
                )
            )
    return shown
