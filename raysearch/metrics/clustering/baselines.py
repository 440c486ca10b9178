"""How energies are shared out without learning: what a network has to beat.

Shapes in names: N sensors, K particles.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

Array = NDArray[Any]
X, Y, Z = 0, 1, 2


def nearest_axis(energy: Array, true: Array, sensors: Array) -> Array:
    """Give each sensor to the shower whose axis is nearest; the axes are known from the truth.

    Args:
        energy: GeV, (event, sensor).
        true: particles' shares, (event, sensor, particle); a shower's axis runs along z through the mean of x
            and y weighted by its own energy, which no experiment would know so well.
        sensors: x, y, z in mm and more, (sensor, 6).

    Returns:
        Shares 0 or 1, (event, sensor, particle); of axes at one distance the first has it.
    """
    own = energy[..., None] * true
    total = own.sum(1)
    across = np.stack([sensors[:, X], sensors[:, Y]], axis=1)
    axes = np.einsum("enk,nd->ekd", own, across) / np.where(total > 0, total, 1)[..., None]
    away = np.linalg.norm(across[None, :, None] - axes[:, None], axis=3)
    away = np.where(total[:, None] > 0, away, np.inf)  # a particle without energy has no axis
    return np.eye(true.shape[2], dtype=np.float32)[away.argmin(axis=2)]


def k_means(energy: Array, sensors: Array, particles: int = 2) -> Array:
    """Cluster the sensors' positions, weighted by their energies.

    Clusters come in the order of showers: by x, y and z of the sensor with most energy.

    Args:
        energy: GeV, (event, sensor).
        sensors: x, y, z in mm and more, (sensor, 6).
        particles: clusters.

    Returns:
        Shares 0 or 1, (event, sensor, particle), 0 where there is no energy.
    """
    found = np.zeros((*energy.shape, particles), np.float32)
    for event, of_sensor in enumerate(energy):
        hit = np.flatnonzero(of_sensor > 0)
        if len(hit) < particles:
            found[event, hit, 0] = 1
            continue
        places, weight = sensors[hit, : Z + 1], of_sensor[hit]
        # A fixed seed: the same event gets the same clusters wherever it is asked for.
        labels = KMeans(particles, n_init=4, random_state=0).fit_predict(places, sample_weight=weight)
        hottest = [hit[labels == each][weight[labels == each].argmax()] for each in np.unique(labels)]
        rank = np.lexsort(sensors[hottest][:, [Z, Y, X]].T).argsort()
        found[event, hit, rank[labels]] = 1
    return found
