"""The order of particles in an event, without which nobody could tell which share is whose.

As in the public code behind arXiv:1902.07987 (jkiesele/DeepHGCal): by x, then y, then z of the sensor in
which the particle left most.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from raysearch.data.hits.events import Hits
from raysearch.data.hits.geometry import Table


def in_order(hits: Hits, table: Table) -> NDArray[np.int64]:
    """Order the particles of some events.

    Particles that left nothing come behind all others, and those that there are not behind these; where two
    left most in the same sensor the file's order holds.

    Args:
        hits: of the events.
        table: the detector's sensors (sensor, 6).

    Returns:
        (event, particle), places in the file's order.
    """
    shape = hits.particle_energy.shape
    hottest = np.zeros(shape, np.int64)
    most = np.zeros(shape)
    for particle, left in enumerate(hits.deposits.T):
        # By event, then by what was left: an event's last hit is where it left most; the first of equals.
        by_deposit = np.lexsort((-np.arange(len(left)), left, hits.event))
        last = by_deposit[np.flatnonzero(np.diff(hits.event, append=-1))]
        event = hits.event[last]
        hottest[event, particle], most[event, particle] = hits.sensor[last], left[last]
    rank = np.where(most > 0, 0, np.where(hits.particle_energy > 0, 1, 2))
    x, y, z = np.moveaxis(np.where((most > 0)[..., None], table[hottest, :3], 0), -1, 0)
    return np.lexsort((z, y, x, rank), axis=-1)
