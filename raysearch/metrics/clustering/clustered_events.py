"""Clusters as shares of particles, so that events look alike whoever shared them out.

Shapes in names: B events, N sensors, F columns of what is told.
"""

from __future__ import annotations

from itertools import count

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from raysearch.metrics.clustering.clusters import Clusters, Matched, find_clusters, match
from raysearch.metrics.clustering.figures import Shared


def clustered(energy_BN: Tensor, true_BNK: Tensor, told_BNF: Tensor) -> Shared:
    """Give each cluster its particle's place, and those that match none places beyond all particles.

    Args:
        energy_BN: GeV.
        true_BNK: each particle's share of it.
        told_BNF: what object condensation tells of each sensor.

    Returns:
        Found shares are 0 or 1. Where clusters match no particle both have more columns.
    """
    places = []
    for energy, true, told in zip(energy_BN.numpy(), true_BNK.numpy(), told_BNF.numpy(), strict=True):
        clusters = find_clusters(energy, told)
        places.append(_places(clusters, match(energy, true, clusters)))
    columns = max(true_BNK.shape[2], *(int(each.max()) + 1 for each in places))
    numbers = torch.from_numpy(np.stack(places))[..., None]
    found = (numbers == torch.arange(columns)).to(true_BNK.dtype)
    more = true_BNK.new_zeros(*true_BNK.shape[:2], columns - true_BNK.shape[2])
    return Shared(energy_BN, torch.cat([true_BNK, more], dim=2), found)


def _places(clusters: Clusters, matched: Matched) -> NDArray[np.int64]:
    """The column of each sensor's cluster, (sensor,); -1: it has none."""
    column_of = {int(cluster): k for k, cluster in enumerate(matched.cluster_K) if cluster >= 0}
    beyond = count(len(matched.cluster_K))
    columns = [column_of[each] if each in column_of else next(beyond) for each in range(matched.n_clusters)]
    return np.array([*columns, -1])[clusters.number_N]
