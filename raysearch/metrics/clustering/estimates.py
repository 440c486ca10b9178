"""The energies of showers as found, beside the true ones: what a report shows of their response."""

from __future__ import annotations

import numpy as np

from raysearch.metrics.clustering.figures import Shared, shower_energies
from raysearch.metrics.shown import Estimates

LEAST_GEV = 1e-3  # true energies of showers that left nothing; the report divides by them


def shower_estimates(found: Shared, plain: Shared) -> list[Estimates]:
    """Take the energy of the first, second, ... shower of each event.

    Args:
        found: shares by a network.
        plain: shares by k-means on the same events.

    Returns:
        For each place in the order of showers the energies in the sensors, in GeV; an estimate over the true
        value is the response, eq. (3) of arXiv:1902.07987.
    """
    true, ours = shower_energies(found)
    _, by_clusters = shower_energies(plain)
    return [
        Estimates(
            f"energy of shower {place + 1}",
            "GeV",
            np.maximum(true[:, place], LEAST_GEV).astype(np.float32),
            ours[:, place].astype(np.float32),
            by_clusters[:, place].astype(np.float32),
            plain_name="k-means",
            plain_told="clusters of the sensors' positions, weighted by their energies",
        )
        for place in range(true.shape[1])
    ]
