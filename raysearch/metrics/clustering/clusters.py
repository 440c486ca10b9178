"""Clusters from what object condensation tells of each sensor, and how many are particles.

arXiv:2002.03605, section 2: sensors with a confidence above t_beta are looked at, the most confident first;
one that no cluster has yet stands for a new one, and takes all sensors within t_d of it that are free.

A cluster and a particle are matched where more than half of the energy of each is the other's. So each has
one partner at most.

Shapes in names: N sensors, C clusters, K particles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
NO_CLUSTER = -1
CONFIDENT = 0.1  # t_beta
NEAR = 0.8  # t_d; the losses push strangers apart to a distance of 1


@dataclass(frozen=True)
class Clusters:
    """Clusters of one event.

    Attributes:
        number_N: int16, the cluster of each sensor, by falling confidence from 0; -1: none.
        energy_C: GeV, as the network tells it of each.
    """

    number_N: NDArray[np.int16]
    energy_C: Array


def find_clusters(
    energy_N: Array, told_NF: Array, confident: float = CONFIDENT, near: float = NEAR
) -> Clusters:
    """Find the clusters of an event.

    Args:
        energy_N: GeV; sensors without energy are in no cluster.
        told_NF: confidence, energy and coordinates of each sensor.
        confident: confidence that a sensor needs to stand for a cluster (t_beta).
        near: how far its cluster goes (t_d).
    """
    number_N = np.full(len(energy_N), NO_CLUSTER, np.int16)
    energies: list[float] = []
    hit = np.flatnonzero(energy_N > 0)
    beta, place = told_NF[hit, 0], told_NF[hit, 2:].astype(np.float64)
    order = np.argsort(-beta, kind="stable")
    free = np.ones(len(hit), bool)
    for first in order[beta[order] > confident]:
        if not free[first]:
            continue
        taken = free & (np.square(place - place[first]).sum(1) <= near**2)
        taken[first] = True
        number_N[hit[taken]] = len(energies)
        energies.append(float(told_NF[hit[first], 1]))
        free &= ~taken
    return Clusters(number_N, np.array(energies))


@dataclass(frozen=True)
class Matched:
    """The particles and clusters of one event.

    Attributes:
        true_K: GeV that each particle left; 0 where there is none.
        cluster_K: its cluster's number; -1: it was not found.
        response_K: energy of that cluster over the particle's; NaN where it was not found.
        n_clusters: that were found, matched or not.
        has_hits: whether there is anything to find in the event.
    """

    true_K: Array
    cluster_K: Array
    response_K: Array
    n_clusters: int
    has_hits: bool


def match(energy_N: Array, true_NK: Array, clusters: Clusters) -> Matched:
    """Match the clusters of an event with its particles.

    Args:
        energy_N: GeV.
        true_NK: each particle's share.
        clusters: that were found.
    """
    own_NK = energy_N[:, None].astype(np.float64) * true_NK
    true_K, n_clusters = own_NK.sum(0), len(clusters.energy_C)
    is_in = clusters.number_N >= 0
    common_CK = np.zeros((n_clusters, true_NK.shape[1]))
    np.add.at(common_CK, clusters.number_N[is_in], own_NK[is_in])
    of_C = np.bincount(clusters.number_N[is_in], energy_N[is_in], minlength=n_clusters)
    is_match = (common_CK > true_K / 2) & (common_CK > of_C[:, None] / 2)
    cluster_K = np.where(is_match.any(0), is_match.argmax(0) if n_clusters else NO_CLUSTER, NO_CLUSTER)
    response_K = np.full(len(true_K), np.nan)
    found = cluster_K >= 0
    response_K[found] = clusters.energy_C[cluster_K[found]] / true_K[found]
    return Matched(true_K, cluster_K, response_K, n_clusters, bool((energy_N > 0).any()))


def cluster_figures(matches: list[Matched]) -> dict[str, float]:
    """Figures of many events; NaN where there is nothing to measure.

    Returns:
        ``efficiency``, the share of particles that a cluster matches; ``purity``, the share of clusters that
        match a particle; ``count_right``, the share of the events that have hits with as many clusters as
        particles;
        ``response_mean`` and ``response_variance`` of the particles that were found.
    """
    particles = np.array([int((each.true_K > 0).sum()) for each in matches])
    found = np.array([int((each.cluster_K >= 0).sum()) for each in matches])
    clusters = np.array([each.n_clusters for each in matches])
    has_hits = np.array([each.has_hits for each in matches], bool)
    response = np.concatenate([each.response_K for each in matches] or [np.empty(0)])
    response = response[~np.isnan(response)]
    return {
        "efficiency": _over(found.sum(), particles.sum()),
        "purity": _over(found.sum(), clusters.sum()),
        "count_right": _over((clusters == particles)[has_hits].sum(), has_hits.sum()),
        "response_mean": float(response.mean()) if len(response) else np.nan,
        "response_variance": float(response.var()) if len(response) else np.nan,
    }


def _over(part: int, whole: int) -> float:
    return float(part / whole) if whole else np.nan
