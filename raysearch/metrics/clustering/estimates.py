"""The energies of showers as found, beside the true ones: what a report shows of their response."""

from __future__ import annotations

import numpy as np

from raysearch.metrics.clustering.figures import OVERLAP, Shared, overlap, shower_energies
from raysearch.metrics.shown import Against, Estimates

LEAST_SHOWERS = 2  # that the report can say something of
OVERLAP_TOLD = "the share of its energy in sensors of which a particle has {} to {}".format(*OVERLAP)


def shower_estimates(shared: Shared) -> list[Estimates]:
    """Take the energy of the first, second, ... shower of each event.

    Args:
        shared: events whose energies were shared out.

    Returns:
        For each place in the order of showers the energies in the sensors, in GeV, of the events that have
        so many showers which left something; an estimate over the true value is the response, eq. (3) of
        arXiv:1902.07987. The plain estimate is an equal part of the event's energy. They are shown against
        the overlap, too: the share of a shower's energy that lies in sensors where a true share is 0.2 to
        0.8.
    """
    true, found = shower_energies(shared)
    in_overlap, _ = shower_energies(overlap(shared))
    equal = true.sum(axis=1) / true.shape[1]
    shown = []
    for place in range(true.shape[1]):
        there = true[:, place] > 0
        if there.sum() >= LEAST_SHOWERS:
            energies = [each[there].astype(np.float32) for each in (true[:, place], found[:, place], equal)]
            share = in_overlap[there, place] / true[there, place]
            shown.append(
                Estimates(
                    f"energy of shower {place + 1}",
                    "GeV",
                    true=energies[0],
                    estimated=energies[1],
                    plain=energies[2],
                    plain_name="equal parts",
                    plain_told="the event's energy over the number of particles that are told apart",
                    against=Against("overlap", "", share.astype(np.float32), OVERLAP_TOLD),
                )
            )
    return shown
